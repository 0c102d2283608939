// Signals and rerankers of the user's own: what they do to the order, what is told of them, what is refused.

import { describe, expect, it } from "vitest";
import { openMemory, type Hit, type Memory, type RecallOptions } from "../../dist/esm/entry/inline.js";

const texts = ["The red apple is sour", "The green apple is sweet", "An apple a day", "Apple cider in autumn", "A pear for the teacher"];

async function orchard(): Promise<Memory> {
  const memory = await openMemory({ embedder: false, seed: 3, now: () => 1_700_000_000_000 });
  await memory.addMany(texts.map((text, at) => ({ text, metadata: { sweet: at === 1 ? 1 : 0 } })));
  return memory;
}

const shown = (hits: readonly Hit[]): string[] => hits.map(({ text }) => text);

describe("a signal of one's own", () => {
  it("takes part in the order with its weight, and says so", async () => {
    const memory = await orchard();
    const plain = await memory.recall("apple", { touch: false });
    expect(plain[0]?.text).not.toBe(texts[1]);
    const asked: string[] = [];
    const sweet = { weight: 1, score: (hit: Hit, question: string) => { asked.push(`${question}: ${hit.text}`); return Number(hit.metadata.sweet); } };
    const [first, ...others] = await memory.recall("apple", { signals: { sweet }, touch: false });
    expect(asked.sort()).toEqual(plain.map(({ text }) => `apple: ${text}`).sort());
    expect(first?.text).toBe(texts[1]);
    expect(first?.why.signals.at(-1)).toMatchObject({ signal: "own", name: "sweet", score: 1, weight: 1 });
    expect(first?.why.summary).toContain("sweet");
    expect(others.every(({ why }) => why.signals.every(({ signal }) => signal !== "own"))).toBe(true);
    for (const { score, why } of [first as Hit, ...others]) expect(why.signals.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(score, 5);
    // By definition: what was there and what is added share the whole in proportion to their weights.
    const [before] = await memory.recall("apple", { limit: 1, filter: { sweet: 1 }, touch: false });
    expect(before).toBeDefined();
    const none = await memory.recall("apple", { signals: { sweet: { ...sweet, weight: 0 } }, touch: false });
    expect(none.map(({ id, score }) => [id, score])).toEqual(plain.map(({ id, score }) => [id, score]));
  });

  it("is asked about more than the hits where a vector alone is looked for", async () => {
    const memory = await openMemory({ embedder: false, seed: 3, now: () => 1_700_000_000_000 });
    await memory.addMany(Array.from({ length: 100 }, (_, at) => ({ text: `r${at}`, vector: [Math.cos(at / 100), Math.sin(at / 100)] })));
    let asked = 0;
    const sixth = { weight: 1, score: (hit: Hit) => { asked += 1; return Number(hit.text === "r5"); } };
    const options: RecallOptions = { vector: [1, 0], preset: "searches", limit: 5, touch: false };
    expect(shown(await memory.recall("", options))).toEqual(["r0", "r1", "r2", "r3", "r4"]);
    expect(shown(await memory.recall("", { ...options, signals: { sixth } }))).toEqual(["r5", "r0", "r1", "r2", "r3"]);
    expect(asked).toBe(64);
    await memory.close();
  });

  it("may take its time, and counts no use of what it was asked about", async () => {
    const memory = await orchard();
    const sweet = { weight: 0.9, score: async (hit: Hit) => { await new Promise((wake) => setTimeout(wake, 1)); return Number(hit.metadata.sweet); } };
    const [hit] = await memory.recall("apple", { limit: 1, signals: { sweet } });
    const uses: number[] = [];
    for await (const record of memory.list()) uses.push(record.accessCount);
    expect(uses.reduce((sum, count) => sum + count)).toBe(1);
    expect((await memory.get(hit?.id as string, { touch: false }))?.accessCount).toBe(1);
  });
});

describe("a reranker", () => {
  it("decides the order of those it is asked about, others stay behind them", async () => {
    const memory = await orchard();
    const plain = await memory.recall("apple", { touch: false });
    let asked: readonly Hit[] = [];
    const rerank = { top: 2, score: async (_: string, hits: readonly Hit[]) => { asked = hits; return hits.map((__, at) => 100 * at); } };
    const hits = await memory.recall("apple", { rerank, touch: false });
    expect(shown(asked)).toEqual(shown(plain).slice(0, 2));
    expect(shown(hits)).toEqual([plain[1], plain[0], ...plain.slice(2)].map((hit) => hit?.text));
    expect(hits[0]?.why.signals.at(-1)).toMatchObject({ signal: "rerank", score: 100, weight: 1 });
    expect(hits[0]?.score).toBeGreaterThan(hits[1]?.score as number);
    expect(await memory.recall("apple", { rerank: { ...rerank, weight: 0 }, touch: false }).then(shown)).toEqual(shown(plain));
    const [mixed] = await memory.recall("apple", { rerank: { ...rerank, weight: 0.5 }, limit: 1 });
    expect(mixed?.why.signals.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(mixed?.score as number, 5);
  });

  it("can bring up what a small limit would not show, and is not asked about nothing", async () => {
    const memory = await orchard();
    const rerank = { score: (_: string, hits: readonly Hit[]) => hits.map(({ text }) => Number(text.includes("cider"))) };
    expect(shown(await memory.recall("apple", { limit: 1, rerank, minScore: 0.5 }))).toEqual([texts[3]]);
    expect(await memory.recall("zeppelin", { rerank: { score: () => { throw new Error("nobody there"); } } })).toEqual([]);
  });
});

describe("bad judges", () => {
  it.each<[object, string]>([
    [{ signals: [] }, "signals"],
    [{ signals: { sweet: { score: () => 1 } } }, "signals/sweet/weight"],
    [{ signals: { sweet: { weight: 2, score: () => 1 } } }, "signals/sweet/weight"],
    [{ signals: { sweet: { weight: 1 } } }, "signals/sweet/score"],
    [{ signals: { sweet: { weight: 1, score: () => 2 } } }, "signals/sweet/score"],
    [{ signals: { sweet: { weight: 1, score: () => "1" } } }, "signals/sweet/score"],
    [{ signals: { sweet: { weight: 1, score: () => 1, depth: 3 } } }, "signals/sweet/depth"],
    [{ rerank: { top: 0, score: (): number[] => [] } }, "rerank/top"],
    [{ rerank: { weight: -1, score: (): number[] => [] } }, "rerank/weight"],
    [{ rerank: {} }, "rerank/score"],
    [{ rerank: { score: (): number[] => [1] } }, "rerank/score"],
    [{ rerank: { score: (_: string, hits: readonly Hit[]) => hits.map(() => Number.NaN) } }, "rerank/score"],
  ])("%j are refused by name", async (options, field) => {
    const memory = await orchard();
    await expect(memory.recall("apple", options as unknown as RecallOptions)).rejects.toMatchObject({ code: "invalid-argument", details: { field } });
  });

  it("that throw are heard", async () => {
    const memory = await orchard();
    const broken = { weight: 1, score: () => { throw new Error("no such column"); } };
    await expect(memory.recall("apple", { signals: { broken } })).rejects.toThrow("no such column");
  });
});
