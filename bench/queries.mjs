// Measures what kinds of queries cost beside a plain one over the same memory, and what keeping answers saves. Rounds
// alternate, and medians are reported.
//
//   npm run bench:queries [-- --records N] [--rounds N] [--json]

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openMemory } from "stratamem";

const { values } = parseArgs({ options: { records: { type: "string", default: "10000" }, rounds: { type: "string", default: "9" }, json: { type: "boolean", default: false } } });
const [count, rounds] = [Number(values.records), Number(values.rounds)];
const turns = readFileSync(new URL("../examples/data/allotment/turns.jsonl", import.meta.url), "utf8").trim().split("\n").map((line) => JSON.parse(line).text);

let state = 7;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const syllables = ["ba", "co", "di", "fu", "ga", "lo", "mi", "ne", "po", "ra", "se", "ti", "vu", "wa", "zo", "ker"];
/** Names as a memory gathers them: a few often, most of them seldom. */
const names = Array.from({ length: count }, () => Array.from({ length: 3 + Math.floor(random() * 2) }, () => syllables[Math.floor(random() * syllables.length)]).join(""));
const name = () => names[Math.floor(count * random() ** 3)];
const texts = Array.from({ length: count }, (_, index) => `${turns[index % turns.length]} ${name()} and ${name()}`);

const settings = { embedder: false, config: { working: {}, intermediate: {}, consolidation: { repeats: "keep" } } };
const memory = await openMemory(settings);
const keeping = await openMemory({ ...settings, config: { ...settings.config, resultCache: {} } });
const records = texts.map((text, index) => ({ text, importance: (index % 100) / 100, tags: [index % 10 === 0 ? "work" : "home"] }));
for (const one of [memory, keeping]) for (let at = 0; at < count; at += 2_000) await one.addMany(records.slice(at, at + 2_000));

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const options = { limit: 10, touch: false, preset: "searches" };
const recall = (query) => () => memory.recall(query, { ...options, syntax: "query" });
const batch = ["water the beans", "the green shed", "spare key", "seed potatoes", "rain barrel", "compost heap", "who has the key", "gate lock"];
const [{ id }] = await memory.recall("water the beans", options);
const page = { sort: { by: "importance", order: "descending" }, limit: 100 };
const { cursor } = await memory.page(page);
const contenders = {
  "plain words: water the beans": () => memory.recall("water the beans", options),
  "the same as a query": recall("water the beans"),
  "with a field: water the beans tag:work": recall("water the beans tag:work"),
  "required and excluded: +water -beans": recall("+water -beans"),
  'phrase: "the beans"': recall('"the beans"'),
  "phrase of a rare word: \"spare key\"": recall('"spare key"'),
  "prefix, three letters: wat*": recall("wat*"),
  "prefix, one letter: w*": recall("w*"),
  "one edit: baens~1": recall("baens~1"),
  "two edits: potatos~2": recall("potatos~2"),
  "eight plain questions, one by one": async () => {
    for (const query of batch) await memory.recall(query, options);
  },
  "eight plain questions, recallMany": () => memory.recallMany(batch, options),
  "the like of a record: related": () => memory.related(id, options),
  "a page of 100 by importance, after a cursor": () => memory.page({ ...page, cursor }),
  "the same question, answers not kept": () => memory.recall("who waters the beans", { ...options, preset: "balanced" }),
  "the same question, answers kept": () => keeping.recall("who waters the beans", { ...options, preset: "balanced" }),
};

const times = Object.fromEntries(Object.keys(contenders).map((what) => [what, []]));
for (let round = -2; round < rounds; round += 1) {
  for (const [what, job] of Object.entries(contenders)) {
    const repeats = 20;
    const started = performance.now();
    for (let again = 0; again < repeats; again += 1) await job();
    if (round >= 0) times[what].push((performance.now() - started) / repeats);
  }
}
const results = Object.entries(times).map(([what, list]) => ({ what, ms: Number(median(list).toFixed(3)) }));
const { terms } = (await memory.stats()).engine;
const { hitRate } = (await keeping.stats()).engine.resultCache;
if (values.json) console.log(JSON.stringify({ records: count, terms, hitRate, results }, null, 2));
else {
  console.log(`\n${count.toLocaleString("en-GB")} records, ${terms.toLocaleString("en-GB")} terms, words alone`);
  for (const { what, ms } of results) console.log(`  ${what.padEnd(52)} ${ms.toFixed(3).padStart(9)} ms`);
}
await memory.close();
await keeping.close();
