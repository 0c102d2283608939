// Measures how long a recall takes from end to end, without embedding: by a text and its vector, by the words alone, by the
// vector alone. The baseline, in the same run, is hybrid search in plain JavaScript (plain-hybrid.mjs), which answers
// positions; a recall answers ten whole records, each with its reasons.
//
//   npm run bench:recall [-- --sizes 3000,30000,100000] [--rounds 5] [--words 8] [--session N] [--json]
//
// Records are sentences of documentation (sentences.mjs), vectors those of the built-in model. Questions are the first
// `--words` words of sentences that are not stored. With `--session`, every N records in a row are one session, so that
// context and session have something to say.
//
// Each question is put to all contenders, in another order each time: whoever comes after a scan finds nothing in the caches
// of the processor. p50 and p95 are over all questions of all rounds but the first.

import { parseArgs } from "node:util";
import { openMemory, staticEmbedder } from "stratamem";
import { PlainHybrid } from "./plain-hybrid.mjs";
import { sentences } from "./sentences.mjs";
import { quantile } from "./timing.mjs";
import { randomFrom } from "./vectors.mjs";

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "3000,30000,100000" },
    rounds: { type: "string", default: "5" },
    words: { type: "string", default: "8" },
    session: { type: "string", default: "0" },
    json: { type: "boolean", default: false },
  },
});
const [rounds, session] = [Number(values.rounds), Number(values.session)];
const sizes = values.sizes.split(",").map(Number);
const QUESTIONS = 200;
const LIMIT = 10;
const BATCH = 500;

async function filled(texts, vectors) {
  const memory = await openMemory({ embedder: false, config: { working: {}, intermediate: {}, consolidation: { repeats: "keep" } } });
  for (let at = 0; at < texts.length; at += BATCH) {
    await memory.addMany(
      texts.slice(at, at + BATCH).map((text, index) => ({
        text,
        vector: vectors[at + index],
        ...(session > 0 && { scope: { session: `s${Math.floor((at + index) / session)}` } }),
      })),
    );
  }
  while ((await memory.maintain()).more) continue;
  return memory;
}

function shuffled(list, random) {
  const placed = list.map((one) => [random(), one]);
  return placed.sort(([a], [b]) => a - b).map(([, one]) => one);
}

async function measure(texts, vectors, questions) {
  const memory = await filled(texts, vectors);
  const width = vectors[0].length;
  const flat = new Float32Array(vectors.length * width);
  for (const [row, vector] of vectors.entries()) flat.set(vector, row * width);
  const plain = new PlainHybrid(texts, flat, width);
  const options = { limit: LIMIT, touch: false };
  const contenders = {
    hybrid: ({ text, vector }) => memory.recall(text, { ...options, vector }),
    "hybrid, searches alone": ({ text, vector }) => memory.recall(text, { ...options, vector, preset: "searches" }),
    "words alone": ({ text }) => memory.recall(text, { ...options, preset: "searches" }),
    "vector alone": ({ vector }) => memory.recall("", { ...options, vector, preset: "searches" }),
    "plain hybrid": ({ text, vector }) => plain.hybrid(text, vector, LIMIT),
    "plain words": ({ text }) => plain.keyword(text, LIMIT),
    "plain vector": ({ vector }) => plain.dense(vector, LIMIT),
  };
  const times = Object.fromEntries(Object.keys(contenders).map((what) => [what, []]));
  const random = randomFrom(1);
  for (let round = 0; round <= rounds; round += 1) {
    for (const question of questions) {
      for (const [what, ask] of shuffled(Object.entries(contenders), random)) {
        const started = performance.now();
        await ask(question);
        if (round > 0) times[what].push(performance.now() - started);
      }
    }
  }
  await memory.close();
  const of = (what) => ({ p50: quantile(times[what], 0.5), p95: quantile(times[what], 0.95) });
  const beside = { "words alone": "plain words", "vector alone": "plain vector" };
  return Object.keys(contenders)
    .filter((what) => !what.startsWith("plain"))
    .map((what) => ({ what, ...of(what), plain: of(beside[what] ?? "plain hybrid") }));
}

const gathered = sentences(Math.max(...sizes) + QUESTIONS);
const embedder = await staticEmbedder();
const asked = gathered.slice(-QUESTIONS).map((sentence) => sentence.split(" ").slice(0, Number(values.words)).join(" "));
const asking = await embedder.embed(asked, { purpose: "query" });
const questions = asked.map((text, index) => ({ text, vector: asking[index] }));
const stored = gathered.slice(0, -QUESTIONS);
const vectors = await embedder.embed(stored, { purpose: "memory" });

const results = [];
for (const size of new Set(sizes.map((size) => Math.min(size, stored.length)))) {
  console.error(`${size} records`);
  results.push({ records: size, ways: await measure(stored.slice(0, size), vectors.slice(0, size), questions) });
}

if (values.json) console.log(JSON.stringify({ node: process.version, dimensions: vectors[0].length, rounds, session, results }, null, 2));
else {
  const ms = (value) => value.toFixed(3).padStart(9);
  const share = (value) => value.toFixed(2).padStart(9);
  console.log(`records  recall                        p50       p95   plain p50  plain p95  p50 of it  p95 of it`);
  for (const { records, ways } of results) {
    for (const { what, p50, p95, plain } of ways) {
      console.log(`${String(records).padStart(7)}  ${what.padEnd(22)} ${ms(p50)} ${ms(p95)}   ${ms(plain.p50)}  ${ms(plain.p95)}  ${share(p50 / plain.p50)}  ${share(p95 / plain.p95)}`);
    }
  }
}
