// What recall makes of a question, through the package: presets, weights, times, diversity, reasons.

import { describe, expect, it } from "vitest";
import { openMemory, type Hit, type Memory, type RecallOptions } from "../../dist/esm/entry/inline.js";
import { manualClock } from "../../dist/esm/testing/index.js";

const day = 86_400_000;
const start = Date.UTC(2026, 2, 11, 12); // a Wednesday

async function conversation(): Promise<{ memory: Memory; ids: string[] }> {
  const memory = await openMemory({ embedder: false, now: manualClock(start).now });
  const said = (actor: string, text: string, daysAgo: number, session: string) =>
    ({ actor, text, occurredAt: start - daysAgo * day, scope: { session } });
  const ids = await memory.addMany([
    said("Ada", "Where did we leave the spare kettle?", 40, "a"),
    said("Bo", "On the shelf behind the green door.", 40, "a"),
    said("Ada", "The boat trip was lovely.", 1, "b"),
    said("Bo", "The boat trip made me sick.", 30, "c"),
  ]);
  return { memory, ids };
}

const signals = (hit: Hit | undefined): string[] => hit?.why.signals.map(({ signal }) => signal) ?? [];

async function places(options: RecallOptions & { question: string }): Promise<number[]> {
  const { memory, ids } = await conversation();
  const { question, ...rest } = options;
  const hits = await memory.recall(question, rest);
  await memory.close();
  return hits.map(({ id }) => ids.indexOf(id));
}

describe("a question", () => {
  it("finds an answer through the question before it, and says so", async () => {
    const { memory, ids } = await conversation();
    const hits = await memory.recall("the spare kettle");
    expect(hits.map(({ id }) => ids.indexOf(id))).toEqual([0, 1]);
    expect(signals(hits[1])).toContain("context");
    expect(hits[1]?.why.summary).toContain("what was said around it");
    expect(hits[0]?.score).toBeCloseTo(hits[0]?.why.signals.reduce((sum, { contribution }) => sum + contribution, 0) ?? 0, 5);
    expect((await memory.recall("the spare kettle", { preset: "searches" })).map(({ id }) => ids.indexOf(id))).toEqual([0]);
    await memory.close();
  });

  it("may name whom or which time it is about", async () => {
    expect((await places({ question: "How was Bo on the boat trip?" }))[0]).toBe(3);
    expect((await places({ question: "How was the boat trip of Ada?" }))[0]).toBe(2);
    expect((await places({ question: "How was the boat trip yesterday?" }))[0]).toBe(2);
    expect((await places({ question: "How was the boat trip last month?" }))[0]).toBe(3);
    expect((await places({ question: "How was the boat trip yesterday?", now: start - 29 * day }))[0]).toBe(3);
    expect((await places({ question: "How was the boat trip on 9 February?" }))[0]).toBe(3);
  });

  it("is answered by weights of one's own", async () => {
    const { memory, ids } = await conversation();
    const recent = await memory.recall("boat trip", { preset: "searches", weights: { recency: 1 } });
    expect(ids.indexOf(recent[0]?.id ?? "")).toBe(2);
    expect(signals(recent[0])).toEqual(["keyword", "recency"]);
    expect(recent[0]?.why.signals[1]?.score).toBeCloseTo(2 ** (-1 / 30), 4);
    for (const preset of ["balanced", "semantic", "keyword", "temporal"] as const) {
      expect(signals((await memory.recall("boat trip", { preset }))[0])).toContain("form");
    }
    await memory.close();
  });

  it("may ask for hits that differ from each other", async () => {
    const memory = await openMemory({ embedder: false });
    const vectors = [[1, 0, 0], [0.99, 0.1, 0], [0.7, 0, 0.7]];
    const ids = await memory.addMany(vectors.map((vector, index) => ({ text: `memory ${index}`, vector })));
    const order = async (diversity: number) => (await memory.recall("", { vector: [1, 0.02, 0.01], limit: 2, diversity })).map(({ id }) => ids.indexOf(id));
    expect(await order(0)).toEqual([0, 1]);
    expect(await order(0.9)).toEqual([0, 2]);
    await memory.close();
  });
});
