// Measures the vector index alone, in WebAssembly and without records and all else that a memory is: building it from vectors,
// what it holds, searches by the recall that is asked for, with filters, and exact ones. The baseline, in the same run, is a plain
// scan over one Float32Array in JavaScript.
//
//   npm run bench:index [-- --sizes 1000,10000,100000] [--sets static-256,static-128] [--data DIR] [--vectors FILE --dimensions 384]
//                       [--recall 0.95,0.99] [--passes 10] [--steps] [--json]
//
// The sets are those of bench/vector-sets.mjs; with --vectors the only one is `file`, or those that --sets names. With --steps
// vectors are kept as int8 steps alone, as in the long-term tier, in place of floats with steps beside them. Recall is held against
// exact search over floats. Latency is the median over 200 questions, each asked in so many passes; `least` that of the least of
// each question's passes, which another job on the machine disturbs less.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compileCrate } from "../scripts/wasm.mjs";
import { plainScan } from "./plain-scan.mjs";
import { median, quantile } from "./timing.mjs";
import { QUESTIONS, setOptions, vectorSets } from "./vector-sets.mjs";

const { values } = parseArgs({
  options: {
    ...setOptions,
    recall: { type: "string", default: "0.95,0.99" },
    passes: { type: "string", default: "10" },
    steps: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const LIMIT = 10;
/** Vectors that one call adds. */
const BATCH = 500;
/** Questions to which the baseline answers in measured time: it takes long, and always as long. */
const PLAIN = 20;
/** One in so many vectors is in question. */
const FILTERS = [100, 10];
const note = (text) => console.error(text);

const built = compileCrate("bench/index", ["crates/core"], "index");
const { Index, initSync } = await import(join(built, "index.js"));
initSync({ module: readFileSync(join(built, "index_bg.wasm")) });

function timed(job) {
  const started = performance.now();
  const answer = job();
  return [performance.now() - started, answer];
}

/** Latencies in milliseconds, and the share of the nearest that was found. */
function asked(questions, truth, ask) {
  const all = [];
  const least = questions.map(() => Infinity);
  let found = 0;
  let wanted = 0;
  for (let pass = 0; pass <= Number(values.passes); pass += 1) {
    for (const [index, question] of questions.entries()) {
      const [took, answer] = timed(() => ask(question));
      if (pass === 0) {
        // The first pass warms up.
        wanted += truth[index].length;
        found += truth[index].filter((row) => answer.includes(row)).length;
        continue;
      }
      all.push(took);
      least[index] = Math.min(least[index], took);
    }
  }
  return { p50: median(all), p95: quantile(all, 0.95), least: median(least), found: found / wanted };
}

function measure(name, { flat, width }, count) {
  const end = flat.length / width - QUESTIONS;
  const questions = Array.from({ length: QUESTIONS }, (_, index) => flat.slice((end + index) * width, (end + index + 1) * width));
  const index = new Index(width, values.steps);
  const calls = [];
  for (let at = 0; at < count; at += BATCH) {
    const batch = flat.subarray(at * width, Math.min(at + BATCH, count) * width);
    calls.push(timed(() => index.add(batch))[0]);
  }
  const [settled] = timed(() => index.settle());
  const added = calls.reduce((sum, call) => sum + call, 0);
  const build = { total: added + settled, each: (added * 1000) / count, longest: Math.max(...calls), bytes: index.bytes() / count };

  const rows = [];
  const row = (filter, recall, truth, plain) => {
    const got = asked(questions, truth, (question) => index.search(question, LIMIT, recall));
    rows.push({ filter, recall, way: index.way(questions[0], LIMIT, recall), ...got, plain });
  };
  for (const oneIn of [1, ...FILTERS]) {
    const allows = oneIn === 1 ? undefined : (at) => at % oneIn === 0;
    const times = [];
    const truth = questions.map((question) => {
      const [took, answer] = timed(() => plainScan(flat, width, count, question, LIMIT, allows));
      if (times.length < PLAIN) times.push(took);
      return answer;
    });
    index.allow(oneIn);
    const filter = oneIn === 1 ? "all" : `1 in ${oneIn}`;
    const recalls = oneIn === 1 ? [...values.recall.split(",").map(Number), 1] : [1];
    for (const recall of recalls) row(filter, recall, truth, median(times));
  }
  index.free();
  return { set: name, width, count, build, rows };
}

const sizes = values.sizes.split(",").map(Number);
const most = Math.max(...sizes) + QUESTIONS;
const sets = vectorSets({ ...values, dimensions: Number(values.dimensions), most });
const results = [];
for (const name of (values.sets ?? (values.vectors ? "file" : "static-256,static-128")).split(",")) {
  if (!sets[name]) {
    console.error(`unknown set ${name}: ${Object.keys(sets).join(", ")}`);
    process.exit(2);
  }
  const data = await sets[name](most);
  if (!data) {
    note(`${name}: skipped, its vectors are not there`);
    continue;
  }
  const rows = data.flat.length / data.width - QUESTIONS;
  for (const size of new Set(sizes.map((size) => Math.min(size, rows)))) {
    note(`${name}, ${size} vectors`);
    results.push(measure(name, data, size));
  }
}

if (values.json) console.log(JSON.stringify({ node: process.version, steps: values.steps, passes: Number(values.passes), results }, null, 2));
else {
  const ms = (value) => value.toFixed(3).padStart(8);
  console.log("set          dims  vectors  in question  recall  way      found       p50      p95    least    plain  of plain");
  for (const { set, width, count, rows } of results) {
    for (const { filter, recall, way, found, p50, p95, least, plain } of rows) {
      const head = `${set.padEnd(11)} ${String(width).padStart(5)} ${String(count).padStart(8)}  ${filter.padStart(11)}`;
      const asks = `${(recall === 1 ? "exact" : String(recall)).padStart(6)}  ${way.padEnd(6)}`;
      console.log(`${head}  ${asks} ${found.toFixed(4).padStart(7)}  ${ms(p50)} ${ms(p95)} ${ms(least)} ${ms(plain)} ${(p50 / plain).toFixed(4).padStart(9)}`);
    }
  }
  console.log("\nset          dims  vectors  built, s  each, us  longest call of 500, ms  bytes each");
  for (const { set, width, count, build } of results) {
    const head = `${set.padEnd(11)} ${String(width).padStart(5)} ${String(count).padStart(8)}`;
    const { total, each, longest, bytes } = build;
    console.log(`${head}  ${(total / 1000).toFixed(2).padStart(8)}  ${each.toFixed(1).padStart(8)}  ${longest.toFixed(1).padStart(23)}  ${bytes.toFixed(0).padStart(10)}`);
  }
}
