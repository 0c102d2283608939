// Training through the package: what is answered and told, what is stored, what exports carry, what is refused.

import { afterEach, describe, expect, it } from "vitest";
import { openMemory, type Memory, type OpenOptions, type Tier, type TrainingGoal } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";

const dimensions = 48;
const rank = 6;

const opened: Memory[] = [];
afterEach(async () => {
  for (const memory of opened.splice(0)) await memory.close();
});

async function open(options: OpenOptions = {}): Promise<Memory> {
  const memory = await openMemory({ embedder: false, ...options });
  opened.push(memory);
  return memory;
}

/** A vector in a few directions, that depends on `seed` alone. */
function vectorOf(seed: number): Float32Array {
  const along = Array.from({ length: rank }, (_, axis) => Math.sin((seed + 1) * (axis + 1) * 12.9898));
  return Float32Array.from({ length: dimensions }, (_, at) => along.reduce((sum, part, axis) => sum + part * Math.cos((axis + 2) * (at + 1) * 0.77), 0));
}

const records = (count: number, tier: Tier) => Array.from({ length: count }, (_, at) => ({ text: `note ${at}`, tier, vector: vectorOf(at) }));

const ask = async (memory: Memory): Promise<string[]> =>
  (await memory.recall("", { vector: vectorOf(7.5), limit: 10, touch: false })).map(({ text }) => text);

async function lines(memory: Memory): Promise<string[]> {
  const exported: string[] = [];
  for await (const line of memory.export()) exported.push(line);
  return exported;
}

describe("a trained tier", () => {
  it("keeps vectors projected, finds what it found, and remembers it", async () => {
    const place = memoryPlace();
    const memory = await open({ storage: memoryStorage({ place }) });
    const ids = await memory.addMany(records(300, "long-term"));
    const before = await ask(memory);
    const training = await memory.train("long-term", { dimensions: rank });
    expect(training).toMatchObject({ dimensions: rank, ratio: (4 * dimensions) / rank });
    expect(training.loss).toBeLessThan(1e-6);
    expect(training.recallLoss).toBeLessThan(0.2);
    expect(await memory.maintain()).toMatchObject({ coarsened: 300, more: false });
    expect(await memory.precision(ids[0] as string)).toBe("projected");
    expect((await memory.stats()).engine).toMatchObject({ vectors: 300, precisions: { f32: 0, int8: 0, binary: 0, projected: 300 } });
    expect(Math.hypot(...((await memory.vector(ids[0] as string)) as Float32Array))).toBeCloseTo(1, 5);
    const found = await ask(memory);
    expect(found.filter((text) => before.includes(text)).length).toBeGreaterThanOrEqual(8);
    expect(found[0]).toBe(before[0]);
    await memory.maintain({ compact: true });
    await memory.close();

    const again = await open({ storage: memoryStorage({ place }) });
    expect(await ask(again)).toEqual(found);
    expect(await again.precision(await again.add("new", { tier: "long-term", vector: vectorOf(400) }))).toBe("projected");
    expect(await again.train("long-term", null)).toBeUndefined();
    expect(await again.precision(await again.add("newer", { tier: "long-term", vector: vectorOf(401) }))).toBe("f32");
  });

  it("is durable once it is answered", async () => {
    const place = memoryPlace();
    const memory = await open({ storage: memoryStorage({ place }) });
    await memory.addMany(records(60, "long-term"));
    await memory.train("long-term", { keepVariance: 0.9 });
    const copy = await open({ storage: memoryStorage({ place: memoryPlace(place.snapshot()) }) });
    expect(await copy.precision(await copy.add("new", { tier: "long-term", vector: vectorOf(400) }))).toBe("projected");
  });

  it("exports what is left of its vectors whole, for any memory", async () => {
    const memory = await open();
    const [id] = await memory.addMany(records(60, "long-term"));
    await memory.train("long-term", { dimensions: rank });
    await memory.maintain();
    const exported = await lines(memory);
    expect(exported.slice(1).map((line) => (JSON.parse(line) as { precision?: string }).precision)).toEqual(Array(60).fill("int8"));
    const copy = await open();
    await copy.import(exported);
    const [vector, original] = [await copy.vector(id as string), await memory.vector(id as string)] as [Float32Array, Float32Array];
    expect(vector.reduce((sum, component, at) => sum + component * (original[at] as number), 0)).toBeGreaterThan(0.999);
    expect(await copy.precision(id as string)).toBe("int8");
    expect(await ask(copy)).toEqual(await ask(memory));
  });

  it.each([
    ["long-term", { dimensions: 0 }, "dimensions"],
    ["long-term", { dimensions: dimensions + 1 }, "dimensions"],
    ["long-term", { dimensions: 1.5 }, "dimensions"],
    ["long-term", { dimensions: "6" }, "dimensions"],
    ["long-term", { keepVariance: 0 }, "keepVariance"],
    ["long-term", { keepVariance: 1.01 }, "keepVariance"],
    ["long-term", { keepVariance: Number.NaN }, "keepVariance"],
    ["long-term", {}, "goal"],
    ["long-term", { dimensions: 4, keepVariance: 0.9 }, "goal"],
    ["long-term", { components: 4 }, "components"],
    ["long-term", undefined, "goal"],
    ["working", { dimensions: 4 }, "tier"],
    ["shelf", { dimensions: 4 }, "tier"],
    [undefined, { dimensions: 4 }, "tier"],
  ])("%j with %j is refused by name", async (tier, goal, field) => {
    const memory = await open();
    await memory.addMany(records(60, "long-term"));
    await expect(memory.train(tier as Tier, goal as TrainingGoal)).rejects.toMatchObject({ code: "invalid-argument", details: { field } });
    expect(await memory.maintain()).toMatchObject({ coarsened: 0 });
  });

  it("takes a goal with a field that is missing", async () => {
    const memory = await open();
    await memory.addMany(records(60, "long-term"));
    const goal = { dimensions: 4, keepVariance: undefined } as unknown as TrainingGoal;
    expect(await memory.train("long-term", goal)).toMatchObject({ dimensions: 4 });
  });
});
