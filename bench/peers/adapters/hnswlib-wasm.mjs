// hnswlib-wasm, an HNSW graph in C++ compiled to WebAssembly. It is made for pages and loads only where a window is; it
// saves to IndexedDB only, so nothing is saved here.

import { CONNECTIVITY, EFFORT, SEED, WIDTHS } from "../settings.mjs";

export const about = { package: "hnswlib-wasm", kind: "wasm", setting: "ef", values: WIDTHS };

export async function create(width, count, limit) {
  globalThis.window = globalThis;
  const { loadHnswlib } = await import("hnswlib-wasm/dist/hnswlib.js");
  const library = await loadHnswlib();
  delete globalThis.window;
  const index = new library.HierarchicalNSW("ip", width, "");
  index.initIndex(count, CONNECTIVITY, EFFORT, SEED);
  return {
    addMany(first, vectors) {
      for (const [at, vector] of vectors.entries()) index.addPoint(vector, first + at, false);
    },
    prepare: (setting) => index.setEfSearch(setting),
    search: (vector) => index.searchKnn(vector, limit, undefined).neighbors,
    heap: () => library.HEAP8.buffer.byteLength,
  };
}
