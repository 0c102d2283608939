// What crosses between JavaScript and the engine: each shape is sent in, comes back, survives storage, and is compared
// whole. And the events, which only come out.

import { describe, expect, it, vi } from "vitest";
import { openMemory, type Filter, type Memory, type MemoryEvents, type MemoryRecord, type Metadata, type Moment } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage, type MemoryPlace } from "../../dist/esm/storage/memory.js";
import { fakeEmbedder, faultStorage, manualClock, nthWrite } from "../../dist/esm/testing/index.js";

const start = Date.parse("2026-03-01T12:00:00Z");

interface Opened {
  readonly memory: Memory;
  readonly place: MemoryPlace;
  readonly clock: ReturnType<typeof manualClock>;
}

async function open(): Promise<Opened> {
  const [place, clock] = [memoryPlace(), manualClock(start)];
  const memory = await openMemory({ storage: memoryStorage({ place }), embedder: fakeEmbedder({ dimensions: 8 }), now: clock.now, seed: 1 });
  return { memory, place, clock };
}

/** The record as it is listed (which does not count as a read), from the log and then from a segment. */
async function throughStorage({ memory, place, clock }: Opened, id: string): Promise<MemoryRecord[]> {
  const found: MemoryRecord[] = [];
  const collect = async (opened: Memory): Promise<void> => {
    for await (const record of opened.list({ filter: { $id: id } })) found.push(record);
  };
  await collect(memory);
  await memory.close();
  const options = { embedder: fakeEmbedder({ dimensions: 8 }), now: clock.now };
  const fromLog = await openMemory({ ...options, storage: memoryStorage({ place }) });
  await collect(fromLog);
  await fromLog.maintain({ compact: true });
  await fromLog.close();
  const fromSegment = await openMemory({ ...options, storage: memoryStorage({ place }) });
  expect(fromSegment.opened.replayedCommits).toBe(0);
  await collect(fromSegment);
  await fromSegment.close();
  return found;
}

describe("a record", () => {
  it("with every field set comes back as it was, from the log and from a segment", async () => {
    const opened = await open();
    const id = await opened.memory.add("Ada prefers metric units", {
      id: "01BX5ZZKBKACTAV9WEVGEMMVRZ",
      kind: "preference",
      tier: "intermediate",
      scope: { tenant: "acme", user: "ada", agent: "planner", session: "s-1" },
      actor: "Ada",
      occurredAt: new Date("1969-12-31T23:59:59.999Z"),
      importance: 0.1,
      tags: ["units", "Überblick", "units"],
      metadata: { topic: "units", nested: { deep: [1, { x: null }] } },
      pinned: true,
      expiresAt: "2030-01-01T00:00:00+02:00",
      source: "https://example.com/a?b=c#d",
    });
    const expected: MemoryRecord = {
      id: "01BX5ZZKBKACTAV9WEVGEMMVRZ",
      text: "Ada prefers metric units",
      kind: "preference",
      tier: "intermediate",
      tierSince: start,
      scope: { tenant: "acme", user: "ada", agent: "planner", session: "s-1" },
      actor: "Ada",
      occurredAt: -1,
      recordedAt: start,
      importance: 0.1,
      tags: ["units", "Überblick"],
      metadata: { topic: "units", nested: { deep: [1, { x: null }] } },
      accessCount: 1,
      lastAccess: start + 5,
      recentAccesses: [start + 5],
      pinned: true,
      expiresAt: Date.parse("2029-12-31T22:00:00Z"),
      source: "https://example.com/a?b=c#d",
      version: 1,
    };
    opened.clock.advance(5);
    await opened.memory.get(id);
    for (const record of await throughStorage(opened, id)) expect(record).toStrictEqual(expected);
  });

  it("with nothing but a text has the defaults, and no field that is undefined", async () => {
    const opened = await open();
    const id = await opened.memory.add("x");
    const expected = {
      id, text: "x", kind: "episodic", tier: "working", tierSince: start, scope: {}, occurredAt: start, recordedAt: start,
      importance: 0.5, tags: [], metadata: {}, accessCount: 0, pinned: false, version: 1,
    };
    for (const record of await throughStorage(opened, id)) expect(record).toStrictEqual(expected);
  });

  it("takes undefined for a field that was left out", async () => {
    const { memory } = await open();
    const options = Object.fromEntries(["id", "kind", "tier", "scope", "actor", "importance", "tags", "metadata", "pinned", "vector"].map((name) => [name, undefined]));
    const id = await memory.add("x", { ...options, metadata: { kept: 1, gone: undefined as never } });
    expect((await memory.get(id))?.metadata).toStrictEqual({ kept: 1 });
    await memory.update(id, { text: undefined as never, tags: ["a"] });
    expect(await memory.get(id)).toMatchObject({ text: "x", tags: ["a"], version: 2 });
    await memory.close();
  });

  it("is changed field by field, and emptied with null", async () => {
    const opened = await open();
    const { memory, clock } = opened;
    const id = await memory.add("before", { actor: "Ada", expiresAt: start + 1e9, source: "a", tags: ["t"], metadata: { a: 1 } });
    await memory.update(id, {
      text: "after", kind: "semantic", actor: "Bo", occurredAt: 7, importance: 1, tags: ["u"], metadata: { b: [2] }, pinned: true,
      expiresAt: new Date(start + 2e9), source: "b",
    });
    expect(await memory.get(id)).toMatchObject({
      text: "after", kind: "semantic", actor: "Bo", occurredAt: 7, importance: 1, tags: ["u"], metadata: { b: [2] }, pinned: true,
      expiresAt: start + 2e9, source: "b", version: 2,
    });
    clock.advance(1_000);
    await memory.update(id, { actor: null, expiresAt: null, source: null, tags: [], metadata: {}, pinned: false }, { ifVersion: 2 });
    const expected = {
      // Pinned until now; at the highest importance it has earned the next tier at once.
      id, text: "after", kind: "semantic", tier: "intermediate", tierSince: start + 1_000, scope: {}, occurredAt: 7, recordedAt: start,
      importance: 1, tags: [], metadata: {}, accessCount: 1, lastAccess: start, recentAccesses: [start], pinned: false, version: 3,
    };
    for (const record of await throughStorage(opened, id)) expect(record).toStrictEqual(expected);
  });
});

describe("metadata", () => {
  const kinds: readonly (readonly [name: string, metadata: Metadata, back?: Metadata])[] = [
    ["null, booleans and texts", { a: null, b: true, c: false, d: "", e: "text" }],
    ["numbers", { zero: 0, one: 1, half: 0.5, tenth: 0.1, minus: -3, tiny: 5e-324, huge: 1e308, least: -Number.MAX_VALUE, third: 1 / 3 }],
    ["large whole numbers", { safe: Number.MAX_SAFE_INTEGER, least: Number.MIN_SAFE_INTEGER, past: 2 ** 53 + 2, u64: 2 ** 64, i64: -(2 ** 63), u32: 2 ** 32 }],
    ["minus zero, which is zero as in JSON", { a: -0, b: [-0] }, { a: 0, b: [0] }],
    ["empty lists and objects", { a: [], b: {}, c: [[]], d: [{}], e: { f: {} } }],
    ["lists of everything", { a: [null, true, 1.5, "x", [1, [2]], { b: [3] }] }],
    ["objects sixteen levels deep", { a: { b: { c: { d: { e: { f: { g: { h: { i: { j: { k: { l: { m: { n: { o: 1 } } } } } } } } } } } } } } }],
    ["names of every script", { "ключ": 1, "鍵": 2, "مفتاح": 3, "🔑": 4, "a b.c/d$e": 5, "\u0000": 6, " ": 7 }],
    ["names that objects are born with", { constructor: 1, toString: "x", hasOwnProperty: null, valueOf: [1], length: 3, then: true, toJSON: 0 }],
    ["dates, as milliseconds", { at: new Date(1_234) as never, list: [new Date(-1)] as never }, { at: 1_234, list: [-1] }],
  ];

  it.each(kinds.map(([name, metadata, back]) => ({ name, metadata, back: back ?? metadata })))("keeps $name", async ({ metadata, back }) => {
    const opened = await open();
    const id = await opened.memory.add("x", { metadata });
    const [hit] = await opened.memory.recall("x", { touch: false });
    expect(hit?.metadata).toStrictEqual(back);
    for (const record of await throughStorage(opened, id)) expect(record.metadata).toStrictEqual(back);
  });

  it("keeps names that would poison a prototype, as data", async () => {
    const opened = await open();
    const json = '{"__proto__":{"polluted":1},"a":[{"__proto__":[2,{"__proto__":"x"}],"b":null}],"constructor":{"prototype":{"polluted":1}}}';
    const metadata = JSON.parse(json) as Metadata;
    const id = await opened.memory.add("plain", { metadata });
    const other = await opened.memory.add("other", { metadata: { b: 1 } });
    const seen = [(await opened.memory.recall("plain", { touch: false }))[0] as MemoryRecord, ...(await throughStorage(opened, id))];
    expect(seen).toHaveLength(4);
    for (const record of seen) {
      expect(record.id).not.toBe(other);
      expect(Object.hasOwn(record.metadata, "__proto__")).toBe(true);
      expect(Object.getPrototypeOf(record.metadata)).toBe(Object.prototype);
      expect(JSON.parse(JSON.stringify(record.metadata))).toEqual(JSON.parse(JSON.stringify(metadata)));
      expect(Object.keys(record.metadata).sort()).toEqual(["__proto__", "a", "constructor"]);
      expect((record.metadata as { polluted?: unknown }).polluted).toBeUndefined();
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("can be asked about by such names", async () => {
    const { memory } = await open();
    const id = await memory.add("x", { metadata: JSON.parse('{"__proto__":{"a":1},"constructor":2}') as Metadata });
    await memory.add("y", { metadata: { a: 1 } });
    const ids = async (filter: object): Promise<string[]> => (await memory.recall("x y", { filter: filter as never })).map((hit) => hit.id);
    expect(await ids({ "__proto__.a": 1 })).toEqual([id]);
    expect(await ids({ constructor: 2 })).toEqual([id]);
    expect(await ids(JSON.parse('{"__proto__":{"$exists":true}}') as object)).toEqual([id]);
    expect(await ids({ toString: { $exists: true } })).toEqual([]);
    await memory.close();
  });
});

describe("text", () => {
  const texts: readonly (readonly [name: string, text: string, back?: string])[] = [
    ["NUL and other control characters", "a\u0000b\u0001\u001f\u007fc"],
    ["line breaks of all kinds", "a\r\nb\nc\rd\u2028e\u2029f"],
    ["emoji, joined and with skin tones", "👩🏽‍🚀 👨‍👩‍👧‍👦 🏴󠁧󠁢󠁳󠁣󠁴󠁿 ❤️"],
    ["characters of four bytes", "𝕏 𐍈 𠮷"],
    ["combining marks, not normalised", "e\u0301 é"],
    ["a byte order mark", "\ufefftext"],
    ["a noncharacter", "\uffff \ufffe"],
    ["surrounding blanks", "  x  "],
    ["a lone high surrogate, which becomes U+FFFD", "a\ud83db", "a\ufffdb"],
    ["a lone low surrogate, which becomes U+FFFD", "\ude00b", "\ufffdb"],
    ["surrogates in the wrong order", "\ude00\ud83d", "\ufffd\ufffd"],
  ];

  it.each(texts.map(([name, text, back]) => ({ name, text, back: back ?? text })))("keeps $name", async ({ text, back }) => {
    const opened = await open();
    const id = await opened.memory.add(text, { actor: text, source: text, tags: [text], kind: text, scope: { user: text }, metadata: { text } });
    for (const record of await throughStorage(opened, id)) {
      expect(record).toMatchObject({ text: back, actor: back, source: back, tags: [back], kind: back, scope: { user: back }, metadata: { text: back } });
    }
  });

  it("is asked about in any form without harm", async () => {
    const { memory } = await open();
    const id = await memory.add("a plain note");
    for (const [, text] of texts) await memory.recall(text, { filter: { text }, limit: 3 });
    expect((await memory.recall("plain")).map((hit) => hit.id)).toEqual([id]);
    await memory.close();
  });
});

describe("other shapes", () => {
  it("a hit says whole what it is and why", async () => {
    const { memory, clock } = await open();
    const id = await memory.add("the lighthouse keeper", { actor: "Ada", metadata: { place: "coast" } });
    await memory.add("the market square");
    clock.advance(10);
    const hits = await memory.recall("lighthouse keepers", { limit: 1, preset: "searches", fusion: { method: "weighted", dense: 0.4, keyword: 0.6 } });
    expect(hits).toHaveLength(1);
    expect(hits[0]).toStrictEqual({
      id, text: "the lighthouse keeper", kind: "episodic", tier: "working", tierSince: start, scope: {}, actor: "Ada",
      occurredAt: start, recordedAt: start, importance: 0.5, tags: [], metadata: { place: "coast" }, accessCount: 0, pinned: false, version: 1,
      score: expect.closeTo(1, 6),
      why: {
        summary: expect.stringMatching(/^meaning #1 .* words #1 /) as string,
        fusion: "weighted",
        signals: [
          { signal: "dense", rank: 1, score: expect.any(Number) as number, contribution: expect.closeTo(0.4, 6) as number, weight: expect.closeTo(0.4, 6) as number },
          { signal: "keyword", rank: 1, score: expect.any(Number) as number, contribution: expect.closeTo(0.6, 6) as number, weight: expect.closeTo(0.6, 6) as number, terms: ["lighthous", "keeper"] },
        ],
        skipped: [],
        vectors: "exact",
      },
    });
    expect(await memory.get(id)).toMatchObject({ accessCount: 1, lastAccess: start + 10 });
    await memory.close();
  });

  it("a signal that can say nothing is named with its reason", async () => {
    const memory = await openMemory({ embedder: false });
    await memory.add("the lighthouse keeper");
    const [hit] = await memory.recall("lighthouse", { preset: "searches", fusion: { method: "rrf", k: 10 } });
    expect(hit?.why).toMatchObject({ fusion: "rrf", skipped: [{ signal: "dense", reason: expect.stringMatching(/./) as string }] });
    expect(hit?.score).toBeCloseTo(1 / 11, 6);
    await memory.close();
  });

  it("every form of fusion and of filter is taken", async () => {
    const { memory } = await open();
    const id = await memory.add("x", { metadata: { n: 5, list: ["a", "b"], when: start }, tags: ["t"] });
    for (const fusion of ["weighted", "rrf", "max", "borda", { method: "weighted", dense: 0, keyword: 2 }, { method: "rrf", k: 0 }, { method: "max", dense: 0, keyword: 1 }, { method: "borda", dense: 1, keyword: 1 }] as const) {
      expect((await memory.recall("x", { fusion })).map((hit) => hit.id)).toEqual([id]);
    }
    const filters = [
      {}, { n: 5 }, { n: { $gt: 4, $lte: 5 } }, { list: { $contains: "b" } }, { when: new Date(start) }, { when: { $gte: new Date(start), $lt: new Date(start + 1) } },
      { $tags: { $contains: "t" } }, { $or: [{ n: 1 }, { $not: { n: 1 } }] }, { $and: [] }, { n: { $in: [4, 5] }, gone: { $exists: false } }, { list: ["a", "b"] }, { $id: id }, { n: undefined },
    ] as const;
    for (const filter of filters) expect((await memory.recall("x", { filter })).map((hit) => hit.id), JSON.stringify(filter)).toEqual([id]);
    for (const filter of [{ n: 4 }, { $or: [] }, { list: ["b", "a"] }, { n: "5" }, { $tier: "working" }]) expect(await memory.recall("x", { filter })).toEqual([]);
    await memory.close();
  });

  it("a moment means the same everywhere, in whatever form it is given", async () => {
    const { memory } = await open();
    const day = Date.UTC(2025, 0, 2);
    const forms: readonly (readonly [given: Moment, millis: number])[] = [
      ["2025-01-02", day], ["2025-01-02T00:00Z", day], ["2025-01-02T01:30:00.25+01:30", day + 250], ["2025-01-01T19:00:00-05:00", day], [new Date(day), day],
      [day + 0.75, day], ["0001-01-01", -62_135_596_800_000], ["2024-02-29", Date.UTC(2024, 1, 29)],
    ];
    for (const [given, millis] of forms) {
      const id = await memory.add("x", { occurredAt: given });
      expect((await memory.get(id))?.occurredAt, String(given)).toBe(millis);
      await memory.update(id, { occurredAt: 0 });
      await memory.update(id, { occurredAt: given });
      expect((await memory.recall("x", { filter: { $id: id, $occurredAt: given } })).map((hit) => hit.occurredAt)).toEqual([millis]);
    }
    await memory.close();
  });

  it("an import refuses a moment without a zone, and names the line", async () => {
    const { memory } = await open();
    await memory.add("x");
    const lines: string[] = [];
    for await (const line of memory.export()) lines.push(line);
    const [header, line] = lines;
    const moved = JSON.stringify({ ...JSON.parse(line as string), id: "01BX5ZZKBKACTAV9WEVGEMMVRZ", occurredAt: "2025-01-02T10:00" });
    await expect(memory.import([header as string, moved])).rejects.toMatchObject({ code: "invalid-argument", details: { field: "occurredAt", line: 2 } });
    await memory.close();
  });

  it("a read counts as a use unless it is told not to", async () => {
    const { memory } = await open();
    const id = await memory.add("x");
    expect(await memory.get(id, { touch: false })).toMatchObject({ accessCount: 0 });
    expect(await memory.get(id, { touch: false })).not.toHaveProperty("lastAccess");
    await memory.recall("x", { touch: false });
    await memory.get(id, { touch: true });
    expect(await memory.get(id, { touch: false })).toMatchObject({ accessCount: 1 });
    await memory.get(id);
    expect(await memory.get(id, { touch: false })).toMatchObject({ accessCount: 2 });
    expect(await memory.get("01BX5ZZKBKACTAV9WEVGEMMVRZ", { touch: false })).toBeUndefined();
    await memory.close();
  });

  it("an empty patch changes nothing, and tells of nothing", async () => {
    const { memory } = await open();
    const id = await memory.add("x");
    const before = await memory.get(id, { touch: false });
    const heard: string[] = [];
    memory.on("memory-updated", (event) => heard.push(event.id));
    await memory.update(id, {}, { ifVersion: 1 });
    await memory.update(id, { text: undefined, metadata: undefined, vector: undefined });
    expect(await memory.get(id, { touch: false })).toStrictEqual(before);
    await memory.update(id, { tags: [] });
    expect(await memory.get(id, { touch: false })).toStrictEqual({ ...before, version: 2 });
    expect(heard).toEqual([id]);
    await memory.close();
  });

  it("a reward holds to its condition", async () => {
    const { memory } = await open();
    const id = await memory.add("x");
    await memory.reward(id, 1, { ifVersion: 1 });
    await memory.update(id, { tags: ["t"] });
    await expect(memory.reward(id, -1, { ifVersion: 1 })).rejects.toMatchObject({ code: "transaction-conflict", details: { id, expected: 1, found: 2 } });
    await memory.transaction((tx) => tx.reward(id, 0, { ifVersion: 2 }));
    expect(await memory.get(id, { touch: false })).toMatchObject({ reward: 0.5, rewards: 2 });
    await memory.close();
  });

  it("equal seeds make equal ids, numbers and bigints alike", async () => {
    const idsOf = async (seed: number | bigint): Promise<string> => {
      const memory = await openMemory({ seed, now: () => start, embedder: false });
      const id = await memory.add("x");
      await memory.close();
      return id;
    };
    const [seven, large] = [await idsOf(7), await idsOf(2n ** 64n - 1n)];
    expect(await idsOf(7n)).toBe(seven);
    expect(await idsOf(2n ** 64n - 1n)).toBe(large);
    expect(new Set([seven, large, await idsOf(8), await idsOf(-7), await idsOf(2n ** 64n - 2n)]).size).toBe(5);
  });

  it("moments in a filter may be ISO texts", async () => {
    const { memory } = await open();
    const id = await memory.add("x", { occurredAt: "2025-01-20T10:00:00Z" });
    const found = async (filter: Filter): Promise<string[]> => (await memory.recall("x", { filter, touch: false })).map((hit) => hit.id);
    expect(await found({ $occurredAt: { $gte: "2025-01-20", $lt: "2025-01-21" } })).toEqual([id]);
    expect(await found({ $or: [{ $occurredAt: { $in: ["2025-01-20T10:00:00Z"] } }] })).toEqual([id]);
    expect(await found({ $not: { $recordedAt: { $lt: "2026-01-01" } } })).toEqual([id]);
    expect(await found({ $occurredAt: { $gte: "2025-01-21" } })).toEqual([]);
    await expect(found({ $occurredAt: { $gte: "soon" } })).rejects.toMatchObject({ code: "invalid-argument", details: { field: "filter/$occurredAt/$gte" } });
    await memory.close();
  });

  it("figures, reports and the space are whole", async () => {
    const { memory, clock } = await open();
    expect(memory.opened).toStrictEqual({ created: true, records: 0, replayedCommits: 0, tornBytes: 0, leftovers: [] });
    expect(memory.space).toBeUndefined();
    await memory.addMany([{ text: "one", tier: "long-term" }, "two", { text: "three", expiresAt: start + 500 }]);
    expect(memory.space).toStrictEqual({ model: "fake-8", dimensions: 8 });
    expect(await memory.stats()).toStrictEqual({
      records: 3,
      tiers: { working: 2, intermediate: 0, "long-term": 1 },
      space: { model: "fake-8", dimensions: 8 },
      engine: {
        tiers: {
          working: { items: 2, bytes: expect.any(Number) as number, hits: 0, hitRate: 0, came: 0, went: 0, evicted: { capacity: 0, ttl: 0, faded: 0, expired: 0, kindLimit: 0, totalLimit: 0 }, ages: [2, 0, 0, 0, 0, 0] },
          intermediate: { items: 0, bytes: 0, hits: 0, hitRate: 0, came: 0, went: 0, evicted: { capacity: 0, ttl: 0, faded: 0, expired: 0, kindLimit: 0, totalLimit: 0 }, ages: [0, 0, 0, 0, 0, 0] },
          "long-term": { items: 1, bytes: expect.any(Number) as number, hits: 0, hitRate: 0, came: 0, went: 0, evicted: { capacity: 0, ttl: 0, faded: 0, expired: 0, kindLimit: 0, totalLimit: 0 }, ages: [1, 0, 0, 0, 0, 0] },
        },
        asked: 0,
        answered: 0,
        embeddingCache: { hits: 0, misses: 0, hitRate: 0, entries: 0, bytes: 0 },
        vectors: 3, precisions: { f32: 3, int8: 0, binary: 0, projected: 0 }, terms: expect.any(Number) as number, textBytes: 11, kinds: [{ kind: "episodic", items: 3, bytes: expect.any(Number) as number }], vectorBytes: expect.any(Number) as number,
        keywordBytes: expect.any(Number) as number, columnBytes: 0, logBytes: expect.any(Number) as number, segmentBytes: 0, savedBytes: 0, segments: 0, commits: 1,
      },
    });
    clock.advance(500);
    expect(await memory.maintain()).toStrictEqual({ moved: 0, expired: 1, evicted: 0, merged: 0, coarsened: 0, summarized: 0, sealed: 0, more: false, next: start + 3_600_000 });
    await memory.close();
  });

  it("vectors come back as unit vectors of their own", async () => {
    const { memory } = await open();
    const id = await memory.add("x", { vector: [3, 4, 0, 0, 0, 0, 0, 0] });
    const vector = (await memory.vector(id)) as Float32Array;
    expect(vector).toBeInstanceOf(Float32Array);
    expect([...vector].map((component) => Math.round(component * 1e6) / 1e6)).toEqual([0.6, 0.8, 0, 0, 0, 0, 0, 0]);
    vector.fill(9);
    expect((await memory.vector(id))?.[2]).toBe(0);
    expect(await memory.vector(await memory.add("?!"))).toBeUndefined();
    await memory.close();
  });
});

describe("events", () => {
  const names = [
    "memory-added", "memory-updated", "memory-forgotten", "memory-promoted", "memory-demoted", "memory-expired", "memory-evicted", "tier-limit-reached", "total-limit-reached", "segment-sealed", "storage-failed",
  ] as const satisfies readonly (keyof MemoryEvents)[];

  /** Everything that `memory` tells from now on. */
  function heard(memory: Memory): [name: string, event: unknown][] {
    const events: [string, unknown][] = [];
    for (const name of names) memory.on(name, (event) => void events.push([name, event]));
    return events;
  }

  it("of every name carry what happened, in the order in which it did", async () => {
    const clock = manualClock(start);
    const config = { longTerm: { maxItems: 1 } };
    const memory = await openMemory({ embedder: false, now: clock.now, config });
    const events = heard(memory);
    const [a, b, c] = (await memory.addMany(["a", { text: "b", tier: "long-term" }, { text: "c", expiresAt: start + 10 }])) as [string, string, string];
    await memory.update(a, { tags: ["x"] });
    await memory.demote(b, "working");
    await memory.promote(a, "long-term");
    await memory.forget(b);
    const d = await memory.add("d", { tier: "long-term", importance: 1 });
    clock.advance(1_000);
    await memory.maintain({ compact: true });
    expect(events).toEqual([
      ["memory-added", { id: a, tier: "working" }],
      ["memory-added", { id: b, tier: "long-term" }],
      ["memory-added", { id: c, tier: "working" }],
      ["memory-updated", { id: a, version: 2 }],
      ["memory-demoted", { id: b, from: "long-term", to: "working", reason: "requested" }],
      ["memory-promoted", { id: a, from: "working", to: "long-term", reason: "requested" }],
      ["memory-forgotten", { id: b }],
      ["memory-added", { id: d, tier: "long-term" }],
      ["memory-evicted", { id: a, tier: "long-term", reason: "capacity", policy: "low-worth", score: expect.closeTo(0.875, 2) as number }],
      ["memory-expired", { id: c, tier: "working" }],
      ["segment-sealed", { segment: 1, records: 1, bytes: expect.any(Number) as number }],
    ]);
    await memory.close();
  });

  it("come only once durable, and before the call resolves", async () => {
    const storage = faultStorage(memoryStorage(), nthWrite(0, { then: "hang" }));
    const memory = await openMemory({ storage, embedder: false });
    const events = heard(memory);
    const order: string[] = [];
    memory.on("memory-added", () => void order.push("event"));
    const added = memory.add("x").then((id) => (order.push("resolved"), id));
    while (storage.hanging() === 0) await null;
    expect((await memory.stats()).records).toBe(1);
    expect(events).toEqual([]);
    storage.resume();
    const id = await added;
    expect(order).toEqual(["event", "resolved"]);
    expect(events).toEqual([["memory-added", { id, tier: "working" }]]);
    await memory.close();
  });

  it("do not come for what was never durable", async () => {
    const memory = await openMemory({ storage: faultStorage(memoryStorage(), nthWrite(1, { then: "fail" })), embedder: false });
    const events = heard(memory);
    const id = await memory.add("kept");
    const failure: unknown = await memory.add("lost").catch((error: unknown) => error);
    await memory.close();
    expect(events).toEqual([["memory-added", { id, tier: "working" }], ["storage-failed", { error: failure }]]);
  });

  it("reach the other listeners when one throws; its error goes to the host, and the memory goes on", async () => {
    const thrown: unknown[] = [];
    const schedule = globalThis.queueMicrotask;
    vi.stubGlobal("queueMicrotask", (task: () => void) =>
      schedule(() => {
        try {
          task();
        } catch (error) {
          thrown.push(error);
        }
      }));
    try {
      const memory = await openMemory({ embedder: false });
      const broken = new Error("a listener's own fault");
      memory.on("memory-added", () => {
        throw broken;
      });
      const events = heard(memory);
      const ids = [await memory.add("one"), await memory.add("two")];
      expect(events.map(([, event]) => (event as { id: string }).id)).toEqual(ids);
      expect(thrown).toEqual([broken, broken]);
      await memory.close();
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("end when asked to, and a listener may use the memory", async () => {
    const memory = await openMemory({ embedder: false });
    const seen: string[] = [];
    const answers: Promise<string>[] = [];
    const stop = memory.on("memory-added", ({ id }) => {
      seen.push(id);
      if (answers.length === 0) answers.push(memory.add("an answer"));
    });
    const first = await memory.add("a question");
    const second = (await Promise.all(answers))[0] as string;
    expect(seen).toEqual([first, second]);
    stop();
    stop();
    await memory.add("unheard");
    expect(seen).toEqual([first, second]);
    await memory.close();
  });
});
