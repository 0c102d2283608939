// Budgets of kinds and of all tiers together, evictions by a policy of the user's own, and how soon keepMaintained wakes.

import { afterEach, describe, expect, it, vi } from "vitest";
import { keepMaintained, openMemory, type EngineConfig, type Figures, type Memory, type OpenOptions } from "../../dist/esm/entry/inline.js";
import { manualClock } from "../../dist/esm/testing/index.js";
import { heard } from "./support.js";

const hour = 3_600_000;
const start = Date.UTC(2026, 2, 1, 12);

async function open(config: EngineConfig = {}, options: OpenOptions = {}): Promise<{ memory: Memory; clock: ReturnType<typeof manualClock> }> {
  const clock = manualClock(start);
  return { memory: await openMemory({ embedder: false, now: clock.now, config, ...options }), clock };
}

const notes = (count: number): { text: string; importance: number }[] => Array.from({ length: count }, (_, index) => ({ text: `note ${index}`, importance: (index % 10) / 10 }));

describe("a kind", () => {
  it("keeps to its limit over all tiers, and fades as it is built in", async () => {
    const { memory, clock } = await open({ kinds: { procedural: { maxItems: 2 } } });
    const evicted = heard(memory, "memory-evicted");
    const [a, b, c] = (await memory.addMany([
      { text: "a", kind: "procedural", tier: "long-term", importance: 0.1 },
      { text: "b", kind: "procedural", importance: 0.9 },
      { text: "c", kind: "procedural", tier: "intermediate" },
      { text: "other", importance: 0 },
    ])) as [string, string, string];
    clock.advance(hour / 2);
    await memory.maintain();
    const { worth, retention } = (await memory.explainTransition(b)) ?? {};
    expect(evicted).toEqual([{ id: a, tier: "long-term", reason: "kind-limit", policy: "low-worth", score: expect.closeTo(0.775, 2) as number }]);
    expect(worth).toBeCloseTo((retention as number) * 0.975, 10);
    expect(retention).toBeGreaterThan(0.9995);
    const { engine } = await memory.stats();
    expect(engine?.kinds.map(({ kind, items }) => [kind, items])).toEqual([["episodic", 1], ["procedural", 2]]);
    expect(engine?.tiers["long-term"].evicted.kindLimit).toBe(1);
    expect(await memory.get(c)).toBeDefined();
    await memory.close();
  });
});

describe("the whole memory", () => {
  it("keeps to its limit, whatever the tiers", async () => {
    const { memory, clock } = await open({ total: { maxBytes: 40_000 } });
    const evicted = heard(memory, "memory-evicted");
    const ids = await memory.addMany(Array.from({ length: 60 }, (_, index) => ({ text: `note ${index} ${"x".repeat(200)}`, importance: index % 2 ? 0.9 : 0.1, tier: index % 3 ? ("working" as const) : ("long-term" as const) })));
    clock.advance(hour / 2);
    await memory.maintain();
    const { tiers = undefined } = (await memory.stats()).engine ?? {};
    const held = Object.values(tiers ?? {}).reduce((sum, tier) => sum + tier.bytes, 0);
    expect(held).toBeLessThanOrEqual(40_000);
    expect(held).toBeGreaterThan(38_000);
    expect(new Set(evicted.map(({ tier, reason, policy }) => `${tier} ${reason} ${policy}`))).toEqual(new Set(["working total-limit low-worth", "long-term total-limit low-worth"]));
    for (const { id } of evicted) expect(ids.indexOf(id) % 2).toBe(0);
    await memory.close();
  });

  it("can warn", async () => {
    const { memory } = await open({ total: { maxItems: 2, onLimit: "warn" } });
    const told = heard(memory, "total-limit-reached");
    await memory.addMany(["a", { text: "b", tier: "long-term" }, "c"]);
    await memory.maintain();
    expect(told).toEqual([{ items: 3, bytes: expect.any(Number) as number }]);
    await memory.close();
  });
});

describe("bad budgets", () => {
  it.each([
    [{ total: { maxItems: 0, ttl: 5, onLimit: "host" } }, {}, ["total/ttl", "total/maxItems", "total/onLimit"]],
    [{ kinds: { a: { maxItems: 1.5, maxBytes: -1, max: 1 } } }, {}, ["kinds/a/max", "kinds/a/maxItems", "kinds/a/maxBytes"]],
    [{ longTerm: { maxItems: 5, evict: "lru" }, working: { maxItems: 0 } }, { evict: { "long-term": () => 1 } }, ["working/maxItems", "longTerm/evict", "policies/evict/long-term"]],
  ])("%j are refused with every bad field", async (config, policies, fields) => {
    const opening = openMemory({ embedder: false, config: config as unknown as EngineConfig, policies });
    const error = (await opening.catch((thrown: unknown) => thrown)) as { code: string; message: string; details: { fields: string[] } };
    expect(error.code).toBe("invalid-argument");
    expect(error.details.fields).toEqual(fields);
    for (const field of fields) expect(error.message).toContain(field);
  });

  it("names both where a policy of one's own meets a configured one", async () => {
    const opening = openMemory({ embedder: false, config: { working: { evict: ["lru"] } }, policies: { evict: { working: () => 1 } } });
    await expect(opening).rejects.toMatchObject({ details: { fields: ["working/evict", "policies/evict/working"] } });
  });
});

describe("an evict of the user's own", () => {
  const byImportance = ({ importance }: Figures): number => importance;

  it("chooses, is named with its score, and is what explains", async () => {
    const { memory } = await open({ longTerm: { maxItems: 3 }, defaultTier: "long-term" }, { policies: { evict: { "long-term": byImportance } } });
    const evicted = heard(memory, "memory-evicted");
    const ids = await memory.addMany([0.2, 0.9, 0.5, 0.7, 0.1].map((importance) => ({ text: `at ${importance}`, importance })));
    expect((await memory.stats()).records).toBe(5);
    expect((await memory.explainTransition(ids[0] as string))?.leaving).toEqual({ policy: "custom" });
    expect(await memory.maintain()).toMatchObject({ evicted: 2, more: false });
    const gone = [[1, 0.9], [3, 0.7]] as const;
    expect(evicted).toEqual(gone.map(([index, score]) => ({ id: ids[index], tier: "long-term", reason: "capacity", policy: "custom", score })));
    await memory.close();
  });

  it("is asked in slices, and about each record once", async () => {
    let asked = 0;
    const policies = { evict: { "long-term": (figures: Figures) => ((asked += 1), byImportance(figures)) } };
    const { memory } = await open({ longTerm: { maxItems: 1_000 }, defaultTier: "long-term" }, { policies });
    const ids = await memory.addMany(notes(2_000));
    let turns = 0;
    for (let more = true; more; turns += 1) {
      const before = asked;
      ({ more } = await memory.maintain({ budgetMs: 0 }));
      expect(asked - before).toBeLessThanOrEqual(256);
      expect(turns).toBeLessThan(200);
    }
    expect(asked).toBe(2_000);
    const left = new Set<string>();
    for await (const { id } of memory.list()) left.add(id);
    expect([...ids.keys()].filter((index) => left.has(ids[index] as string))).toEqual([...ids.keys()].filter((index) => index % 10 < 5));
    await memory.close();
  });

  it("finishes in one call without a budget, also where one tier fills the next", async () => {
    const policies = { evict: { working: byImportance, intermediate: byImportance } };
    const { memory } = await open({ working: { maxItems: 10, promote: "never" }, intermediate: { maxItems: 5, promote: "never" } }, { policies });
    await memory.addMany(notes(100));
    expect(await memory.maintain()).toMatchObject({ moved: 175, more: false });
    expect((await memory.stats()).tiers).toEqual({ working: 10, intermediate: 5, "long-term": 85 });
    await memory.close();
  });

  it("that always fails leaves the tier as it is, and maintenance ends", async () => {
    const { memory } = await open({ longTerm: { maxItems: 2 }, defaultTier: "long-term" }, { policies: { evict: { "long-term": () => Number.NaN } } });
    const failed = heard(memory, "policy-failed");
    await memory.addMany(notes(5));
    expect(await memory.maintain()).toMatchObject({ evicted: 0, more: false });
    expect([failed.length, (await memory.stats()).records]).toEqual([5, 5]);
    await memory.close();
  });
});

describe("keepMaintained", () => {
  afterEach(() => void vi.useRealTimers());

  it.each([
    ["a policy of the user's own", { longTerm: { maxItems: 10 } }, { evict: { "long-term": ({ importance }: Figures) => importance } }],
    ["a limit of all tiers", { total: { maxItems: 10 } }, {}],
    ["a limit of a kind", { kinds: { episodic: { maxItems: 10 } } }, {}],
  ] as const)("wakes soon after a write that passes a limit: %s", async (_, config, policies) => {
    vi.useFakeTimers({ now: start });
    const memory = await openMemory({ embedder: false, config: { defaultTier: "long-term", ...config }, policies });
    const turns = vi.spyOn(memory, "maintain");
    const stop = keepMaintained(memory, { every: 60_000 });
    await memory.addMany(notes(10));
    await vi.advanceTimersByTimeAsync(1_000);
    const before = turns.mock.calls.length;
    // Within the limit nobody wakes.
    await memory.update((await memory.list({ limit: 1 }).next()).value?.id as string, { importance: 0.95 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(turns.mock.calls.length).toBe(before);
    await memory.add("one too many");
    await vi.advanceTimersByTimeAsync(150);
    expect((await memory.stats()).records).toBe(10);
    stop();
    expect(vi.getTimerCount()).toBe(0);
    await memory.close();
  });

  it("does not run for ever where nothing can leave", async () => {
    vi.useFakeTimers({ now: start });
    const memory = await openMemory({ embedder: false, config: { total: { maxItems: 2 } } });
    const turns = vi.spyOn(memory, "maintain");
    const stop = keepMaintained(memory, { every: 60_000 });
    await memory.addMany(["a", "b", "c", "d"].map((text) => ({ text, pinned: true })));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(turns.mock.calls.length).toBeLessThan(5);
    // Writes come faster than it wakes: a turn for many of them.
    const before = turns.mock.calls.length;
    for (let write = 0; write < 50; write += 1) {
      await memory.add(`again ${write}`, { pinned: true });
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(turns.mock.calls.length - before).toBeLessThanOrEqual(6);
    stop();
    await memory.close();
  });
});
