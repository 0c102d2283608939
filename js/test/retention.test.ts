// Tiers that think, through the package: rules, limits, rewards, explanations, figures, turns of maintenance.

import { afterEach, describe, expect, it, vi } from "vitest";
import { estimate, keepMaintained, openMemory, type EngineConfig, type Figures, type Memory, type OpenOptions, type Policies } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { manualClock } from "../../dist/esm/testing/index.js";
import { heard } from "./support.js";

const hour = 3_600_000;
const day = 24 * hour;
const start = Date.UTC(2026, 2, 1, 12);

async function open(config: EngineConfig = {}, options: OpenOptions = {}): Promise<{ memory: Memory; clock: ReturnType<typeof manualClock> }> {
  const clock = manualClock(start);
  return { memory: await openMemory({ embedder: false, now: clock.now, config, ...options }), clock };
}

const tierOf = async (memory: Memory, id: string): Promise<string | undefined> => (await memory.explainTransition(id))?.tier;

describe("promotion", () => {
  it("is earned by use, written down, told and explained", async () => {
    const place = memoryPlace();
    const { memory, clock } = await open({}, { storage: memoryStorage({ place }) });
    const promoted = heard(memory, "memory-promoted");
    const id = await memory.add("the harbour opens at nine");
    for (let use = 1; use <= 2; use += 1) await memory.recall("harbour");
    expect(await tierOf(memory, id)).toBe("working");
    clock.advance(1_000);
    await memory.recall("harbour");
    expect(await tierOf(memory, id)).toBe("intermediate");
    await vi.waitFor(() => expect(promoted).toEqual([{ id, from: "working", to: "intermediate", reason: "earned", score: expect.any(Number) as number }]));
    await memory.close();

    const again = await openMemory({ embedder: false, now: clock.now, storage: memoryStorage({ place }) });
    const transition = await again.explainTransition(id);
    expect(transition).toMatchObject({
      tier: "intermediate", tierSince: start + 1_000, pinned: false, onProbation: false,
      promotion: { to: "long-term", threshold: 1 },
      moves: [{ from: "working", to: "intermediate", at: start + 1_000, reason: "earned" }],
    });
    expect(transition?.summary).toMatch(/^in intermediate, from working because it had earned it; \d+ % is left; \d+ % of the way to long-term$/);
    expect(await again.get(id)).toMatchObject({ accessCount: 3, recentAccesses: [start + 1_000, start, start] });
    await again.close();
  });

  it.each([
    ["never", { rule: "never", uses: 50, days: 0 }, "working"],
    ["uses", { rule: { uses: { atLeast: 2 } }, uses: 2, days: 0 }, "intermediate"],
    ["too few uses", { rule: { uses: { atLeast: 3 } }, uses: 2, days: 0 }, "working"],
    ["age", { rule: { age: { atLeast: day } }, uses: 0, days: 1 }, "intermediate"],
    ["too young", { rule: { age: { atLeast: 2 * day } }, uses: 0, days: 1 }, "working"],
    ["importance", { rule: { importance: { atLeast: 0.5 } }, uses: 0, days: 0 }, "intermediate"],
    ["all", { rule: { all: [{ uses: { atLeast: 1 } }, { age: { atLeast: day } }] }, uses: 1, days: 1 }, "intermediate"],
    ["not all", { rule: { all: [{ uses: { atLeast: 1 } }, { age: { atLeast: day } }] }, uses: 0, days: 1 }, "working"],
    ["any", { rule: { any: [{ uses: { atLeast: 9 } }, { age: { atLeast: day } }] }, uses: 0, days: 1 }, "intermediate"],
    ["hybrid", { rule: { hybrid: { importance: 1, retention: 1, threshold: 0.7 } }, uses: 0, days: 0 }, "intermediate"],
  ] as const)("by rule: %s", async (_, { rule, uses, days }, tier) => {
    const { memory, clock } = await open({ working: { promote: rule } });
    const id = await memory.add("x");
    for (let use = 0; use < uses; use += 1) await memory.get(id);
    clock.advance(days * day);
    await memory.maintain();
    expect(await tierOf(memory, id)).toBe(tier);
    await memory.close();
  });

  it("follows reward", async () => {
    const { memory } = await open({ working: { promote: { importance: { atLeast: 0.6 } } } });
    const [good, bad] = (await memory.addMany(["good", "bad"])) as [string, string];
    await memory.reward(good, 1);
    await memory.transaction((tx) => tx.reward(bad, -1));
    expect([await tierOf(memory, good), await tierOf(memory, bad)]).toEqual(["intermediate", "working"]);
    expect(await memory.get(good)).toMatchObject({ reward: 1, rewards: 1 });
    await expect(memory.reward(good, 2)).rejects.toMatchObject({ code: "invalid-argument", details: { field: expect.stringContaining("reward") as string } });
    await expect(memory.scope({ user: "other" }).reward(good, 1)).rejects.toMatchObject({ code: "not-found" });
    await memory.close();
  });
});

describe("limits", () => {
  it("of bytes hold after maintenance, and the least worth leaves", async () => {
    const { memory, clock } = await open({ longTerm: { maxBytes: 40_000 }, defaultTier: "long-term" });
    const evicted = heard(memory, "memory-evicted");
    const ids = await memory.addMany(Array.from({ length: 60 }, (_, index) => ({ text: `note ${index} ${"x".repeat(200)}`, importance: index % 2 ? 0.9 : 0.1 })));
    clock.advance(day);
    await memory.maintain();
    const { engine } = await memory.stats();
    expect(engine?.tiers["long-term"].bytes).toBeLessThanOrEqual(40_000);
    expect(engine?.tiers["long-term"].evicted.capacity).toBe(evicted.length);
    expect(evicted.length).toBeGreaterThan(10);
    for (const { id, policy, reason } of evicted) {
      expect(ids.indexOf(id) % 2).toBe(0);
      expect([policy, reason]).toEqual(["low-worth", "capacity"]);
    }
    await memory.close();
  });

  it("can warn, once each time they are passed", async () => {
    const { memory } = await open({ working: { maxItems: 2, onLimit: "warn" } });
    const told = heard(memory, "tier-limit-reached");
    await memory.addMany(["a", "b", "c"]);
    await memory.maintain();
    await memory.add("d");
    await memory.maintain();
    expect(told).toEqual([{ tier: "working", items: 3, bytes: expect.any(Number) as number }]);
    expect((await memory.stats()).tiers.working).toBe(4);
    await memory.close();
  });

  it("can refuse, and then nothing of the transaction happens", async () => {
    const { memory } = await open({ working: { maxItems: 2, onLimit: "reject" } });
    await memory.add("a");
    await expect(memory.addMany(["b", "c"])).rejects.toMatchObject({ code: "tier-full", details: { tier: "working" } });
    expect((await memory.stats()).records).toBe(1);
    await memory.add("b");
    await memory.close();
  });

  it.each([
    ["lru", ["b"]],
    ["lfu", ["b"]],
    ["fifo", ["a"]],
    ["age", ["a"]],
    ["low-importance", ["c"]],
    [[{ policy: "low-importance", below: 0.3 }, "fifo"], ["c"]],
    [[{ policy: "fifo", kind: "semantic" }, "lru"], ["d"]],
  ] as const)("evict by %j", async (evict, gone) => {
    const { memory, clock } = await open({ longTerm: { maxItems: 3, evict }, defaultTier: "long-term" });
    const ids = new Map<string, string>();
    for (const [text, options] of [["a", {}], ["b", {}], ["c", { importance: 0.1 }]] as const) {
      ids.set(text, await memory.add(text, options));
      clock.advance(1_000);
    }
    for (const text of ["a", "a", "c", "c"]) {
      await memory.get(ids.get(text) as string);
      clock.advance(1_000);
    }
    await memory.add("d", { kind: "semantic" });
    const left: string[] = [];
    for await (const record of memory.list()) left.push(record.text);
    expect(["a", "b", "c", "d"].filter((text) => !left.includes(text))).toEqual(gone);
    await memory.close();
  });
});

describe("forgetting", () => {
  it("drops what has faded instead of moving it on", async () => {
    const { memory, clock } = await open({ intermediate: { ttl: 30 * day, forgetBelow: 0.3 }, defaultTier: "intermediate" });
    const evicted = heard(memory, "memory-evicted");
    const [faded, used] = (await memory.addMany(["faded", "used"])) as [string, string];
    clock.advance(29 * day);
    await memory.get(used);
    clock.advance(2 * day);
    await memory.maintain();
    expect(evicted).toEqual([{ id: faded, tier: "intermediate", reason: "faded", score: expect.any(Number) as number }]);
    expect(await tierOf(memory, used)).toBe("long-term");
    await memory.close();
  });

  it("can be told by kind", async () => {
    const { memory, clock } = await open({ kinds: { rumour: { decay: { halfLife: { halfLife: day } }, importance: 0.2 }, law: { decay: "none" } } });
    const [rumour, law, fact] = (await memory.addMany([{ text: "a", kind: "rumour" }, { text: "b", kind: "law" }, { text: "c", kind: "semantic" }])) as [string, string, string];
    clock.advance(3 * day);
    const retention = async (id: string): Promise<number> => (await memory.explainTransition(id))?.retention as number;
    expect(await retention(rumour)).toBeCloseTo(0.125, 10);
    expect(await retention(law)).toBe(1);
    expect(await retention(fact)).toBeGreaterThan(0.8);
    expect((await memory.get(rumour))?.importance).toBe(0.2);
    await memory.close();
  });

  it("is slower for what recalls have owed something to", async () => {
    const { memory, clock } = await open();
    const [useful, idle] = (await memory.addMany(["harbour hours", "other things"])) as [string, string];
    for (let use = 0; use < 20; use += 1) await memory.recall("harbour");
    expect((await memory.get(useful))?.merit).toBeGreaterThan(0.5);
    expect((await memory.get(idle))?.merit).toBeUndefined();
    clock.advance(60 * day);
    const left = async (id: string): Promise<number> => (await memory.explainTransition(id))?.retention as number;
    expect(await left(useful)).toBeGreaterThan(2 * (await left(idle)));
    await memory.close();
  });
});

describe("what a memory tells of itself", () => {
  it("analyses duplicates, the faded and the never used", async () => {
    const { memory, clock } = await open();
    const [a, b] = (await memory.addMany(["The  harbour opens", "the harbour OPENS", { text: "the harbour opens", actor: "Ada" }, "else"])) as [string, string];
    clock.advance(100 * day);
    expect(await memory.analyze()).toEqual({ duplicates: [[a, b]], faded: 4, neverUsed: 4, suggested: { working: 0, intermediate: 0, "long-term": 0 } });
    expect((await memory.scope({ user: "x" }).analyze()).neverUsed).toBe(0);
    await memory.close();
  });

  it("does not explain what another view holds", async () => {
    const { memory } = await open();
    const id = await memory.add("x", { scope: { user: "1" } });
    expect(await memory.scope({ user: "10" }).explainTransition(id)).toBeUndefined();
    await expect(memory.explainTransition("nonsense")).rejects.toMatchObject({ code: "invalid-argument" });
    await memory.close();
  });

  it("estimates what it counts and what it stores", async () => {
    const { memory } = await open({ working: {} });
    await memory.addMany(Array.from({ length: 1_000 }, (_, index) => `note number ${index} about ${["harbours", "metric units", "gardens", "padlocks"][index % 4]} and how they were on day ${index % 31} ${"of the voyage ".repeat(8)}`));
    const { engine } = await memory.stats();
    const held = engine?.tiers.working.bytes as number;
    const guess = await estimate({ count: 1_000, dimensions: 0, textBytes: (engine?.textBytes as number) / 1_000 | 0 });
    // The texts say much the same, and so have fewer terms than most.
    expect(guess.memory / held).toBeGreaterThan(0.9);
    expect(guess.memory / held).toBeLessThan(1.2);
    await memory.maintain({ compact: true });
    const stored = (await memory.stats()).engine?.segmentBytes as number;
    expect(guess.storage / stored).toBeGreaterThan(0.8);
    expect(guess.storage / stored).toBeLessThan(1.25);
    await expect(estimate({ count: -1 })).rejects.toMatchObject({ code: "invalid-argument" });
    await memory.close();
  });
});

describe("bad configuration", () => {
  it("is refused with everything that is wrong", async () => {
    const bad = { working: { maxItems: 0, ttl: -1, onLimit: "evict" }, intermediate: { colour: "red" }, sealBytes: 0.5 } as unknown as EngineConfig;
    const error = (await openMemory({ embedder: false, config: bad }).catch((thrown: unknown) => thrown)) as { code: string; message: string; details: { fields: string[] } };
    expect(error.code).toBe("invalid-argument");
    expect(error.details.fields).toEqual(["working/maxItems", "working/ttl", "intermediate/colour", "sealBytes"]);
    for (const field of error.details.fields) expect(error.message).toContain(field);
  });

  it.each([
    [{ working: { forgetBelow: 2 }, longTerm: { promote: { uses: { atLeast: 0 } } } }, ["working/forgetBelow", "longTerm/promote", "longTerm/promote/uses/atLeast"]],
    [{ working: { demote: { margin: 1, after: -1 } } }, ["working/demote", "margin", "after"]],
    [{ kinds: { x: { decay: { halfLife: { halfLife: 0 } }, resistance: 2 } } }, ["kinds/x/decay/halfLife", "kinds/x/resistance"]],
    [{ importance: { given: -1 } }, ["importance/given"]],
    [{ intermediate: { evict: "random" } }, ["random"]],
    [{ intermediate: { promote: { sometimes: 1 } } }, ["sometimes"]],
  ] as const)("%j is refused", async (config, words) => {
    const error = (await openMemory({ embedder: false, config: config as unknown as EngineConfig }).catch((thrown: unknown) => thrown)) as { code: string; message: string };
    expect(error.code).toBe("invalid-argument");
    for (const word of words) expect(error.message).toContain(word);
  });
});

describe("keepMaintained", () => {
  afterEach(() => void vi.useRealTimers());

  it("does what is due when it is due, until it is stopped", async () => {
    vi.useFakeTimers({ now: start });
    const memory = await openMemory({ embedder: false, config: { working: { ttl: 10_000, promote: "never" } } });
    const stop = keepMaintained(memory, { every: 60_000 });
    const id = await memory.add("x");
    await vi.advanceTimersByTimeAsync(9_000);
    expect(await tierOf(memory, id)).toBe("working");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await tierOf(memory, id)).toBe("intermediate");
    stop();
    expect(vi.getTimerCount()).toBe(0);
    await memory.close();
  });

  it("ends with the memory, and tells of failures", async () => {
    vi.useFakeTimers({ now: start });
    const memory = await openMemory({ embedder: false });
    const errors: unknown[] = [];
    keepMaintained(memory, { every: 1_000, onError: (error) => errors.push(error) });
    await vi.advanceTimersByTimeAsync(10);
    const broken = vi.spyOn(memory, "maintain").mockRejectedValueOnce(new Error("once"));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(errors).toEqual([new Error("once")]);
    broken.mockRestore();
    await memory.close();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(vi.getTimerCount()).toBe(0);
    expect(errors).toHaveLength(1);
  });
});

describe("policies of the user's own", () => {
  it("promote by figures, on top of the rule or alone", async () => {
    const seen: Figures[] = [];
    const policies: Policies = { promote: { working: (figures) => (seen.push(figures), figures.kind === "semantic"), intermediate: ({ accessCount }) => accessCount / 2 } };
    const { memory, clock } = await open({ working: { promote: "never" }, intermediate: { promote: "never" } }, { policies });
    const promoted = heard(memory, "memory-promoted");
    const [plain, fact, pinned] = (await memory.addMany(["plain", { text: "fact", kind: "semantic" }, { text: "pinned", kind: "semantic", pinned: true }])) as [string, string, string];
    clock.advance(hour / 2);
    expect(await memory.maintain()).toMatchObject({ moved: 1, more: false });
    expect([await tierOf(memory, plain), await tierOf(memory, fact), await tierOf(memory, pinned)]).toEqual(["working", "intermediate", "working"]);
    expect(seen[0]).toEqual({
      id: plain, kind: "episodic", tier: "working", tierSince: start, recordedAt: start, accessCount: 0, importance: 0.5,
      retention: expect.closeTo(0.99, 1) as number, merit: 0, bytes: expect.any(Number) as number, promotion: 0, onProbation: false,
    });
    expect(promoted).toEqual([{ id: fact, from: "working", to: "intermediate", reason: "earned", score: 1 }]);
    for (const _ of [1, 2]) await memory.get(fact);
    await memory.maintain();
    expect(await tierOf(memory, fact)).toBe("long-term");
    await memory.close();
  });

  it("goes through large tiers in slices", async () => {
    let asked = 0;
    const { memory } = await open({ working: { promote: "never" } }, { policies: { promote: { working: () => (asked += 1) < 0 } } });
    await memory.addMany(Array.from({ length: 1_500 }, (_, index) => ({ text: `note ${index}`, pinned: false })));
    const before = asked;
    const first = await memory.maintain({ budgetMs: 0 });
    expect(first.more).toBe(true);
    expect(asked - before).toBeLessThanOrEqual(512);
    let turns = 0;
    while ((await memory.maintain({ budgetMs: 0 })).more) expect((turns += 1)).toBeLessThan(50);
    await memory.close();
  });

  it("that throw or answer nonsense are told, and do nothing", async () => {
    const broken = new Error("a fault of the policy");
    const answers: unknown[] = [];
    const policies = {
      promote: { working: () => { if (answers.length === 0) throw broken; return answers.shift(); } },
      evict: { working: () => Number.NaN },
    } as unknown as Policies;
    const { memory } = await open({ working: { maxItems: 1, promote: "never" } }, { policies });
    const failures = heard(memory, "policy-failed");
    answers.push("yes", undefined);
    const ids = await memory.addMany(["a", "b", "c"]);
    expect(await memory.maintain()).toMatchObject({ moved: 0, evicted: 0 });
    expect(failures.map(({ policy, id }) => [policy, ids.indexOf(id)])).toEqual([["promote", 0], ["promote", 1], ["promote", 2], ["evict", 0], ["evict", 1], ["evict", 2]]);
    expect(failures[2]?.error).toBe(broken);
    expect(failures[0]?.error).toMatchObject({ code: "invalid-argument", message: expect.stringContaining("policies/promote/working") as string });
    expect((await memory.stats()).tiers.working).toBe(3);
    await memory.close();
  });

  it("have to be functions", async () => {
    for (const policies of [{ promote: { working: 1 } }, { promote: { "long-term": () => true } }, { demote: {} }, 5]) {
      await expect(openMemory({ embedder: false, policies: policies as unknown as Policies })).rejects.toMatchObject({ code: "invalid-argument" });
    }
  });
});
