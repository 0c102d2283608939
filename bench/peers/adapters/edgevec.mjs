// edgevec, an HNSW graph in Rust compiled to WebAssembly. By inner product and by cosine it answers with the farthest
// (0.9.0), so it is given the distance, which orders vectors of length 1 alike. The width of a search is fixed when an
// index is made; asking for more widens it. It saves to IndexedDB only, so nothing is saved here.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { EdgeVec, EdgeVecConfig, initSync } from "edgevec/edgevec.js";
import { CONNECTIVITY, EFFORT, WIDTHS } from "../settings.mjs";

export const about = { package: "edgevec", kind: "wasm", setting: "k", values: WIDTHS };

export function create(width, _count, limit) {
  const { memory } = initSync({ module: readFileSync(createRequire(import.meta.url).resolve("edgevec/edgevec_bg.wasm")) });
  const config = new EdgeVecConfig(width);
  config.metric = "l2";
  config.m = CONNECTIVITY;
  config.m0 = 2 * CONNECTIVITY;
  config.ef_construction = EFFORT;
  config.ef_search = limit;
  const index = new EdgeVec(config);
  return {
    addMany(_first, vectors) {
      for (const vector of vectors) index.insert(vector);
    },
    // It counts from one.
    search: (vector, setting) => index.search(vector, setting).slice(0, limit).map(({ id }) => id - 1),
    heap: () => memory.buffer.byteLength,
  };
}
