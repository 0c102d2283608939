// What turns texts into vectors: every accepted shape, how it is asked, and how its space is guarded.

import { describe, expect, expectTypeOf, it } from "vitest";
import {
  openMemory, staticEmbedder, ValidationError, type Embedder, type EmbeddingModelLike, type OpenOptions,
} from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { fakeEmbedder, manualClock } from "../../dist/esm/testing/index.js";
import { refusal } from "./support.js";

/** A vector that tells which text it is of: its number in the first component. */
const numbered = (text: string): number[] => [Number(/\d+/.exec(text)?.[0] ?? 0), 1];

async function numberOf(memory: Awaited<ReturnType<typeof openMemory>>, id: string): Promise<number> {
  const [x = 0, y = 1] = (await memory.vector(id)) ?? [];
  return Math.round(x / y);
}

/** A model in the shape of the AI SDK's providers, that counts its calls. */
function model(more: Partial<EmbeddingModelLike> & { readonly specificationVersion: string }): EmbeddingModelLike & { readonly asked: { values: string[]; abortSignal?: AbortSignal }[] } {
  const asked: { values: string[]; abortSignal?: AbortSignal }[] = [];
  return {
    modelId: "tiny-embed",
    provider: "acme.embedding",
    asked,
    doEmbed: async (options) => {
      asked.push(options);
      return { embeddings: options.values.map(numbered), usage: { tokens: 1 }, warnings: [] };
    },
    ...more,
  } as EmbeddingModelLike & { readonly asked: { values: string[]; abortSignal?: AbortSignal }[] };
}

describe("accepted shapes", () => {
  it("a function, of the model that its own property names, never of its name", async () => {
    const calls: string[][] = [];
    async function countLetters(texts: readonly string[]): Promise<number[][]> {
      calls.push([...texts]);
      return texts.map((text) => [text.length, 1]);
    }
    const memory = await openMemory({ embedder: countLetters });
    await memory.add("four", { actor: "Ada" });
    expect(memory.space).toEqual({ model: "custom", dimensions: 2 });
    expect(calls).toEqual([["Ada: four"]]);
    await memory.close();
    const cases: readonly (readonly [model: unknown, space: string])[] = [["letters-2", "letters-2"], ["", "custom"], [5, "custom"]];
    for (const [model, space] of cases) {
      const named = await openMemory({ embedder: Object.assign((texts: readonly string[]) => texts.map(() => [1]), { model }) as never });
      await named.add("x");
      expect(named.space?.model).toBe(space);
      await named.close();
    }
  });

  it("embeddings of LangChain, which embed questions and documents by two methods", async () => {
    class Embeddings {
      readonly asked: (readonly string[])[] = [];
      constructor(readonly model?: unknown, readonly modelName?: unknown) {}
      async embedQuery(text: string): Promise<number[]> {
        this.asked.push(["query", text]);
        return [1, 0];
      }
      async embedDocuments(texts: string[]): Promise<number[][]> {
        this.asked.push(["documents", ...texts]);
        return texts.map(() => [0, 1]);
      }
    }
    const embedder = new Embeddings("text-embedding-3-small");
    const memory = await openMemory({ embedder });
    await memory.addMany(["one", "two"]);
    const [hit] = await memory.recall("three");
    expect(embedder.asked).toEqual([["documents", "one", "two"], ["query", "three"]]);
    expect(memory.space).toEqual({ model: "text-embedding-3-small", dimensions: 2 });
    expect(hit?.why.signals.find(({ signal }) => signal === "dense")?.score).toBeCloseTo(0);
    await memory.close();
    for (const [model, modelName, space] of [[undefined, "older", "older"], ["", 5, "custom"], ["new", "older", "new"]]) {
      const named = await openMemory({ embedder: new Embeddings(model, modelName) });
      await named.add("x");
      expect(named.space?.model).toBe(space);
      await named.close();
    }
  });

  it("an object with embed, called on itself, with plain arrays or typed ones", async () => {
    class Service implements Embedder {
      readonly model = "service";
      readonly scale = 2;
      readonly purposes: string[] = [];
      embed(texts: readonly string[], { purpose }: { readonly purpose: string }): ArrayLike<number>[] {
        this.purposes.push(purpose);
        return texts.map((text, index) => {
          const row = [this.scale * text.length, 1];
          return index % 2 ? Float64Array.from(row) : row;
        });
      }
    }
    const embedder = new Service();
    const memory = await openMemory({ embedder });
    await memory.addMany(["ab", "abcd"]);
    await memory.recall("ab");
    expect(embedder.purposes).toEqual(["memory", "query"]);
    expect((await memory.stats()).engine?.vectors).toBe(2);
    await memory.close();
  });

  it.each(["v2", "v3"])("a model of the AI SDK (%s)", async (specificationVersion) => {
    const embedder = model({ specificationVersion, maxEmbeddingsPerCall: 3 });
    const memory = await openMemory({ embedder });
    const ids = await memory.addMany(Array.from({ length: 8 }, (_, index) => `text ${index}`));
    expect(embedder.asked.map(({ values }) => values)).toEqual([["text 0", "text 1", "text 2"], ["text 3", "text 4", "text 5"], ["text 6", "text 7"]]);
    expect(await Promise.all(ids.map((id) => numberOf(memory, id)))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(memory.space).toEqual({ model: "acme.embedding/tiny-embed", dimensions: 2 });
    const { signal } = new AbortController();
    await memory.recall("text 3", { signal });
    expect(embedder.asked.at(-1)).toEqual({ values: ["text 3"], abortSignal: signal });
    await memory.close();
  });

  it.each<[string, EmbeddingModelLike["maxEmbeddingsPerCall"], number]>([
    ["a promise", Promise.resolve(2), 3],
    ["a promise of nothing", Promise.resolve(undefined), 1],
    ["nothing", undefined, 1],
    ["infinity", Number.POSITIVE_INFINITY, 1],
    ["zero, taken for one", 0, 5],
  ])("a model whose limit is %s", async (_name, maxEmbeddingsPerCall, calls) => {
    const embedder = model({ specificationVersion: "v2", maxEmbeddingsPerCall });
    const memory = await openMemory({ embedder });
    const ids = await memory.addMany(Array.from({ length: 5 }, (_, index) => `text ${index}`));
    expect(embedder.asked).toHaveLength(calls);
    expect(await Promise.all(ids.map((id) => numberOf(memory, id)))).toEqual([0, 1, 2, 3, 4]);
    await memory.close();
  });

  it("a model without a provider", async () => {
    const memory = await openMemory({ embedder: model({ specificationVersion: "v2", provider: undefined as never }) });
    await memory.add("x 1");
    expect(memory.space?.model).toBe("tiny-embed");
    await memory.close();
  });

  it("refuses a model that makes up for a short answer with a long one", async () => {
    const embedder = model({
      specificationVersion: "v3",
      maxEmbeddingsPerCall: 2,
      doEmbed: async ({ values }) => ({ embeddings: values.includes("text 0") ? [[0, 1]] : [[1, 1], [2, 1], [3, 1]] }),
    });
    const memory = await openMemory({ embedder });
    expect(await refusal(memory.addMany(["text 0", "text 1", "text 2", "text 3"]))).toMatchObject({ code: "embedder-failed" });
    await memory.close();
  });

  it.each<[string, unknown]>([
    ["null", null],
    ["a number", 5],
    ["an unknown name", "static-64"],
    ["an object without embed", { model: "x" }],
    ["an object without a model", { embed: () => [] }],
    ["an object with an empty model", { model: "", embed: () => [] }],
    ["a model without an id", { doEmbed: async () => ({ embeddings: [] }) }],
    ["half a dimension", { model: "x", dimensions: 1.5, embed: () => [] }],
    ["batches of none", { model: "x", maxBatch: 0, embed: () => [] }],
    ["batches of NaN", { model: "x", maxBatch: Number.NaN, embed: () => [] }],
  ])("refuses %s, and gives storage up", async (_name, embedder) => {
    const place = memoryPlace();
    const error = await refusal(openMemory({ storage: memoryStorage({ place }), embedder: embedder as never }));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error.details.field).toMatch(/^embedder/);
    expect(place.owner).toBeUndefined();
  });

  it("are what the types say", () => {
    expectTypeOf<Embedder>().toExtend<NonNullable<OpenOptions["embedder"]>>();
    expectTypeOf<EmbeddingModelLike>().toExtend<NonNullable<OpenOptions["embedder"]>>();
    expectTypeOf<number>().not.toExtend<OpenOptions["embedder"]>();
  });
});

describe("asking", () => {
  it("splits into batches, in order", async () => {
    const embedder = fakeEmbedder({ maxBatch: 4, dimensions: 2, answer: (_, { texts }) => texts.map(numbered) });
    const memory = await openMemory({ embedder });
    const ids = await memory.addMany(Array.from({ length: 10 }, (_, index) => `text ${index}`));
    expect(embedder.calls.map(({ texts }) => texts.length)).toEqual([4, 4, 2]);
    expect(await Promise.all(ids.map((id) => numberOf(memory, id)))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await memory.close();
  });

  it("adds none if a later batch fails", async () => {
    const memory = await openMemory({ embedder: fakeEmbedder({ maxBatch: 2, failOn: ({ index }) => index === 2 }) });
    expect(await refusal(memory.addMany(["a", "b", "c", "d", "e"]))).toMatchObject({ code: "embedder-failed" });
    expect(await memory.stats()).toMatchObject({ records: 0 });
    expect(memory.space).toBeUndefined();
    await memory.close();
  });

  it("does not ask about a record whose vector is given, and keeps the others in order", async () => {
    const embedder = fakeEmbedder({ dimensions: 2, answer: (_, { texts }) => texts.map(numbered) });
    const memory = await openMemory({ embedder });
    const ids = await memory.addMany(["text 1", { text: "text 2", vector: [7, 1] }, "text 3", { text: "text 4", vector: Float32Array.of(9, 1) }]);
    expect(embedder.calls.map(({ texts }) => texts)).toEqual([["text 1", "text 3"]]);
    expect(await Promise.all(ids.map((id) => numberOf(memory, id)))).toEqual([1, 7, 3, 9]);
    const [hit] = await memory.recall("anything", { vector: [9, 1], fusion: { method: "weighted", dense: 1, keyword: 0 } });
    expect(hit?.id).toBe(ids[3]);
    expect(embedder.calls).toHaveLength(1);
    await memory.close();
  });

  it("refuses vectors of two lengths in one call", async () => {
    const memory = await openMemory({ embedder: false });
    const error = await refusal(memory.addMany([{ text: "a", vector: [1, 0] }, { text: "b", vector: [1, 0, 0] }]));
    expect(error).toMatchObject({ code: "dimension-mismatch", details: { expected: 2, found: 3 } });
    expect(await memory.stats()).toMatchObject({ records: 0 });
    await memory.close();
  });

  it("keeps a record whose text means nothing to the model, for keyword search", async () => {
    const memory = await openMemory({ embedder: fakeEmbedder({ answer: (vectors) => vectors.map((row, index) => (index === 0 ? row.fill(0) : row)) }) });
    const [blank, other] = (await memory.addMany(["zyzzyva", "a word"])) as [string, string];
    expect(await memory.vector(blank)).toBeUndefined();
    expect(await memory.vector(other)).toBeInstanceOf(Float32Array);
    expect((await memory.recall("zyzzyva"))[0]?.id).toBe(blank);
    await memory.close();
  });

  it("finds nothing by meaning without an embedder, and says so", async () => {
    const memory = await openMemory({ embedder: false });
    const id = await memory.add("metric units");
    expect(await memory.vector(id)).toBeUndefined();
    const [hit] = await memory.recall("units");
    expect(hit?.why.skipped.map(({ signal }) => signal)).toEqual(["dense"]);
    const withVector = await memory.add("given", { vector: [0, 2] });
    expect(memory.space).toEqual({ model: "custom", dimensions: 2 });
    expect([...((await memory.vector(withVector)) ?? [])]).toEqual([0, 1]);
    await memory.close();
  });
});

describe("an update", () => {
  const embedder = (): ReturnType<typeof fakeEmbedder> => fakeEmbedder({ dimensions: 16 });

  it("embeds anew when the text or who said it changes, and only then", async () => {
    const fake = embedder();
    const memory = await openMemory({ embedder: fake });
    const id = await memory.add("likes tea", { actor: "Ada" });
    const tea = await memory.vector(id);
    await memory.update(id, { tags: ["x"], importance: 1, metadata: { a: 1 } });
    expect(await memory.vector(id)).toEqual(tea);
    expect(fake.calls).toHaveLength(1);
    await memory.update(id, { text: "likes coffee" });
    const coffee = await memory.vector(id);
    expect(coffee).not.toEqual(tea);
    await memory.update(id, { actor: "Bo" });
    expect(await memory.vector(id)).not.toEqual(coffee);
    await memory.update(id, { actor: null });
    await memory.update(id, { text: "likes water", actor: "Cy" });
    expect(fake.calls.slice(1).map(({ texts }) => texts)).toEqual([["Ada: likes coffee"], ["Bo: likes coffee"], ["likes coffee"], ["Cy: likes water"]]);
    expect(await memory.vector(id)).toEqual(await memory.vector(await memory.add("likes water", { actor: "Cy" })));
    await memory.close();
  });

  it("sees what the same transaction has done before", async () => {
    const fake = embedder();
    const memory = await openMemory({ embedder: fake });
    await memory.transaction((tx) => {
      const id = tx.add("one", { actor: "Ada" });
      tx.update(id, { text: "two" });
      tx.update(id, { actor: "Bo" });
    });
    expect(fake.calls.map(({ texts }) => texts)).toEqual([["Ada: one", "Ada: two", "Bo: two"]]);
    await memory.close();
  });

  it("takes a vector that is given", async () => {
    const fake = fakeEmbedder({ dimensions: 2 });
    const memory = await openMemory({ embedder: fake });
    const id = await memory.add("likes tea");
    await memory.update(id, { text: "likes coffee", vector: [0, 5] });
    expect([...((await memory.vector(id)) ?? [])]).toEqual([0, 1]);
    expect(fake.calls).toHaveLength(1);
    await memory.close();
  });

  it("that fails to embed changes nothing", async () => {
    const memory = await openMemory({ embedder: fakeEmbedder({ failOn: ({ index }) => index === 1 }) });
    const id = await memory.add("likes tea");
    const before = await memory.vector(id);
    expect(await refusal(memory.update(id, { text: "likes coffee" }))).toMatchObject({ code: "embedder-failed" });
    expect(await memory.get(id)).toMatchObject({ text: "likes tea", version: 1 });
    expect(await memory.vector(id)).toEqual(before);
    await memory.close();
  });
});

describe("the space of a memory", () => {
  const cases: readonly (readonly [name: string, first: OpenOptions["embedder"], second: OpenOptions["embedder"], refused: boolean])[] = [
    ["another built-in model", "static-128", "static-256", true],
    ["the default beside its name", undefined, "static-128", false],
    ["another model", fakeEmbedder({ model: "a" }), fakeEmbedder({ model: "b" }), true],
    ["the same model", fakeEmbedder({ model: "a" }), fakeEmbedder({ model: "a" }), false],
    ["the same model of other dimensions", fakeEmbedder({ model: "a", dimensions: 8 }), fakeEmbedder({ model: "a", dimensions: 9 }), true],
    ["no embedder", fakeEmbedder({ model: "a" }), false, false],
  ];

  it.each(cases)("is guarded on reopening: %s", async (_name, first, second, refused) => {
    const place = memoryPlace();
    const options = (embedder: OpenOptions["embedder"]): OpenOptions => ({ storage: memoryStorage({ place }), ...(embedder !== undefined && { embedder }) });
    const memory = await openMemory(options(first));
    await memory.add("hello world");
    const space = memory.space;
    await memory.close();
    const before = place.snapshot();
    if (refused) {
      const error = await refusal(openMemory(options(second)));
      expect(error).toBeInstanceOf(ValidationError);
      expect(error).toMatchObject({ code: "space-mismatch", details: { field: "embedder", expected: `${space?.model}/${space?.dimensions}` } });
      expect(place.snapshot()).toEqual(before);
      expect(place.owner).toBeUndefined();
    }
    const again = await openMemory(options(refused ? first : second));
    expect(again.space).toEqual(space);
    expect((await again.recall("hello")).map((hit) => hit.text)).toEqual(["hello world"]);
    await again.close();
  });

  it("is free as long as there is no vector", async () => {
    const place = memoryPlace();
    const first = await openMemory({ storage: memoryStorage({ place }), embedder: false });
    await first.add("without a vector");
    await first.close();
    const second = await openMemory({ storage: memoryStorage({ place }), embedder: fakeEmbedder({ model: "b" }) });
    await second.add("with one");
    expect(second.space?.model).toBe("b");
    await second.close();
  });

  it("is entered by a record made without a vector when its words change, not before", async () => {
    const place = memoryPlace();
    const first = await openMemory({ storage: memoryStorage({ place }), embedder: false });
    const id = await first.add("without a vector");
    await first.close();
    const second = await openMemory({ storage: memoryStorage({ place }), embedder: fakeEmbedder({ dimensions: 4 }) });
    expect((await second.recall("vector")).map((hit) => hit.id)).toEqual([id]);
    await second.update(id, { tags: ["seen"] });
    expect(await second.vector(id)).toBeUndefined();
    await second.update(id, { text: "with a vector" });
    expect(await second.vector(id)).toHaveLength(4);
    await second.close();
  });
});

describe("the built-in models", () => {
  it.each([["static-128", 128], ["static-256", 256]] as const)("%s finds a paraphrase offline", async (name, dimensions) => {
    const embedder = await staticEmbedder(name);
    expect(embedder).toMatchObject({ model: `stratamem-${name}`, dimensions });
    const memory = await openMemory({ embedder: name });
    const wanted = await memory.add("The doctor prescribed antibiotics for the infection");
    await memory.addMany(["The train to the coast leaves at noon", "She bakes bread every Sunday", "Their offices moved to another building"]);
    const [best] = await memory.recall("medicine against illness", { fusion: { method: "weighted", dense: 1, keyword: 0 } });
    expect(best?.id).toBe(wanted);
    expect(memory.space).toEqual({ model: `stratamem-${name}`, dimensions });
    await memory.close();
  });

  it("give the same vectors whether used alone or by a memory, in any batch", async () => {
    const embedder = await staticEmbedder();
    const texts = ["one text", "another text", "one text"];
    const rows = embedder.embed(texts);
    expect(rows).toHaveLength(3);
    expect(rows[2]).toEqual(rows[0]);
    expect(rows[1]).not.toEqual(rows[0]);
    const memory = await openMemory();
    const id = await memory.add("another text");
    const [own, alone] = [await memory.vector(id), rows[1]];
    for (let at = 0; at < 128; at += 1) expect(own?.[at]).toBeCloseTo(alone?.[at] as number, 6);
    await memory.close();
  });
});

describe("the fake embedder", () => {
  const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
    const dot = (x: ArrayLike<number>, y: ArrayLike<number>): number => Array.from(x).reduce((sum, value, at) => sum + value * (y[at] as number), 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  };

  it("puts texts that share words near each other, the same way every time", async () => {
    const embed = async (texts: string[]): Promise<readonly ArrayLike<number>[]> => fakeEmbedder().embed(texts, { purpose: "memory" });
    const [tea, more, boat, punctuation] = (await embed(["Ada drinks green tea", "green tea, says ADA!", "the boat sails north", "?!"])) as [ArrayLike<number>, ArrayLike<number>, ArrayLike<number>, ArrayLike<number>];
    expect(cosine(tea, more)).toBeGreaterThan(0.6);
    expect(cosine(tea, boat)).toBeLessThan(0.4);
    expect(Array.from(punctuation)).toEqual(new Array(64).fill(0));
    expect((await embed(["Ada drinks green tea"]))[0]).toEqual(tea);
    // Written down once: the vectors are the same on every host and in every version.
    const [row] = await fakeEmbedder({ dimensions: 3, model: "m" }).embed(["tea"], { purpose: "query" });
    expect(Array.from(row as ArrayLike<number>, (value) => Number(value.toFixed(6)))).toEqual([0.969216, 0.844306, -0.550646]);
  });

  it("records its calls and fails as it is told", async () => {
    const embedder = fakeEmbedder({ failOn: ({ index, texts }) => index === 0 || (texts.includes("bad") && new RangeError("no")) });
    await expect(embedder.embed(["a"], { purpose: "query" })).rejects.toThrow(/call 0/);
    await expect(embedder.embed(["bad"], { purpose: "memory" })).rejects.toThrow(RangeError);
    await embedder.embed(["a"], { purpose: "memory" });
    expect(embedder.calls.map(({ index, purpose, texts }) => [index, purpose, texts])).toEqual([[0, "query", ["a"]], [1, "memory", ["bad"]], [2, "memory", ["a"]]]);
    expect(() => fakeEmbedder({ dimensions: 0 })).toThrow(ValidationError);
  });
});

describe("the manual clock", () => {
  it("moves only when told, and drives expiry", async () => {
    const clock = manualClock("2026-01-01T00:00:00Z");
    expect(clock.now()).toBe(Date.UTC(2026, 0, 1));
    const memory = await openMemory({ now: clock.now, embedder: false });
    const id = await memory.add("the meeting is over at ten", { expiresAt: clock.now() + 60_000 });
    expect(clock.advance(59_999)).toBe(Date.UTC(2026, 0, 1) + 59_999);
    expect(await memory.get(id)).toMatchObject({ recordedAt: Date.UTC(2026, 0, 1) });
    clock.advance(1);
    expect(await memory.get(id)).toBeUndefined();
    expect(clock.set(new Date(5))).toBe(5);
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => clock.advance(bad)).toThrow(ValidationError);
    expect(() => manualClock("soon")).toThrow(ValidationError);
    expect(clock.now()).toBe(5);
    await memory.close();
  });
});
