// Measures what the policies cost: decisions a second, how maintenance holds its budget on a large memory, and whether
// the cost of a use grows with the memory.
//
//   npm run bench:maintain [-- --records N]

import { parseArgs } from "node:util";
import { openMemory } from "stratamem";
import { memoryPlace, memoryStorage } from "stratamem/storage/memory";
import { manualClock } from "stratamem/testing";

const { values } = parseArgs({ options: { records: { type: "string", default: "100000" } } });
const count = Number(values.records);
const day = 86_400_000;
const quantile = (times, share) => [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))];
const show = (name, value) => console.log(`  ${name.padEnd(64)} ${value}`);

async function elapsed(job) {
  const started = performance.now();
  await job();
  return performance.now() - started;
}

async function filled(records, config, storage = memoryStorage()) {
  const clock = manualClock(Date.UTC(2026, 0, 1));
  const memory = await openMemory({ embedder: false, now: clock.now, config, storage });
  for (let at = 0; at < records; at += 5_000) {
    const batch = Array.from({ length: Math.min(5_000, records - at) }, (_, index) => ({ text: `note ${at + index} on subject ${(at + index) % 997}`, importance: ((at + index) % 100) / 100 }));
    await memory.addMany(batch);
    clock.advance(60_000);
  }
  return { memory, clock };
}

/** Turns of maintenance until nothing is due, each with a budget: how long each took. */
async function turns(memory, budgetMs) {
  const times = [];
  for (let more = true; more; ) {
    const started = performance.now();
    ({ more } = await memory.maintain({ budgetMs }));
    times.push(performance.now() - started);
  }
  return times;
}

const name = count.toLocaleString("en-GB");
console.log(`\n${name} records, no vectors`);
{
  // Every record is judged, and none moves.
  const rule = { hybrid: { uses: 0.4, importance: 0.4, retention: 0.2, age: 0.01, threshold: 1 } };
  const { memory, clock } = await filled(count, { working: { promote: rule } });
  await memory.maintain();
  clock.advance(day);
  const started = performance.now();
  await memory.maintain();
  const seconds = (performance.now() - started) / 1_000;
  show("decisions of promotion a second", Math.round(count / seconds).toLocaleString("en-GB"));
  clock.advance(day);
  const times = await turns(memory, 5);
  show(`the same round in turns of 5 ms: turns, median, p99, longest`, `${times.length}, ${quantile(times, 0.5).toFixed(2)}, ${quantile(times, 0.99).toFixed(2)}, ${Math.max(...times).toFixed(2)} ms`);
  await memory.close();
}
{
  const place = memoryPlace();
  const roomy = await filled(count, { defaultTier: "long-term" }, memoryStorage({ place }));
  const { bytes } = (await roomy.memory.stats()).engine.tiers["long-term"];
  show("sealing and merging what was added, without a budget", `${(await elapsed(() => roomy.memory.maintain())).toFixed(0)} ms`);
  await roomy.memory.close();
  const config = { defaultTier: "long-term", longTerm: { maxBytes: Math.floor(bytes * 0.9) } };
  const memory = await openMemory({ embedder: false, now: () => Date.UTC(2026, 1, 1), config, storage: memoryStorage({ place }) });
  const times = await turns(memory, 5);
  show(`eviction of a tenth of ${(bytes / 1e6).toFixed(0)} MB in turns of 5 ms: turns, p99, longest`, `${times.length}, ${quantile(times, 0.99).toFixed(2)}, ${Math.max(...times).toFixed(2)} ms`);
  await memory.close();
}
{
  // Everything is used, then everything moves; what the logs hold of it is sealed.
  const place = memoryPlace();
  const { memory, clock } = await filled(count, { working: { ttl: day }, intermediate: {} }, memoryStorage({ place }));
  await memory.maintain({ compact: true });
  const stored = () => [...place.snapshot().values()].reduce((sum, bytes) => sum + bytes.length, 0);
  const whole = stored();
  for await (const { id } of memory.list()) await memory.get(id);
  const used = await turns(memory, 5);
  clock.advance(2 * day);
  const moved = await turns(memory, 5);
  const summary = (times) => `${times.length}, ${quantile(times, 0.99).toFixed(2)}, ${Math.max(...times).toFixed(2)} ms`;
  show("telling and sealing a use of each in turns of 5 ms: turns, p99, longest", summary(used));
  show("moving each and sealing that: turns, p99, longest", summary(moved));
  show("storage of a record; what a use and a move of each added to it", `${Math.round(whole / count)} bytes; ${Math.round((stored() - whole) / count)} bytes`);
  const merged = [];
  for (let more = true; more; ) {
    const started = performance.now();
    ({ more } = await memory.maintain({ budgetMs: 5, compact: true }));
    merged.push(performance.now() - started);
  }
  show("compacting all of it: turns, p99, longest", summary(merged));
  await memory.close();
  const opened = await openMemory({ embedder: false, now: clock.now, storage: memoryStorage({ place }) });
  await opened.close();
  const times = [];
  for (let round = 0; round < 5; round += 1) times.push(await elapsed(async () => (await openMemory({ embedder: false, now: clock.now, storage: memoryStorage({ place }) })).close()));
  show("opening it", `${quantile(times, 0.5).toFixed(0)} ms`);
}
{
  // Commits one after the other, without maintenance: they pay for sealing what another commit has left.
  const { memory } = await filled(count, { working: {} });
  const ids = [];
  for await (const { id } of memory.list()) ids.push(id);
  await memory.transaction((tx) => ids.slice(0, 40_000).forEach((id) => tx.promote(id)));
  const times = [];
  for (let at = 0; at < 20_000; at += 1) times.push(await elapsed(() => memory.add(`another note ${at} on subject ${at % 997}`)));
  show("an add that pays its part of sealing: median, p99, p99.9, longest", [0.5, 0.99, 0.999, 1].map((share) => quantile(times, share).toFixed(2)).join(", ") + " ms");
  await memory.close();
}
{
  // An agent that only reads: ten records at a time out of the hot ones, told every tenth time.
  for (const hot of [500, count]) {
    const place = memoryPlace();
    const { memory } = await filled(count, { working: {} }, memoryStorage({ place }));
    await memory.maintain({ compact: true });
    const ids = [];
    for await (const { id } of memory.list()) ids.push(id);
    let bytes = 0;
    const { apply } = place;
    place.apply = (operations) => {
      for (const operation of operations) if (operation.type !== "remove") bytes += operation.bytes.length;
      apply(operations);
    };
    const uses = 200_000;
    for (let use = 0; use < uses; use += 1) {
      await memory.get(ids[(use * 7_919) % hot]);
      if (use % 100 === 99) await memory.maintain({ budgetMs: 5 });
    }
    await memory.maintain();
    show(`bytes written for a use, one of ${hot.toLocaleString("en-GB")} records`, (bytes / uses).toFixed(0));
    await memory.close();
  }
}
for (const records of [1_000, count]) {
  const { memory } = await filled(records, { working: {} });
  const ids = [];
  for await (const { id } of memory.list({ limit: 1_000 })) ids.push(id);
  const rounds = [];
  for (let round = 0; round < 9; round += 1) {
    const started = performance.now();
    for (const id of ids) await memory.get(id);
    rounds.push((performance.now() - started) / ids.length);
  }
  show(`a use of one record among ${records.toLocaleString("en-GB")}, judged`, `${(quantile(rounds, 0.5) * 1_000).toFixed(1)} µs`);
  await memory.close();
}
