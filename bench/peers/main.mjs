// Measures vector search in Stratamem beside other packages: the same vectors, the same questions, each peer in a process
// of its own, one after the other. Installs the packages of this folder first, by its lock file.
//
//   npm run bench:peers [-- --vectors FILE --dimensions 384] [--sizes 10000,100000] [--peers stratamem,plain,usearch]
//                          [--passes 5] [--seconds 300] [--json]
//
// FILE holds little-endian floats, row after row, of length 1 (`bench/minilm.py` and `npm run bench:vector -- --save` write
// such); without one, sentences by the built-in model static-256. Its last 200 rows are the questions. Recall is the share of the truly nearest ten that were found. What a peer
// lets one set is swept upwards, and the table shows the fastest point with the wanted recall. Times leave out what other
// programs took (`bench/held.mjs`). A peer that is not there, fails, or builds for longer than --seconds is named with the
// reason.

import { execFileSync, fork } from "node:child_process";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { plainScan } from "../plain-scan.mjs";
import { vectorFile, vectorOptions } from "../vector-file.mjs";
import { readVectors } from "../vectors.mjs";
import { tables } from "./tables.mjs";

const { values } = parseArgs({
  options: {
    ...vectorOptions,
    sizes: { type: "string", default: "10000,100000" },
    peers: { type: "string" },
    passes: { type: "string", default: "5" },
    seconds: { type: "string", default: "300" },
    json: { type: "boolean", default: false },
  },
});
const QUESTIONS = 200;
const LIMIT = 10;

const here = fileURLToPath(new URL(".", import.meta.url));
const note = (text) => process.stderr.write(`${text}\n`);
const adapters = readdirSync(new URL("adapters", import.meta.url)).map((name) => basename(name, ".mjs")).sort();
const first = ["plain", "stratamem", "stratamem-index"];
const chosen = values.peers?.split(",") ?? [...first, ...adapters.filter((name) => !first.includes(name))];
for (const name of chosen) {
  if (!adapters.includes(name)) throw new Error(`no peer ${name}: ${adapters.join(", ")}`);
}

// `npm ci` refuses a lock file that lacks packages for other platforms, and registries do not hold all of these; `npm
// install` takes the versions of the lock file all the same. Packages are optional, and one that fails is left out;
// but usearch, which asks for a later Node than it needs, would be left out for that if it were.
const installed = new URL("node_modules/.package-lock.json", import.meta.url);
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(new URL("package-lock.json", import.meta.url)).mtimeMs) {
  note("installing the peers (once)");
  execFileSync("npm", ["install", "--no-save", "--no-audit", "--no-fund"], { cwd: here, stdio: ["ignore", 2, 2] });
}

/** The version of a package of this folder, or nothing if it is not there. */
function versionOf(name) {
  try {
    const path = createRequire(import.meta.url).resolve.paths(name)[0];
    return JSON.parse(readFileSync(`${path}/${name}/package.json`, "utf8")).version;
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** How much longer on the clock a build may take than it may of the processor's time. */
const PATIENCE = 4;

/** Runs one measurement; it is ended when it goes on building for much longer than it may. */
function measured(job) {
  return new Promise((resolve) => {
    const child = fork(new URL("measure.mjs", import.meta.url), { execArgv: ["--expose-gc"], stdio: ["ignore", "ignore", "pipe", "ipc"] });
    let built = 0;
    let building = true;
    let complaint = "";
    const give = (result) => resolve({ peer: job.adapter, count: job.count, width: job.width, ...result });
    const timer = setTimeout(() => {
      if (!building) return;
      child.removeAllListeners("exit");
      child.kill("SIGKILL");
      give({ skipped: `stopped after ${PATIENCE * job.seconds} s on the clock, ${built} of ${job.count} vectors taken` });
    }, 1000 * PATIENCE * job.seconds);
    child.stderr.on("data", (text) => (complaint = `${complaint}${text}`.slice(-2000)));
    child.on("message", ({ building: rows, point, done }) => {
      if (rows) built = rows;
      if (point) building = false;
      if (done) {
        clearTimeout(timer);
        child.removeAllListeners("exit");
        give(done);
      }
    });
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      give({ failed: `ended with ${signal ?? code} after ${built} vectors: ${complaint.trim().split("\n").at(-1) ?? ""}` });
    });
    child.send(job);
  });
}

const sizes = values.sizes.split(",").map(Number);
const data = await vectorFile(values, Math.max(...sizes) + QUESTIONS);
const { width } = data;
const flat = readVectors(data.path, width);
const stored = flat.length / width - QUESTIONS;
const results = [];
for (const count of new Set(sizes.map((size) => Math.min(size, stored)))) {
  note(`${count} vectors: the truth`);
  const truth = Array.from({ length: QUESTIONS }, (_, at) => {
    const question = flat.subarray((stored + at) * width, (stored + at + 1) * width);
    return plainScan(flat, width, count, question, LIMIT);
  });
  for (const adapter of chosen) {
    note(`${count} vectors: ${adapter}`);
    const job = { adapter, vectors: data.path, width, count, limit: LIMIT, truth, passes: Number(values.passes), seconds: Number(values.seconds) };
    const result = await measured(job);
    const version = result.package && result.package !== "none" ? versionOf(result.package) : undefined;
    results.push({ ...result, ...(version && { version }) });
    if (result.skipped ?? result.failed) note(`  ${result.skipped ?? result.failed}`);
  }
}
data.remove();
const report = { node: process.version, cpu: cpus()[0].model, set: data.set, questions: QUESTIONS, limit: LIMIT, results };
console.log(values.json ? JSON.stringify(report, null, 1) : tables(report));
