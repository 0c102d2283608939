// Vectors compared by cosine, product or distance.

import { describe, expect, it } from "vitest";
import { openMemory } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import type { Embedder, Metric } from "../../dist/esm/types.js";
import { refusal } from "./support.js";

const rows: Record<string, number[]> = { near: [1, 1], long: [9, 5], along: [3, 3.1] };
const embedder: Embedder = { model: "plane", dimensions: 2, embed: async (texts) => texts.map((text) => rows[text] ?? [1, 1.2]) };

/** The order of the three by a metric, seen from (1, 1.2), and what it says of the first. */
const expected: Record<Metric, { order: string[]; score: number }> = {
  cosine: { order: ["along", "near", "long"], score: 6.72 / Math.hypot(3, 3.1) / Math.hypot(1, 1.2) },
  dot: { order: ["long", "along", "near"], score: 15 },
  euclidean: { order: ["near", "along", "long"], score: -0.2 },
};

describe("metric", () => {
  it.each(Object.keys(expected) as Metric[])("%s decides what is nearest, now and after reopening", async (metric) => {
    const place = memoryPlace();
    for (const config of [{ metric }, undefined]) {
      const memory = await openMemory({ storage: memoryStorage({ place }), embedder, ...(config && { config }) });
      if (config) await memory.addMany(Object.keys(rows));
      const hits = await memory.recall("question", { limit: 3, fusion: { method: "weighted", dense: 1, keyword: 0 } });
      expect(hits.map(({ text }) => text)).toEqual(expected[metric].order);
      expect(hits[0]?.why.signals.find(({ signal }) => signal === "dense")?.score).toBeCloseTo(expected[metric].score, 4);
      expect(hits[0]?.why.summary).toContain({ cosine: "(cosine 1.00)", dot: "(product 15.00)", euclidean: "(distance 0.20)" }[metric]);
      expect(memory.space).toEqual({ model: "plane", dimensions: 2, ...(metric !== "cosine" && { metric }) });
      const vector = await memory.vector(hits[0]?.id ?? "");
      const kept = rows[hits[0]?.text ?? ""] as number[];
      const length = metric === "cosine" ? Math.hypot(...kept) : 1;
      kept.forEach((component, at) => expect(vector?.[at]).toBeCloseTo(component / length, 5));
      await memory.maintain({ compact: true });
      await memory.close();
    }
  });

  it("is part of the space", async () => {
    const place = memoryPlace();
    const open = (metric: Metric | undefined, more = {}) => openMemory({ storage: memoryStorage({ place }), embedder, config: { metric }, ...more });
    const memory = await open("dot");
    await memory.add("long");
    await memory.close();
    const refused = { code: "space-mismatch", details: { field: "metric", expected: "dot", found: "cosine" } };
    expect(await refusal(open("cosine"))).toMatchObject(refused);
    expect(await refusal(open("cosine", { embedder: false }))).toMatchObject(refused);
    expect(await refusal(open("cosine", { embedder: false, onModelChange: "reembed" }))).toMatchObject(refused);
    const over = await open("cosine", { onModelChange: "reembed" });
    expect(over.space?.metric).toBe("dot");
    expect(await over.reembed()).toMatchObject({ embedded: 1, space: { model: "plane", dimensions: 2 } });
    expect(over.space?.metric).toBeUndefined();
    await over.close();
    await (await open("cosine")).close();
  });

  it("travels with exports, and vectors that lack lengths are made anew", async () => {
    const source = await openMemory({ embedder, config: { metric: "dot" } });
    await source.addMany(Object.keys(rows));
    const lines: string[] = [];
    for await (const line of source.export()) lines.push(line);
    await source.close();
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ space: { metric: "dot" } });
    for (const metric of ["dot", "cosine"] as const) {
      let asked = 0;
      const counting: Embedder = { ...embedder, embed: async (texts, options) => ((asked += texts.length), embedder.embed(texts, options)) };
      const target = await openMemory({ embedder: counting, config: { metric } });
      await target.import(lines);
      expect(asked).toBe(metric === "dot" ? 0 : 3);
      const [best] = await target.recall("question", { fusion: { method: "weighted", dense: 1, keyword: 0 } });
      expect(best?.text).toBe(expected[metric].order[0]);
      await target.close();
    }
  });

  it("refuses others", async () => {
    expect(await refusal(openMemory({ config: { metric: "manhattan" as never } }))).toMatchObject({ code: "invalid-argument", details: { field: "metric" } });
    const memory = await openMemory({ embedder: false, config: { metric: "dot" } });
    expect(await refusal(memory.add("too short", { vector: new Float32Array([1e-12, 0]) }))).toMatchObject({ code: "invalid-argument" });
    await memory.close();
  });
});
