// Measures what it costs to keep less of vectors: how much of what exact scores find is still found, how well questions
// are answered, and the bytes that a record takes in memory and in storage.
//
//   npm run bench:precision -- --data DIR [--embedder static|static256|vectors:NAME] [--json]
//
// DIR and the embedders are those of `npm run eval`. All turns are one memory for the neighbours, and each conversation
// is one for the answers.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openMemory, staticEmbedder } from "stratamem";
import { score, summarise } from "./metrics.mjs";

const { values } = parseArgs({
  options: { data: { type: "string" }, embedder: { type: "string", default: "static256" }, json: { type: "boolean", default: false } },
});

if (!values.data || !existsSync(join(values.data, "turns.jsonl"))) {
  console.log(`skipped: no turns.jsonl in ${values.data ?? "--data DIR (not given)"}`);
  process.exit(0);
}

const readLines = (name) =>
  readFileSync(join(values.data, name), "utf8").split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
const turns = readLines("turns.jsonl").map((turn) => ({ ...turn, text: turn.caption ? `${turn.text} [image: ${turn.caption}]` : turn.text }));
const questions = readLines("questions.jsonl");

function rowsOf(name, count) {
  const bytes = readFileSync(join(values.data, name));
  const width = bytes.length / count;
  return Array.from({ length: count }, (_, row) => Float32Array.from(new Int8Array(bytes.buffer, bytes.byteOffset + row * width, width)));
}

async function vectors() {
  if (values.embedder.startsWith("vectors:")) {
    const name = values.embedder.slice(8);
    return [rowsOf(`turns.spk.${name}.i8.bin`, turns.length), rowsOf(`questions.noname.${name}.i8.bin`, questions.length)];
  }
  const model = { static: "static-128", static256: "static-256" }[values.embedder];
  if (model === undefined) {
    console.error(`unknown embedder ${values.embedder}: static, static256 or vectors:NAME`);
    process.exit(2);
  }
  const embedder = await staticEmbedder(model);
  const turnTexts = turns.map(({ speaker, text }) => `${speaker}: ${text}`);
  return Promise.all([
    embedder.embed(turnTexts, { purpose: "memory" }),
    embedder.embed(questions.map(({ question }) => question), { purpose: "query" }),
  ]);
}

const [turnVectors, questionVectors] = (await vectors()).map((rows) => rows.map((row) => (row.some((component) => component !== 0) ? row : undefined)));
const tiers = ["working", "intermediate", "long-term"];

/** Settings of tiers that hold everything, each with its precision. */
const configOf = ({ precisions: [working, intermediate, longTerm], compressText }) => ({
  working: { precision: working, compressText },
  intermediate: { precision: intermediate, compressText },
  longTerm: { precision: longTerm, compressText },
});

/**
 * Trains the tiers that are to be, each with what it holds; one with fewer vectors, to as many dimensions. Answers the
 * milliseconds that a tier took on average.
 */
async function train(memory, { trained = [] }, records) {
  const held = (tier) => records.filter((record) => record.tier === tier && record.vector).length;
  const goals = tiers.flatMap((tier, at) => (trained[at] === undefined ? [] : [[tier, { dimensions: Math.min(trained[at], held(tier)) }]]));
  const started = performance.now();
  for (const [tier, goal] of goals) await memory.train(tier, goal);
  const took = performance.now() - started;
  await memory.maintain();
  return goals.length === 0 ? undefined : took / goals.length;
}

/** A memory of some turns, in turn over the tiers, and the index of the turn behind each id. */
async function remember(setting, rows) {
  const memory = await openMemory({ embedder: false, config: configOf(setting) });
  const records = rows.map((row, at) => {
    const { text, speaker, date, session } = turns[row];
    const vector = turnVectors[row];
    return { text, actor: speaker, occurredAt: `${date}Z`, scope: { session: String(session) }, tier: tiers[at % 3], ...(vector && { vector }) };
  });
  const ids = await memory.addMany(records);
  const trainMs = await train(memory, setting, records);
  return { memory, trainMs, turnOf: new Map(ids.map((id, at) => [id, rows[at]])) };
}

const everything = turns.map((_, row) => row);

/** The ten nearest turns of each question, and what the memory takes. */
async function neighbours(setting) {
  const { memory, trainMs, turnOf } = await remember(setting, everything);
  const found = [];
  const times = [];
  for (const vector of questionVectors) {
    if (!vector) continue;
    const started = performance.now();
    const hits = await memory.recall("", { vector, limit: 10, touch: false });
    times.push(performance.now() - started);
    found.push(hits.map(({ id }) => turnOf.get(id)));
  }
  await memory.maintain({ compact: true });
  const { engine } = await memory.stats();
  await memory.close();
  const bytes = Object.values(engine.tiers).reduce((sum, tier) => sum + tier.bytes, 0);
  times.sort((a, b) => a - b);
  return { found, bytes: bytes / turns.length, stored: engine.segmentBytes / turns.length, ms: times[times.length >> 1], trainMs };
}

/** Metrics of the answers, by words and vectors together. */
async function answers(setting) {
  const rows = [];
  for (const conversation of new Set(turns.map((turn) => turn.conv))) {
    const own = everything.filter((row) => turns[row].conv === conversation);
    const { memory, turnOf } = await remember(setting, own);
    for (const [at, { conv, question, evidence }] of questions.entries()) {
      if (conv !== conversation || evidence.length === 0) continue;
      const vector = questionVectors[at];
      const hits = await memory.recall(question, { limit: 20, touch: false, ...(vector && { vector }) });
      rows.push({ groups: ["all"], metrics: score(new Set(evidence), hits.map(({ id }) => turns[turnOf.get(id)].id)) });
    }
    await memory.close();
  }
  return summarise(rows).all;
}

const alike = (precision, compressText = false) => ({ precisions: [precision, precision, precision], compressText });
const settings = {
  "f32": alike("f32"),
  "int8": alike("int8"),
  "int8, compressed": alike("int8", true),
  "binary": alike("binary"),
  "binary, compressed": alike("binary", true),
  "projected to 128": { ...alike("f32"), trained: [128, 128, 128] },
  "projected to 64": { ...alike("f32"), trained: [64, 64, 64] },
  "f32, f32, projected to 64": { ...alike("f32"), trained: [undefined, undefined, 64] },
  "f32, f32, int8": { precisions: ["f32", "f32", "int8"], compressText: false },
  "f32, int8, binary": { precisions: ["f32", "int8", "binary"], compressText: false },
};
const results = [];
let exact;
for (const [name, setting] of Object.entries(settings)) {
  const { found, bytes, stored, ms, trainMs } = await neighbours(setting);
  exact ??= found;
  const same = found.map((list, at) => list.filter((turn) => exact[at].includes(turn)).length / exact[at].length);
  const metrics = await answers(setting);
  results.push({
    precision: name,
    sameTen: Number(((100 * same.reduce((sum, share) => sum + share, 0)) / same.length).toFixed(1)),
    recall10: metrics["recall@10"],
    ndcg10: metrics["ndcg@10"],
    bytes: Math.round(bytes),
    stored: Math.round(stored),
    recallMs: Number(ms.toFixed(3)),
    trainMs: trainMs && Math.round(trainMs),
  });
}
if (values.json) console.log(JSON.stringify({ embedder: values.embedder, turns: turns.length, results }, null, 2));
else console.table(results);
