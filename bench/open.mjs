// How long opening a stored memory takes, beside reading the same files: npm run bench:open
//
// Sentences of documentation (see sentences.mjs), compacted, in files: without vectors, with vectors in full by the built-in
// model static-256, and with synthetic vectors of 384 components in int8. Each case runs in a process of its own. A round reads
// every file and copies the bytes into one array, which is the baseline, and then opens the memory and closes it again.
// The files are in the system's cache.
//
//   --records N   how many (100,000)
//   --rounds N    openings of each (7)
//   --only NAME   one case: none, f32, int8

import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { heapBytes } from "./heap.mjs";
import { sentences } from "./sentences.mjs";
import { clock, median } from "./timing.mjs";
import { randomFrom } from "./vectors.mjs";
import { openMemory, staticEmbedder } from "stratamem";
import { nodeFs } from "stratamem/storage/node-fs";

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "100000" },
    rounds: { type: "string", default: "7" },
    only: { type: "string" },
    case: { type: "string" },
    step: { type: "string" },
    folder: { type: "string" },
  },
});
const [records, rounds] = [values.records, values.rounds].map(Number);
/** Records added in one call. */
const BATCH = 1_000;
/** Centres of the synthetic vectors. */
const GROUPS = 2_000;

/** Vectors of texts by the built-in model. */
async function byModel(texts) {
  return (await staticEmbedder("static-256")).embed(texts, { purpose: "memory" });
}

/** Makes vectors around centres, the same in each run, for as many texts as it is asked for. */
function drawing(width) {
  const random = randomFrom(11);
  const centres = Array.from({ length: GROUPS }, () => Float32Array.from({ length: width }, () => random() - 0.5));
  return (texts) => texts.map(() => centres[Math.floor(random() * GROUPS)].map((component) => component + 0.9 * (random() - 0.5)));
}

const cases = {
  none: { what: "no vectors" },
  f32: { what: "256 components, f32", precision: "f32", vectors: () => byModel },
  int8: { what: "384 components, int8", precision: "int8", vectors: () => drawing(384) },
};

const open = (folder, { precision = "f32" }) =>
  openMemory({
    storage: nodeFs(folder),
    embedder: false,
    config: { defaultTier: "long-term", longTerm: { precision }, consolidation: { duplicates: false } },
  });

/** Stores a memory of the sentences. */
async function fill(folder, wanted) {
  const texts = sentences(records);
  if (texts.length < records) throw new Error(`there are ${texts.length} sentences here, not ${records}`);
  const vectors = wanted.vectors?.();
  const memory = await open(folder, wanted);
  for (let at = 0; at < records; at += BATCH) {
    const batch = texts.slice(at, at + BATCH);
    const rows = await vectors?.(batch);
    await memory.addMany(batch.map((text, index) => (rows ? { text, vector: rows[index] } : { text })));
  }
  while ((await memory.maintain({ compact: true })).more);
  await memory.close();
}

/** Opens it, again and again. */
async function measure(folder, wanted) {
  const names = (await readdir(folder)).filter((name) => !name.includes("."));
  const [reads, opens] = [[], []];
  let bytes = 0;
  let heap = 0;
  for (let round = 0; round <= rounds; round += 1) {
    const read = await clock(async () => {
      const files = [];
      for (const name of names) files.push(await readFile(join(folder, name)));
      bytes = files.reduce((sum, file) => sum + file.length, 0);
      const whole = new Uint8Array(bytes);
      for (let at = 0, index = 0; index < files.length; at += files[index].length, index += 1) whole.set(files[index], at);
    });
    let memory;
    const opened = await clock(async () => (memory = await open(folder, wanted)));
    if ((await memory.stats()).records !== records) throw new Error("records are missing");
    await memory.close();
    if (round === 0) heap = heapBytes();
    else {
      reads.push(read);
      opens.push(opened);
    }
  }
  return { bytes, heap, read: median(reads), open: median(opens) };
}

/** Runs one step of a case in a process of its own. */
function apart(name, step, folder) {
  const child = fork(fileURLToPath(import.meta.url), ["--case", name, "--step", step, "--folder", folder, "--records", values.records, "--rounds", values.rounds]);
  return new Promise((resolve, reject) => {
    child.on("message", resolve);
    child.on("exit", (code) => (code ? reject(new Error(`${name} ended with ${code}`)) : resolve()));
  });
}

if (values.case) {
  const wanted = cases[values.case];
  if (values.step === "fill") await fill(values.folder, wanted);
  else process.send?.(await measure(values.folder, wanted));
} else {
  console.log(`${`${records} records`.padEnd(22)}           files    engine's memory    read and copied      opened    opened/read`);
  for (const name of Object.keys(cases).filter((name) => !values.only || values.only === name)) {
    const folder = mkdtempSync(join(tmpdir(), "stratamem-open-"));
    try {
      await apart(name, "fill", folder);
      const { bytes, heap, read, open: opened } = await apart(name, "measure", folder);
      const mib = (size) => `${(size / 2 ** 20).toFixed(0)} MiB`;
      console.log(
        `${cases[name].what.padEnd(22)} ${mib(bytes).padStart(15)} ${mib(heap).padStart(18)} ${`${read.toFixed(0)} ms`.padStart(18)} ${`${opened.toFixed(0)} ms`.padStart(11)} ${(opened / read).toFixed(2).padStart(14)}`,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}
