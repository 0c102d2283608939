// Precision and packing through the package: what configurations mean, what is told, what exports carry.

import { afterEach, describe, expect, it } from "vitest";
import { estimate, openMemory, type EngineConfig, type Memory, type OpenOptions, type Tier } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";

const dimensions = 64;
const graded: EngineConfig = {
  working: {}, intermediate: { precision: "int8" }, longTerm: { precision: "binary", compressText: true },
};

const opened: Memory[] = [];
afterEach(async () => {
  for (const memory of opened.splice(0)) await memory.close();
});

async function open(config: EngineConfig, options: OpenOptions = {}): Promise<Memory> {
  const memory = await openMemory({ embedder: false, config, ...options });
  opened.push(memory);
  return memory;
}

/** A unit vector that depends on `seed` alone. */
function vectorOf(seed: number): Float32Array {
  const raw = Float32Array.from({ length: dimensions }, (_, at) => Math.sin((at + 1) * (seed + 1) * 12.9898));
  const norm = Math.hypot(...raw);
  return raw.map((component) => component / norm);
}

const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, component, at) => sum + component * (b[at] as number), 0);

async function texts(memory: Memory): Promise<string> {
  let lines = "";
  for await (const line of memory.export()) lines += line;
  return lines;
}

describe("precision", () => {
  it("goes down with the tiers and is told", async () => {
    const memory = await open(graded);
    const id = await memory.add("the ferry is late", { vector: vectorOf(1) });
    const seen: unknown[] = [];
    const moves = [() => undefined, () => memory.promote(id), () => memory.promote(id), () => memory.demote(id, "working")];
    for (const move of moves) {
      await move();
      const vector = (await memory.vector(id)) as Float32Array;
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
      seen.push([await memory.precision(id), cosine(vector, vectorOf(1)) > 0.9999]);
    }
    expect(seen).toEqual([["f32", true], ["int8", true], ["binary", false], ["binary", false]]);
    expect((await memory.stats()).engine).toMatchObject({ vectors: 1, precisions: { f32: 0, int8: 0, binary: 1 } });
    await memory.update(id, { vector: vectorOf(1) });
    expect(await memory.precision(id)).toBe("f32");
    expect(await memory.precision(await memory.add("no vector here"))).toBeUndefined();
  });

  it("gives the same answers after reopening, packed or not", async () => {
    const place = memoryPlace();
    const records = Array.from({ length: 300 }, (_, at) => ({
      text: `note ${at}: the ferry to the island leaves at ${at % 24} and comes back before the tide turns`,
      vector: vectorOf(at), tier: (["working", "intermediate", "long-term"] as const)[at % 3] as Tier,
    }));
    const first = await openMemory({ embedder: false, config: graded, storage: memoryStorage({ place }) });
    await first.addMany(records);
    const ask = async (memory: Memory): Promise<unknown> =>
      (await memory.recall("ferry at nine", { vector: vectorOf(7), limit: 30, touch: false })).map(({ id, score, text }) => ({ id, score, text }));
    const before = await ask(first);
    await first.maintain({ compact: true });
    const { segmentBytes = 0, savedBytes = 0 } = (await first.stats()).engine ?? {};
    expect(savedBytes).toBeGreaterThan(100 * 60);
    expect(segmentBytes).toBeGreaterThan(0);
    await first.close();
    const again = await open(graded, { storage: memoryStorage({ place }) });
    expect(await ask(again)).toEqual(before);
    expect((await again.stats()).engine).toMatchObject({ segmentBytes, savedBytes });
  });

  it("of a memory opened with coarser tiers is brought down by maintain", async () => {
    const place = memoryPlace();
    const exact = await openMemory({ embedder: false, storage: memoryStorage({ place }) });
    const ids = await exact.addMany([1, 2, 3].map((seed) => ({ text: `note ${seed}`, tier: "long-term", vector: vectorOf(seed) })));
    await exact.close();
    const memory = await open({ longTerm: { precision: "int8" } }, { storage: memoryStorage({ place }) });
    expect(await memory.maintain()).toMatchObject({ coarsened: 3, more: false });
    expect(await memory.maintain()).toMatchObject({ coarsened: 0 });
    expect(await memory.precision(ids[0] as string)).toBe("int8");
  });

  it("survives export and import", async () => {
    const memory = await open(graded);
    for (const [at, tier] of (["working", "intermediate", "long-term"] satisfies Tier[]).entries()) {
      await memory.add(`note ${at}`, { tier, vector: vectorOf(at) });
    }
    const lines = await texts(memory);
    expect(lines.split("\n").slice(1, 4).map((line) => (JSON.parse(line) as { precision?: string }).precision)).toEqual([undefined, "int8", "binary"]);
    // Tiers that keep everything have no more than there was.
    const copy = await open({});
    await copy.import(lines);
    expect(await texts(copy)).toBe(lines);
    await expect(copy.import(lines.replace('"int8"', '"int4"'), { onConflict: "replace" })).rejects.toMatchObject({ code: "invalid-argument", details: { line: 3 } });
  });

  it("counts in estimates", async () => {
    const [f32, int8, binary] = await Promise.all((["f32", "int8", "binary"] as const).map(async (precision) => (await estimate({ count: 100, dimensions: 384, precision })).memory));
    expect(f32).toBe((await estimate({ count: 100, dimensions: 384 })).memory);
    expect([(f32 as number) - (int8 as number), (int8 as number) - (binary as number)]).toEqual([100 * 4 * 384, 100 * (384 - 48 + 4)]);
  });

  it.each([
    [{ longTerm: { precision: "int4" } }, "longTerm/precision"],
    [{ longTerm: { precision: 8 } }, "longTerm/precision"],
    [{ working: { compressText: "yes" } }, "working/compressText"],
  ])("%j is refused by name", async (config, field) => {
    await expect(openMemory({ embedder: false, config: config as unknown as EngineConfig })).rejects.toMatchObject({ code: "invalid-argument", details: { field } });
    await expect(estimate({ count: 1, precision: "int4" as "int8" })).rejects.toMatchObject({ code: "invalid-argument", details: { field: "precision" } });
  });
});
