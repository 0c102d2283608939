// Changing the model: nothing is compared across models, nothing is lost, and what was cut short goes on.

import { describe, expect, it } from "vitest";
import { EmbedderError, openMemory, ValidationError, type Memory, type OpenOptions, type ReembedProgress } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage, type MemoryPlace } from "../../dist/esm/storage/memory.js";
import { fakeEmbedder, faultStorage, manualClock, nthWrite, replay, type FakeEmbedder } from "../../dist/esm/testing/index.js";
import { refusal } from "./support.js";

// As many components: only the name tells the two apart.
const old = (): FakeEmbedder => fakeEmbedder({ model: "old", dimensions: 16 });
const fresh = (more: Parameters<typeof fakeEmbedder>[0] = {}): FakeEmbedder => fakeEmbedder({ model: "new", dimensions: 16, ...more });

const dense = { fusion: { method: "weighted", dense: 1, keyword: 0 }, touch: false } as const;

/** Opens what `place` holds. */
const open = (place: MemoryPlace, embedder: OpenOptions["embedder"], more: OpenOptions = {}): Promise<Memory> =>
  openMemory({ storage: memoryStorage({ place }), ...(embedder !== undefined && { embedder }), onModelChange: "reembed", ...more });

/** A place with so many records of the old model, and their ids. */
async function filled(count: number): Promise<{ place: MemoryPlace; ids: string[] }> {
  const place = memoryPlace();
  const memory = await open(place, old());
  const ids = await memory.addMany(Array.from({ length: count }, (_, n) => ({ text: `stone ${n} of the wall`, ...(n % 3 === 0 && { actor: "Ada" }), scope: { user: `user${n % 2}` } })));
  await memory.close();
  return { place, ids };
}

/** Which records have a vector, by their ids. */
async function withVector(memory: Memory): Promise<string[]> {
  const found: string[] = [];
  for await (const { id } of memory.list()) if (await memory.vector(id)) found.push(id);
  return found;
}

/** Fails unless every record has the vector that `model` makes of it. */
async function expectAllOf(memory: Memory, model: string): Promise<void> {
  const embedder = fakeEmbedder({ model, dimensions: 16 });
  let records = 0;
  for await (const { id, text, actor } of memory.list()) {
    const [row = []] = await embedder.embed([actor === undefined ? text : `${actor}: ${text}`], { purpose: "memory" });
    const length = Math.hypot(...Array.from(row));
    const vector = await memory.vector(id);
    expect(vector, text).toHaveLength(16);
    for (const [at, component] of (vector ?? []).entries()) expect(component).toBeCloseTo((row[at] as number) / length, 5);
    records += 1;
  }
  expect(records).toBeGreaterThan(0);
  expect(memory.space).toEqual({ model, dimensions: 16 });
}

describe("a memory of another model", () => {
  it("is refused, unless it is asked for, and then searched by words alone", async () => {
    const { place, ids } = await filled(4);
    expect(await refusal(open(place, fresh(), { onModelChange: "refuse" }))).toMatchObject({ code: "space-mismatch", details: { field: "embedder", expected: "old/16", found: "new/16" } });
    const embedder = fresh();
    const memory = await open(place, embedder);
    const [hit, ...others] = await memory.recall("stone 2", { touch: false });
    expect(hit?.text).toBe("stone 2 of the wall");
    expect([hit, ...others].flatMap((one) => one?.why.signals.map(({ signal }) => signal) ?? [])).not.toContain("dense");
    expect(embedder.calls).toEqual([]);
    expect(memory.space?.model).toBe("old");
    expect(await withVector(memory)).toEqual(ids);
    // What is added has no vector yet; a vector of the new model has no place yet.
    const id = await memory.add("a brick");
    expect(await memory.vector(id)).toBeUndefined();
    expect(await refusal(memory.add("another brick", { vector: new Array(16).fill(1) }))).toMatchObject({ code: "space-mismatch" });
    expect(await refusal(memory.recall("brick", { vector: new Array(16).fill(1) }))).toMatchObject({ code: "space-mismatch" });
    await memory.close();
    // Nothing has happened to it: the old model still fits.
    const back = await open(place, old(), { onModelChange: "refuse" });
    expect((await back.recall("wall", dense)).length).toBeGreaterThan(0);
    await back.close();
  });

  it("is also one of other dimensions, where the embedder names them", async () => {
    const { place } = await filled(2);
    const memory = await open(place, fakeEmbedder({ model: "old", dimensions: 24 }));
    expect(await memory.reembed()).toEqual({ embedded: 2, meaningless: 0, space: { model: "old", dimensions: 24 } });
    expect((await memory.recall("stone", dense)).length).toBe(2);
    await memory.close();
  });
});

describe("reembed", () => {
  it("embeds everything anew, batch by batch, and tells how far it is", async () => {
    const { place, ids } = await filled(10);
    const embedder = fresh({ maxBatch: 3 });
    const memory = await open(place, embedder);
    const told: ReembedProgress[] = [];
    expect(await memory.reembed({ batch: 4, onProgress: (progress) => told.push(progress) })).toEqual({ embedded: 10, meaningless: 0, space: { model: "new", dimensions: 16 } });
    expect(told).toEqual([{ done: 4, total: 10 }, { done: 8, total: 10 }, { done: 10, total: 10 }]);
    expect(embedder.calls.map(({ texts, purpose }) => [texts.length, purpose])).toEqual([3, 1, 3, 1, 2].map((count) => [count, "memory"]));
    await expectAllOf(memory, "new");
    expect(await withVector(memory)).toEqual(ids);
    expect((await memory.recall("stone 3", dense)).length).toBeGreaterThan(0);
    // There is nothing left to do.
    expect(await memory.reembed()).toMatchObject({ embedded: 0 });
    expect(embedder.calls).toHaveLength(5 + 1);
    await memory.close();
    const again = await open(place, fresh(), { onModelChange: "refuse" });
    await expectAllOf(again, "new");
    await again.close();
  });

  it("searches those that are done by meaning and all by words, and never the old vectors", async () => {
    const { place, ids } = await filled(6);
    const found: [meaning: string[], words: number][] = [];
    const embedder = fresh({
      answer: async (vectors, { purpose }) => {
        if (purpose === "memory") {
          const hits = await memory.recall("wall", { touch: false, limit: 10 });
          const by = (wanted: string): string[] => hits.filter(({ why }) => why.signals.some(({ signal }) => signal === wanted)).map(({ id }) => id).sort();
          found.push([by("dense"), by("keyword").length]);
        }
        return vectors;
      },
    });
    const memory = await open(place, embedder);
    await memory.reembed({ batch: 2 });
    expect(found).toEqual([0, 2, 4].map((done) => [ids.slice(0, done), 6]));
    await memory.close();
  });

  it.each([0, 1, 2, 3])("goes on in another process after write %i did not end", async (write) => {
    const { place, ids } = await filled(9);
    const storage = faultStorage(memoryStorage({ place }), nthWrite(write, { then: "fail", applied: write % 2 ? Infinity : 0 }));
    const cut = await openMemory({ storage, embedder: fresh(), onModelChange: "reembed" });
    expect(await refusal(cut.reembed({ batch: 2 }))).toMatchObject({ code: "storage-failed" });
    await cut.close().catch(() => undefined);
    const embedder = fresh();
    const memory = await open(place, embedder);
    const done = await withVector(memory);
    // The first write brings the change of the space with the first two vectors.
    expect([memory.space?.model, done.length]).toEqual(write === 0 ? ["old", 9] : ["new", 2 * (write + (write % 2))]);
    const left = write === 0 ? 9 : 9 - done.length;
    expect(await memory.reembed({ batch: 2 })).toMatchObject({ embedded: left });
    expect(embedder.calls.flatMap(({ texts }) => texts)).toHaveLength(left);
    expect(ids).toHaveLength(9);
    await expectAllOf(memory, "new");
    await memory.close();
  });

  it("is the same memory whenever the process dies", async () => {
    const place = memoryPlace();
    const storage = faultStorage(memoryStorage({ place }));
    const config = { sealBytes: 4_096 };
    const first = await openMemory({ storage, embedder: old(), config });
    await first.addMany(Array.from({ length: 30 }, (_, n) => `stone ${n} ${"of the long wall ".repeat(10)}`));
    await first.maintain({ compact: true });
    await first.close();
    const kept = storage.recording().length;
    const again = faultStorage(memoryStorage({ place }));
    const memory = await openMemory({ storage: again, embedder: fresh(), onModelChange: "reembed", config });
    await memory.reembed({ batch: 4 });
    await memory.maintain({ compact: true });
    await memory.close();
    const operations = [...storage.recording(), ...again.recording()];
    const models = new Set<string | undefined>();
    for (let upTo = kept; upTo <= operations.length; upTo += 1) {
      const crashed = await open(replay(operations, upTo), fresh());
      models.add(crashed.space?.model);
      if (crashed.space?.model === "old") expect(await withVector(crashed)).toHaveLength(30);
      await crashed.reembed();
      await expectAllOf(crashed, "new");
      await crashed.close();
    }
    expect([...models]).toEqual(["old", "new"]);
    expect(operations.length - kept).toBeGreaterThan(12);
  });

  it("leaves the memory as it was if the first batch fails, and as far as it was after that", async () => {
    const { place, ids } = await filled(6);
    const memory = await open(place, fresh({ failOn: ({ index }) => index === 0 || index === 2 }));
    const before = place.snapshot();
    expect(await refusal(memory.reembed({ batch: 2 }))).toBeInstanceOf(EmbedderError);
    expect(place.snapshot()).toEqual(before);
    expect(memory.space?.model).toBe("old");
    expect(await withVector(memory)).toEqual(ids);
    expect(await refusal(memory.reembed({ batch: 2 }))).toMatchObject({ code: "embedder-failed" });
    expect(await withVector(memory)).toEqual(ids.slice(0, 2));
    expect(await memory.reembed({ batch: 2 })).toMatchObject({ embedded: 4 });
    await expectAllOf(memory, "new");
    await memory.close();
  });

  it("refuses what the embedder answers in other dimensions later on", async () => {
    const { place, ids } = await filled(4);
    let calls = 0;
    const memory = await open(place, { model: "new", embed: (texts) => texts.map(() => new Array((calls += 1) === 1 ? 8 : 9).fill(1)) });
    expect(await refusal(memory.reembed({ batch: 1 }))).toMatchObject({ code: "dimension-mismatch" });
    expect(memory.space).toEqual({ model: "new", dimensions: 8 });
    expect(await withVector(memory)).toEqual(ids.slice(0, 1));
    await memory.close();
  });

  it("ends when it is aborted: between two batches, and while the embedder is asked", async () => {
    const { place, ids } = await filled(6);
    const between = new AbortController();
    const memory = await open(place, fresh());
    expect(await refusal(memory.reembed({ batch: 2, signal: AbortSignal.abort(new Error("early")) }))).toMatchObject({ code: "aborted", cause: { message: "early" } });
    expect(memory.space?.model).toBe("old");
    expect(await refusal(memory.reembed({ batch: 2, signal: between.signal, onProgress: () => between.abort(new Error("enough")) }))).toMatchObject({ code: "aborted", cause: { message: "enough" } });
    expect(await withVector(memory)).toEqual(ids.slice(0, 2));
    await memory.close();
    const during = new AbortController();
    const deaf = await open(place, { model: "new", dimensions: 16, embed: () => (during.abort(new Error("now")), new Promise(() => undefined)) });
    expect(await refusal(deaf.reembed({ signal: during.signal }))).toMatchObject({ code: "aborted", cause: { message: "now" } });
    expect(await withVector(deaf)).toEqual(ids.slice(0, 2));
    await deaf.close();
  });

  it("lets records be added, changed and forgotten meanwhile", async () => {
    const { place, ids } = await filled(9);
    const first = ids[0] as string;
    const clock = manualClock(Date.now());
    const busy = new Map<number, () => Promise<unknown>>([
      // While the first batch is embedded, the memory is still of the old model.
      [0, async () => Promise.all([memory.add("added before"), memory.update(first, { text: "changed before" }), memory.forget(ids[1] as string)])],
      // The third call belongs to an update, which embeds by itself.
      [1, async () => Promise.all([memory.update(ids[3] as string, { text: "changed during" }), memory.forget(ids[4] as string)])],
    ]);
    const embedder = fresh({ answer: async (vectors, { index }) => (await busy.get(index)?.(), vectors) });
    const memory = await open(place, embedder, { now: clock.now });
    const { embedded } = await memory.reembed({ batch: 3 });
    expect(embedded).toBeGreaterThanOrEqual(7);
    await expectAllOf(memory, "new");
    const texts: string[] = [];
    for await (const { text } of memory.list()) texts.push(text);
    expect(texts.sort()).toEqual(["added before", "changed before", "changed during", ...[2, 5, 6, 7, 8].map((n) => `stone ${n} of the wall`)].sort());
    await memory.close();
  });

  it("finds records that come before the place where it is", async () => {
    const { place } = await filled(4);
    const id = "0".repeat(25) + "1";
    const embedder = fresh({ answer: async (vectors, { index }) => (index === 0 && (await memory.add("the first of all", { id })), vectors) });
    const memory = await open(place, embedder);
    expect(await memory.reembed({ batch: 2 })).toMatchObject({ embedded: 5 });
    await expectAllOf(memory, "new");
    await memory.close();
  });

  it("does not ask twice for what means nothing", async () => {
    const place = memoryPlace();
    const bare = await open(place, false);
    await bare.addMany(["!?", "tea", "...", "?!"]);
    await bare.close();
    const embedder = fresh();
    const memory = await open(place, embedder);
    expect(await memory.reembed({ batch: 2 })).toEqual({ embedded: 1, meaningless: 3, space: { model: "new", dimensions: 16 } });
    expect(embedder.calls.map(({ texts }) => texts)).toEqual([["!?", "tea"], ["...", "?!"]]);
    await memory.close();
  });

  it("gives what was added without an embedder its vectors, in every scope", async () => {
    const place = memoryPlace();
    const bare = await open(place, false);
    await bare.addMany(["Tea helps against the cold", { text: "The boat sails", actor: "Ada", scope: { tenant: "t", user: "u", agent: "a", session: "s" } }]);
    await bare.close();
    const memory = await open(place, fresh());
    expect(await memory.reembed()).toEqual({ embedded: 2, meaningless: 0, space: { model: "new", dimensions: 16 } });
    await expectAllOf(memory, "new");
    const view = memory.scope({ tenant: "t", user: "u" });
    expect((await view.recall("boat", dense)).map(({ text }) => text)).toEqual(["The boat sails"]);
    await memory.close();
  });

  it("embeds summaries and merged records by what they say, and leaves their origins", async () => {
    const place = memoryPlace();
    const clock = manualClock("2026-01-01T00:00:00Z");
    const episodes = { retentionBelow: 1, share: 0.6, group: { similarity: 0 } };
    const options: OpenOptions = { now: clock.now, config: { defaultTier: "intermediate", consolidation: { episodes } } };
    const first = await open(place, old(), options);
    await first.addMany(["01", "02"].map((end) => ({ id: `${"0".repeat(24)}${end}`, text: "Ada drinks tea", kind: "semantic" })));
    const trip = ["We booked the train to Lisbon for the holiday.", "The train to Lisbon leaves at nine.", "In Lisbon the holiday flat has a balcony.", "After the holiday the train from Lisbon was late."];
    await first.addMany(trip.map((text, hour) => ({ text, actor: "Ada", occurredAt: clock.now() + hour * 3_600_000 })));
    clock.advance(8 * 86_400_000);
    const { merged, summarized } = await first.maintain();
    expect([merged, summarized > 0]).toEqual([1, true]);
    const consolidated = async (memory: Memory): Promise<[string, number][]> => {
      const found: [string, number][] = [];
      for await (const { id, origins } of memory.list()) if (origins) found.push([id, origins.length]);
      return found;
    };
    const before = await consolidated(first);
    expect(before.length).toBeGreaterThan(1);
    await first.close();
    const memory = await open(place, fresh(), options);
    await memory.reembed();
    await expectAllOf(memory, "new");
    expect(await consolidated(memory)).toEqual(before);
    await memory.close();
  });

  it("goes over although there is no record", async () => {
    const place = memoryPlace();
    const first = await open(place, old());
    await first.forget(await first.add("gone"));
    await first.close();
    const memory = await open(place, { model: "new", embed: (texts) => texts.map(() => [1, 2, 3]) });
    expect(await memory.reembed()).toEqual({ embedded: 0, meaningless: 0, space: { model: "new", dimensions: 3 } });
    await memory.add("there");
    expect(await withVector(memory)).toHaveLength(1);
    await memory.close();
  });

  it("can be asked for twice at once", async () => {
    const { place } = await filled(8);
    const memory = await open(place, fresh());
    const reports = await Promise.all([memory.reembed({ batch: 3 }), memory.reembed({ batch: 2 })]);
    expect(reports.reduce((sum, { embedded }) => sum + embedded, 0)).toBe(8);
    await expectAllOf(memory, "new");
    await memory.close();
  });

  it("ends with the memory", async () => {
    const { place } = await filled(4);
    const memory = await open(place, fresh({ answer: async (vectors) => (await memory.close(), vectors) }));
    expect(await refusal(memory.reembed())).toMatchObject({ code: "memory-closed" });
    expect(await refusal(memory.reembed())).toMatchObject({ code: "memory-closed" });
    const back = await open(place, old(), { onModelChange: "refuse" });
    expect(await withVector(back)).toHaveLength(4);
    await back.close();
  });

  it("is refused on a view of a part, without an embedder, and with bad options", async () => {
    const memory = await openMemory({ embedder: fresh() });
    const cases: [Promise<unknown>, string][] = [
      [memory.scope({ user: "ada" }).reembed(), "scope"],
      [memory.reembed({ batch: 0 }), "batch"],
      [memory.reembed({ signal: 1 as never }), "signal"],
      [memory.reembed({ onProgress: 1 as never }), "onProgress"],
      [memory.reembed({ size: 1 } as never), "size"],
      [openMemory({ onModelChange: "convert" as never }), "onModelChange"],
    ];
    const bare = await openMemory({ embedder: false });
    cases.push([bare.reembed(), "embedder"]);
    for (const [promise, field] of cases) {
      const error = await refusal(promise);
      expect(error).toBeInstanceOf(ValidationError);
      expect(error).toMatchObject({ details: { field } });
    }
    expect(await memory.scope({}).reembed()).toEqual({ embedded: 0, meaningless: 0 });
    await memory.close();
    await bare.close();
  });
});
