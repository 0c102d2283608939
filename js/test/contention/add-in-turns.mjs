// Opens the memory, adds one record and closes it, again and again, while another process does the same. A refusal
// because the other one has it open is retried. Reports the id of each record that was acknowledged.
//
// Arguments: directory, name of this process, how many records.

import { openMemory, StorageError } from "../../../dist/esm/entry/inline.js";
import { nodeFs } from "../../../dist/esm/storage/node-fs.js";

const [directory, name, count] = process.argv.slice(2);

async function open() {
  for (;;) {
    try {
      return await openMemory({ storage: nodeFs(directory), embedder: false });
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "storage-locked") throw error;
      console.log("locked out");
      await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 4));
    }
  }
}

for (let number = 0; number < Number(count); number += 1) {
  const memory = await open();
  const id = await memory.add(`${name} ${number}`);
  await memory.close();
  console.log(id);
}
