// @ts-check
// Builds a memory on disk out of real input, then asks it from a second process.
//
//   npm start                                  the example conversation and four questions
//   npm start -- --ask "who has the key?"      the example conversation and your question
//   npm start -- notes/ --ask "what next?"     your own notes: a .jsonl, .md or .txt file, or a folder of them
//   npm start -- notes/                        the same, and asks you for questions

import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openMemory, versions } from "stratamem";
import { nodeFs } from "stratamem/storage/node-fs";
import { readInput } from "./input.js";
import { duration, fact, number, paint, progress, showFiles, showTiers, title } from "./show.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const sample = fileURLToPath(new URL("../data/allotment/turns.jsonl", import.meta.url));
const sampleQuestions = [
  "What is the code of the shed's padlock?",
  "Who handed over the key of the plot?",
  "When was Idris supposed to stop using crutches, and when did he?",
  "How has the committee's meeting slot moved over the year?",
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { ask: { type: "string", multiple: true }, store: { type: "string" } },
});
const input = resolve(positionals[0] ?? sample);
if (!existsSync(input)) {
  console.error(`There is nothing at ${input}. Give a .jsonl, .md or .txt file, or a folder of them.`);
  process.exit(1);
}
const isSample = input === sample;
const store = resolve(values.store ?? join(here, ".memory", isSample ? "allotment" : basename(input)));
// The sample is built anew each time; a memory of your own grows.
if (isSample && !values.store) rmSync(store, { recursive: true, force: true });

title(`Stratamem ${(await versions()).core}`);
fact("runs in", `Node ${process.version}, offline, without a server, a key or a language model`);
fact("input", input);
fact("memory", store);

title("Remembering");
const memories = readOrExplain(input);
// A small working tier, so that a short conversation already shows the tiers at work.
const memory = await openMemory({ storage: nodeFs(store), config: { working: { maxItems: 50 } } });
const known = new Set();
for await (const record of memory.list()) known.add(`${record.source}\n${record.text}`);
const fresh = memories.filter(({ source, text }) => !known.has(`${source}\n${text}`));
if (known.size > 0) fact("known", `${number(known.size)} memories of earlier runs; ${number(fresh.length)} new`);

const batch = 100;
const started = performance.now();
for (let at = 0; at < fresh.length; at += batch) {
  await memory.addMany(fresh.slice(at, at + batch));
  progress("added", Math.min(at + batch, fresh.length), fresh.length);
}
const elapsed = performance.now() - started;
if (fresh.length > 0) {
  const rate = fresh.length < batch ? "" : `: ${number(Math.round((fresh.length / elapsed) * 1000))} memories a second`;
  fact("took", `${duration(elapsed)}${rate}, embedded, indexed and synced to disk`);
}
await memory.maintain();

title("Tiers");
showTiers(await memory.stats());
await memory.close();

title("On disk");
showFiles(store);

title("Asked by another process");
const questions = values.ask ?? (isSample ? sampleQuestions : []);
const { status } = spawnSync(process.execPath, [join(here, "ask.js"), store, ...questions], { stdio: "inherit" });
if (isSample && !values.ask) {
  console.log(`\nYour turn: ${paint("cyan", 'npm start -- --ask "when do they plant garlic?"')} or ${paint("cyan", "npm start -- path/to/your/notes")}`);
}
process.exit(status ?? 1);

/** @param {string} path */
function readOrExplain(path) {
  try {
    return readInput(path);
  } catch (error) {
    console.error(/** @type {Error} */ (error).message);
    process.exit(1);
  }
}
