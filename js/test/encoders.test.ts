// Encoders of the user's own, through the package: what is asked of them, what is found, what their failures leave.

import { describe, expect, it } from "vitest";
import { openMemory, type Memory, type OpenOptions, type VectorEncoder } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { heard } from "./support.js";

const dimensions = 32;

/** A unit vector that differs little from that of the number beside it. */
function vectorOf(number: number): Float32Array {
  const vector = Float32Array.from({ length: dimensions }, (_, at) => Math.sin(number * 0.11 * (1 + (at % 8)) + at));
  const norm = Math.hypot(...vector);
  return vector.map((component) => component / norm);
}

/** Half the components, bent, and what it was asked. */
function encoder(name = "bent"): VectorEncoder & { asked: number[] } {
  const asked: number[] = [];
  const encode = async (vectors: readonly Float32Array[]): Promise<number[][]> => {
    asked.push(vectors.length);
    return vectors.map((vector) => Array.from(vector.subarray(0, dimensions / 2), (component) => 3 * Math.tanh(component)));
  };
  return { name, dimensions: dimensions / 2, encode, asked };
}

const open = (options: OpenOptions): Promise<Memory> => openMemory({ embedder: false, seed: 5, now: () => 1_700_000_000_000, ...options });

const records = (count: number, from = 0): { text: string; vector: Float32Array; tier: "long-term" }[] =>
  Array.from({ length: count }, (_, at) => ({ text: `stone ${from + at}`, vector: vectorOf(from + at), tier: "long-term" as const }));

const ask = async (memory: Memory, number: number): Promise<string[]> =>
  (await memory.recall("", { vector: vectorOf(number), limit: 5, touch: false })).map(({ text }) => text);

describe("an encoder", () => {
  it("takes over the vectors of the tier that is trained to it, those that come later included", async () => {
    const place = memoryPlace();
    const bent = encoder();
    const memory = await open({ storage: memoryStorage({ place }), encoders: [bent] });
    const ids = await memory.addMany(records(600));
    const training = await memory.train("long-term", { encoder: "bent" });
    expect(training).toMatchObject({ dimensions: dimensions / 2, ratio: 8 });
    expect(training).not.toHaveProperty("loss");
    expect(training.recallLoss).toBeLessThan(0.7);
    expect(await memory.maintain()).toMatchObject({ coarsened: 600, more: false });
    expect(bent.asked).toEqual([600, 256, 256, 88]);
    expect(await memory.precision(ids[0] as string)).toBe("projected");
    expect(await memory.vector(ids[0] as string)).toBeUndefined();
    const found = await ask(memory, 77);
    expect(found[0]).toBe("stone 77");
    expect(bent.asked.at(-1)).toBe(1);
    await memory.addMany(records(3, 900));
    expect(await memory.maintain()).toMatchObject({ coarsened: 3 });
    await memory.maintain({ compact: true });
    await memory.close();

    const again = await open({ storage: memoryStorage({ place: memoryPlace(place.snapshot()) }), encoders: [encoder()] });
    expect(await ask(again, 77)).toEqual(found);
    await again.close();
    // Without it, words are what is left.
    const without = await open({ storage: memoryStorage({ place: memoryPlace(place.snapshot()) }) });
    expect(await ask(without, 77)).toEqual([]);
    const [hit] = await without.recall("stone 77", { vector: vectorOf(77) });
    expect(hit?.text).toBe("stone 77");
    expect(hit?.why.signals.map(({ signal }) => signal)).not.toContain("dense");
  });

  it("is asked in turns of the budget", async () => {
    const bent = encoder();
    const memory = await open({ encoders: [bent] });
    await memory.addMany(records(600));
    await memory.train("long-term", { encoder: "bent" });
    const turns = [];
    do turns.push(await memory.maintain({ budgetMs: 0 }));
    while (turns.at(-1)?.more);
    expect(turns.map(({ coarsened }) => coarsened).filter((count) => count > 0)).toEqual([256, 256, 88]);
  });

  it.each([
    ["throws", () => Promise.reject(new Error("out of memory")), "threw: out of memory"],
    ["answers too few rows", (vectors: readonly Float32Array[]) => vectors.slice(1), "rows for"],
    ["answers rows of another length", (vectors: readonly Float32Array[]) => vectors.map(() => [1]), "row of 16 numbers"],
    ["answers no rows", () => "nothing", "answered string"],
    ["answers what is no number", (vectors: readonly Float32Array[]) => vectors.map(() => Array(16).fill(Number.NaN)), "finite"],
    ["answers zeros", (vectors: readonly Float32Array[]) => vectors.map(() => Array(16).fill(0)), "zero"],
  ])("that %s leaves everything as it was, and is told of", async (_, answer, message) => {
    const bent = encoder();
    let answers = bent.encode;
    const memory = await open({ encoders: [{ ...bent, encode: (vectors) => answers(vectors) }] });
    const [id] = await memory.addMany(records(20));
    answers = answer as typeof answers;
    await expect(memory.train("long-term", { encoder: "bent" })).rejects.toThrow(message);
    answers = bent.encode;
    await memory.train("long-term", { encoder: "bent" });
    answers = answer as typeof answers;
    const failures = heard(memory, "encoder-failed");
    expect(await memory.maintain()).toMatchObject({ coarsened: 0, more: false });
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ encoder: "bent" });
    expect(failures[0]?.ids).toHaveLength(20);
    expect(String((failures[0]?.error as Error).message)).toContain(message);
    expect(await memory.precision(id as string)).toBe("f32");
    answers = bent.encode;
    expect(await memory.maintain()).toMatchObject({ coarsened: 20 });
    answers = () => Promise.reject(new Error("gone"));
    await expect(ask(memory, 3)).rejects.toMatchObject({ code: "embedder-failed", details: { encoder: "bent" } });
  });

  it.each([
    [{}, "encoders"],
    [[null], "encoders/0"],
    [[{ ...encoder(), name: "" }], "encoders/0/name"],
    [[encoder("a"), encoder("a")], "encoders/1/name"],
    [[{ ...encoder(), dimensions: 0 }], "encoders/0/dimensions"],
    [[{ ...encoder(), dimensions: undefined }], "encoders/0/dimensions"],
    [[{ ...encoder(), encode: 1 }], "encoders/0/encode"],
  ])("%j is refused by name", async (encoders, field) => {
    await expect(open({ encoders: encoders as VectorEncoder[] })).rejects.toMatchObject({ code: "invalid-argument", details: { field } });
  });

  it("that does not answer does not hold a recall that is aborted", async () => {
    const bent = encoder();
    let answers = bent.encode;
    const memory = await open({ encoders: [{ ...bent, encode: (vectors) => answers(vectors) }] });
    await memory.addMany(records(20));
    await memory.train("long-term", { encoder: "bent" });
    await memory.maintain();
    answers = () => new Promise(() => undefined);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    await expect(memory.recall("", { vector: vectorOf(3), signal: stop.signal })).rejects.toMatchObject({ code: "aborted" });
  });

  it("that the memory was not opened with cannot be trained to", async () => {
    const memory = await open({ encoders: [encoder()] });
    await memory.addMany(records(20));
    await expect(memory.train("long-term", { encoder: "other" })).rejects.toMatchObject({ code: "invalid-argument", details: { field: "encoder" } });
    await expect(memory.train("working", { encoder: "bent" })).rejects.toMatchObject({ code: "invalid-argument", details: { field: "tier" } });
    await expect(memory.train("long-term", { encoder: "bent", dimensions: 3 } as never)).rejects.toMatchObject({ details: { field: "goal" } });
  });
});
