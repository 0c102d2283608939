// Adds records until one is refused, then tries to go on. Reports the ids that were acknowledged, the refusal, the
// answer to a further write, and how many records can still be read.
//
// Arguments: directory.

import { openMemory } from "../../../dist/esm/entry/inline.js";
import { nodeFs } from "../../../dist/esm/storage/node-fs.js";

const [directory] = process.argv.slice(2);
const memory = await openMemory({ storage: nodeFs(directory), embedder: false });
const ids = [];
let refusal;
while (refusal === undefined) {
  await memory.add(`note ${ids.length} ${"padding ".repeat(200)}`).then(
    (id) => ids.push(id),
    (error) => (refusal = error),
  );
}
const later = await memory.add("one more").catch((error) => error);
const readable = (await Promise.all(ids.map((id) => memory.get(id)))).filter((record) => record !== undefined).length;
await memory.close();
console.log(JSON.stringify({ ids, refusal, later, readable }));
