// Stratamem through its public API: whole records with their reasons, from a memory with its indexes of words and times.
// By path, since a package in a folder of its own does not find the one around it by name.

import { heapBytes } from "../../heap.mjs";
import { openMemory } from "../../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../../dist/esm/storage/memory.js";

export const about = { package: "stratamem", kind: "wasm", setting: "recall", values: [0.8, 0.9, 0.95, 0.98, "default", 0.999, "exact"] };

export async function create(_width, _count, limit) {
  const place = memoryPlace();
  const open = () => openMemory({ storage: memoryStorage({ place }), embedder: false, config: { working: {}, intermediate: {} } });
  let memory = await open();
  const options = { preset: "searches", limit, touch: false };
  return {
    addMany: (first, vectors) => memory.addMany(vectors.map((vector, index) => ({ text: `r${first + index}`, vector }))),
    finish: () => memory.maintain(),
    async search(vector, setting) {
      const hits = await memory.recall("", { vector, ...options, ...(setting !== "default" && { recall: setting }) });
      return hits.map(({ text }) => Number(text.slice(1)));
    },
    save: () => memory.close(),
    load: async () => (memory = await open()),
    heap: heapBytes,
    close: () => memory.close(),
  };
}
