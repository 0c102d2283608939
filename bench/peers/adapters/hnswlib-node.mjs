// hnswlib-node, an HNSW graph in C++.

import { statSync } from "node:fs";
import { join } from "node:path";
import hnswlib from "hnswlib-node";
import { CONNECTIVITY, EFFORT, SEED, WIDTHS } from "../settings.mjs";

export const about = { package: "hnswlib-node", kind: "native", setting: "ef", values: WIDTHS };

export function create(width, count, limit, folder) {
  const path = join(folder, "index.hnsw");
  let index = new hnswlib.HierarchicalNSW("ip", width);
  index.initIndex(count, CONNECTIVITY, EFFORT, SEED);
  return {
    addMany(first, vectors) {
      // It takes arrays of numbers only.
      for (const [at, vector] of vectors.entries()) index.addPoint(Array.from(vector), first + at);
    },
    prepare: (setting) => index.setEf(setting),
    search: (vector) => index.searchKnn(Array.from(vector), limit).neighbors,
    save() {
      index.writeIndexSync(path);
      return statSync(path).size;
    },
    load() {
      index = new hnswlib.HierarchicalNSW("ip", width);
      index.readIndexSync(path);
    },
  };
}
