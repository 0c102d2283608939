// Opens the memory, says so, and keeps it open until standard input ends.
//
// Arguments: directory.

import { openMemory } from "../../../dist/esm/entry/inline.js";
import { nodeFs } from "../../../dist/esm/storage/node-fs.js";

const [directory] = process.argv.slice(2);
const memory = await openMemory({ storage: nodeFs(directory), embedder: false });
console.log("open");
process.stdin.resume();
process.stdin.on("end", () => memory.close());
