import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openMemory, type EngineConfig, type Hit, type Memory, type OpenOptions, type Storage } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { nodeFs } from "../../dist/esm/storage/node-fs.js";
import { faultStorage, type FaultPlan } from "../../dist/esm/testing/index.js";

const DIMENSIONS = 64;

/** Vectors in groups, as those of texts are. */
function drawing(seed = 7): () => Float32Array {
  let state = seed;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const centres = Array.from({ length: 40 }, () => Array.from({ length: DIMENSIONS }, () => next() - 0.5));
  return () => {
    const centre = centres[Math.floor(next() * centres.length)] as number[];
    return Float32Array.from(centre, (component) => component + 0.5 * (next() - 0.5));
  };
}

const base: EngineConfig = { defaultTier: "long-term", longTerm: { precision: "int8" }, sealBytes: 200_000 };

const open = (storage: Storage, residentVectorBytes: number | undefined, options: OpenOptions = {}): Promise<Memory> =>
  openMemory({ storage, embedder: false, seed: 5, now: () => 1_767_225_600_000, ...options, config: { ...base, residentVectorBytes, ...options.config } });

async function fill(memory: Memory, draw: () => Float32Array, count = 2_400): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < count; start += 300) {
    ids.push(...(await memory.addMany(Array.from({ length: 300 }, (_, index) => ({ text: `Note ${start + index} about birds`, vector: draw() })))));
  }
  await memory.maintain();
  return ids;
}

const numbers = (hits: readonly Hit[]): [string, number][] => hits.map(({ id, score }) => [id, score]);
const ask = (memory: Memory, vector: Float32Array, more = {}): Promise<Hit[]> => memory.recall("", { vector, touch: false, recall: "exact", ...more });
const paging = async (memory: Memory) => (await memory.stats()).engine?.paging;

/** The methods of an adapter, to be replaced one by one. */
function adapter(storage: Storage): Storage {
  const { name } = storage;
  return { name, list: (prefix) => storage.list(prefix), read: (key) => storage.read(key), write: (batch) => storage.write(batch), close: () => storage.close() };
}

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "paging-"));
  folders.push(path);
  return path;
}

describe("vectors in storage", () => {
  const places: [string, () => Promise<() => Storage>][] = [
    [
      "memory",
      async () => {
        const place = memoryPlace();
        return () => memoryStorage({ place });
      },
    ],
    [
      "files",
      async () => {
        const path = await folder();
        return () => nodeFs(path);
      },
    ],
    [
      "an adapter that reads values as a whole",
      async () => {
        const place = memoryPlace();
        return () => {
          const whole = memoryStorage({ place });
          return { name: "whole", list: (prefix) => whole.list(prefix), read: (key) => whole.read(key), write: (batch) => whole.write(batch), close: () => whole.close() };
        };
      },
    ],
  ];

  it.each(places)("answer as those in memory, in %s", { timeout: 60_000 }, async (_name, make) => {
    const [at, draw] = [await make(), drawing()];
    let stored = await open(at(), 20_000);
    const held = await open(memoryStorage(), undefined);
    const ids = await fill(stored, draw);
    expect(await fill(held, drawing())).toEqual(ids);
    expect((await paging(stored))?.vectors).toBeGreaterThan(1_400);
    expect(await paging(held)).toBeUndefined();
    const agree = async (): Promise<void> => {
      const questions = Array.from({ length: 4 }, draw);
      for (const question of questions) {
        expect(numbers(await ask(stored, question))).toEqual(numbers(await ask(held, question)));
        expect(numbers(await ask(stored, question, { diversity: 0.4 }))).toEqual(numbers(await ask(held, question, { diversity: 0.4 })));
      }
      const like = ids[7] as string;
      expect(numbers(await stored.related(like))).toEqual(numbers(await held.related(like)));
      const many = (memory: Memory) => memory.recallMany(questions.map((vector) => ({ query: "birds", vector, touch: false, recall: "exact" as const })));
      expect((await many(stored)).map(numbers)).toEqual((await many(held)).map(numbers));
      const judged = { signals: { long: { weight: 0.5, score: ({ text }: Hit) => text.length / 100 } } };
      expect(numbers(await ask(stored, questions[0] as Float32Array, judged))).toEqual(numbers(await ask(held, questions[0] as Float32Array, judged)));
    };
    await agree();
    const change = async (memory: Memory): Promise<void> => {
      await memory.update(ids[3] as string, { tags: ["kept"] });
      await memory.update(ids[4] as string, { importance: 1 });
      await memory.forget(ids[5] as string);
      await memory.transaction((tx) => {
        for (const id of ids.slice(10, 40)) tx.update(id, { tags: ["again"] });
      });
      await memory.maintain({ compact: true });
    };
    await change(stored);
    await change(held);
    await agree();
    expect(await stored.vector(ids[3] as string)).toEqual(await held.vector(ids[3] as string));
    const lines = async (memory: Memory): Promise<string[]> => {
      const all: string[] = [];
      for await (const line of memory.export()) all.push(line);
      return all;
    };
    expect(await lines(stored)).toEqual(await lines(held));
    await stored.close();
    stored = await open(at(), 20_000);
    await agree();
    const figures = await paging(stored);
    expect(figures).toMatchObject({ vectors: 2_399 });
    expect(figures?.cacheBytes).toBeGreaterThan(10_000);
    expect(figures?.cacheBytes).toBeLessThanOrEqual(20_000);
    expect(figures?.misses).toBeGreaterThan(1_400);
    await stored.close();
    await held.close();
  });

  it("are found fast by few that are read, and kept for the next time", async () => {
    const [draw, place] = [drawing(), memoryPlace()];
    const memory = await open(memoryStorage({ place }), 100_000);
    await fill(memory, draw, 6_000);
    const question = draw();
    // Merging segments has read rows, too.
    const before = (await paging(memory))?.misses ?? 0;
    const first = await ask(memory, question, { recall: "fast" });
    expect(first[0]?.why.vectors).not.toBe("exact");
    const once = await paging(memory);
    expect((once?.misses ?? 0) - before).toBeLessThan(1_000);
    expect(numbers(await ask(memory, question, { recall: "fast" }))).toEqual(numbers(first));
    const twice = await paging(memory);
    expect(twice?.misses).toBe(once?.misses);
    expect(twice?.hits).toBeGreaterThan(once?.hits ?? 0);
    await memory.close();
  });

  it("are asked about by many at once, while others write and maintain", async () => {
    const draw = drawing();
    const memory = await open(memoryStorage(), 5_000);
    const ids = await fill(memory, draw);
    const questions = Array.from({ length: 12 }, draw);
    const expected = await Promise.all(questions.map((question) => ask(memory, question)));
    for (const [index, question] of questions.entries()) expect(numbers(await ask(memory, question))).toEqual(numbers(expected[index] as Hit[]));
    const gone = new Set(ids.slice(0, 300));
    const answers = Promise.all(questions.map((question) => ask(memory, question)));
    await Promise.all([...[...gone].map((id) => memory.forget(id)), memory.maintain({ compact: true }), memory.update(ids[900] as string, { tags: ["x"] })]);
    for (const hits of await answers) expect(hits).toHaveLength(10);
    for (const question of questions) expect((await ask(memory, question)).some(({ id }) => gone.has(id))).toBe(false);
    await memory.close();
  });

  it("that cannot be read fail the call, and the memory goes on", async () => {
    let broken = false;
    const plan: FaultPlan = ({ method }) => (broken && method === "readRanges" ? { then: "fail" } : undefined);
    const draw = drawing();
    const memory = await open(faultStorage(memoryStorage(), plan), 0);
    const ids = await fill(memory, draw);
    const question = draw();
    const before = await ask(memory, question);
    broken = true;
    await expect(ask(memory, question)).rejects.toMatchObject({ code: "storage-failed", details: { method: "readRanges" } });
    await expect(memory.vector(ids[0] as string)).rejects.toMatchObject({ code: "storage-failed" });
    await expect(memory.update(ids[0] as string, { tags: ["a"] })).rejects.toMatchObject({ code: "storage-failed" });
    expect((await memory.get(ids[0] as string))?.version).toBe(1);
    expect(await memory.recall("birds 12", { touch: false })).toHaveLength(10);
    const added = await memory.add("Another note", { vector: draw() });
    await memory.forget(added);
    broken = false;
    expect(numbers(await ask(memory, question))).toEqual(numbers(before));
    await memory.update(ids[0] as string, { tags: ["a"] });
    await memory.maintain({ compact: true });
    expect(numbers(await ask(memory, question)).map(([id]) => id)).toEqual(numbers(before).map(([id]) => id));
    await memory.close();
  });

  it("that are damaged are named", async () => {
    const path = await folder();
    const draw = drawing();
    const memory = await open(nodeFs(path), 0);
    await fill(memory, draw);
    const question = draw();
    const before = await ask(memory, question);
    const key = (await readdir(path)).find((name) => name.startsWith("segment-")) as string;
    const good = await readFile(join(path, key));
    await writeFile(join(path, key), good.map((byte) => byte ^ 4));
    await expect(ask(memory, question)).rejects.toMatchObject({ code: "corrupt-data", details: { object: key } });
    await writeFile(join(path, key), good.subarray(0, 100));
    await expect(ask(memory, question)).rejects.toMatchObject({ code: "corrupt-data", details: { object: key } });
    await rm(join(path, key));
    await expect(ask(memory, question)).rejects.toMatchObject({ code: "corrupt-data", details: { object: key } });
    await writeFile(join(path, key), good);
    expect(numbers(await ask(memory, question))).toEqual(numbers(before));
    await memory.close();
  });

  it("are read for an encoder that makes less of them", async () => {
    const halves = { name: "halves", dimensions: 32, encode: async (vectors: readonly Float32Array[]) => vectors.map((vector) => vector.slice(0, 32)) };
    const run = async (resident: number | undefined) => {
      const memory = await open(memoryStorage(), resident, { encoders: [halves] });
      const ids = await fill(memory, drawing(), 1_800);
      const training = await memory.train("long-term", { encoder: "halves" });
      while ((await memory.maintain()).more);
      const kept = await memory.precision(ids[1] as string);
      await memory.close();
      return { training, kept };
    };
    const stored = await run(0);
    expect(stored).toEqual(await run(undefined));
    expect(stored.kept).toBe("projected");
  });

  it("refuse a bound that is none", async () => {
    for (const residentVectorBytes of [-1, 0.5, "many"]) {
      await expect(openMemory({ embedder: false, config: { residentVectorBytes } as EngineConfig })).rejects.toMatchObject({ code: "invalid-argument", details: { field: "residentVectorBytes" } });
    }
  });

  it("is compacted by one call, and what was forgotten is gone from storage", async () => {
    const place = memoryPlace();
    const memory = await open(memoryStorage({ place }), 0);
    const ids = await fill(memory, drawing());
    await memory.forget(ids[7] as string);
    expect(await memory.maintain({ compact: true })).toMatchObject({ more: false });
    await memory.close();
    const storage = memoryStorage({ place });
    for (const key of await storage.list("")) {
      expect(new TextDecoder("latin1").decode(await storage.read(key))).not.toContain("Note 7 about");
    }
    await storage.close();
  });

  it("has no graph, and says so", async () => {
    const memory = await open(memoryStorage(), 0, { workers: "never" });
    await fill(memory, drawing());
    expect(await memory.buildGraph()).toBeUndefined();
    await memory.close();
  });

  it("blames an adapter that answers something else than ranges, and not what is stored", async () => {
    const place = memoryPlace();
    const filled = await open(memoryStorage({ place }), 0);
    const draw = drawing();
    await fill(filled, draw);
    await filled.maintain({ compact: true });
    await filled.close();
    for (const answer of [[], [new Uint8Array(1), "no bytes"], "no array"]) {
      const memory = await open({ ...adapter(memoryStorage({ place })), readRanges: async () => answer as never }, 0);
      await expect(ask(memory, draw())).rejects.toMatchObject({ code: "storage-failed", details: { method: "readRanges" } });
      await memory.close();
    }
  });
});
