// Measures how well a memory finds the turns that answer a question, through the public API and with its defaults.
//
//   npm run eval -- --data DIR [--embedder static|static256|none|vectors:NAME] [--recall JSON] [--config JSON] [--pairs] [--join N] [--out run.jsonl] [--context [--parts JSON]]
//   npm run eval -- --docs [--embedder static|static256|none] [--recall JSON] …
//
// DIR holds turns.jsonl and questions.jsonl (the format of examples/data/allotment). Each conversation is a memory of
// its own. `--docs` asks about the pages of this project instead (docs-set.mjs): its turns are sections, long, without
// speaker and session. `--join N` makes long items of N turns in a row (join-turns.mjs). `vectors:NAME` reads
// turns.spk.NAME.i8.bin and questions.noname.NAME.i8.bin: one int8 row per line of the JSONL files, each on its own scale.
// `--recall` gives options of recall, such as {"weights":{"context":0}}, `--config` settings of the memory, such as
// {"bm25B":0.75}. `--pairs` asks every question together with another one of its conversation, as one text, and scores
// what is found for each of the two; with a built-in embedder only. Prints the metrics as JSON; --out keeps the ranked ids.
// With `--context` the metrics are shares of the evidence in contexts of so many tokens, beside what comes of recall alone;
// `--parts` gives options of other steps of its builder, such as {"related":{"depth":2}}.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openMemory } from "stratamem";
import { contextShares } from "./context.mjs";
import { readDocsSet } from "./docs-set.mjs";
import { joinTurns, meanVector } from "./join-turns.mjs";
import { score, summarise } from "./metrics.mjs";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    docs: { type: "boolean", default: false },
    embedder: { type: "string", default: "static" },
    recall: { type: "string", default: "{}" },
    config: { type: "string", default: "{}" },
    pairs: { type: "boolean", default: false },
    join: { type: "string", default: "1" },
    out: { type: "string" },
    context: { type: "boolean", default: false },
    parts: { type: "string", default: "{}" },
  },
});

if (!values.docs && (!values.data || !existsSync(join(values.data, "turns.jsonl")))) {
  console.log(`skipped: no turns.jsonl in ${values.data ?? "--data DIR (neither that nor --docs was given)"}`);
  process.exit(0);
}

const readLines = (name) =>
  readFileSync(join(values.data, name), "utf8").split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));

/** Rows of a file of int8 vectors, or nothing with a built-in embedder. */
function vectorsOf(name, count) {
  if (!values.embedder.startsWith("vectors:")) return () => undefined;
  const bytes = readFileSync(join(values.data, `${name}.${values.embedder.slice(8)}.i8.bin`));
  const width = bytes.length / count;
  return (row) => Float32Array.from(new Int8Array(bytes.buffer, bytes.byteOffset + row * width, width));
}

const embedders = { static: "static-128", static256: "static-256", none: false };
const embedder = values.embedder.startsWith("vectors:") ? false : embedders[values.embedder];
if (embedder === undefined || (values.docs && values.embedder.startsWith("vectors:"))) {
  console.error(`unknown embedder ${values.embedder}: static, static256, none or, but not with --docs, vectors:NAME`);
  process.exit(2);
}

const chosen = JSON.parse(values.recall);
const together = Number(values.join);
if (!Number.isInteger(together) || together < 1 || (values.docs && together > 1)) {
  console.error(`--join ${values.join}: a number of turns, and not with --docs`);
  process.exit(2);
}
const source = values.docs ? readDocsSet() : { turns: readLines("turns.jsonl"), questions: readLines("questions.jsonl") };
const turnVector = vectorsOf("turns.spk", source.turns.length);
const { turns, questions } = together > 1 ? joinTurns(source, together) : source;
const questionVector = vectorsOf("questions.noname", questions.length);

/** Another question of the same conversation that has evidence, the same in every run. */
function partnerOf(row) {
  const others = questions.filter(({ conv, evidence }, other) => conv === questions[row].conv && other !== row && evidence.length > 0);
  return others[(row * 7 + 13) % others.length];
}

const rows = [];
const run = [];
const timing = { addMs: 0, recallMs: [] };
for (const conversation of new Set(turns.map((turn) => turn.conv))) {
  const memory = await openMemory({ embedder, config: { working: {}, intermediate: {}, ...JSON.parse(values.config) } });
  const own = turns.map((turn, row) => ({ ...turn, row })).filter((turn) => turn.conv === conversation);
  const started = performance.now();
  const ids = await memory.addMany(
    own.map(({ text, caption, speaker, date, session, row, rows }) => {
      const vector = rows ? meanVector(rows.map(turnVector)) : turnVector(row);
      return {
        text: caption ? `${text} [image: ${caption}]` : text,
        actor: speaker,
        occurredAt: `${date}Z`,
        ...(session !== undefined && { scope: { session: String(session) } }),
        ...(vector && { vector }),
      };
    }),
  );
  timing.addMs += performance.now() - started;
  const turnOf = new Map(ids.map((id, index) => [id, own[index].id]));
  for (const [row, { conv, qid, question, category, category_name, evidence }] of questions.entries()) {
    if (conv !== conversation) continue;
    const vector = questionVector(row);
    const groups = ["all", ...(category === 5 ? [] : ["all-but-adversarial"]), `${category} ${category_name}`];
    if (values.context) {
      if (evidence.length === 0) continue;
      const relevant = new Set(ids.filter((id) => evidence.includes(turnOf.get(id))));
      const options = { ...chosen, ...(vector && { vector }) };
      rows.push({ groups, metrics: await contextShares(memory, question, relevant, options, JSON.parse(values.parts)) });
      continue;
    }
    const asked = performance.now();
    const hits = await memory.recall(values.pairs ? `${question} ${partnerOf(row).question}` : question, { limit: 50, touch: false, ...chosen, ...(vector && { vector }) });
    timing.recallMs.push(performance.now() - asked);
    const ranked = hits.map((hit) => turnOf.get(hit.id));
    run.push({ qid, ids: ranked });
    if (evidence.length === 0) continue;
    rows.push({ groups, metrics: score(new Set(evidence), ranked) });
    if (values.pairs) rows.push({ groups, metrics: score(new Set(partnerOf(row).evidence), ranked) });
  }
  await memory.close();
}

if (values.out) writeFileSync(values.out, run.map((line) => `${JSON.stringify(line)}\n`).join(""));
const sorted = timing.recallMs.sort((a, b) => a - b);
console.log(
  JSON.stringify(
    {
      embedder: values.embedder,
      turns: turns.length,
      questions: rows.length,
      addMs: Math.round(timing.addMs),
      ...(!values.context && { recallMedianMs: Number(sorted[sorted.length >> 1]?.toFixed(3)) }),
      groups: summarise(rows),
    },
    null,
    2,
  ),
);
