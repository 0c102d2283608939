// Embedders on a pipeline of Transformers.js, of which only the shape is needed.

import { describe, expect, it } from "vitest";
import { transformersJs, type FeatureExtractionLike, type TransformersJsOptions } from "../../../dist/esm/embedders/transformers-js.js";
import { EmbedderError, openMemory } from "../../../dist/esm/entry/inline.js";

interface Call {
  readonly texts: readonly string[];
  readonly options: object;
}

/** A pipeline of two components: how long a text is, and 1. */
function pipeline(answer?: (texts: readonly string[]) => { data: ArrayLike<number>; dims: number[] }): FeatureExtractionLike & { readonly calls: Call[] } {
  const calls: Call[] = [];
  const extract = async (texts: string[], options: object): Promise<{ data: ArrayLike<number>; dims: number[] }> => {
    calls.push({ texts, options });
    return answer ? answer(texts) : { data: Float32Array.from(texts.flatMap((text) => [text.length, 1])), dims: [texts.length, 2] };
  };
  return Object.assign(extract, { calls });
}

describe("transformersJs", () => {
  it("reads the tensor of a pipeline, row after row", async () => {
    const extract = pipeline();
    const embedder = transformersJs(extract, { model: "tiny" });
    expect(embedder).toMatchObject({ model: "tiny", dimensions: undefined, maxBatch: 16 });
    const rows = await embedder.embed(["a", "four"], { purpose: "memory" });
    expect(rows.map((row) => Array.from(row))).toEqual([[1, 1], [4, 1]]);
    expect(extract.calls).toEqual([{ texts: ["a", "four"], options: { pooling: "mean", normalize: true } }]);
  });

  it("asks as the model was trained", async () => {
    const extract = pipeline();
    const embedder = transformersJs(extract, { model: "tiny", pooling: "cls", normalize: false, dimensions: 2, maxBatch: 2, prefix: { query: "query: ", memory: "passage: " } });
    const memory = await openMemory({ embedder });
    await memory.addMany(["a", "b", "c"]);
    await memory.recall("d");
    const options = { pooling: "cls", normalize: false };
    expect(extract.calls).toEqual([["passage: a", "passage: b"], ["passage: c"], ["query: d"]].map((texts) => ({ texts, options })));
    expect(memory.space).toEqual({ model: "tiny", dimensions: 2 });
    await memory.close();
  });

  it.each<[string, { data: ArrayLike<number>; dims: number[] }]>([
    ["a tensor of word pieces", { data: new Float32Array(8), dims: [2, 2, 2] }],
    ["too few rows", { data: new Float32Array(2), dims: [1, 2] }],
    ["fewer numbers than it says", { data: new Float32Array(3), dims: [2, 2] }],
  ])("refuses %s", async (_name, tensor) => {
    const error: unknown = await Promise.resolve(transformersJs(pipeline(() => tensor), { model: "tiny" }).embed(["a", "b"], { purpose: "memory" })).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EmbedderError);
    expect(error).toMatchObject({ retryable: false, details: { model: "tiny" } });
  });

  it.each<[object, string]>([
    [{ model: "" }, "model"], [{ model: "m", pooling: "max" }, "pooling"], [{ model: "m", normalize: 1 }, "normalize"], [{ model: "m", dimensions: 0 }, "dimensions"],
    [{ model: "m", maxBatch: 0 }, "maxBatch"], [{ model: "m", prefix: "query: " }, "prefix"], [{ model: "m", dtype: "q8" }, "dtype"],
  ])("refuses %o", (options, field) => {
    expect(() => transformersJs(pipeline(), options as TransformersJsOptions)).toThrow(expect.objectContaining({ code: "invalid-argument", details: { field } }));
    expect(() => transformersJs({} as FeatureExtractionLike, { model: "m" })).toThrow(expect.objectContaining({ details: { field: "pipeline" } }));
  });
});
