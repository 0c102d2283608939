// Measures one peer at one size, in a process of its own that `main.mjs` starts; answers by a message.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { held } from "../held.mjs";
import { plainScan } from "../plain-scan.mjs";
import { median, quantile } from "../timing.mjs";
import { readVectors } from "../vectors.mjs";

/** Records that one call adds. */
const BATCH = 500;
/** A setting that finds so many of the nearest is the last that is tried. */
const ENOUGH = 0.999;
/** The share of the vectors after which a build is given up that would take longer than it may. */
const TELLING = 0.05;
/** Questions that the baseline is asked in the same process. */
const BASELINE = 20;
/** What failed, in one line; some peers throw strings. */
const why = (error) => String(error?.message ?? error).split("\n")[0];

const tell = (message) => new Promise((done) => process.send(message, done));
const megabytes = (bytes) => bytes / 1e6;
const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

async function asked(index, questions, truth, setting, passes) {
  await index.prepare?.(setting);
  let found = 0;
  const times = [];
  for (let pass = 0; pass <= passes; pass += 1) {
    for (const [at, question] of questions.entries()) {
      const { took, value: rows } = await held(() => index.search(question, setting));
      // The first pass warms up.
      if (pass > 0) times.push(took);
      else found += truth[at].filter((row) => rows.includes(row)).length;
    }
  }
  return { setting, recall: found / truth.flat().length, p50: median(times), p95: quantile(times, 0.95) };
}

async function measure({ adapter, vectors, width, count, limit, truth, passes, seconds }, folder) {
  const { about, create } = await import(`./adapters/${adapter}.mjs`);
  const flat = readVectors(vectors, width);
  const row = (at) => flat.slice(at * width, (at + 1) * width);
  const questions = truth.map((_, at) => row(flat.length / width - truth.length + at));
  const result = { peer: adapter, ...about, count, width };

  globalThis.gc();
  const before = process.memoryUsage().rss;
  const index = await create(width, count + questions.length, limit, folder);
  const calls = [];
  for (let at = 0; at < count; at += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - at) }, (_, i) => row(at + i));
    calls.push((await held(() => index.addMany(at, batch))).took);
    const built = at + batch.length;
    await tell({ building: built });
    const spent = total(calls) / 1000;
    const whole = (spent * count) / built;
    if (built >= TELLING * count && whole > seconds) {
      return { ...result, skipped: `${built} of ${count} vectors took ${spent.toFixed(0)} s, all would take more than ${whole.toFixed(0)} s` };
    }
  }
  const { took: finish } = await held(() => index.finish?.());
  globalThis.gc();
  result.build = { seconds: (total(calls) + finish) / 1000, slowestCall: Math.max(...calls), finish };
  result.memory = { grown: megabytes(process.memoryUsage().rss - before), ...(index.heap && { heap: megabytes(index.heap()) }) };

  if (index.save && index.load) {
    const { took: save, value: bytes } = await held(() => index.save());
    const { took: load } = await held(() => index.load());
    result.stored = { save, load, ...(typeof bytes === "number" && { megabytes: megabytes(bytes) }) };
  }

  const baseline = async () => {
    const times = [];
    for (const question of questions.slice(0, BASELINE)) times.push((await held(() => plainScan(flat, width, count, question, limit))).took);
    return times;
  };
  const plain = await baseline();
  result.points = [];
  for (const value of about.values) {
    const point = await asked(index, questions, truth, value, passes);
    result.points.push(point);
    await tell({ point });
    if (point.recall >= ENOUGH) break;
  }
  result.plain = median([...plain, ...(await baseline())]);

  // One at a time, at the full size: the questions themselves, which nothing is asked about any more.
  const inserts = [];
  for (const [at, question] of questions.entries()) inserts.push((await held(() => index.addMany(count + at, [question]))).took);
  result.insert = { p50: median(inserts), max: Math.max(...inserts) };
  return result;
}

process.once("message", async (job) => {
  const folder = mkdtempSync(join(tmpdir(), "stratamem-peers-"));
  let done;
  try {
    done = await measure(job, folder);
  } catch (error) {
    done = { peer: job.adapter, count: job.count, width: job.width, failed: why(error) };
  }
  rmSync(folder, { recursive: true, force: true });
  await tell({ done });
  process.exit(0);
});
