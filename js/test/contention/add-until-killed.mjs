// Adds records, several at a time, and reports the id of each one that was acknowledged. Ends by being killed.
//
// Arguments: directory.

import { openMemory } from "../../../dist/esm/entry/inline.js";
import { nodeFs } from "../../../dist/esm/storage/node-fs.js";

const [directory] = process.argv.slice(2);
// Small logs, so that sealing and merging are under way at some of the kills.
const memory = await openMemory({ storage: nodeFs(directory), embedder: false, config: { sealBytes: 4_096 } });

async function keepAdding(lane) {
  for (let number = 0; ; number += 1) {
    const id = await memory.add(`lane ${lane} note ${number} ${"padding ".repeat(number % 20)}`);
    console.log(id);
  }
}

await Promise.all([0, 1, 2].map(keepAdding));
