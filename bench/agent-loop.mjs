// A synthetic agent loop: does the memory fill up with what it knows already?
//
//   npm run bench:loop [-- --turns N] [--seed N]
//
// In each turn a user says something, the agent recalls five memories and stores the turn; often it stores as well a fact
// that it made out of the turn, told in one of several ways, or something that it has just recalled. Every day is
// maintained. Compared are the defaults and a memory that keeps everything as often as it is said. What was said is
// known here, so that what is stored twice, and what is missing, can be counted.

import { parseArgs } from "node:util";
import { openMemory } from "stratamem";
import { manualClock } from "stratamem/testing";
import { randomFrom } from "./workload.mjs";

const { values } = parseArgs({ options: { turns: { type: "string", default: "10000" }, seed: { type: "string", default: "1" } } });
const turns = Number(values.turns);
const MINUTE = 60_000;

const people = ["Ada", "Bruno", "Chiara", "Dmitri", "Esra", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Liam", "Mona", "Nils", "Olga", "Pavel", "Rosa", "Sven", "Tara", "Uwe"];
const habits = [
  ["prefers", ["green tea", "black coffee", "sparkling water", "apple juice"], "in the morning"],
  ["takes", ["the early train", "the tram", "the ferry", "a bicycle"], "to work"],
  ["learns", ["Portuguese", "Finnish", "Korean", "Swahili"], "on weekday evenings"],
  ["keeps", ["two cats", "a parrot", "three hens", "an old dog"], "at home"],
  ["plays", ["the cello", "chess", "handball", "the accordion"], "with friends"],
  ["is allergic to", ["peanuts", "pollen", "shellfish", "latex"], "since childhood"],
  ["saves for", ["a sailing boat", "a workshop", "a long journey", "a piano"], "every month"],
  ["lives in", ["Lisbon", "Tampere", "Busan", "Mombasa"], "near the harbour"],
];
/** What is so: one sentence for each person and habit. */
const facts = people.flatMap((person, row) => habits.map(([verb, objects, where], column) => `${person} ${verb} ${objects[(row + column) % objects.length]} ${where}`));

/** The same statement as agents write it down from time to time. The first two are the same words, the others add emphasis. */
const tellings = [(fact) => fact, (fact) => `${fact}.`, (fact) => `${fact.toUpperCase()}!`, (fact) => `Oh, ${fact}`, (fact) => fact.replace(" ", " really "), (fact) => `${fact.replace(" ", " also ")}.`];
const chatter = ["the weather on day", "lunch number", "the draft of chapter", "parcel", "the meeting about item", "photo"];

function words(text) {
  return text.toLowerCase().replace(/[^\p{L}\p{N} ]/gu, "").split(" ").filter((word) => !["oh", "really", "also"].includes(word)).join(" ");
}

async function run(consolidation) {
  const random = randomFrom(Number(values.seed), "agent-loop");
  const pick = (list) => list[Math.floor(random() * list.length)];
  const clock = manualClock(Date.UTC(2026, 0, 1));
  const memory = await openMemory({ now: clock.now, seed: 1, config: { consolidation } });
  const told = new Set();
  const times = [];
  for (let turn = 0; turn < turns; turn++) {
    clock.advance(5 * MINUTE);
    const fact = pick(facts);
    const said = random() < 0.5 ? `I want to talk about ${pick(chatter)} ${turn}` : `Did I say that ${fact}, by the way, when we spoke about number ${turn}?`;
    const started = performance.now();
    const hits = await memory.recall(said, { limit: 5 });
    await memory.add(said, { actor: "user" });
    const chance = random();
    if (chance < 0.5) {
      told.add(fact);
      await memory.add(pick(tellings)(fact), { kind: "semantic", actor: "agent" });
    } else if (chance < 0.8 && hits.length > 0) {
      // The agent notes down what its memory has just told it.
      const { text, kind, actor } = pick(hits);
      await memory.add(pick(tellings.slice(0, 3))(text), { kind, actor });
    }
    times.push(performance.now() - started);
    if (turn % 288 === 287) await memory.maintain();
  }
  await memory.maintain();

  const stored = new Map();
  let records = 0;
  for await (const { text, kind } of memory.list()) {
    const key = `${kind} ${words(text)}`;
    stored.set(key, (stored.get(key) ?? 0) + 1);
    records += 1;
  }
  // Which share of five hits is about five different things, and is the fact that was asked for among them?
  let distinct = 0;
  let asked = 0;
  let found = 0;
  for (const fact of told) {
    const hits = await memory.recall(fact.split(" ").slice(0, 2).join(" "), { limit: 5, touch: false });
    distinct += new Set(hits.map(({ text }) => words(text))).size;
    asked += hits.length;
    const exact = await memory.recall(fact, { limit: 5, touch: false });
    found += exact.some(({ text }) => words(text) === words(fact)) ? 1 : 0;
  }
  const { engine } = await memory.stats();
  const bytes = Object.values(engine.tiers).reduce((sum, tier) => sum + tier.bytes, 0);
  await memory.close();
  times.sort((a, b) => a - b);
  return {
    records, junk: records - stored.size, lost: [...told].filter((fact) => !stored.has(`semantic ${words(fact)}`)).length,
    distinct: distinct / asked, found: found / told.size, bytes, median: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)],
  };
}

const kept = await run({ repeats: "keep", duplicates: false });
const merged = await run(undefined);
const rows = [
  ["records", (r) => r.records.toLocaleString("en-GB")],
  ["of them, records that say what another one says", (r) => r.junk.toLocaleString("en-GB")],
  ["facts that were told and are missing", (r) => r.lost],
  ["different statements among five hits", (r) => `${(100 * r.distinct).toFixed(1)} %`],
  ["questions for a fact that find it among five hits", (r) => `${(100 * r.found).toFixed(1)} %`],
  ["bytes", (r) => r.bytes.toLocaleString("en-GB")],
  ["a turn, median", (r) => `${r.median.toFixed(2)} ms`],
  ["a turn, p99", (r) => `${r.p99.toFixed(2)} ms`],
];
console.log(`\n${turns.toLocaleString("en-GB")} turns, ${facts.length} facts, seed ${values.seed}\n`);
console.log(`  ${"".padEnd(52)} ${"everything kept".padStart(16)} ${"defaults".padStart(16)}`);
for (const [name, show] of rows) console.log(`  ${name.padEnd(52)} ${String(show(kept)).padStart(16)} ${String(show(merged)).padStart(16)}`);
