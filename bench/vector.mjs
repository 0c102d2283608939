// Measures search by vector in a memory: recall against exact search, latency, adding, opening. The baseline, in the same run,
// is a plain scan over one Float32Array in JavaScript. What of it is the index alone, bench/index.mjs measures.
//
//   npm run bench:vector [-- --sizes 1000,10000,100000] [--sets static-256,clustered] [--data DIR] [--vectors FILE --dimensions 384]
//                        [--passes 5] [--recall 0.95,0.99] [--save DIR] [--graph] [--json]
//
// The sets are those of bench/vector-sets.mjs; with --vectors the only one is `file`, or those that --sets names. Questions are
// vectors of the same origin that are not stored.
//
// With --save, the vectors of each set are written to DIR as they are, little-endian floats, row after row, and nothing is
// measured: `crates/core/src/index/vector/study.rs` reads them.
//
// With --graph, a graph over the vectors is built, and asked beside the other ways once it is in place: in each row stands
// the way that the plan took.
//
// Latency is that of `recall` from end to end, with ten whole records as the answer. Besides the default and exact search, each
// share that --recall names is asked for. Adding and opening stand beside the same of a memory of the same records without
// vectors, and what is left is the index's own.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openMemory } from "stratamem";
import { memoryPlace, memoryStorage } from "stratamem/storage/memory";
import { plainScan } from "./plain-scan.mjs";
import { clock, median, quantile } from "./timing.mjs";
import { QUESTIONS, setOptions, vectorSets } from "./vector-sets.mjs";

const { values } = parseArgs({
  options: {
    ...setOptions,
    passes: { type: "string", default: "5" },
    recall: { type: "string", default: "" },
    save: { type: "string" },
    graph: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const passes = Number(values.passes);
const recalls = [undefined, ...values.recall.split(",").filter(Boolean).map(Number), "exact"];
const sizes = values.sizes.split(",").map(Number);
/** Hits of a question. */
const LIMIT = 10;
/** Records that one call adds. */
const BATCH = 500;

const note = (text) => console.error(text);

const sets = vectorSets({ ...values, dimensions: Number(values.dimensions), most: Math.max(...sizes) + QUESTIONS });

const open = (place) => openMemory({ storage: memoryStorage({ place }), embedder: false, config: { working: {}, intermediate: {} } });

/** Adds records, with their vectors if there are some, and closes the memory after `maintain`. */
async function stored(place, flat, width, count) {
  const { memory, times } = await filled(place, flat, width, count);
  const maintain = await clock(() => memory.maintain());
  await memory.close();
  const total = times.reduce((sum, time) => sum + time, 0);
  return { each: (total * 1000) / count, slowest: Math.max(...times), total, maintain };
}

/** Opens a memory three times. Answers it, and the median time. */
async function reopened(place) {
  const times = [];
  let memory;
  for (let pass = 0; pass < 3; pass += 1) {
    await memory?.close();
    times.push(await clock(async () => (memory = await open(place))));
  }
  return { memory, took: median(times) };
}

async function filled(place, flat, width, count) {
  const memory = await open(place);
  const times = [];
  for (let at = 0; at < count; at += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - at) }, (_, index) => {
      const row = at + index;
      // One record in a hundred, and one in ten.
      const tags = [...(row % 100 === 7 ? ["rare"] : []), ...(row % 10 === 3 ? ["some"] : [])];
      return { text: `r${row}`, tags, ...(flat && { vector: flat.subarray(row * width, (row + 1) * width) }) };
    });
    times.push(await clock(() => memory.addMany(batch)));
  }
  return { memory, times };
}

/** Latencies of all passes over the questions, and the share of the truly nearest that were found. */
async function asked(questions, truth, ask) {
  const times = [];
  let found = 0;
  let wanted = 0;
  for (let pass = 0; pass <= passes; pass += 1) {
    for (const [index, question] of questions.entries()) {
      const started = performance.now();
      const rows = await ask(question);
      const took = performance.now() - started;
      // The first pass warms up.
      if (pass > 0) times.push(took);
      else if (truth) {
        wanted += truth[index].length;
        found += truth[index].filter((row) => rows.includes(row)).length;
      }
    }
  }
  return { p50: median(times), p95: quantile(times, 0.95), ...(truth && { recall: found / wanted }) };
}

const rowsOf = (hits) => hits.map(({ text }) => Number(text.slice(1)));
const searches = { preset: "searches", limit: LIMIT, touch: false };

async function measure(name, { flat, width }, count) {
  const end = flat.length / width - QUESTIONS;
  const questions = Array.from({ length: QUESTIONS }, (_, index) => flat.slice((end + index) * width, (end + index + 1) * width));
  const filters = { all: undefined, "1 %": ["rare", (row) => row % 100 === 7], "10 %": ["some", (row) => row % 10 === 3] };

  const barePlace = memoryPlace();
  const bare = await stored(barePlace, undefined, width, count);
  const opened = await reopened(barePlace);
  await opened.memory.close();
  const place = memoryPlace();
  const add = await stored(place, flat, width, count);
  const { memory, took: opening } = await reopened(place);

  const ways = [];
  const took = new Set();
  if (values.graph) {
    const question = questions[0];
    const truth = questions.map((own) => plainScan(flat, width, count, own));
    const ask = async (vector) => {
      const hits = await memory.recall("", { vector, ...searches });
      took.add(hits[0]?.why.vectors);
      return rowsOf(hits);
    };
    const plain = await asked([question], undefined, async (own) => plainScan(flat, width, count, own));
    for (const state of ["before", "after"]) {
      took.clear();
      const got = await asked(questions, truth, ask);
      ways.push({ filter: state, way: [...took].join(","), ...got, plain: plain.p50 });
      if (state === "after") continue;
      const report = await memory.buildGraph();
      note(`a graph over ${report?.vectors} vectors, by the ${report?.by}: ${((report?.ms ?? 0) / 1000).toFixed(1)} s`);
    }
  }
  for (const [filter, choice] of Object.entries(filters)) {
    const [tag, allows] = choice ?? [];
    const truth = questions.map((question) => plainScan(flat, width, count, question, LIMIT, allows));
    const plain = await asked(questions.slice(0, 50), undefined, async (question) => plainScan(flat, width, count, question, LIMIT, allows));
    const filtered = tag ? { filter: { $tags: { $contains: tag } } } : {};
    for (const recall of recalls) {
      const options = { ...searches, ...filtered, recall };
      const got = await asked(questions, truth, async (vector) => rowsOf(await memory.recall("", { vector, ...options })));
      ways.push({ filter, way: String(recall ?? "default"), ...got, plain: plain.p50 });
    }
  }
  await memory.close();
  const index = { each: add.each - bare.each, maintain: add.maintain - bare.maintain, open: opening - opened.took };
  return { set: name, width, count, ways, add, open: opening, index };
}

const results = [];
for (const name of (values.sets ?? (values.vectors ? "file" : "static-128,static-256,minilm,clustered")).split(",")) {
  if (!sets[name]) {
    console.error(`unknown set ${name}: ${Object.keys(sets).join(", ")}`);
    process.exit(2);
  }
  const data = await sets[name](Math.max(...sizes) + QUESTIONS);
  if (!data) {
    note(`${name}: skipped, its vectors are not there`);
    continue;
  }
  if (values.save) {
    writeFileSync(join(values.save, `${name}-${data.width}.f32`), data.flat);
    continue;
  }
  const rows = data.flat.length / data.width - QUESTIONS;
  for (const size of new Set(sizes.map((size) => Math.min(size, rows)))) {
    note(`${name}, ${size} vectors`);
    results.push(await measure(name, data, size));
  }
}

if (values.json) console.log(JSON.stringify({ node: process.version, passes, results }, null, 2));
else {
  const ms = (value) => value.toFixed(3).padStart(8);
  console.log("set         dims  vectors  filter  way      recall@10       p50      p95    plain  of plain");
  for (const { set, width, count, ways } of results) {
    for (const { filter, way, recall, p50, p95, plain } of ways) {
      const head = `${set.padEnd(10)} ${String(width).padStart(5)} ${String(count).padStart(8)}  ${filter.padEnd(6)}  ${way.padEnd(7)}`;
      console.log(`${head} ${recall.toFixed(4).padStart(10)}  ${ms(p50)} ${ms(p95)} ${ms(plain)} ${(p50 / plain).toFixed(3).padStart(9)}`);
    }
  }
  const columns = ["added, us each", "of it the index", "slowest call, ms", "maintain, ms", "of it the index", "open, ms", "of it the index"];
  console.log(`\nset         dims  vectors  ${columns.join("  ")}`);
  for (const { set, width, count, add, open: opened, index } of results) {
    const head = `${set.padEnd(10)} ${String(width).padStart(5)} ${String(count).padStart(8)}`;
    const figures = [add.each, index.each, add.slowest, add.maintain, index.maintain, opened, index.open];
    console.log(`${head}  ${figures.map((figure, at) => figure.toFixed(1).padStart(columns[at].length)).join("  ")}`);
  }
}
