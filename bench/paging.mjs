// What vectors that stay in storage take and cost, beside the same vectors in memory: npm run bench:paging
//
// Synthetic vectors in groups, int8, long-term, in files. Each way runs in a process of its own, so that its memory is its
// own: the memory is filled, compacted, closed, opened again and asked.
//
//   --records N      how many (100,000)
//   --dimensions N   components of a vector (384)
//   --resident N     bytes of vectors that are kept in memory (16 MiB)

import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openMemory } from "../dist/esm/entry/inline.js";
import { nodeFs } from "../dist/esm/storage/node-fs.js";

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "100000" },
    dimensions: { type: "string", default: "384" },
    resident: { type: "string", default: String(16 << 20) },
    way: { type: "string" },
  },
});
const [records, dimensions, resident] = [values.records, values.dimensions, values.resident].map(Number);
const GROUPS = 2_000;
const BATCH = 1_000;
const QUESTIONS = 60;

/** Vectors around centres, the same in each run. */
function drawing() {
  let state = 11;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
  const centres = Array.from({ length: GROUPS }, () => Float32Array.from({ length: dimensions }, next));
  return () => {
    const centre = centres[Math.floor((next() + 0.5) * GROUPS)];
    return centre.map((component) => component + 0.9 * next());
  };
}

const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

async function run(way) {
  const folder = mkdtempSync(join(tmpdir(), "paging-"));
  const config = { defaultTier: "long-term", longTerm: { precision: "int8" }, consolidation: { duplicates: false }, ...(way === "storage" && { residentVectorBytes: resident }) };
  const open = () => openMemory({ storage: nodeFs(folder), embedder: false, config });
  const figures = { way };
  try {
    const draw = drawing();
    let memory = await open();
    let start = performance.now();
    for (let at = 0; at < records; at += BATCH) await memory.addMany(Array.from({ length: BATCH }, (_, index) => ({ text: `note ${at + index}`, vector: draw() })));
    figures.addUs = ((performance.now() - start) / records) * 1_000;
    start = performance.now();
    while ((await memory.maintain({ compact: true })).more);
    figures.compactS = (performance.now() - start) / 1_000;
    await memory.close();
    figures.filledMiB = process.memoryUsage().rss / 2 ** 20;
    start = performance.now();
    memory = await open();
    figures.openS = (performance.now() - start) / 1_000;
    const questions = Array.from({ length: QUESTIONS }, draw);
    const ask = async (options) => {
      const times = [];
      const hits = [];
      for (const vector of questions) {
        const began = performance.now();
        hits.push((await memory.recall("", { vector, touch: false, preset: "searches", ...options })).map(({ id }) => id));
        times.push(performance.now() - began);
      }
      return { hits, ms: median(times) };
    };
    const fast = await ask({});
    const again = await ask({});
    Object.assign(figures, { firstMs: fast.ms, againMs: again.ms });
    const few = questions.splice(10);
    const exact = await ask({ recall: "exact" });
    questions.push(...few);
    figures.exactMs = exact.ms;
    figures.found = exact.hits.flatMap((ids, at) => ids.filter((id) => fast.hits[at].includes(id))).length / exact.hits.flat().length;
    const { engine } = await memory.stats();
    Object.assign(figures, { vectors: engine.vectors, vectorMiB: engine.vectorBytes / 2 ** 20, paging: engine.paging });
    await memory.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
  return figures;
}

if (values.way) {
  process.send(await run(values.way));
} else {
  for (const way of ["storage", "memory"]) {
    const child = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2), "--way", way]);
    const figures = await new Promise((resolve, reject) => {
      child.on("message", resolve);
      child.on("exit", (code) => code && reject(new Error(`${way} ended with ${code}`)));
    });
    console.log(JSON.stringify(figures, (_, value) => (typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value)));
  }
}
