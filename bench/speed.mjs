// Measures what a user waits for: the first start, adding, embedding, recalling. Each figure stands beside a baseline
// measured in the same run; rounds alternate, and medians are reported.
//
//   npm run bench [-- --rounds N] [--json]

import { execFileSync } from "node:child_process";
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync } from "node:zlib";
import { openMemory, staticEmbedder } from "stratamem";
import { nodeFs } from "stratamem/storage/node-fs";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "7" }, json: { type: "boolean", default: false } } });
const rounds = Number(values.rounds);
const turnsFile = new URL("../examples/data/allotment/turns.jsonl", import.meta.url);
const turns = readFileSync(turnsFile, "utf8").trim().split("\n").map((line) => JSON.parse(line).text);
const questionsFile = new URL("../examples/data/allotment/questions.jsonl", import.meta.url);
const questions = readFileSync(questionsFile, "utf8").trim().split("\n").map((line) => JSON.parse(line).question);

/** `count` different texts: pairs of turns of the example conversation. */
const texts = (count) =>
  Array.from({ length: count }, (_, index) => `${turns[index % turns.length]} ${turns[(index * 31 + Math.floor(index / turns.length)) % turns.length]}`);

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const results = [];
const report = (group, what, value, unit, baseline) => results.push({ group, what, value, unit, ...(baseline && { baseline, ratio: value / baseline.value }) });

async function timed(job) {
  const started = performance.now();
  await job();
  return performance.now() - started;
}

/** Runs each contender once a round, in turn, and answers the median time of each. */
async function compare(contenders, count = rounds) {
  const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round < count; round += 1) for (const [name, job] of Object.entries(contenders)) times[name].push(await timed(job));
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

const folders = [];
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), "stratamem-bench-"));
  folders.push(made);
  return made;
};

function sizes() {
  for (const name of ["engine.wasm", "static-128.bin", "static-256.bin"]) {
    const bytes = readFileSync(new URL(`../dist/assets/${name}`, import.meta.url));
    report("size", name, bytes.length / 1000, "KB");
    const path = fileURLToPath(new URL(`../dist/assets/${name}`, import.meta.url));
    report("size", `${name}, gzip -9`, execFileSync("gzip", ["-9c", path], { maxBuffer: 1 << 24 }).length / 1000, "KB");
    report("size", `${name}, brotli`, brotliCompressSync(bytes).length / 1000, "KB");
  }
}

/** A new process each: import, open a stored memory of 1,000 records, recall once. The baseline is a process that does nothing. */
async function coldStart() {
  const store = folder();
  const memory = await openMemory({ storage: nodeFs(store) });
  await memory.addMany(texts(1000));
  await memory.close();
  const program = `
    const t0 = performance.now();
    const { openMemory } = await import("stratamem");
    const { nodeFs } = await import("stratamem/storage/node-fs");
    const t1 = performance.now();
    const memory = await openMemory({ storage: nodeFs(${JSON.stringify(store)}) });
    const t2 = performance.now();
    await memory.recall("who has the key?");
    const t3 = performance.now();
    await memory.close();
    console.log(JSON.stringify([t1 - t0, t2 - t1, t3 - t2]));`;
  const cwd = new URL("..", import.meta.url);
  const runs = [];
  const whole = { ours: [], bare: [] };
  for (let round = 0; round < rounds; round += 1) {
    whole.ours.push(await timed(() => runs.push(JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd, encoding: "utf8" })))));
    whole.bare.push(await timed(() => execFileSync(process.execPath, ["--input-type=module", "-e", "1"], { cwd })));
  }
  for (const [index, what] of ["import", "open 1,000 records (engine and model compiled)", "first recall"].entries()) {
    report("cold start", what, median(runs.map((run) => run[index])), "ms");
  }
  report("cold start", "whole process", median(whole.ours), "ms", { what: "a Node process that does nothing", value: median(whole.bare) });
}

async function adding() {
  const batch = texts(1000);
  const single = texts(200);
  const inMemory = async (embedder, use) => {
    const memory = await openMemory({ embedder });
    const took = await timed(() => use(memory));
    await memory.close();
    return took;
  };
  const durable = async (use) => {
    const memory = await openMemory({ storage: nodeFs(folder()) });
    const took = await timed(() => use(memory));
    await memory.close();
    return took;
  };
  const oneByOne = async (memory) => {
    for (const text of single) await memory.add(text);
  };
  const concurrently = (memory) => Promise.all(single.map((text) => memory.add(text)));
  const atOnce = (memory) => memory.addMany(batch);
  const jsonLines = () => {
    const file = openSync(join(folder(), "notes.jsonl"), "a");
    const took = timed(async () => {
      for (const text of single) {
        writeSync(file, `${JSON.stringify({ text })}\n`);
        fsyncSync(file);
      }
    });
    return took.finally(() => closeSync(file));
  };
  const measured = {};
  const contenders = {
    "durable, one by one": [single.length, () => durable(oneByOne)],
    "durable, 200 at the same time": [single.length, () => durable(concurrently)],
    "durable, addMany of 1,000": [batch.length, () => durable(atOnce)],
    "in memory, addMany of 1,000": [batch.length, () => inMemory(undefined, atOnce)],
    "in memory, addMany of 1,000, keywords only": [batch.length, () => inMemory(false, atOnce)],
    baseline: [single.length, jsonLines],
  };
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, [count, job]] of Object.entries(contenders)) (measured[name] ??= []).push(count / ((await job()) / 1000));
  }
  const baseline = { what: "appending lines of JSON, synced one by one, no embedding, no index", value: median(measured.baseline) };
  for (const name of Object.keys(contenders)) if (name !== "baseline") report("adds a second", name, median(measured[name]), "/s", name.startsWith("durable, one") ? baseline : undefined);
}

async function embedding() {
  for (const model of ["static-128", "static-256"]) {
    const embedder = await staticEmbedder(model);
    await embedder.embed(turns, { purpose: "memory" });
    const { ours } = await compare({ ours: () => embedder.embed(turns, { purpose: "memory" }) }, rounds * 3);
    report("embedded texts a second", `${model}, texts of ${Math.round(turns.join("").length / turns.length)} characters`, turns.length / (ours / 1000), "/s");
  }
}

/** Vectors with the shape of embeddings: points around centres, unit length. */
function clustered(count, width) {
  let state = 42;
  const noise = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const centres = Array.from({ length: 64 }, () => Float32Array.from({ length: width }, noise));
  return Array.from({ length: count }, (_, index) => {
    const vector = centres[index % 64].map((value) => value + 0.7 * noise());
    const length = Math.hypot(...vector);
    return vector.map((value) => value / length);
  });
}

/** The ten best by a plain scan over one Float32Array, as a program without a library would do it. */
function plainScan(flat, width, query) {
  const count = flat.length / width;
  const scores = new Float32Array(count);
  for (let row = 0; row < count; row += 1) {
    let sum = 0;
    for (let at = 0, base = row * width; at < width; at += 1) sum += flat[base + at] * query[at];
    scores[row] = sum;
  }
  const best = [];
  for (let row = 0; row < count; row += 1) {
    if (best.length === 10 && scores[row] <= scores[best[9]]) continue;
    let at = best.length;
    while (at > 0 && scores[best[at - 1]] < scores[row]) at -= 1;
    best.splice(at, 0, row);
    if (best.length > 10) best.pop();
  }
  return best;
}

async function recalling() {
  for (const count of [1_000, 10_000]) {
    const width = 384;
    const vectors = clustered(count, width);
    const queries = clustered(count + 64, width).slice(count);
    const flat = new Float32Array(count * width);
    for (const [row, vector] of vectors.entries()) flat.set(vector, row * width);
    const given = await openMemory({ embedder: false, config: { working: {}, intermediate: {} } });
    await given.addMany(texts(count).map((text, row) => ({ text, vector: vectors[row] })));
    const own = await openMemory({ config: { working: {}, intermediate: {} } });
    await own.addMany(texts(count));
    // The same vectors as the second memory has.
    const { dimensions } = own.space;
    const narrow = new Float32Array(count * dimensions);
    let row = 0;
    for await (const { id } of own.list()) narrow.set(await own.vector(id), row++ * dimensions);
    const embedder = await staticEmbedder();
    const embed = async (question) => (await embedder.embed([question], { purpose: "query" }))[0];
    const each = (use) => async () => {
      for (let index = 0; index < 50; index += 1) await use(index);
    };
    const contenders = {
      scan: each((index) => plainScan(flat, width, queries[index])),
      narrowScan: each(async (index) => plainScan(narrow, dimensions, await embed(questions[index]))),
      dense: each((index) => given.recall("", { vector: queries[index], limit: 10, touch: false })),
      hybrid: each((index) => own.recall(questions[index], { limit: 10, touch: false })),
    };
    await compare(contenders, 2);
    const times = await compare(contenders, rounds);
    const baseline = (what, time) => ({ what: `plain JavaScript scan, ${what}`, value: time / 50 });
    const name = count.toLocaleString("en-GB");
    report("recall, 10 of", `${name}, by a given vector of ${width} dimensions`, times.dense / 50, "ms", baseline(`${width} dimensions`, times.scan));
    report("recall, 10 of", `${name}, by a question (embedding, dense and keyword signal, whole records)`, times.hybrid / 50, "ms", baseline(`embedding included, ${dimensions} dimensions, no words`, times.narrowScan));
    await given.close();
    await own.close();
  }
}

sizes();
await coldStart();
await adding();
await embedding();
await recalling();
for (const path of folders) rmSync(path, { recursive: true, force: true });

if (values.json) console.log(JSON.stringify(results, null, 2));
else {
  const round = (value) => (value >= 100 ? Math.round(value).toLocaleString("en-GB") : value >= 10 ? value.toFixed(1) : value.toFixed(3));
  let group;
  for (const { group: next, what, value, unit, baseline, ratio } of results) {
    if (next !== group) console.log(`\n${(group = next)}`);
    const beside = baseline ? `   ${ratio.toFixed(2)} of ${baseline.what} (${round(baseline.value)} ${unit})` : "";
    console.log(`  ${what.padEnd(84)} ${`${round(value)} ${unit}`.padStart(14)}${beside}`);
  }
}
