// A dedicated worker that owns a memory, adds texts to it, and tells what was acknowledged. Import maps do not reach
// into workers, so the package is named by its path.

import { openMemory } from "/dist/esm/entry/browser.js";
import { indexedDb } from "/dist/esm/storage/indexeddb.js";

self.onmessage = async ({ data: { name, texts, close } }) => {
  const memory = await openMemory({ storage: indexedDb(name) });
  const ids = [];
  for (const text of texts) ids.push(await memory.add(text));
  self.postMessage({ written: ids });
  if (!close) return;
  self.onmessage = async () => {
    await memory.close();
    self.postMessage({ closed: true });
  };
};
