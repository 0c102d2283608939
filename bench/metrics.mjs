// Retrieval metrics with binary relevance, per question: recall@k, nDCG@10, MRR and any@k.
// nDCG after Järvelin and Kekäläinen, 2002, with discount 1 / log2(rank + 1).

const CUTS = [5, 10, 20];

/** Metrics of one ranked list of ids against the set of relevant ids. A repeated id keeps its first place. */
export function score(relevant, ranked) {
  const distinct = [...new Set(ranked)];
  const places = distinct.flatMap((id, index) => (relevant.has(id) ? [index] : []));
  const within = (cut) => places.filter((place) => place < cut).length;
  const gain = (count) => Array.from({ length: count }, (_, index) => 1 / Math.log2(index + 2)).reduce((a, b) => a + b, 0);
  const found = places.filter((place) => place < 10).reduce((sum, place) => sum + 1 / Math.log2(place + 2), 0);
  return {
    ...Object.fromEntries(CUTS.map((cut) => [`recall@${cut}`, within(cut) / relevant.size])),
    "ndcg@10": found / gain(Math.min(10, relevant.size)),
    mrr: places.length > 0 ? 1 / (places[0] + 1) : 0,
    ...Object.fromEntries(CUTS.map((cut) => [`any@${cut}`, within(cut) > 0 ? 1 : 0])),
  };
}

/** Metrics that are given with the interval in which 95 of 100 resamplings of the questions lie. */
const INTERVALS = ["recall@10", "ndcg@10"];
const RESAMPLINGS = 1_000;

/** The bounds of that interval, in percent: the percentile bootstrap of Efron, 1979, with the same draws in every run. */
function interval(values) {
  let state = 1;
  const draw = () => values[Math.floor(((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * values.length)];
  const means = Array.from({ length: RESAMPLINGS }, () => values.reduce((sum) => sum + draw(), 0) / values.length).sort((a, b) => a - b);
  return [0.025, 0.975].map((share) => Math.round(10_000 * means[Math.floor(share * RESAMPLINGS)]) / 100);
}

/**
 * Means over groups, in percent with two decimals, with intervals of some. `rows` are `{ groups: string[], metrics }`.
 */
export function summarise(rows) {
  const groups = new Map();
  for (const { groups: names, metrics } of rows) {
    for (const name of names) groups.set(name, [...(groups.get(name) ?? []), metrics]);
  }
  const mean = (list, key) => Math.round((10_000 * list.reduce((sum, metrics) => sum + metrics[key], 0)) / list.length) / 100;
  return Object.fromEntries(
    [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, list]) => {
      const keys = Object.keys(list[0]);
      const intervals = INTERVALS.filter((key) => keys.includes(key)).map((key) => [`${key} 95%`, interval(list.map((metrics) => metrics[key]))]);
      return [name, { n: list.length, ...Object.fromEntries(keys.map((key) => [key, mean(list, key)])), ...Object.fromEntries(intervals) }];
    }),
  );
}
