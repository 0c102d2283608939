// Consolidation through the package: repeats, duplicates, summaries, and what forgetting does to them.

import { afterEach, describe, expect, it } from "vitest";
import { openMemory, type Memory, type OpenOptions } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { fakeEmbedder, manualClock } from "../../dist/esm/testing/index.js";
import { heard } from "./support.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const start = Date.UTC(2026, 0, 5, 9);

const opened: Memory[] = [];
afterEach(async () => {
  for (const memory of opened.splice(0)) await memory.close();
});

async function open(options: OpenOptions = {}): Promise<Memory> {
  const memory = await openMemory({ seed: 1, ...options });
  opened.push(memory);
  return memory;
}

async function all(memory: Memory): Promise<{ id: string; text: string }[]> {
  const records = [];
  for await (const record of memory.list()) records.push(record);
  return records;
}

const trip = [
  "We booked the train to Lisbon for the spring holiday.",
  "The train to Lisbon leaves at nine in the morning.",
  "In Lisbon we stay near the river, and the holiday flat has a balcony.",
  "After the holiday the train home from Lisbon was late.",
];

/** A memory in which Ada told of a trip, and the moment at which that is old. */
async function told(options: OpenOptions = {}): Promise<{ memory: Memory; ids: string[]; clock: ReturnType<typeof manualClock> }> {
  const clock = manualClock(start);
  const episodes = { retentionBelow: 1, share: 0.6, group: { similarity: 0 } };
  const memory = await open({ now: () => clock.now(), config: { defaultTier: "intermediate", consolidation: { episodes } }, ...options });
  const ids = await memory.addMany(trip.map((text, hour) => ({ text, actor: "Ada", occurredAt: start + hour * HOUR, metadata: { hour } })));
  clock.advance(8 * DAY);
  return { memory, ids, clock };
}

describe("repeats", () => {
  it("are not added, and resolve to the record that is there", async () => {
    const memory = await open();
    const events = heard(memory, "memory-repeated");
    const first = await memory.add("Ada prefers metric units", { kind: "semantic" });
    expect(await memory.add("ada prefers metric units!", { kind: "semantic" })).toBe(first);
    expect(await memory.addMany([{ text: "Ada prefers metric units", kind: "semantic" }, "Something else"])).toEqual([first, expect.any(String)]);
    expect(events).toEqual([{ id: first, because: "known" }, { id: first, because: "known" }]);
    expect((await memory.stats()).records).toBe(2);
    expect((await memory.get(first))?.accessCount).toBe(2);
  });

  it("of a recall are recognised, in exact and in other words", async () => {
    const clock = manualClock(start);
    const memory = await open({ now: () => clock.now() });
    const events = heard(memory, "memory-repeated");
    const known = await memory.add("Ada really prefers metric units for cooking");
    expect(await memory.recall("which units does Ada prefer?")).toHaveLength(1);
    expect(await memory.add("Ada really prefers metric units for cooking.")).toBe(known);
    expect(await memory.add("Ada prefers metric units for cooking")).toBe(known);
    expect(events).toEqual([{ id: known, because: "recalled" }, { id: known, because: "recalled" }]);
    clock.advance(HOUR);
    expect(await memory.add("Ada really prefers metric units for cooking.")).not.toBe(known);
  });

  it("of an import of one's own are one by the moment", async () => {
    const memory = await open();
    const turns = [{ text: "See you!", occurredAt: "2026-01-02T10:00:00Z" }, { text: "See you!", occurredAt: "2026-01-03T10:00:00Z" }];
    const ids = await memory.addMany(turns);
    expect(await memory.addMany(turns)).toEqual(ids);
    expect(new Set(ids).size).toBe(2);
  });

  it("are kept by an id, by a transaction and by configuration", async () => {
    const memory = await open();
    const first = await memory.add("Ada prefers metric units", { kind: "semantic" });
    const second = await memory.transaction((tx) => tx.add("Ada prefers metric units", { kind: "semantic" }));
    expect(second).not.toBe(first);
    expect((await memory.get(second))?.id).toBe(second);
    const keeping = await open({ config: { consolidation: { repeats: "keep", duplicates: false } } });
    await keeping.addMany([{ text: "same words", kind: "semantic" }, { text: "same words", kind: "semantic" }]);
    await keeping.maintain();
    expect((await keeping.stats()).records).toBe(2);
  });

  it("stay within their scope", async () => {
    const memory = await open();
    const [ada, bob] = [memory.scope({ user: "ada" }), memory.scope({ user: "bob" })];
    const first = await ada.add("I like green tea", { kind: "semantic" });
    expect(await bob.add("I like green tea", { kind: "semantic" })).not.toBe(first);
    await memory.maintain();
    expect((await bob.stats()).records).toBe(1);
  });
});

describe("duplicates", () => {
  it("become one record, to which their ids lead", async () => {
    const place = memoryPlace();
    const memory = await open({ storage: memoryStorage({ place }), config: { consolidation: { repeats: "keep" } } });
    const events = heard(memory, "memory-consolidated");
    const ids = await memory.addMany([1, 2, 3].map(() => ({ text: "Tea is served at five", kind: "semantic" })));
    const [first, second, third] = ids as [string, string, string];
    expect(await memory.maintain()).toMatchObject({ merged: 2, summarized: 0, more: false });
    expect(events).toEqual([{ id: first, origins: [second, third], form: "duplicate" }]);
    expect((await memory.get(third))?.id).toBe(first);
    expect((await memory.get(first))?.origins?.map(({ id }) => id)).toEqual([second, third]);
    await expect(memory.update(second, { importance: 1 })).rejects.toMatchObject({ code: "consolidated", details: { id: second, into: first } });
    expect(await memory.forget(second)).toBe(1);
    expect(await memory.get(second)).toBeUndefined();
    expect((await memory.get(first))?.origins).toHaveLength(1);

    // An export holds what was consolidated, and a memory made of it knows the ids.
    let lines = "";
    for await (const line of memory.export()) lines += line;
    const copy = await open();
    await copy.import(lines);
    expect((await copy.get(third, { touch: false }))?.id).toBe(first);
    expect(await all(copy)).toEqual(await all(memory));
  });

  it("of other words go into the one that says it all", async () => {
    const memory = await open();
    await memory.add("Ada prefers metric units", { kind: "semantic" });
    const long = await memory.add("Ada really prefers metric units", { kind: "semantic" });
    await memory.add("Ada never prefers metric units", { kind: "semantic" });
    expect(await memory.maintain()).toMatchObject({ merged: 1 });
    expect((await memory.get(long))?.origins).toEqual([expect.objectContaining({ text: "Ada prefers metric units" })]);
    expect((await memory.stats()).records).toBe(2);
  });
});

describe("summaries", () => {
  it("take the place of old episodes", async () => {
    const { memory, ids } = await told();
    const events = heard(memory, "memory-consolidated");
    expect(await memory.maintain()).toMatchObject({ summarized: 4, more: false });
    const [record, ...others] = await all(memory);
    expect(others).toEqual([]);
    expect(record).toMatchObject({ summary: true, tier: "long-term", actor: "Ada", kind: "episodic", occurredAt: start });
    for (const line of (record as { text: string }).text.split("\n")) expect(trip.join(" ")).toContain(line);
    expect(events).toEqual([{ id: record?.id, origins: ids, form: "summary" }]);
    const [hit] = await memory.recall("when does the train to Lisbon leave?");
    expect(hit?.id).toBe(record?.id);
    expect(hit?.why.signals.map(({ signal }) => signal)).toContain("dense");
    expect(await memory.maintain()).toMatchObject({ summarized: 0, more: false });
  });

  it("never come by themselves", async () => {
    const { memory } = await told({ config: { defaultTier: "intermediate" } });
    await memory.maintain();
    expect((await memory.stats()).records).toBe(4);
  });

  it("are in the words of a function of one's own", async () => {
    const asked: unknown[] = [];
    const summarize = async (texts: readonly string[], context: object): Promise<string> => {
      asked.push(texts, context);
      return "Ada went to Lisbon by train in spring.";
    };
    const { memory, ids } = await told({ summarize });
    await memory.maintain();
    expect(asked).toEqual([trip, { actor: "Ada", from: start, to: start + 3 * HOUR }]);
    const [record] = await all(memory);
    expect(record?.text).toBe("Ada went to Lisbon by train in spring.");
    // Its words may come from any of them: without one, only what was taken from the others is left.
    await memory.forget(ids[0] as string);
    const rest = (await memory.get(record?.id as string))?.text as string;
    expect(rest).not.toContain("by train in spring");
    expect(rest.split("\n").every((line) => trip.slice(1).some((text) => text.includes(line)))).toBe(true);
  });

  it("wait when a function fails, throws or answers nonsense", async () => {
    for (const summarize of [() => Promise.reject(new Error("no model today")), () => "  ", () => 7 as unknown as string]) {
      const { memory, ids, clock } = await told({ summarize });
      const failures = heard(memory, "summary-failed");
      expect(await memory.maintain()).toMatchObject({ summarized: 0, more: false });
      expect(failures).toEqual([{ ids, error: expect.any(Error) }]);
      expect((await memory.stats()).records).toBe(4);
      // It is asked again later, not at once.
      await memory.maintain();
      expect(failures).toHaveLength(1);
      clock.advance(2 * HOUR);
      await memory.maintain();
      expect(failures).toHaveLength(2);
    }
  });

  it("wait when the embedder fails", async () => {
    let reachable = true;
    const embedder = fakeEmbedder({ failOn: () => !reachable && new Error("connection refused") });
    const { memory, ids } = await told({ embedder });
    const failures = heard(memory, "summary-failed");
    reachable = false;
    expect(await memory.maintain()).toMatchObject({ summarized: 0, more: false });
    expect(failures).toEqual([{ ids, error: expect.objectContaining({ code: "embedder-failed" }) }]);
    expect((await memory.stats()).records).toBe(4);
  });

  it("are not made of what has changed meanwhile", async () => {
    let change: () => Promise<unknown> = () => Promise.resolve();
    const { memory, ids } = await told({ summarize: () => change().then(() => "Ada went to Lisbon.") });
    change = () => memory.forget(ids[1] as string);
    expect(await memory.maintain()).toMatchObject({ summarized: 0 });
    expect((await all(memory)).map(({ id }) => id)).toEqual(ids.filter((id) => id !== ids[1]));
  });

  it("lose what is forgotten, by id and by filter, and are found by what is left", async () => {
    const { memory, ids } = await told({ config: { defaultTier: "intermediate", consolidation: { episodes: { retentionBelow: 1, share: 1, group: { similarity: 0 } } } } });
    await memory.maintain();
    const [summary] = await all(memory);
    const id = summary?.id as string;
    const before = await memory.vector(id);
    expect(await memory.forget({ filter: { hour: 1 } })).toBe(1);
    const record = await memory.get(id);
    expect(record?.text).toBe([trip[0], trip[2], trip[3]].join("\n"));
    const after = await memory.vector(id);
    expect(after).toHaveLength((before as Float32Array).length);
    expect(after).not.toEqual(before);
    expect(await memory.get(ids[1] as string)).toBeUndefined();
    // All of it at once, the summary among them.
    expect(await memory.forget({ filter: { $actor: "Ada" } })).toBe(4);
    expect((await memory.stats()).records).toBe(0);
  });

  it("have the vector of what is left and of who says it, when both change in one transaction", async () => {
    for (const forgetsFirst of [true, false]) {
      const episodes = { retentionBelow: 1, share: 1, group: { similarity: 0 } };
      const { memory, ids } = await told({ embedder: fakeEmbedder(), config: { defaultTier: "intermediate", consolidation: { episodes } } });
      await memory.maintain();
      const [summary] = await all(memory);
      const id = summary?.id as string;
      await memory.transaction((tx) => {
        if (forgetsFirst) tx.forget(ids[0] as string);
        tx.update(id, { actor: "Grace" });
        if (!forgetsFirst) tx.forget(ids[0] as string);
      });
      const left = await memory.get(id);
      expect(left).toMatchObject({ actor: "Grace", text: trip.slice(1).join("\n") });
      const other = await open({ embedder: fakeEmbedder() });
      const same = await other.add(left?.text as string, { actor: "Grace" });
      expect(await memory.vector(id)).toEqual(await other.vector(same));
    }
  });

  it("have the vector of what is left, though more is forgotten while that is embedded", async () => {
    let wait: Promise<unknown> | undefined;
    const embedder = fakeEmbedder({
      answer: async (vectors) => {
        const waited = wait;
        wait = undefined;
        await waited;
        return vectors;
      },
    });
    // All that was said is in the summary, so that each forgetting changes its text.
    const episodes = { retentionBelow: 1, share: 1, group: { similarity: 0 } };
    const { memory, ids } = await told({ embedder, config: { defaultTier: "intermediate", consolidation: { episodes } } });
    expect(await memory.maintain()).toMatchObject({ summarized: 4 });
    let go = (): void => undefined;
    wait = new Promise<void>((resolve) => (go = resolve));
    const calls = embedder.calls.length;
    const slow = memory.forget(ids[0] as string);
    await memory.forget(ids[1] as string);
    go();
    await slow;
    const [left] = await all(memory);
    const other = await open({ embedder: fakeEmbedder() });
    const id = await other.add(left?.text as string, { actor: "Ada" });
    expect(trip.map((sentence) => left?.text.includes(sentence))).toEqual([false, false, true, true]);
    expect(embedder.calls.length).toBe(calls + 3);
    expect(await memory.vector(left?.id as string)).toEqual(await other.vector(id));
  });

  it("hold their budget of time", async () => {
    const { memory } = await told();
    let turns = 0;
    let report = await memory.maintain({ budgetMs: 0 });
    while (report.more) {
      report = await memory.maintain({ budgetMs: 0 });
      turns += 1;
      expect(turns).toBeLessThan(100);
    }
    expect((await memory.stats()).records).toBe(1);
  });
});

describe("what went into another record", () => {
  const fact = (text: string, more: object = {}): { text: string; kind: string } => ({ text, kind: "semantic", ...more });
  const keep: OpenOptions = { config: { consolidation: { repeats: "keep" } } };

  async function exported(memory: Memory): Promise<string> {
    let lines = "";
    for await (const line of memory.export()) lines += line;
    return lines;
  }

  it("is never another scope's, though hashes can be made to meet", async () => {
    const memory = await open();
    const [ada, mallory] = [memory.scope({ user: "a" }), memory.scope({ user: "b" })];
    const id = await ada.add("Ada prefers metric units", { kind: "semantic" });
    const forged = "\u0002\u0007\f\u0003\u0002\u0006\u0005\u0007\u0005\u0018\u001f\u0001\u0000\u0001;\u0006";
    await mallory.add("mallory was here today", { kind: "semantic", pinned: true, metadata: { k2: forged } });
    expect(await memory.maintain()).toMatchObject({ merged: 0 });
    expect((await ada.get(id))?.text).toBe("Ada prefers metric units");
  });

  it("leads to one record, however memories are brought together", async () => {
    const one = await open(keep);
    const first = await one.add("Ada prefers metric units", { kind: "semantic" });
    const start = await exported(one);
    const two = await open(keep);
    await two.import(start);
    const mine = await one.add("Ada really prefers metric units", { kind: "semantic" });
    await one.maintain();
    const theirs = await two.add("Ada also prefers metric units", { kind: "semantic" });
    await two.maintain();
    await one.import(await exported(two), { onConflict: "skip" });
    expect((await one.get(first))?.id).toBe(mine);
    await one.forget(theirs);
    expect((await one.get(first))?.id).toBe(mine);
    expect(await one.forget({ filter: { $id: first } })).toBe(1);
    expect(await one.get(first)).toBeUndefined();
    expect((await one.get(mine))?.origins).toBeUndefined();
    // An export from before replaces what it holds.
    await one.import(start, { onConflict: "replace" });
    expect((await one.get(first))?.text).toBe("Ada prefers metric units");
  });

  it("cannot be claimed from outside its scope", async () => {
    const memory = await open(keep);
    const [ada, bob] = [memory.scope({ user: "a" }), memory.scope({ user: "b" })];
    const [survivor, old] = await ada.addMany([fact("Tea is served at five"), fact("Tea is served at five")]);
    await memory.maintain();
    const alive = await ada.add("Ada lives in Lisbon", { kind: "semantic" });
    await bob.add("anything");
    const [header, line] = (await exported(bob)).split("\n");
    const forged = JSON.stringify({ ...JSON.parse(line as string), id: "01BX5ZZKBKACTAV9WEVGEMMVRZ", origins: [{ id: old, occurredAt: 1 }, { id: alive, occurredAt: 1 }] });
    await bob.import(`${header}\n${forged}`);
    expect((await ada.get(old as string))?.id).toBe(survivor);
    expect(await bob.get(old as string)).toBeUndefined();
    expect(await ada.forget({ filter: { $id: old as string } })).toBe(1);
    await ada.forget(alive);
    expect(await memory.get(alive)).toBeUndefined();
    await expect(bob.import(`${header}\n${JSON.stringify({ ...JSON.parse(forged), id: "01BX5ZZKBKACTAV9WEVGEMMVS0", summary: true, origins: [{ id: survivor, occurredAt: 1 }] })}`)).rejects.toMatchObject({ code: "already-exists" });
  });

  it("keeps its own source, and words that the survivor gives up", async () => {
    const memory = await open(keep);
    const [first, second] = await memory.addMany([fact("Ada prefers metric units"), fact("Ada prefers metric units", { source: "chat/2" })]);
    await memory.maintain();
    expect((await memory.get(first as string))?.source).toBeUndefined();
    await memory.update(first as string, { text: "Completely other words" });
    expect((await memory.get(first as string))?.origins).toEqual([expect.objectContaining({ id: second, source: "chat/2", text: "Ada prefers metric units" })]);
    expect(await memory.forget({ filter: { $source: "chat/2" } })).toBe(1);
    expect((await memory.get(first as string))?.text).toBe("Completely other words");
  });

  it("is asked for by its old id", async () => {
    const memory = await open(keep);
    const [first, second] = await memory.addMany([fact("Tea is served at five"), fact("Tea is served at five")]);
    await memory.maintain();
    expect((await memory.explainTransition(second as string))?.id).toBe(first);
    expect(await memory.vector(second as string)).toEqual(await memory.vector(first as string));
    expect(await memory.forget([second as string, first as string])).toBe(2);
    expect((await memory.stats()).records).toBe(0);
  });

  it("is still led to from the summary that its record went into", async () => {
    const clock = manualClock(start);
    const config = { defaultTier: "intermediate", consolidation: { episodes: { retentionBelow: 1, share: 0.6, group: { similarity: 0 } } } } as const;
    const memory = await open({ now: () => clock.now(), config });
    const ids = await memory.addMany([...trip, trip[0] as string].map((text, hour) => ({ text, actor: "Ada", occurredAt: start + hour * HOUR })));
    clock.advance(8 * DAY);
    expect(await memory.maintain()).toMatchObject({ merged: 1, summarized: 4 });
    const [summary] = await all(memory);
    for (const id of ids) expect((await memory.get(id))?.id).toBe(summary?.id);
    expect(await memory.forget(ids[4] as string)).toBe(1);
    expect((await memory.get(summary?.id as string))?.text).toBe(summary?.text);
  });

  it("does not move what is pinned", async () => {
    const memory = await open(keep);
    const [pinned] = await memory.addMany([fact("Tea is served at five", { pinned: true }), fact("Tea is served at five", { tier: "long-term" })]);
    expect(await memory.maintain()).toMatchObject({ merged: 1 });
    expect(await memory.get(pinned as string)).toMatchObject({ tier: "working", pinned: true });
  });
});

describe("a repeat that asks for more", () => {
  it("is a record of its own", async () => {
    const memory = await open();
    const first = await memory.add("Ada prefers metric units", { kind: "semantic" });
    for (const more of [{ pinned: true }, { tier: "long-term" }, { source: "chat" }] as const) {
      expect(await memory.add("Ada prefers metric units", { kind: "semantic", ...more })).not.toBe(first);
    }
    const told = await memory.add("We met at the lake on Friday");
    await memory.recall("where did we meet?");
    expect(await memory.add("We met at the lake on Friday", { importance: 1 })).toBe(told);
    expect((await memory.get(told))?.importance).toBe(0.5);
    expect(await memory.add("We met at the lake on Friday", { occurredAt: "2020-01-01" })).not.toBe(told);
  });
});

describe("words for summaries", () => {
  it("that cannot be used are told of like those that fail", async () => {
    for (const options of [{ summarize: () => "x".repeat(500) }, { embedder: fakeEmbedder({ answer: (vectors, { texts }) => (texts[0] === "Ada: short" ? vectors.map(() => new Float32Array(3).fill(1)) : vectors) }), summarize: () => "short" }]) {
      const episodes = { retentionBelow: 1, share: 0.6, group: { similarity: 0 } };
      const { memory } = await told({ ...options, config: { defaultTier: "intermediate", maxTextBytes: 200, consolidation: { episodes } } });
      const failures = heard(memory, "summary-failed");
      expect(await memory.maintain()).toMatchObject({ summarized: 0, more: false });
      expect(failures).toHaveLength(1);
    }
  });

  it("are not asked for where there is no room, nor twice at once", async () => {
    let asked = 0;
    const summarize = async (): Promise<string> => {
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return "Ada went to Lisbon.";
    };
    const episodes = { retentionBelow: 1, share: 0.6, group: { similarity: 0 } };
    const full = await told({ summarize, config: { defaultTier: "intermediate", longTerm: { maxItems: 1, onLimit: "reject" }, consolidation: { episodes } } });
    await full.memory.add("already there", { tier: "long-term" });
    await full.memory.maintain();
    expect(asked).toBe(0);
    const { memory } = await told({ summarize });
    const reports = await Promise.all([memory.maintain(), memory.maintain()]);
    expect(asked).toBe(1);
    expect(reports.map(({ summarized }) => summarized)).toEqual([4, 0]);
  });
});

describe("bad configuration", () => {
  it("is refused with every field named", async () => {
    const consolidation = { repeats: "sometimes", recallWindow: -1, episodes: { share: 0, group: { min: 1 } }, other: 1 } as never;
    const error = await openMemory({ config: { consolidation } }).catch((thrown: Error) => thrown);
    for (const field of ["consolidation/repeats", "consolidation/recallWindow", "consolidation/other"]) expect(String(error)).toContain(field);
    await expect(openMemory({ config: { consolidation: { episodes: { share: 0, group: { min: 1, max: 300 } } } } })).rejects.toThrow(/min .*max .*share /);
    for (const [bad, field] of [
      [{ consolidation: null }, "consolidation"], [{ consolidation: { episodes: null } }, "consolidation/episodes"], [{ kinds: null }, "kinds"],
      [{ kinds: { note: { consolidate: "sometimes" } } }, "kinds/note/consolidate"], [{ kinds: { "": {} } }, "kinds"],
    ] as const) {
      await expect(openMemory({ config: bad as never }), field).rejects.toMatchObject({ code: "invalid-argument", details: { field } });
    }
    await expect(openMemory({ summarize: "yes" as never })).rejects.toMatchObject({ code: "invalid-argument", details: { field: "summarize" } });
  });
});
