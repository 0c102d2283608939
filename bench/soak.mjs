// Endurance: what a memory takes when it is used for long.
//
//   npm run soak [-- --part churn,inserts,upkeep] [--cycles 100000] [--count 1000000] [--dimensions 128] [--json]
//
// `churn`: in a memory of 1,000 records, a record is added and another forgotten, again and again, with `maintain` every
// 1,000 cycles; the pages of the engine's memory are told at the quarters. They must not rise while the records stay as many.
// `inserts`: so many vectors are added, one by one and by five hundred, and each call is timed. Storage is in memory and
// answers at once, so what a call takes is what it holds the thread for (`held.mjs`). The longest calls stand with what
// happened in them: the memory of the engine grew, JavaScript collected garbage, or neither.
// `upkeep`: so many vectors are added by five hundred, then `maintain` is called for one step at a time until nothing is due, and
// everything once more after `compact`; each step is timed, and what closing takes in one turn. Each part runs in a process of
// its own.

import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { PAGE, heapBytes, heapPages } from "./heap.mjs";
import { held } from "./held.mjs";
import { openMemory } from "stratamem";
import { normalise, randomFrom } from "./vectors.mjs";

const { values } = parseArgs({
  options: {
    part: { type: "string", default: "churn,inserts,upkeep" },
    cycles: { type: "string", default: "100000" },
    count: { type: "string", default: "1000000" },
    dimensions: { type: "string", default: "128" },
    batch: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
/** Records that a churned memory holds. */
const STANDING = 1000;
/** Cycles between two calls of `maintain`. */
const TENDED = 1000;
/** Calls that are told one by one. */
const LONGEST = 8;
/** A call that takes longer is felt: a frame of a page lasts 16 ms. */
const FELT_MS = 20;

const turns = readFileSync(new URL("../examples/data/allotment/turns.jsonl", import.meta.url), "utf8").trim().split("\n");
const words = turns.flatMap((line) => JSON.parse(line).text.split(" "));

/** Records of 3 to 30 words with a vector, the same in every run. */
function recordsFrom(seed, width) {
  const random = randomFrom(seed);
  return () => {
    const from = Math.floor(random() * (words.length - 30));
    const vector = Float32Array.from({ length: width }, () => random() - 0.5);
    normalise(vector, 0, width);
    return { text: words.slice(from, from + 3 + Math.floor(random() * 28)).join(" "), vector };
  };
}

const open = () => openMemory({ embedder: false, config: { working: {}, intermediate: {} } });

/** Adds and forgets, and answers the pages of the engine's memory at the start and at each quarter. */
async function churn(cycles, width) {
  const next = recordsFrom(3, width);
  const random = randomFrom(5);
  const memory = await open();
  const ids = await memory.addMany(Array.from({ length: STANDING }, next));
  await memory.maintain();
  const pages = [heapPages()];
  const started = performance.now();
  for (let cycle = 1; cycle <= cycles; cycle += 1) {
    const at = Math.floor(random() * STANDING);
    const { text, vector } = next();
    const id = await memory.add(text, { vector });
    await memory.forget(ids[at]);
    ids[at] = id;
    if (cycle % TENDED === 0) await memory.maintain();
    if (cycle % Math.floor(cycles / 4) === 0) pages.push(heapPages());
  }
  const each = (performance.now() - started) / cycles;
  const { records } = await memory.stats();
  await memory.close();
  return { part: "churn", cycles, standing: records, pages, each };
}

/** Adds `count` records in calls of `batch`, and answers how long the calls took. */
async function inserts(count, batch, width) {
  const next = recordsFrom(7, width);
  const memory = await open();
  const pauses = [];
  const observer = new PerformanceObserver((list) => pauses.push(...list.getEntries()));
  observer.observe({ entryTypes: ["gc"] });
  const calls = new Float64Array(Math.ceil(count / batch));
  const longest = [];
  let failed;
  let added = 0;
  for (let call = 0; call < calls.length && !failed; call += 1) {
    const records = Array.from({ length: Math.min(batch, count - added) }, next);
    const before = heapBytes();
    const from = performance.now();
    let took;
    try {
      ({ took } = await held(() => memory.addMany(records)));
    } catch (error) {
      failed = `${error.code ?? error.name} at ${added} records, ${Math.round(heapBytes() / 1e6)} MB: ${error.message}`;
      break;
    }
    const until = performance.now();
    calls[call] = took;
    added += records.length;
    if (longest.length < LONGEST || took > longest[LONGEST - 1].took) {
      longest.push({ at: added, from, until, took, grownPages: (heapBytes() - before) / PAGE });
      longest.sort((a, b) => b.took - a.took).splice(LONGEST);
    }
    // The observer is told when the loop turns.
    if (call % 100 === 0) await setImmediate();
  }
  await setImmediate();
  observer.disconnect();
  for (const call of longest) {
    const within = pauses.filter(({ startTime }) => startTime >= call.from && startTime < call.until);
    call.garbage = within.reduce((sum, { duration }) => sum + duration, 0);
    delete call.from;
    delete call.until;
  }
  const done = calls.subarray(0, Math.ceil(added / batch)).sort();
  const at = (share) => done[Math.min(done.length - 1, Math.floor(done.length * share))];
  const felt = done.filter((took) => took > FELT_MS).length / done.length;
  const each = (1000 * done.reduce((sum, took) => sum + took, 0)) / added;
  const result = { part: "inserts", count: added, batch, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1), felt, each, pages: heapPages(), longest };
  if (failed) return { ...result, failed };
  await memory.close();
  return result;
}

/** The longest that a job holds the thread between two turns of the loop, in milliseconds. */
async function longestTurn(job) {
  let [running, longest] = [true, 0];
  const watching = (async () => {
    while (running) {
      const { took } = await held(() => setImmediate());
      longest = Math.max(longest, took);
    }
  })();
  await job();
  running = false;
  await watching;
  return longest;
}

/** Adds `count` records, and answers how long the steps of `maintain` took that this made due, and those of compaction. */
async function upkeep(count, width) {
  const next = recordsFrom(7, width);
  const memory = await open();
  for (let added = 0; added < count; added += 500) await memory.addMany(Array.from({ length: Math.min(500, count - added) }, next));
  const steps = [];
  for (const compact of [false, true]) {
    for (let more = true; more; ) {
      const { took, value } = await held(() => memory.maintain({ budgetMs: 0, compact }));
      more = value.more;
      steps.push({ took, compact, sealed: value.sealed });
      if (steps.length % 100 === 0) await setImmediate();
    }
  }
  const closing = await longestTurn(() => memory.close());
  steps.sort((a, b) => a.took - b.took);
  const at = (share) => steps[Math.min(steps.length - 1, Math.floor(steps.length * share))].took;
  const felt = steps.filter(({ took }) => took > FELT_MS).length / steps.length;
  return { part: "upkeep", count, steps: steps.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1), felt, closing, longest: steps.slice(-LONGEST).reverse() };
}

/** Runs one job in a process of its own. */
const apart = (job) =>
  new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), { stdio: "inherit", env: { ...process.env, SOAK_JOB: JSON.stringify(job) } });
    child.once("message", resolve);
    child.once("exit", (code, signal) => code !== 0 && reject(new Error(`the process of ${JSON.stringify(job)} ended with ${signal ?? code}`)));
  });

function print(result) {
  if (result.part === "churn") {
    console.log(`${result.cycles} cycles of add and forget, ${result.each.toFixed(3)} ms each, ${result.standing} records at the end`);
    console.log(`pages of memory at the start and at each quarter: ${result.pages.join(", ")}\n`);
    return;
  }
  if (result.part === "upkeep") {
    const { count, steps, p50, p99, p999, max, felt, closing, longest } = result;
    console.log(`${count} records, ${steps} steps of upkeep; closing held the thread for ${closing.toFixed(1)} ms at most`);
    console.log(`ms a step: p50 ${p50.toFixed(3)}, p99 ${p99.toFixed(3)}, p99.9 ${p999.toFixed(3)}, most ${max.toFixed(1)}; over ${FELT_MS} ms: ${(100 * felt).toFixed(4)} in 100`);
    for (const { took, compact, sealed } of longest) console.log(`  ${took.toFixed(1).padStart(7)} ms${compact ? ", compacting" : ""}: ${sealed} segments`);
    console.log("");
    return;
  }
  const { count, batch, p50, p99, p999, max, felt, each, pages, longest, failed } = result;
  console.log(`${count} records by addMany of ${batch}: ${each.toFixed(1)} us a record, ${Math.round((pages * PAGE) / 1e6)} MB of memory at the end`);
  console.log(`ms a call: p50 ${p50.toFixed(3)}, p99 ${p99.toFixed(3)}, p99.9 ${p999.toFixed(3)}, most ${max.toFixed(1)}; over ${FELT_MS} ms: ${(100 * felt).toFixed(4)} in 100`);
  for (const { at, took, grownPages, garbage } of longest) {
    console.log(`  ${took.toFixed(1).padStart(7)} ms at ${String(at).padStart(8)} records: memory grown by ${grownPages} pages, garbage ${garbage.toFixed(1)} ms`);
  }
  console.log(failed ? `stopped: ${failed}\n` : "");
}

if (process.env.SOAK_JOB) {
  const { part, amount, batch, width } = JSON.parse(process.env.SOAK_JOB);
  const jobs = { churn: () => churn(amount, width), inserts: () => inserts(amount, batch, width), upkeep: () => upkeep(amount, width) };
  const result = await jobs[part]();
  process.send(result, () => process.exit(0));
} else {
  const width = Number(values.dimensions);
  const results = [];
  for (const part of values.part.split(",")) {
    const batches = part === "inserts" ? (values.batch?.split(",").map(Number) ?? [1, 500]) : [undefined];
    for (const batch of batches) {
      const result = await apart({ part, batch, width, amount: Number(part === "churn" ? values.cycles : values.count) });
      results.push(result);
      if (!values.json) print(result);
    }
  }
  if (values.json) console.log(JSON.stringify({ node: process.version, results }, null, 1));
}
