// The vector index of Stratamem alone (bench/index): like the other packages it answers with numbers of rows.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileCrate } from "../../../scripts/wasm.mjs";

export const about = { package: "stratamem", kind: "wasm", setting: "recall", values: [0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1] };

export async function create(width, _count, limit) {
  const built = compileCrate("bench/index", ["crates/core"], "index");
  const { Index, initSync } = await import(join(built, "index.js"));
  const { memory } = initSync({ module: readFileSync(join(built, "index_bg.wasm")) });
  const index = new Index(width, false);
  return {
    addMany(_first, vectors) {
      const flat = new Float32Array(vectors.length * width);
      for (const [at, vector] of vectors.entries()) flat.set(vector, at * width);
      index.add(flat);
    },
    finish: () => index.settle(),
    search: (vector, setting) => [...index.search(vector, limit, setting)],
    heap: () => memory.buffer.byteLength,
  };
}
