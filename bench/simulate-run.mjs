// One run of a workload through a real memory: public API, storage in memory, a clock that only the simulation moves.
// Answers figures; prints nothing.

import { openMemory } from "stratamem";
import { manualClock } from "stratamem/testing";
import { DAY } from "./workload.mjs";

export const TIERS = ["working", "intermediate", "long-term"];
const START = Date.parse("2026-01-01T00:00:00Z");
const HOUR = 3_600_000;

/** Classes of the time since a fact was last heard of: told, or needed. */
export const GAPS = [
  { name: "an hour", until: HOUR },
  { name: "a day", until: DAY },
  { name: "a week", until: 7 * DAY },
  { name: "30 days", until: 30 * DAY },
  { name: "longer", until: Infinity },
];

/** What a memory told of itself: moves and evictions by way and reason. */
export function tallyOf(memory) {
  const tally = { moves: new Map(), evictions: new Map() };
  const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);
  const move = ({ from, to, reason }) => count(tally.moves, `${from} → ${to}: ${reason}`);
  memory.on("memory-promoted", move);
  memory.on("memory-demoted", move);
  memory.on("memory-evicted", ({ tier, reason, policy }) => count(tally.evictions, `${tier}: ${reason}${policy ? `, ${policy}` : ""}`));
  return tally;
}

/** Items and bytes of each tier, and of all. */
export async function sizesOf(memory) {
  const { engine } = await memory.stats();
  const tiers = Object.fromEntries(TIERS.map((tier) => [tier, { items: engine.tiers[tier].items, bytes: engine.tiers[tier].bytes }]));
  const total = (key) => TIERS.reduce((sum, tier) => sum + tiers[tier][key], 0);
  return { tiers, items: total("items"), bytes: total("bytes") };
}

/** What each fact of a workload takes in a memory, in bytes. */
export async function factBytes({ facts }) {
  const memory = await openMemory({ embedder: false, seed: 1, now: () => START, config: { defaultTier: "long-term" } });
  const ids = await memory.addMany(facts.map(({ text, importance }) => ({ text, ...(importance !== undefined && { importance }) })));
  const bytes = [];
  for (const id of ids) bytes.push((await memory.explainTransition(id)).bytes);
  await memory.close();
  return bytes;
}

/**
 * Runs `workload` through a memory of `config`. A need asks for a fact: with `ask` "get" by its id, with "recall" by a
 * question, where it is a hit if it is among the first ten. A fact that is missed is told again, as people do.
 */
export async function simulate(workload, config, { ask = "get" } = {}) {
  const clock = manualClock(START);
  const memory = await openMemory({ embedder: false, seed: workload.seed, now: clock.now, config });
  const tally = tallyOf(memory);
  const { facts } = workload;
  const ids = new Array(facts.length);
  const factOfId = new Map();
  const heard = new Float64Array(facts.length).fill(-Infinity);
  const gaps = GAPS.map(() => ({ needs: 0, hits: 0 }));
  const days = Array.from({ length: workload.days }, () => ({ needs: 0, hits: 0 }));
  /** Per fact: how often it was forgotten, and how often it was then needed. */
  const fates = facts.map(() => ({ forgotten: 0, regretted: 0 }));
  let refused = 0;
  let peak = { items: 0, bytes: 0 };
  const evicted = [];
  memory.on("memory-evicted", ({ id }) => evicted.push(id));
  const watch = async () => {
    const size = await sizesOf(memory);
    peak = { items: Math.max(peak.items, size.items), bytes: Math.max(peak.bytes, size.bytes) };
    return size;
  };
  const tell = async (fact) => {
    const { text, importance } = facts[fact];
    try {
      ids[fact] = await memory.add(text, importance === undefined ? {} : { importance });
      factOfId.set(ids[fact], fact);
    } catch (error) {
      if (error.code !== "tier-full") throw error;
      refused += 1;
    }
    // Without this, limits may be passed by an eighth between two maintenances.
    await memory.maintain();
  };
  const found = async (fact) => {
    if (ids[fact] === undefined) return false;
    if (ask === "get") return (await memory.get(ids[fact])) !== undefined;
    return (await memory.recall(facts[fact].question, { limit: 10 })).some((hit) => hit.id === ids[fact]);
  };

  let maintained = 0;
  let next = 0;
  for (let day = 0; day < workload.days; day += 1) {
    for (; next < workload.events.length && workload.events[next].at < (day + 1) * DAY; next += 1) {
      const { at, tells, needs } = workload.events[next];
      clock.set(START + at);
      if (at - maintained >= HOUR) {
        maintained = at;
        await watch();
        await memory.maintain();
      }
      const fact = tells ?? needs;
      if (needs !== undefined) {
        const hit = await found(fact);
        const gap = gaps[GAPS.findIndex(({ until }) => at - heard[fact] < until)];
        for (const count of [gap, days[day]]) {
          count.needs += 1;
          count.hits += hit ? 1 : 0;
        }
        if (!hit) fates[fact].regretted += 1;
        if (!hit) await tell(fact);
      } else {
        await tell(fact);
      }
      heard[fact] = at;
    }
    clock.set(START + (day + 1) * DAY);
    maintained = (day + 1) * DAY;
    await memory.maintain();
    Object.assign(days[day], await watch());
  }
  await memory.close();

  for (const id of evicted) fates[factOfId.get(id)].forgotten += 1;
  const needs = days.reduce((sum, day) => sum + day.needs, 0);
  const hits = days.reduce((sum, day) => sum + day.hits, 0);
  const forgotten = fates.reduce((sum, fate) => sum + fate.forgotten, 0);
  const worst = fates.map((fate, fact) => ({ text: facts[fact].text, ...fate })).filter((fate) => fate.forgotten > 0);
  return {
    needs,
    hits,
    hitRate: hits / needs,
    gaps: GAPS.map(({ name }, index) => ({ name, ...gaps[index] })),
    days,
    peak,
    refused,
    moves: Object.fromEntries(tally.moves),
    evictions: Object.fromEntries(tally.evictions),
    forgotten: {
      count: forgotten,
      facts: worst.length,
      neverMissed: worst.filter((fate) => fate.regretted === 0).length,
      missedMost: worst.filter((fate) => fate.regretted > 0).sort((a, b) => b.regretted - a.regretted).slice(0, 3),
      rightly: worst.filter((fate) => fate.regretted === 0).slice(0, 3),
    },
  };
}
