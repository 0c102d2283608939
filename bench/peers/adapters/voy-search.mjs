// voy-search, a k-d tree in Rust compiled to WebAssembly. It has no setting; its index is made at once.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as glue from "voy-search/voy_search_bg.js";

export const about = { package: "voy-search", kind: "wasm", setting: "none", values: ["default"] };

const resource = (first, vectors) => ({
  embeddings: vectors.map((vector, at) => ({ id: String(first + at), title: "", url: "", embeddings: Array.from(vector) })),
});

export async function create(_width, _count, limit) {
  const module = readFileSync(createRequire(import.meta.url).resolve("voy-search/voy_search_bg.wasm"));
  const { instance } = await WebAssembly.instantiate(module, { "./voy_search_bg.js": glue });
  glue.__wbg_set_wasm(instance.exports);
  let index = new glue.Voy();
  let stored = "";
  return {
    addMany: (first, vectors) => index.add(resource(first, vectors)),
    search: (vector) => index.search(vector, limit).neighbors.map(({ id }) => Number(id)),
    save: () => (stored = index.serialize()).length,
    load: () => (index = glue.Voy.deserialize(stored)),
    heap: () => instance.exports.memory.buffer.byteLength,
  };
}
