// The part of `npm run bench:browser` that runs in the page: fetches the vectors, measures, and sends what it found.

import { openMemory } from "stratamem";
import { memoryPlace, memoryStorage } from "stratamem/storage/memory";
import { plainScan } from "../plain-scan.mjs";
import { clock, median, quantile } from "../timing.mjs";

const LIMIT = 10;
/** Records that one call adds. */
const BATCH = 500;
/** Questions that the plain scan is timed with; their truth it finds for all. */
const TIMED = 50;

const tell = (message) => fetch("/heard", { method: "POST", body: JSON.stringify(message) });
const open = (place) => openMemory({ storage: memoryStorage({ place }), embedder: false, config: { working: {}, intermediate: {} } });
const options = { preset: "searches", limit: LIMIT, touch: false };

async function asked(memory, questions, truth, passes, more) {
  const times = [];
  let found = 0;
  for (let pass = 0; pass <= passes; pass += 1) {
    for (const [index, vector] of questions.entries()) {
      let hits;
      const took = await clock(async () => (hits = await memory.recall("", { vector, ...options, ...more })));
      // The first pass warms up.
      if (pass > 0) times.push(took);
      else if (truth) found += hits.filter(({ text }) => truth[index].includes(Number(text.slice(1)))).length;
    }
  }
  return { p50: median(times), p95: quantile(times, 0.95), ...(truth && { recall: found / truth.flat().length }) };
}

async function measure(flat, width, count, questions, passes) {
  const row = (at) => flat.subarray(at * width, (at + 1) * width);
  const fill = async (memory, rows) => {
    const times = [];
    for (let at = 0; at < rows; at += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, rows - at) }, (_, i) => ({ text: `r${at + i}`, vector: row(at + i) }));
      times.push(await clock(() => memory.addMany(batch)));
    }
    return times;
  };
  const small = await open(memoryPlace());
  await fill(small, 16);
  const outside = (await asked(small, questions, undefined, passes, {})).p50;
  await small.close();

  const place = memoryPlace();
  const first = await open(place);
  const times = await fill(first, count);
  await first.maintain();
  await first.close();
  let memory;
  const opening = await clock(async () => (memory = await open(place)));

  const scans = [];
  const truth = [];
  for (const [index, question] of questions.entries()) {
    const took = await clock(() => truth.push(plainScan(flat, width, count, question, LIMIT)));
    // The first ones warm up.
    if (index >= questions.length - TIMED) scans.push(took);
  }
  const ways = [];
  for (const [way, more] of [["default", {}], ["exact", { recall: "exact" }]]) {
    ways.push({ way, ...(await asked(memory, questions, truth, passes, more)) });
  }
  await memory.close();
  const each = (1000 * times.reduce((sum, time) => sum + time, 0)) / count;
  return { count, ways, plain: median(scans), outside, each, slowestCall: Math.max(...times), open: opening };
}

try {
  const { width, sizes, questions: wanted, passes } = await (await fetch("/job")).json();
  const flat = new Float32Array(await (await fetch("/vectors")).arrayBuffer());
  const rows = flat.length / width - wanted;
  const questions = Array.from({ length: wanted }, (_, at) => flat.slice((rows + at) * width, (rows + at + 1) * width));
  for (const count of new Set(sizes.map((size) => Math.min(size, rows)))) {
    await tell({ result: await measure(flat, width, count, questions, passes) });
  }
  await tell({ done: true, agent: navigator.userAgent });
} catch (error) {
  await tell({ error: `${error.name}: ${error.message}` });
}
