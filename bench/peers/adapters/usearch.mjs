// usearch, an HNSW graph in C++. The width of a search is fixed when an index is made, so each is loaded with its own.

import { statSync } from "node:fs";
import { join } from "node:path";
import { Index } from "usearch";
import { CONNECTIVITY, EFFORT, WIDTHS } from "../settings.mjs";

export const about = { package: "usearch", kind: "native", setting: "ef", values: WIDTHS };

export function create(width, count, limit, folder) {
  const path = join(folder, "index.usearch");
  const config = { dimensions: width, metric: "ip", quantization: "f32", connectivity: CONNECTIVITY, expansion_add: EFFORT };
  let index = new Index(config);
  const load = (more) => {
    index = new Index({ ...config, ...more });
    index.load(path);
  };
  return {
    addMany(first, vectors) {
      for (const [at, vector] of vectors.entries()) index.add(BigInt(first + at), vector, 1);
    },
    prepare(setting) {
      index.save(path);
      load({ expansion_search: setting });
    },
    search: (vector) => Array.from(index.search(vector, limit, 1).keys, Number),
    save() {
      index.save(path);
      return statSync(path).size;
    },
    load,
  };
}
