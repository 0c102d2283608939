// What is kept of vectors: for whom, how many, how long, and that the answers are those of the embedder.

import { describe, expect, it } from "vitest";
import { openMemory, type EmbeddingCacheOptions, type Memory, type OpenOptions } from "../../dist/esm/entry/inline.js";
import { LruMap } from "../../dist/esm/internal/lru.js";
import { fakeEmbedder, manualClock, type FakeEmbedder } from "../../dist/esm/testing/index.js";

async function opened(embeddingCache?: EmbeddingCacheOptions | false, more: OpenOptions = {}): Promise<{ memory: Memory; embedder: FakeEmbedder; asked(): string[][] }> {
  const embedder = fakeEmbedder({ dimensions: 16 });
  const memory = await openMemory({ embedder, ...(embeddingCache !== undefined && { embeddingCache }), ...more });
  await memory.addMany(["green tea", "blue boat"]);
  const before = embedder.calls.length;
  return { memory, embedder, asked: () => embedder.calls.slice(before).map(({ texts }) => [...texts]) };
}

const figures = async (memory: Memory): Promise<unknown> => (await memory.stats()).engine?.embeddingCache;

describe("the cache of a memory", () => {
  it("asks for a question once, and answers the same", async () => {
    const { memory, asked } = await opened();
    const first = await memory.recall("tea", { touch: false });
    const second = await memory.recall("tea", { touch: false });
    expect(second).toEqual(first);
    await memory.recall("boat");
    await memory.recall("Tea");
    expect(asked()).toEqual([["tea"], ["boat"], ["Tea"]]);
    expect(await figures(memory)).toMatchObject({ hits: 1, misses: 3, hitRate: 0.25, entries: 3 });
    await memory.close();
  });

  it("keeps questions and memories apart, and memories only if asked to", async () => {
    const some = await opened();
    await some.memory.recall("green tea");
    await some.memory.add("a new thing");
    await some.memory.add("a new thing", { kind: "semantic" });
    expect(some.asked()).toEqual([["green tea"], ["a new thing"], ["a new thing"]]);
    await some.memory.close();
    const all = await opened({ texts: "all" });
    await all.memory.recall("green tea");
    await all.memory.addMany(["a new thing", "blue boat", "a new thing", "another"]);
    expect(all.asked()).toEqual([["green tea"], ["a new thing", "another"]]);
    expect(await figures(all.memory)).toMatchObject({ hits: 1, misses: 6 });
    await all.memory.close();
  });

  it("gives every record its own vector, kept or not", async () => {
    const plain = await opened(false);
    const kept = await opened({ texts: "all" });
    const texts = ["blue boat", "red car", "!?", "green tea", "red car"];
    const vectors = async (memory: Memory): Promise<unknown[]> => Promise.all((await memory.addMany(texts.map((text, n) => ({ text, kind: `k${n}` })))).map((id) => memory.vector(id)));
    expect(await vectors(kept.memory)).toEqual(await vectors(plain.memory));
    // A text without meaning is remembered as one.
    await kept.memory.add("!?", { kind: "other" });
    expect(kept.asked()).toEqual([["red car", "!?"]]);
    await plain.memory.close();
    await kept.memory.close();
  });

  it("can be turned off", async () => {
    const { memory, asked } = await opened(false);
    await memory.recall("tea");
    await memory.recall("tea");
    expect(asked()).toEqual([["tea"], ["tea"]]);
    expect(await figures(memory)).toBeUndefined();
    await memory.close();
  });

  it("forgets what is too old, by the memory's clock", async () => {
    const clock = manualClock("2026-01-01T00:00:00Z");
    const { memory, asked } = await opened({ ttlMs: 1_000 }, { now: clock.now });
    await memory.recall("tea");
    clock.advance(999);
    await memory.recall("tea");
    clock.advance(1);
    await memory.recall("tea");
    expect(asked()).toEqual([["tea"], ["tea"]]);
    await memory.close();
    const lasting = await opened(undefined, { now: clock.now });
    await lasting.memory.recall("tea");
    clock.advance(3_599_999);
    await lasting.memory.recall("tea");
    expect(lasting.asked()).toHaveLength(1);
    await lasting.memory.close();
  });

  it("keeps to its limits", async () => {
    const { memory, asked } = await opened({ maxEntries: 2 });
    for (const question of ["one", "two", "one", "three", "one", "two"]) await memory.recall(question);
    expect(asked().flat()).toEqual(["one", "two", "three", "two"]);
    await memory.close();
    const tight = await opened({ maxBytes: 1_000 });
    for (let n = 0; n < 20; n += 1) await tight.memory.recall(`question ${n}`);
    const { bytes, entries } = (await figures(tight.memory)) as { bytes: number; entries: number };
    expect(bytes).toBeLessThanOrEqual(1_000);
    expect(entries).toBeGreaterThan(0);
    await tight.memory.recall("x".repeat(2_000));
    expect(await figures(tight.memory)).toMatchObject({ entries });
    await tight.memory.close();
  });

  it("does not keep what failed", async () => {
    const embedder = fakeEmbedder({ failOn: ({ index }) => index === 0 });
    const memory = await openMemory({ embedder });
    await expect(memory.recall("tea")).rejects.toMatchObject({ code: "embedder-failed" });
    await memory.recall("tea");
    await memory.recall("tea");
    expect(embedder.calls).toHaveLength(2);
    await memory.close();
  });

  it("tells no view what another one has asked", async () => {
    const { memory, asked } = await opened();
    const [ada, bob, both] = [memory.scope({ user: "ada" }), memory.scope({ user: "bob" }), memory.scope({ user: "ada", session: "1" })];
    for (const view of [memory, ada, bob, both, ada]) await view.recall("my secret");
    expect(asked()).toHaveLength(4);
    expect((await ada.stats()).engine).toBeUndefined();
    expect(await figures(memory)).toMatchObject({ hits: 1, misses: 4 });
    await memory.close();
  });

  it.each<[object | number, string]>([
    [{ maxEntries: 0 }, "embeddingCache/maxEntries"], [{ maxBytes: -1 }, "embeddingCache/maxBytes"], [{ ttlMs: 0 }, "embeddingCache/ttlMs"], [{ ttlMs: "1" }, "embeddingCache/ttlMs"],
    [{ texts: "memories" }, "embeddingCache/texts"], [{ size: 1 }, "embeddingCache/size"], [5, "embeddingCache"],
  ])("refuses %o", async (options, field) => {
    await expect(openMemory({ embeddingCache: options as EmbeddingCacheOptions })).rejects.toMatchObject({ code: "invalid-argument", details: { field } });
  });
});

describe("the map behind it", () => {
  it("holds what a plain list of the same entries would", () => {
    const limits = { maxEntries: 5, maxBytes: 40, ttlMs: 30 };
    const map = new LruMap<number>(limits);
    // Least recently used first.
    let list: { key: string; value: number; bytes: number; until: number }[] = [];
    let seed = 12_345;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    let evicted = 0;
    for (let now = 0; now < 5_000; now += random(3)) {
      const key = `key ${random(9)}`;
      const known = list.find((entry) => entry.key === key);
      if (random(2) === 0) {
        const alive = known && known.until > now ? known : undefined;
        expect(map.get(key, now)).toBe(alive?.value);
        list = list.filter((entry) => entry !== known);
        if (alive) list.push(alive);
      } else {
        const bytes = random(50);
        map.set(key, now, bytes, now);
        list = list.filter((entry) => entry !== known);
        if (bytes <= limits.maxBytes) list.push({ key, value: now, bytes, until: now + limits.ttlMs });
        while (list.length > limits.maxEntries || list.reduce((sum, entry) => sum + entry.bytes, 0) > limits.maxBytes) evicted += Number(list.shift() !== undefined);
      }
      expect([map.size, map.bytes]).toEqual([list.length, list.reduce((sum, entry) => sum + entry.bytes, 0)]);
    }
    expect(evicted).toBeGreaterThan(100);
  });
});
