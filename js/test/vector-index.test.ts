import { describe, expect, it } from "vitest";
import { openMemory, type Hit, type Memory, type RecallOptions } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage, type MemoryPlace } from "../../dist/esm/storage/memory.js";

const DIMENSIONS = 128;

/** Vectors that `crates/core/tests/vector_lists.rs` draws too. */
function drawing(): () => Float32Array {
  let state = 7;
  const component = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
  return () => Float32Array.from({ length: DIMENSIONS }, component);
}

/** Vectors in groups, as those of texts are: those without any stand alike far from each other, and no list is the nearest. */
function grouped(): () => Float32Array {
  const draw = drawing();
  const centres = Array.from({ length: 60 }, draw);
  let next = 0;
  return () => {
    const centre = centres[(next += 7) % centres.length] as Float32Array;
    return draw().map((component, at) => 0.8 * component + (centre[at] as number));
  };
}

const open = (place: MemoryPlace): Promise<Memory> =>
  openMemory({ storage: memoryStorage({ place }), embedder: false, config: { working: {}, intermediate: {} } });

async function filled(place: MemoryPlace, draw: () => Float32Array): Promise<Memory> {
  const memory = await open(place);
  for (let start = 0; start < 6_000; start += 500) {
    await memory.addMany(Array.from({ length: 500 }, (_, index) => ({ text: `r${start + index}`, vector: draw() })));
  }
  await memory.maintain({ compact: true });
  return memory;
}

const ask = (memory: Memory, vector: Float32Array, options: RecallOptions = {}): Promise<Hit[]> =>
  memory.recall("", { vector, preset: "searches", touch: false, ...options });

const numbers = (hits: readonly Hit[]): number[] => hits.map(({ text }) => Number(text.slice(1)));

describe("the search by vector of thousands", () => {
  it("says how it went, is exact on demand, and is the same natively and after reopening", async () => {
    const place = memoryPlace();
    const draw = drawing();
    const memory = await filled(place, draw);
    const questions = Array.from({ length: 20 }, draw);
    const before: Hit[][] = [];
    let found = 0;
    for (const question of questions) {
      const fast = await ask(memory, question);
      const exact = await ask(memory, question, { recall: "exact" });
      expect(["codes", "lists"]).toContain(fast[0]?.why.vectors);
      expect(exact[0]?.why.vectors).toBe("exact");
      found += numbers(exact).filter((number) => numbers(fast).includes(number)).length;
      before.push(fast);
    }
    expect(found).toBeGreaterThan(180);
    // The same numbers stand in the test of the engine.
    expect(numbers(before[0] as Hit[])).toEqual([1864, 1454, 2824, 5024, 5652, 4900, 2689, 3294, 143, 844]);
    await memory.close();
    expect(place.keys().filter((key) => key.startsWith("lists-"))).toHaveLength(1);
    const again = await open(place);
    for (const [index, question] of questions.entries()) expect(await ask(again, question)).toEqual(before[index]);
    await again.close();
  });

  it("finds about the share that is asked for, and refuses one that is none", async () => {
    const draw = grouped();
    const memory = await filled(memoryPlace(), draw);
    const found = new Map<number, number>([0.5, 0.9, 0.99, 0.999].map((share) => [share, 0]));
    for (const question of Array.from({ length: 30 }, draw)) {
      const exact = numbers(await ask(memory, question, { recall: "exact" }));
      for (const [share, before] of found) {
        const hits = numbers(await ask(memory, question, { recall: share }));
        expect(hits).toHaveLength(10);
        found.set(share, before + hits.filter((number) => exact.includes(number)).length / 300);
      }
      expect(await ask(memory, question)).toEqual(await ask(memory, question, { recall: 0.99 }));
    }
    for (const [share, part] of found) expect(part).toBeGreaterThan(share - 0.05);
    expect(found.get(0.5)).toBeLessThan(found.get(0.999) as number);
    for (const recall of [0, 0.49, 1, Number.NaN, Infinity, "some"]) {
      await expect(ask(memory, draw(), { recall } as RecallOptions)).rejects.toMatchObject({ code: "invalid-argument", details: { field: "recall" } });
    }
    await memory.close();
  });

  it("leaves no code of what was forgotten in storage after compaction", async () => {
    const place = memoryPlace();
    const memory = await filled(place, drawing());
    expect(place.keys().filter((key) => key.startsWith("lists-"))).toHaveLength(1);
    let kept = 0;
    const gone: string[] = [];
    for await (const { id } of memory.list()) if ((kept += 1) > 1_000) gone.push(id);
    await memory.forget(gone);
    await memory.maintain({ compact: true });
    expect(place.keys().filter((key) => key.startsWith("lists-"))).toEqual([]);
    await memory.forget({ filter: {} });
    await memory.maintain({ compact: true });
    expect(place.keys().filter((key) => !key.startsWith("manifest-"))).toEqual([]);
    await memory.close();
  });

  it("ranks each vector once, however often it was kept anew before the memory was opened", async () => {
    const place = memoryPlace();
    const draw = drawing();
    const config = { working: {}, intermediate: { precision: "int8" }, longTerm: { precision: "binary" } } as const;
    const start = (from: MemoryPlace): Promise<Memory> => openMemory({ storage: memoryStorage({ place: from }), embedder: false, config });
    const memory = await start(place);
    const question = draw();
    for (let batch = 0; batch < 12; batch += 1) await memory.addMany(Array.from({ length: 1_000 }, (_, index) => ({ text: `r${batch * 1_000 + index}`, vector: draw() })));
    await memory.maintain({ compact: true });
    const near = Array.from({ length: 200 }, (_, index) => ({ text: `r${12_000 + index}`, vector: draw().map((component, at) => (question[at] as number) + 0.4 * component) }));
    const ids = await memory.addMany(near);
    for (const tier of ["intermediate", "long-term"] as const) {
      await memory.transaction((tx) => {
        for (const id of ids) tx.promote(id, tier);
      });
    }
    const copy = await start(memoryPlace(place.snapshot()));
    for (const opened of [memory, copy]) {
      const hits = await ask(opened, question, { fusion: "rrf" });
      expect(hits.map(({ why }) => why.signals[0]?.rank)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }
    await copy.close();
    await memory.close();
  });

  it("is exact in a view of a scope", async () => {
    const memory = await openMemory({ embedder: false });
    const view = memory.scope({ user: "ada" });
    const vector = drawing()();
    await view.add("mine", { vector });
    expect((await ask(view, vector))[0]?.why.vectors).toBe("exact");
    await memory.close();
  });

  it("refuses another word for how sure it is to be", async () => {
    const memory = await openMemory({ embedder: false });
    const options = { recall: "sometimes" } as unknown as RecallOptions;
    await expect(memory.recall("anything", options)).rejects.toMatchObject({ code: "invalid-argument", details: { field: "recall" } });
    await memory.close();
  });
});
