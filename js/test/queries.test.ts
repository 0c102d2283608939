// Questions beyond plain words, through the package: the syntax, orders and pages, batches, builders, the like of a record.

import { describe, expect, it } from "vitest";
import { openMemory, ValidationError, type Hit, type Memory, type MemoryRecord, type Sort } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage, type MemoryPlace } from "../../dist/esm/storage/memory.js";
import { fakeEmbedder, manualClock } from "../../dist/esm/testing/index.js";

const start = Date.UTC(2026, 2, 11, 12);

async function shelf(): Promise<{ memory: Memory; ids: string[] }> {
  const memory = await openMemory({ embedder: false, now: manualClock(start).now });
  const ids = await memory.addMany([
    { text: "Ada prefers metric units", actor: "Ada", tags: ["work"], importance: 0.9, metadata: { topic: "units" } },
    { text: "The units of the old map are imperial", tags: ["home"], importance: 0.2, occurredAt: "2025-06-01" },
    { text: "Bo organises the organisation of the fair", actor: "Bo", importance: 0.5, occurredAt: "2025-07-01" },
  ]);
  return { memory, ids };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function failure(run: () => PromiseLike<unknown>): Promise<ValidationError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof ValidationError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("the syntax of queries", () => {
  it("is opt-in", async () => {
    const { memory, ids } = await shelf();
    const found = async (query: string, syntax?: "plain" | "query") => (await memory.recall(query, { syntax, preset: "searches" })).map(({ id }) => ids.indexOf(id)).sort();
    expect(await found("units -metric")).toEqual([0, 1]);
    expect(await found("units -metric", "query")).toEqual([1]);
    expect(await found('"metric units"', "query")).toEqual([0]);
    expect(await found("organi*", "query")).toEqual([2]);
    expect(await found("metirc~1", "query")).toEqual([0]);
    expect(await found("units tag:work", "query")).toEqual([0]);
    expect(await found("before:2026-01-01", "query")).toEqual([1, 2]);
    expect(await found("metadata.topic:units OR actor:Bo", "query")).toEqual([0, 2]);
    expect(await found("importance:>0.4 -actor:Ada", "query")).toEqual([2]);
    await memory.close();
  });

  it("embeds the words alone", async () => {
    const asked: string[] = [];
    const { model, dimensions, embed } = fakeEmbedder();
    const memory = await openMemory({
      embedder: {
        model, dimensions,
        embed: (texts, options) => {
          if (options.purpose === "query") asked.push(...texts);
          return embed(texts, options);
        },
      },
    });
    await memory.add("Ada prefers metric units", { actor: "Ada" });
    await memory.recall('+metric "units of" Ada -imperial tag:work uni*', { syntax: "query" });
    await memory.recall("tag:work", { syntax: "query" });
    expect(asked).toEqual(["metric units of uni"]);
    await memory.close();
  });

  it("is refused with a position and what was expected there", async () => {
    const { memory } = await shelf();
    for (const [query, position] of [["", 0], ["units AND", 9], ["(units", 6], ["😀 color:red", 3], ["before:soon", 7]] as const) {
      const error = await failure(() => memory.recall(query, { syntax: "query" }));
      expect([query, error.code, error.details.field, error.details.position]).toEqual([query, "invalid-argument", "query", position]);
      expect(error.message).toContain(error.details.expected);
    }
    expect((await failure(() => memory.recall("x", { syntax: "lucene" as never }))).details.field).toBe("syntax");
    await memory.close();
  });
});

describe("listings", () => {
  it("come in an order, whole or in pages", async () => {
    const { memory, ids } = await shelf();
    const places = (records: readonly MemoryRecord[]) => records.map(({ id }) => ids.indexOf(id));
    for (const [sort, expected] of [
      [undefined, [0, 1, 2]],
      ["importance", [1, 2, 0]],
      [{ by: "importance", order: "descending" }, [0, 2, 1]],
      [{ by: "occurredAt" }, [1, 2, 0]],
      [{ by: "id", order: "descending" }, [2, 1, 0]],
    ] satisfies [Sort | undefined, number[]][]) {
      expect(places(await collect(memory.list({ sort })))).toEqual(expected);
      expect(places(await collect(memory.list({ sort, limit: 2 })))).toEqual(expected.slice(0, 2));
      const first = await memory.page({ sort, limit: 2 });
      expect(places(first.records)).toEqual(expected.slice(0, 2));
      const second = await memory.page({ sort, limit: 2, cursor: first.cursor });
      expect(places(second.records)).toEqual(expected.slice(2));
      expect(second.cursor).toBeUndefined();
      expect(places(await collect(memory.list({ sort, cursor: first.cursor })))).toEqual(expected.slice(2));
    }
    expect(await memory.page({ filter: { topic: "none" } })).toEqual({ records: [] });
    await memory.close();
  });

  it("go through what is there throughout exactly once, whatever is used or removed meanwhile", async () => {
    const memory = await openMemory({ embedder: false });
    const ids = await memory.addMany(Array.from({ length: 600 }, (_, index) => ({ text: `record ${index}`, importance: (index % 7) / 7 })));
    const seen: string[] = [];
    for await (const { id } of memory.list({ sort: { by: "accessCount", order: "descending" } })) {
      seen.push(id);
      if (seen.length === 1) await memory.forget(ids.slice(590));
      if (seen.length % 50 === 0) await Promise.all(ids.slice(300, 320).map((one) => memory.get(one)));
      if (seen.length === 100) await memory.add("came late");
    }
    expect(seen.length).toBe(new Set(seen).size);
    expect(ids.slice(0, 590).filter((id) => !seen.includes(id))).toEqual([]);
    await memory.close();
  });

  it("refuse what is no order, limit or cursor", async () => {
    const { memory } = await shelf();
    const { cursor } = await memory.page({ limit: 1 });
    for (const [options, field] of [
      [{ sort: "text" }, "sort"],
      [{ sort: { by: "importance", order: "up" } }, "sort/order"],
      [{ sort: { by: "importance", descending: true } }, "sort/descending"],
      [{ sort: {} }, "sort/by"],
      [{ limit: 0 }, "limit"],
      [{ cursor: 7 }, "cursor"],
      [{ cursor: "more" }, "cursor"],
      [{ cursor, sort: "importance" }, "cursor"],
      [{ cursor, filter: {} }, "cursor"],
      [{ offset: 3 }, "offset"],
    ] as const) {
      expect([options, (await failure(() => memory.page(options as never))).details.field]).toEqual([options, field]);
    }
    expect((await failure(() => memory.scope({ user: "ada" }).page({ cursor }))).message).toContain("another listing");
    await memory.close();
  });
});

describe("several questions", () => {
  it("are answered as one by one, with one call of the embedder", async () => {
    let calls = 0;
    const { model, dimensions, embed } = fakeEmbedder();
    const memory = await openMemory({
      embedder: {
        model, dimensions,
        embed: (texts, options) => {
          calls += 1;
          return embed(texts, options);
        },
      },
      now: manualClock(start).now,
    });
    await memory.addMany(["red kettle", "blue kettle", "red boat"]);
    const vector = new Float32Array(await memory.vector((await collect(memory.list()))[0]?.id ?? "") ?? []);
    const questions = ["kettle", { query: "red -boat", syntax: "query" as const, limit: 1 }, { query: "", vector }, { query: "boat", filter: { missing: 1 } }];
    calls = 0;
    const together = await memory.recallMany(questions, { touch: false, limit: 2 });
    expect(calls).toBe(1);
    const single: Hit[][] = [];
    for (const asked of questions) {
      const { query, ...options } = typeof asked === "string" ? { query: asked } : asked;
      single.push(await memory.recall(query, { touch: false, limit: 2, ...options }));
    }
    expect(together).toEqual(single);
    expect(together.map(({ length }) => length)).toEqual([2, 1, 2, 0]);
    expect(await memory.recallMany([])).toEqual([]);
    await memory.recallMany(["kettle", "kettle"]);
    expect((await memory.recall("kettle", { touch: false }))[0]?.accessCount).toBe(2);
    await memory.close();
  });

  it("are refused together, naming the one", async () => {
    const { memory, ids } = await shelf();
    for (const [queries, field] of [
      [["a", { query: "b", limit: 0 }], "queries/1/limit"],
      [["a", { query: "b", color: 1 }], "queries/1/color"],
      [["a", { query: "b AND", syntax: "query" }], "queries/1/query"],
      [[{ query: "b AND", syntax: "query" }], "queries/0/query"],
      [["units", ""], "queries/1/query"],
      [[""], "queries/0/query"],
      [["units", { query: "b", filter: { $no: 1 } }], "queries/1/filter/$no"],
      [["units", { query: 3 }], "queries/1/query"],
      [["units", null], "queries/1"],
      [["units", { query: "b", signal: undefined }], "queries/1/signal"],
      ["units", "queries"],
    ] as const) {
      expect([queries, (await failure(() => memory.recallMany(queries as never))).details.field]).toEqual([queries, field]);
    }
    expect((await memory.get(ids[0] ?? "", { touch: false }))?.accessCount).toBe(0);
    await memory.close();
  });
});

describe("a question that is put together", () => {
  it("recalls when it is awaited", async () => {
    const { memory } = await shelf();
    const hits = await memory.query("units").where({ $importance: { $gt: 0.1 } }).where({ topic: "units" }).limit(5).with({ touch: false });
    expect(hits).toEqual(await memory.recall("units", { filter: { $and: [{ $importance: { $gt: 0.1 } }, { topic: "units" }] }, limit: 5, touch: false }));
    expect(hits).toHaveLength(1);
    const base = memory.query("units").with({ touch: false });
    expect((await base.sort("importance")).map(({ importance }) => importance)).toEqual([0.2, 0.9]);
    expect((await base.minScore(2))).toEqual([]);
    expect(await base).toEqual(await memory.recall("units", { touch: false }));
    expect((await failure(() => base.limit(0))).details.field).toBe("limit");
    await memory.close();
  });

  it("goes on beyond any limit, and uses what it reaches", async () => {
    let embedded = 0;
    const { model, dimensions, embed } = fakeEmbedder();
    const memory = await openMemory({
      embedder: {
        model, dimensions,
        embed: (texts, options) => {
          if (options.purpose === "query") embedded += 1;
          return embed(texts, options);
        },
      },
      config: { consolidation: { repeats: "keep" } },
    });
    const ids = await memory.addMany(Array.from({ length: 90 }, (_, index) => `kettle ${"boat ".repeat(index % 9)}${index}`));
    const all = await collect(memory.query("kettle boat").with({ touch: false }));
    expect(embedded).toBe(1);
    expect(new Set(all.map(({ id }) => id))).toEqual(new Set(ids));
    expect(all).toHaveLength(90);
    expect(all.slice(0, 10).map(({ id }) => id)).toEqual((await memory.recall("kettle boat", { touch: false })).map(({ id }) => id));
    expect(await collect(memory.query("kettle boat").limit(40).with({ touch: false }))).toEqual(all.slice(0, 40));
    for await (const _ of memory.query("kettle boat")) break;
    const used = (await collect(memory.list())).filter(({ accessCount }) => accessCount > 0);
    expect(used).toHaveLength(32);
    const sorted = await collect(memory.query("kettle boat").sort({ by: "id", order: "descending" }).limit(3));
    expect(sorted.map(({ id }) => id)).toEqual(sorted.map(({ id }) => id).sort().reverse());
    expect(sorted).toHaveLength(3);
    await memory.close();
  });
});

describe("the like of a record", () => {
  it("is found within the view, without the record", async () => {
    const memory = await openMemory({ embedder: fakeEmbedder() });
    const [one, two] = (await memory.addMany([{ text: "the red kettle", scope: { user: "ada" } }, { text: "a red kettle indeed", scope: { user: "ada" } }, { text: "the red kettle of Bo", scope: { user: "bo" } }])) as [string, string];
    const ada = memory.scope({ user: "ada" });
    expect((await ada.related(one)).map(({ id }) => id)).toEqual([two]);
    expect((await memory.related(one, { touch: false })).length).toBe(2);
    expect((await memory.get(two, { touch: false }))?.accessCount).toBe(1);
    await expect(memory.scope({ user: "bo" }).related(one)).rejects.toMatchObject({ code: "not-found" });
    for (const [options, field] of [[{ limit: 0 }, "limit"], [{ vector: [1] }, "vector"], [{ syntax: "query" }, "syntax"]] as const) {
      expect((await failure(() => memory.related(one, options as never))).details.field).toBe(field);
    }
    expect((await failure(() => memory.related("nobody"))).details.field).toBe("id");
    await memory.close();
  });
});

describe("kept answers", () => {
  it("are those that would be given, and are counted", async () => {
    const open = (resultCache?: object) => openMemory({ seed: 1, now: manualClock(start).now, embedder: false, config: { resultCache } });
    const [kept, plain] = [await open({}), await open()];
    for (const memory of [kept, plain]) await memory.addMany(["red kettle", "blue kettle"]);
    for (let round = 0; round < 3; round += 1) expect(await kept.recall("kettle")).toEqual(await plain.recall("kettle"));
    expect((await kept.stats()).engine?.resultCache).toEqual({ entries: 1, hits: 2, misses: 1, hitRate: 2 / 3 });
    expect((await plain.stats()).engine?.resultCache).toBeUndefined();
    for (const [given, field] of [[{ entries: 0 }, "resultCache/entries"], [{ ttl: 0.5 }, "resultCache/ttl"], [{ size: 1 }, "resultCache/size"], [null, "resultCache"]] as const) {
      expect((await failure(() => open(given as never))).details.field).toBe(field);
    }
    await kept.close();
    await plain.close();
  });
});

describe("what a condition alone finds", () => {
  it("is the latest, however the memory was stored", async () => {
    const place = memoryPlace();
    const start = (from: MemoryPlace): Promise<Memory> => openMemory({ storage: memoryStorage({ place: from }), embedder: false, config: { working: {}, sealBytes: 65_536 } });
    const memory = await start(place);
    for (let batch = 0; batch < 10; batch += 1) {
      await memory.addMany(Array.from({ length: 100 }, (_, index) => ({ text: `note ${batch * 100 + index} ${"lorem ".repeat(80)}`, tags: ["a"], occurredAt: 1_700_000_000_000 + batch * 100 + index })));
      await memory.maintain();
    }
    await memory.add("the old map", { tags: ["b"] });
    await memory.maintain();
    const copy = await start(memoryPlace(place.snapshot()));
    const asked = (from: Memory): Promise<string[]> => from.recall('tag:a OR "old map"', { syntax: "query", limit: 6, touch: false }).then((hits) => hits.map(({ text }) => text.slice(0, 11)));
    const found = await asked(memory);
    expect(found[0]).toBe("the old map");
    expect(await asked(copy)).toEqual(found);
    await copy.close();
    await memory.close();
  });
});

describe("errors", () => {
  it("name the hole in a list of questions, and the judge of one of them", async () => {
    const { memory } = await shelf();
    const holed: string[] = ["map"];
    holed[2] = "fair";
    expect((await failure(() => memory.recallMany(holed))).details).toMatchObject({ field: "queries/1" });
    const rerank = { score: (): number[] => [] };
    expect((await failure(() => memory.recallMany(["tea", { query: "map", rerank }]))).details).toMatchObject({ field: "queries/1/rerank/score" });
  });

  it("say that a field is none before they ask for its value", async () => {
    const { memory } = await shelf();
    expect((await failure(() => memory.recall("units:", { syntax: "query" }))).message).toContain("units is not a field");
    expect((await failure(() => memory.recall("tag:", { syntax: "query" }))).message).toContain("no value");
  });
});
