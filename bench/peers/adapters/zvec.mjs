// zvec, a vector database in C++ on disk. Its HNSW graph is made by `optimize`; what is added later waits for the next.

import { join } from "node:path";
import zvec from "@zvec/zvec";
import { CONNECTIVITY, EFFORT, WIDTHS } from "../settings.mjs";

export const about = { package: "@zvec/zvec", kind: "native", setting: "ef", values: WIDTHS };

export function create(width, _count, limit, folder) {
  const { HNSW } = zvec.ZVecIndexType;
  const path = join(folder, "collection");
  zvec.ZVecInitialize({ logType: zvec.ZVecLogType.CONSOLE, logLevel: zvec.ZVecLogLevel.ERROR, queryThreads: 1, optimizeThreads: 1 });
  const schema = new zvec.ZVecCollectionSchema({
    name: "bench_rows",
    vectors: {
      name: "vector",
      dataType: zvec.ZVecDataType.VECTOR_FP32,
      dimension: width,
      indexParams: { indexType: HNSW, metricType: zvec.ZVecMetricType.IP, m: CONNECTIVITY, efConstruction: EFFORT },
    },
  });
  let collection = zvec.ZVecCreateAndOpen(path, schema);
  return {
    addMany: (first, vectors) => collection.insertSync(vectors.map((vector, at) => ({ id: String(first + at), vectors: { vector } }))),
    finish: () => collection.optimizeSync(),
    search(vector, ef) {
      const hits = collection.querySync({ fieldName: "vector", vector, topk: limit, outputFields: [], params: { indexType: HNSW, ef } });
      return hits.map(({ id }) => Number(id));
    },
    save: () => collection.closeSync(),
    load: () => (collection = zvec.ZVecOpen(path)),
  };
}
