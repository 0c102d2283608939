// Bad input and calls that come too late, seen from the facade: each is refused with a typed error that names what was
// wrong, and changes nothing.

import { describe, expect, it } from "vitest";
import {
  estimate, MemoryError, MemoryUnavailableError, openMemory, RecordError, staticEmbedder, ValidationError,
  type ErrorCode, type Memory, type OpenOptions, type Storage, type StorageLock,
} from "../../dist/esm/entry/inline.js";
import { provideAssets } from "../../dist/esm/entry/slim.js";
import { indexedDb } from "../../dist/esm/storage/indexeddb.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { nodeFs } from "../../dist/esm/storage/node-fs.js";
import { fakeEmbedder, faultStorage } from "../../dist/esm/testing/index.js";
import { idsOf, refusal } from "./support.js";

const missing = "01BX5ZZKBKACTAV9WEVGEMMVRZ";
const vector = (...values: number[]): Float32Array => Float32Array.from(values);

describe("bad input", () => {
  const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) });
  const nested = (levels: number): object => (levels === 0 ? { topic: 1 } : { $not: nested(levels - 1) });
  type Case = readonly [name: string, code: ErrorCode, field: string | undefined, act: (memory: Memory, id: string) => Promise<unknown>];

  const cases: readonly Case[] = [
    ["no text", "invalid-argument", "text", (m) => m.add("")],
    ["blank text", "invalid-argument", "text", (m) => m.add(" \n\t\u00a0")],
    ["a text that is none", "invalid-argument", "text", (m) => m.add(5 as never)],
    ["a text of one byte too much", "invalid-argument", "text", (m) => m.add("x".repeat(1_001))],
    ["a text of one byte too much, in few characters", "invalid-argument", "text", (m) => m.add("\u{1f600}".repeat(251))],
    ["a misspelt field", "invalid-argument", "metdata", (m) => m.add("x", { metdata: {} } as never)],
    ["importance above 1", "invalid-argument", "importance", (m) => m.add("x", { importance: 1.01 })],
    ["importance below 0", "invalid-argument", "importance", (m) => m.add("x", { importance: -0.01 })],
    ["importance that is no number", "invalid-argument", "importance", (m) => m.add("x", { importance: Number.NaN })],
    ["an unknown tier", "invalid-argument", "tier", (m) => m.add("x", { tier: "short" as never })],
    ["pinned that is not a flag", "invalid-argument", "pinned", (m) => m.add("x", { pinned: "yes" as never })],
    ["tags that are no list", "invalid-argument", "tags", (m) => m.add("x", { tags: "abc" as never })],
    ["a tag that is no text", "invalid-argument", "tags/1", (m) => m.add("x", { tags: ["a", 5 as never] })],
    ["an empty tag", "invalid-argument", "tags/0", (m) => m.add("x", { tags: [""] })],
    ["too many tags", "invalid-argument", "tags", (m) => m.add("x", { tags: Array.from({ length: 257 }, (_, at) => `t${at}`) })],
    ["an empty actor", "invalid-argument", "actor", (m) => m.add("x", { actor: "" })],
    ["a kind that is no text", "invalid-argument", "kind", (m) => m.add("x", { kind: 1 as never })],
    ["a moment that is none", "invalid-argument", "occurredAt", (m) => m.add("x", { occurredAt: "yesterday" })],
    ["a moment beyond the calendar", "invalid-argument", "occurredAt", (m) => m.add("x", { occurredAt: 1e15 })],
    ["an end in the past", "invalid-argument", "expiresAt", (m) => m.add("x", { expiresAt: 1 })],
    ["metadata that is a list", "invalid-argument", "metadata", (m) => m.add("x", { metadata: [] as never })],
    ["metadata that is null", "invalid-argument", "metadata", (m) => m.add("x", { metadata: null as never })],
    ["metadata with infinity", "invalid-argument", "metadata/a/b", (m) => m.add("x", { metadata: { a: { b: Number.POSITIVE_INFINITY } } })],
    ["metadata with a function", "invalid-argument", "metadata/a", (m) => m.add("x", { metadata: { a: (() => 1) as never } })],
    ["metadata with a Map", "invalid-argument", "metadata/a", (m) => m.add("x", { metadata: { a: new Map([[1, 2]]) as never } })],
    ["metadata with a bigint", "invalid-argument", "metadata/a/0", (m) => m.add("x", { metadata: { a: [1n as never] } })],
    ["metadata that is too deep", "invalid-argument", "metadata/a", (m) => m.add("x", { metadata: deep(18) as never })],
    ["an empty metadata name", "invalid-argument", "metadata/", (m) => m.add("x", { metadata: { "": 1 } })],
    ["a malformed id of its own", "invalid-argument", "id", (m) => m.add("x", { id: "zz" })],
    ["an id that is taken", "already-exists", undefined, (m, id) => m.add("x", { id })],
    ["an unknown part of a scope", "invalid-argument", "scope/group", (m) => m.add("x", { scope: { group: "a" } as never })],
    ["an empty part of a scope", "invalid-argument", "scope/user", (m) => m.add("x", { scope: { user: "" } })],
    ["a vector of the wrong length", "dimension-mismatch", "vector", (m) => m.add("x", { vector: [1, 2] })],
    ["an empty vector", "invalid-argument", "vector", (m) => m.add("x", { vector: [] })],
    ["a zero vector", "invalid-argument", "vector", (m) => m.add("x", { vector: vector(0, 0, 0, 0) })],
    ["a vector with NaN", "invalid-argument", "vector/1", (m) => m.add("x", { vector: [1, Number.NaN, 0, 0] })],
    ["a vector with infinity", "invalid-argument", "vector/2", (m) => m.add("x", { vector: [1, 0, Number.NEGATIVE_INFINITY, 0] })],
    ["a vector of texts", "invalid-argument", "vector", (m) => m.add("x", { vector: ["1"] as never })],
    ["the third of many", "invalid-argument", "operations/2/importance", (m) => m.addMany(["a", { text: "b" }, { text: "c", importance: 7 }])],
    ["the second of many, told by its type", "invalid-argument", "operations/1/tier", (m) => m.addMany(["a", { text: "b", tier: "x" as never }])],
    ["many that are one text", "invalid-argument", "memories", (m) => m.addMany("abc" as never)],
    ["many with a hole", "invalid-argument", "operations/0/record", (m) => m.addMany([null as never])],

    ["add with options that are null", "invalid-argument", "options", (m) => m.add("x", null as never)],
    ["add with options that are a list", "invalid-argument", "options", (m) => m.add("x", [] as never)],
    ["a kind that is null", "invalid-argument", "kind", (m) => m.add("x", { kind: null as never })],
    ["a vector that is null", "invalid-argument", "vector", (m) => m.add("x", { vector: null as never })],
    ...["2025-01-02T10:00", "Jan 2 2025", "2025-01-02 10:00Z", "2025", "2025-02-30", "2025-02-30T10:00Z", "2025-01-02T10:00+0100", "10:00Z", ""].flatMap((moment): Case[] => [
      [`the moment ${JSON.stringify(moment)}`, "invalid-argument", "occurredAt", (m) => m.add("x", { occurredAt: moment })],
      [`the moment ${JSON.stringify(moment)} in an update`, "invalid-argument", "expiresAt", (m, id) => m.update(id, { expiresAt: moment })],
      [`the moment ${JSON.stringify(moment)} in a filter`, "invalid-argument", "filter/$or/0/$occurredAt/$gte", (m) => m.recall("x", { filter: { $or: [{ $occurredAt: { $gte: moment } }] } })],
    ]),

    ["get with options that are a flag", "invalid-argument", "options", (m, id) => m.get(id, false as never)],
    ["get with touch that is not a flag", "invalid-argument", "touch", (m, id) => m.get(id, { touch: 0 as never })],
    ["get of a malformed id", "invalid-argument", "id", (m) => m.get("no such id")],
    ["get of nothing", "invalid-argument", "id", (m) => m.get(undefined as never)],
    ["vector of a malformed id", "invalid-argument", "id", (m) => m.vector(missing.toLowerCase())],
    ["update of an unknown id", "not-found", undefined, (m) => m.update(missing, { text: "y" })],
    ["update of a malformed id", "invalid-argument", "id", (m) => m.update("8".repeat(26), { text: "y" })],
    ["update with blank text", "invalid-argument", "text", (m, id) => m.update(id, { text: " " })],
    ["update without a patch", "invalid-argument", "patch", (m, id) => m.update(id, null as never)],
    ["update of an unknown field", "invalid-argument", "tier", (m, id) => m.update(id, { tier: "working" } as never)],
    ["update of a kind to null", "invalid-argument", "kind", (m, id) => m.update(id, { kind: null as never })],
    ["update with nothing of an unknown id", "not-found", undefined, (m) => m.update(missing, {})],
    ["update with nothing at another version", "transaction-conflict", undefined, (m, id) => m.update(id, {}, { ifVersion: 2 })],
    ["update of a vector to null", "invalid-argument", "vector", (m, id) => m.update(id, { vector: null as never })],
    ["update at another version", "transaction-conflict", undefined, (m, id) => m.update(id, { text: "y" }, { ifVersion: 2 })],
    ["update at half a version", "invalid-argument", "ifVersion", (m, id) => m.update(id, { text: "y" }, { ifVersion: 1.5 })],
    ["update with a misspelt condition", "invalid-argument", "ifversion", (m, id) => m.update(id, { text: "y" }, { ifversion: 9 } as never)],
    ["forget of an unknown id", "not-found", undefined, (m) => m.forget(missing)],
    ["forget of one unknown id among known ones", "not-found", undefined, (m, id) => m.forget([id, missing])],
    ["forget of a malformed id", "invalid-argument", "id", (m) => m.forget("")],
    ["forget of nothing", "invalid-argument", "target", (m) => m.forget(undefined as never)],
    ["forget of an object without a filter", "invalid-argument", "target", (m) => m.forget({} as never)],
    ["forget of a misspelt filter", "invalid-argument", "target", (m) => m.forget({ fitler: { topic: 1 } } as never)],
    ["forget of a filter that is null", "invalid-argument", "filter", (m) => m.forget({ filter: null as never })],
    ["forget of a bad filter", "invalid-argument", "filter/$topic", (m) => m.forget({ filter: { $topic: 1 } })],
    ["a reward without a value", "invalid-argument", "reward", (m, id) => m.reward(id, undefined as never)],
    ["a reward above 1", "invalid-argument", "reward", (m, id) => m.reward(id, 1.5)],
    ["a reward at another version", "transaction-conflict", undefined, (m, id) => m.reward(id, 1, { ifVersion: 2 })],
    ["a reward with a misspelt condition", "invalid-argument", "ifversion", (m, id) => m.reward(id, 1, { ifversion: 1 } as never)],
    ["promote of an unknown id", "not-found", undefined, (m) => m.promote(missing)],
    ["promote of a malformed id", "invalid-argument", "id", (m) => m.promote("x")],
    ["promote to an unknown tier", "invalid-argument", "to", (m, id) => m.promote(id, "top" as never)],
    ["demote of an unknown id", "not-found", undefined, (m) => m.demote(missing)],
    ["demote to an unknown tier", "invalid-argument", "to", (m, id) => m.demote(id, "top" as never)],
    ["demote below the lowest tier", "invalid-argument", "to", (m, id) => m.demote(id)],
    ["demote to a tier above", "invalid-argument", "to", (m, id) => m.demote(id, "long-term")],

    ["an empty question", "invalid-argument", "query", (m) => m.recall("  ")],
    ["a question that is no text", "invalid-argument", "query", (m) => m.recall({} as never)],
    ["a question that is too long", "invalid-argument", "query", (m) => m.recall("x".repeat(1_001))],
    ["limit 0", "invalid-argument", "limit", (m) => m.recall("x", { limit: 0 })],
    ["half a limit", "invalid-argument", "limit", (m) => m.recall("x", { limit: 2.5 })],
    ["a limit past the most", "invalid-argument", "limit", (m) => m.recall("x", { limit: 10_001 })],
    ["an astronomic limit", "invalid-argument", "limit", (m) => m.recall("x", { limit: 1e300 })],
    ["minScore that is no number", "invalid-argument", "minScore", (m) => m.recall("x", { minScore: Number.NaN })],
    ["minScore that is a text", "invalid-argument", "minScore", (m) => m.recall("x", { minScore: "0.5" as never })],
    ["an unknown fusion", "invalid-argument", "fusion", (m) => m.recall("x", { fusion: "sum" as never })],
    ["an unknown method of fusion", "invalid-argument", "fusion", (m) => m.recall("x", { fusion: { method: "sum" } as never })],
    ["fusion without a weight", "invalid-argument", "fusion/keyword", (m) => m.recall("x", { fusion: { method: "weighted", dense: 1 } as never })],
    ["fusion with NaN", "invalid-argument", "fusion/dense", (m) => m.recall("x", { fusion: { method: "weighted", dense: Number.NaN, keyword: 1 } })],
    ["fusion with a negative weight", "invalid-argument", "fusion", (m) => m.recall("x", { fusion: { method: "weighted", dense: -1, keyword: 1 } })],
    ["fusion with all weights zero", "invalid-argument", "fusion", (m) => m.recall("x", { fusion: { method: "weighted", dense: 0, keyword: 0 } })],
    ["an unknown setting of fusion", "invalid-argument", "fusion/k", (m) => m.recall("x", { fusion: { method: "max", dense: 1, keyword: 1, k: 2 } as never })],
    ["an unknown preset", "invalid-argument", "preset", (m) => m.recall("x", { preset: "toString" as never })],
    ["an unknown weight", "invalid-argument", "weights/luck", (m) => m.recall("x", { weights: { luck: 1 } as never })],
    ["a weight that is no number", "invalid-argument", "weights/time", (m) => m.recall("x", { weights: { time: "1" as never } })],
    ["a weight over 1", "invalid-argument", "weights/time", (m) => m.recall("x", { weights: { time: 1.5 } })],
    ["diversity below 0", "invalid-argument", "diversity", (m) => m.recall("x", { diversity: -1 })],
    ["a reference moment that is none", "invalid-argument", "now", (m) => m.recall("x", { now: "soon" })],
    ["touch that is not a flag", "invalid-argument", "touch", (m) => m.recall("x", { touch: 1 as never })],
    ["a signal that is none", "invalid-argument", "signal", (m) => m.recall("x", { signal: {} as never })],
    ["a signal that is its controller", "invalid-argument", "signal", (m) => m.recall("x", { signal: new AbortController() as never })],
    ["a query vector that is null", "invalid-argument", "vector", (m) => m.recall("x", { vector: null as never })],
    ["a misspelt option", "invalid-argument", "fliter", (m) => m.recall("x", { fliter: {} } as never)],
    ["options that are null", "invalid-argument", "options", (m) => m.recall("x", null as never)],
    ["a query vector of the wrong length", "dimension-mismatch", "query/vector", (m) => m.recall("x", { vector: [1, 0] })],
    ["a query vector of zeros", "invalid-argument", "query/vector", (m) => m.recall("x", { vector: [0, 0, 0, 0] })],
    ["a query vector with NaN", "invalid-argument", "query/vector/3", (m) => m.recall("x", { vector: [0, 0, 0, Number.NaN] })],

    ["a filter that is a list", "invalid-argument", "filter", (m) => m.recall("x", { filter: [] as never })],
    ["a filter that is null", "invalid-argument", "filter", (m) => m.recall("x", { filter: null as never })],
    ["an unknown field", "invalid-argument", "filter/$color", (m) => m.recall("x", { filter: { $color: "red" } })],
    ["an unknown operator", "invalid-argument", "filter/topic/$like", (m) => m.recall("x", { filter: { topic: { $like: "u" } } as never })],
    ["an operator on the wrong type", "invalid-argument", "filter/topic/$in", (m) => m.recall("x", { filter: { topic: { $in: "u" } } as never })],
    ["a bound that is a list", "invalid-argument", "filter/$or/1/age/$gt", (m) => m.recall("x", { filter: { $or: [{ a: 1 }, { age: { $gt: [1] } }] } as never })],
    ["$exists that is not a flag", "invalid-argument", "filter/topic/$exists", (m) => m.recall("x", { filter: { topic: { $exists: 1 } } as never })],
    ["an empty step of a path", "invalid-argument", "filter/a..b", (m) => m.recall("x", { filter: { "a..b": 1 } })],
    ["NaN in a filter", "invalid-argument", "filter/a/$gt", (m) => m.recall("x", { filter: { a: { $gt: Number.NaN } } })],
    ["an invalid date in a filter", "invalid-argument", "filter/a/$gt", (m) => m.recall("x", { filter: { a: { $gt: new Date("no") } } })],
    ["a filter that is too deep", "invalid-argument", expect.stringMatching(/^filter(\/\$not)+$/) as never, (m) => m.recall("x", { filter: nested(40) as never })],
    ["a list with a bad filter", "invalid-argument", "filter/$nope", async (m) => (await m.list({ filter: { $nope: 1 } }).next()).value],
    ["a list with a bad limit", "invalid-argument", "limit", async (m) => (await m.list({ limit: -1 }).next()).value],
    ["a list with a misspelt option", "invalid-argument", "fliter", async (m) => (await m.list({ fliter: {} } as never).next()).value],

    ["an asynchronous transaction", "invalid-argument", "collect", (m) => m.transaction(async (tx) => (await null, tx.add("late")))],
    ["a transaction without a function", "invalid-argument", "collect", (m) => m.transaction(undefined as never)],
    ["one operation of a transaction", "invalid-argument", "operations/0/metadata/a", (m) => m.transaction((tx) => tx.add("x", { metadata: { a: 1n } as never }))],
    ["a transaction of which the last step is bad", "not-found", undefined, (m) => m.transaction((tx) => (tx.add("a"), tx.forget(missing)))],
    ["a scope that is no object", "invalid-argument", "scope", async (m) => m.scope("ada" as never)],
    ["a scope with a number", "invalid-argument", "scope/user", async (m) => m.scope({ user: 1 as never })],
    ...["5", -1, Number.NaN, null].map((budgetMs): Case => [`maintenance with a budget of ${String(budgetMs)}`, "invalid-argument", "budgetMs", (m) => m.maintain({ budgetMs: budgetMs as never })]),
    ["an event that is none", "invalid-argument", "name", async (m) => m.on("memory-vanished" as never, () => undefined)],
    ["an event named like a member of all objects", "invalid-argument", "name", async (m) => m.on("toString" as never, () => undefined)],
    ["a listener that is none", "invalid-argument", "listener", async (m) => m.on("memory-added", undefined as never)],
    ["a view's listener that is none", "invalid-argument", "listener", async (m) => m.scope({ user: "a" }).on("memory-added", {} as never)],
    ["import of nothing", "invalid-argument", "lines", (m) => m.import(undefined as never)],
    ["import with an unknown rule", "invalid-argument", "onConflict", (m) => m.import("", { onConflict: "merge" as never })],
  ];

  it.each(cases)("%s is refused and changes nothing", async (_name, code, field, act) => {
    const storage = faultStorage(memoryStorage());
    const memory = await openMemory({ storage, embedder: fakeEmbedder({ dimensions: 4 }), config: { maxTextBytes: 1_000 } });
    const id = await memory.add("the one that is there", { metadata: { topic: 1 } });
    const before = [(await idsOf(memory)).length, storage.recording().length];
    const error = await refusal(act(memory, id));
    expect(error.code).toBe(code);
    expect(error).toBeInstanceOf(code === "not-found" || code === "already-exists" ? RecordError : code === "transaction-conflict" ? MemoryError : ValidationError);
    if (field === undefined) expect(error.details).toHaveProperty("id");
    else expect(error.details.field).toEqual(field);
    if (typeof field === "string") expect(error.message).toContain(field);
    expect([(await idsOf(memory)).length, storage.recording().length]).toEqual(before);
    await memory.add("and it can go on");
    expect((await memory.recall("go on")).map((hit) => hit.text)).toContain("and it can go on");
    await memory.close();
  });

  it("takes a text of exactly the longest length, and finds it again", async () => {
    const place = memoryPlace();
    const memory = await openMemory({ storage: memoryStorage({ place }) });
    const text = `needle ${"hay ".repeat(1 << 18)}`.slice(0, 1 << 20);
    const id = await memory.add(text);
    expect((await refusal(memory.add(`${text}x`))).details).toEqual({ field: "text" });
    await memory.close();
    const again = await openMemory({ storage: memoryStorage({ place }) });
    const [hit] = await again.recall("needle");
    expect(hit).toMatchObject({ id, text });
    await again.close();
  });

  const badOptions: readonly (readonly [field: string, options: unknown])[] = [
    ["options", null],
    ["storge", { storge: memoryStorage() }],
    ["storage", { storage: {} }],
    ["storage", { storage: "./folder" }],
    ["now", { now: 5 }],
    ...[Number.NaN, 0.5, 2 ** 53, "7", null].map((seed) => ["seed", { seed }] as const),
    ...["verbose", "", 1, true, null].map((trace) => ["trace", { trace }] as const),
    ["policies", { policies: null }],
    ["config", { config: null }],
    ["embedder", { embedder: "static-512" }],
    ["embedder", { embedder: { embed: () => [] } }],
    ["scope/user", { scope: { user: 5 } }],
    ["scope/group", { scope: { group: "a" } }],
    ["config", { config: [] }],
    ["maxTextBites", { config: { maxTextBites: 5 } }],
    ...["working", "intermediate", "longTerm"].flatMap((tier): (readonly [string, unknown])[] => [
      [tier, { config: { [tier]: 5 } }],
      [`${tier}/maxItem`, { config: { [tier]: { maxItem: 5 } } }],
      ...[0, -1, 1.5, "5", Number.NaN, 2 ** 32].map((maxItems) => [`${tier}/maxItems`, { config: { [tier]: { maxItems } } }] as const),
      ...[0, -1, "1h", Number.POSITIVE_INFINITY].map((ttl) => [`${tier}/ttl`, { config: { [tier]: { ttl } } }] as const),
    ]),
    ["defaultTier", { config: { defaultTier: "short" } }],
    ...[0, -5, 1.5, "1000", 2 ** 28 + 1, 2 ** 32].map((maxTextBytes) => ["maxTextBytes", { config: { maxTextBytes } }] as const),
    ...[0, 4_095, 2 ** 28 + 1, null].map((sealBytes) => ["sealBytes", { config: { sealBytes } }] as const),
    ...[-0.1, 10.1, Number.NaN, "0.9"].map((bm25K1) => ["bm25K1", { config: { bm25K1 } }] as const),
    ...[-0.1, 1.1, Number.NaN, {}].map((bm25B) => ["bm25B", { config: { bm25B } }] as const),
  ];

  it.each(badOptions)("an option that is bad in its %s is refused: %j", async (field, options) => {
    const place = memoryPlace();
    const storage = memoryStorage({ place });
    const given = (options === null || (options as OpenOptions).storage !== undefined ? options : { storage, ...(options as object) }) as OpenOptions;
    const error = await refusal(openMemory(given));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error.details.field).toBe(field);
    expect(error.message).toContain(field);
    expect(place.owner).toBeUndefined();
    expect(place.keys()).toEqual([]);
    // Whatever was wrong, the adapter was closed.
    if (given !== null && given.storage === storage) await expect(storage.list("")).rejects.toMatchObject({ code: "memory-closed" });
  });

  it.each([["18446744073709551616"], ["-9223372036854775809"]])("a seed of more than 64 bits is refused: %s", async (seed) => {
    expect(await refusal(openMemory({ seed: BigInt(seed) }))).toMatchObject({ code: "invalid-argument", details: { field: "seed" } });
  });

  it("closes an adapter also when it cannot be locked, cannot be read, or fails at closing", async () => {
    const closings = { lock: 0, list: 0, close: 0 };
    for (const method of ["lock", "list", "close"] as const) {
      const storage: Storage = {
        ...bound(memoryStorage()),
        ...(method !== "close" && { [method]: () => Promise.reject(new Error("the disk went away")) }),
        close() {
          closings[method] += 1;
          throw new Error("not even that");
        },
      };
      const error = await refusal(openMemory({ storage, ...(method === "close" && { seed: 0.5 }) }));
      expect(error.message).toContain(method === "close" ? "seed" : "the disk went away");
    }
    expect(closings).toEqual({ lock: 1, list: 1, close: 1 });
  });

  const others: readonly (readonly [name: string, field: string, act: () => unknown])[] = [
    ["an empty folder", "directory", () => nodeFs("")],
    ["a folder that is no text", "directory", () => nodeFs(5 as never)],
    ["no folder", "directory", () => nodeFs(undefined as never)],
    ["a folder with a null character", "directory", () => nodeFs("a\0b")],
    ["a URL of the web", "directory", () => nodeFs(new URL("https://example.org/a"))],
    ["a URL with an encoded separator", "directory", () => nodeFs(new URL("file:///a%2Fb"))],
    ["options that are null", "options", () => nodeFs("a", null as never)],
    ["a misspelt option", "waitms", () => nodeFs("a", { waitms: 5 } as never)],
    ["a negative wait", "waitMs", () => nodeFs("a", { waitMs: -1 })],
    ["a wait past all timers", "waitMs", () => nodeFs("a", { waitMs: 2 ** 31 })],
    ["an owner stale at once", "staleMs", () => nodeFs("a", { staleMs: 0 })],
    ["a database without a name", "name", () => indexedDb("")],
    ["a database whose name is no text", "name", () => indexedDb(5 as never)],
    ["a factory that is none", "indexedDB", () => indexedDb("a", { indexedDB: {} as never })],
    ["locks that are none", "locks", () => indexedDb("a", { locks: true as never })],
    ["a wait that is no number", "waitMs", () => indexedDb("a", { waitMs: "5" as never })],
    ["persist that is not a flag", "persist", () => indexedDb("a", { persist: 1 as never })],
    ["a misspelt option of a database", "lock", () => indexedDb("a", { lock: false } as never)],
    ["a place that is none", "place", () => memoryStorage({ place: new Map() as never })],
    ["content that is no map", "content", () => memoryPlace({} as never)],
    ["a model that is not built in", "model", () => staticEmbedder("static-512" as never)],
    ["an estimate of nothing", "size", () => estimate(undefined as never)],
    ["an estimate without a count", "count", () => estimate({} as never)],
    ["an estimate of half a dimension", "dimensions", () => estimate({ count: 1, dimensions: 0.5 })],
    ["an engine that is missing", "engine", () => provideAssets({} as never)],
    ["a model that is no function", "model", () => provideAssets({ engine: "engine.wasm", model: {} as never })],
  ];

  it.each(others)("%s is refused", async (_name, field, act) => {
    const error = await refusal((async () => act())());
    expect(error).toBeInstanceOf(ValidationError);
    expect(error.details.field).toBe(field);
    expect(error.message).toContain(field);
  });
});

/** The adapter with its methods as plain properties. */
function bound(storage: Storage): Storage {
  return {
    name: storage.name,
    lock: () => storage.lock?.() as Promise<StorageLock>,
    list: (prefix) => storage.list(prefix),
    read: (key) => storage.read(key),
    write: (batch) => storage.write(batch),
    close: () => storage.close(),
  };
}

describe("a closed memory", () => {
  const calls: Readonly<Record<string, (memory: Memory) => Promise<unknown>>> = {
    add: (m) => m.add("x"),
    addMany: (m) => m.addMany(["x"]),
    "addMany of none": (m) => m.addMany([]),
    get: (m) => m.get(missing),
    vector: (m) => m.vector(missing),
    update: (m) => m.update(missing, { text: "x" }),
    "update of labels": (m) => m.update(missing, { tags: [] }),
    forget: (m) => m.forget(missing),
    "forget by filter": (m) => m.forget({ filter: {} }),
    promote: (m) => m.promote(missing),
    demote: (m) => m.demote(missing),
    list: async (m) => (await m.list().next()).value,
    recall: (m) => m.recall("x"),
    "recall by vector": (m) => m.recall("x", { vector: [1, 0] }),
    transaction: (m) => m.transaction((tx) => void tx.add("x")),
    "empty transaction": (m) => m.transaction(() => 5),
    stats: (m) => m.stats(),
    maintain: (m) => m.maintain(),
    export: async (m) => (await m.export().next()).value,
    import: (m) => m.import(""),
    space: async (m) => m.space,
    reward: (m) => m.reward(missing, 1),
    scope: async (m) => m.scope({ user: "a" }),
    on: async (m) => m.on("memory-added", () => undefined),
  };

  it.each(Object.entries(calls))("refuses %s", async (_name, call) => {
    const memory = await openMemory({ embedder: fakeEmbedder() });
    await memory.close();
    const error = await refusal(call(memory));
    expect(error.code).toBe("memory-closed");
    expect(error).toBeInstanceOf(MemoryUnavailableError);
  });

  it("can be closed again, from a view too, and is told of while a listing runs", async () => {
    const memory = await openMemory({ embedder: false });
    await memory.addMany(Array.from({ length: 300 }, (_, index) => `note ${index}`));
    const listing = memory.list();
    expect((await listing.next()).value).toMatchObject({ text: "note 0" });
    await Promise.all([memory.scope({ user: "a" }).close(), memory.close()]);
    await memory.close();
    await expect(async () => {
      for await (const _ of listing);
    }).rejects.toMatchObject({ code: "memory-closed" });
  });
});
