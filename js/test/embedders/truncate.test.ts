// The option `dimensions`: a memory keeps the first components of what its embedder makes.

import { describe, expect, it } from "vitest";
import { openMemory } from "../../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../../dist/esm/storage/memory.js";
import type { Embedder } from "../../../dist/esm/types.js";
import { refusal } from "../support.js";

/** Vectors whose first two components tell what a text is about, and whose last ones, far longer, tell the opposite. */
const misleading: Embedder = {
  model: "misleading",
  dimensions: 4,
  embed: async (texts) => texts.map((text) => (text.includes("tea") ? [1, 0.1, 0, 50] : text.includes("boat") ? [0.1, 1, 50, 0] : [1, 0, 50, 0])),
};

describe("dimensions", () => {
  it("compares by the first components alone", async () => {
    for (const [dimensions, first] of [[undefined, "the boat"], [2, "some tea"]] as const) {
      const memory = await openMemory({ embedder: misleading, dimensions });
      await memory.addMany(["some tea", "the boat"]);
      const [best] = await memory.recall("what to drink");
      expect(best?.text).toBe(first);
      expect(memory.space).toEqual({ model: "misleading", dimensions: dimensions ?? 4 });
      const vector = await memory.vector(best?.id ?? "");
      expect(vector).toHaveLength(dimensions ?? 4);
      expect(Math.hypot(...(vector ?? []))).toBeCloseTo(1, 5);
      await memory.close();
    }
  });

  it("cuts typed arrays and the vectors of functions and of the built-in model", async () => {
    const embedders = [async (texts: readonly string[]) => texts.map(() => Float32Array.of(3, 4, 12, 84)), "static-128"] as const;
    for (const embedder of embedders) {
      const memory = await openMemory({ embedder, dimensions: 2 });
      await memory.add("Ada drinks tea");
      expect(memory.space?.dimensions).toBe(2);
      expect(await memory.recall("tea")).toHaveLength(1);
      await memory.close();
    }
  });

  it("is part of the space", async () => {
    const place = memoryPlace();
    const open = (dimensions: number | undefined, more = {}) => openMemory({ storage: memoryStorage({ place }), embedder: misleading, dimensions, ...more });
    const memory = await open(2);
    await memory.add("some tea");
    await memory.add("by hand", { vector: new Float32Array([1, 2]) });
    expect(await refusal(memory.add("by hand", { vector: new Float32Array([1, 2, 3, 4]) }))).toMatchObject({ code: "dimension-mismatch" });
    await memory.close();
    expect(await refusal(open(undefined))).toMatchObject({ code: "space-mismatch", details: { expected: "misleading/2", found: "misleading/4" } });
    const back = await open(3, { onModelChange: "reembed" });
    expect(await back.reembed()).toMatchObject({ embedded: 2, space: { model: "misleading", dimensions: 3 } });
    await back.close();
  });

  it("refuses what cannot be", async () => {
    for (const dimensions of [0, 1.5, -1, 8_193, "2"] as never[]) {
      expect(await refusal(openMemory({ embedder: misleading, dimensions }))).toMatchObject({ code: "invalid-argument", details: { field: "dimensions" } });
    }
    expect(await refusal(openMemory({ embedder: false, dimensions: 2 }))).toMatchObject({ code: "invalid-argument", details: { field: "dimensions" } });
    const tooFew = await refusal(openMemory({ embedder: misleading, dimensions: 5 }));
    expect(tooFew).toMatchObject({ code: "invalid-argument", details: { field: "dimensions" } });
    expect(String(tooFew)).toContain("misleading have 4");
    const memory = await openMemory({ embedder: async (texts) => texts.map(() => [1, 2]), dimensions: 5 });
    expect(await refusal(memory.add("Ada"))).toMatchObject({ code: "embedder-failed" });
    expect((await memory.stats()).records).toBe(0);
    await memory.close();
    // Cutting does not hide that they do not belong together.
    const uneven = await openMemory({ embedder: async (texts) => texts.map((_, index) => Array.from({ length: 4 + index }, () => 1)), dimensions: 3 });
    expect(await refusal(uneven.addMany(["Ada", "Bob"]))).toMatchObject({ code: "embedder-failed" });
    await uneven.close();
  });
});
