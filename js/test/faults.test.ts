// Faults of what a memory is given, seen from the facade: of its storage, its embedder, its engine. Each gives a typed error,
// loses nothing that was acknowledged, and leaves the memory either usable or refusing for a stated reason.

import { afterEach, describe, expect, it, vi } from "vitest";
import {
  EmbedderError, MemoryUnavailableError, openMemory, StorageError,
  type ErrorCode, type Memory, type MemoryError, type OpenOptions,
} from "../../dist/esm/entry/inline.js";
import { currentLife, guard } from "../../dist/esm/internal/bridge.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { fakeEmbedder, faultStorage, nthWrite, type Fault } from "../../dist/esm/testing/index.js";
import { idsOf, refusal } from "./support.js";

afterEach(() => vi.restoreAllMocks());

describe("concurrent calls", () => {
  // Each distance between the two adds, counted in turns of the microtask queue, once.
  it("leaves no add waiting, whenever it comes", async () => {
    for (let turns = 0; turns < 60; turns += 1) {
      const memory = await openMemory({ embedder: false });
      const first = memory.add("one");
      for (let turn = 0; turn < turns; turn += 1) await null;
      await Promise.all([first, memory.add("two")]);
      await memory.close();
    }
  }, 5_000);

  it("keeps exactly what was acknowledged when a write fails among twenty", async () => {
    const place = memoryPlace();
    const memory = await openMemory({ storage: faultStorage(memoryStorage({ place }), nthWrite(1, { then: "fail" })), embedder: false });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => memory.add(`note ${index}`)));
    const kept = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    const lost = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [(outcome.reason as MemoryError).code] : []));
    expect(kept.length).toBeGreaterThan(0);
    expect(lost.length).toBeGreaterThan(0);
    expect(new Set(lost)).toEqual(new Set(["storage-failed"]));
    await memory.close();
    const again = await openMemory({ storage: memoryStorage({ place }), embedder: false });
    expect(await idsOf(again)).toEqual(kept.sort());
    await again.close();
  });
});

describe("a write that fails", () => {
  const full = new StorageError("quota-exceeded", "there is no space left", { details: { key: "log-0000000001" } });
  const faults: readonly (readonly [name: string, fault: Fault, code: ErrorCode, torn: number])[] = [
    ["before anything is stored", { then: "fail" }, "storage-failed", 0],
    ["in the middle of the log", { then: "fail", torn: 7 }, "storage-failed", 7],
    ["for want of space", { then: "fail", error: full }, "quota-exceeded", 0],
    ["with an error that is none of ours", { then: "fail", error: new TypeError("the disk went away") }, "storage-failed", 0],
    ["with something that is no error", { then: "fail", error: 5 }, "storage-failed", 0],
  ];

  it.each(faults)("%s stops all writing, reads go on, and reopening finds what was acknowledged", async (_name, fault, code, torn) => {
    const place = memoryPlace();
    const memory = await openMemory({ storage: faultStorage(memoryStorage({ place }), nthWrite(2, fault)), embedder: false });
    const told: unknown[] = [];
    memory.on("storage-failed", ({ error }) => told.push(error));
    const ids = [await memory.add("first"), await memory.add("second")];

    const failed = await refusal(memory.add("third"));
    expect(failed.code).toBe(code);
    expect(failed).toBeInstanceOf(StorageError);
    expect(told).toEqual([failed]);

    const writes: (() => Promise<unknown>)[] = [
      () => memory.add("fourth"),
      () => memory.update(ids[0] as string, { text: "changed" }),
      () => memory.forget(ids[0] as string),
      () => memory.promote(ids[0] as string),
      () => memory.demote(ids[0] as string),
      () => memory.transaction((tx) => tx.add("fifth")),
      () => memory.maintain(),
    ];
    for (const write of writes) {
      const refused = await refusal(write());
      expect(refused.code).toBe("engine-poisoned");
      expect(refused).toBeInstanceOf(MemoryUnavailableError);
      expect(refused.details).toEqual({ reason: failed.message });
    }
    expect(await memory.get(ids[0] as string)).toMatchObject({ text: "first" });
    expect((await memory.recall("second")).map((hit) => hit.id)).toEqual([ids[1]]);
    expect((await memory.stats()).engine?.poisoned).toBe(failed.message);
    await memory.close();

    const again = await openMemory({ storage: memoryStorage({ place }), embedder: false });
    expect(again.opened).toMatchObject({ records: 2, tornBytes: torn });
    expect(await idsOf(again)).toEqual(ids);
    await again.add("third, once more");
    await again.close();
  });

  it("after everything was stored is refused all the same, and reopening may show it", async () => {
    const place = memoryPlace();
    const memory = await openMemory({ storage: faultStorage(memoryStorage({ place }), nthWrite(0, { then: "fail", applied: Infinity })), embedder: false });
    expect((await refusal(memory.add("stored, but not acknowledged"))).code).toBe("storage-failed");
    await memory.close();
    const again = await openMemory({ storage: memoryStorage({ place }), embedder: false });
    expect(again.opened).toMatchObject({ records: 1, tornBytes: 0 });
    await again.close();
  });

  it("at close is told, and the place is given up", async () => {
    const place = memoryPlace();
    const memory = await openMemory({ storage: faultStorage(memoryStorage({ place }), nthWrite(1, { then: "fail" })), embedder: false });
    const id = await memory.add("read before closing");
    await memory.get(id);
    expect((await refusal(memory.close())).code).toBe("storage-failed");
    expect(place.owner).toBeUndefined();
    const again = await openMemory({ storage: memoryStorage({ place }), embedder: false });
    expect(await idsOf(again)).toEqual([id]);
    await again.close();
  });

  it("at close is told as what it was, also if there is more to store than one turn takes", async () => {
    const storage = memoryStorage();
    const write = storage.write.bind(storage);
    let closing = false;
    storage.write = async (batch) => {
      if (closing) throw new Error("the disk is full");
      return write(batch);
    };
    // A slow clock: each step is a turn of its own.
    const now = (): number => {
      for (const until = performance.now() + 6; closing && performance.now() < until; );
      return Date.now();
    };
    const memory = await openMemory({ storage, embedder: false, now, config: { sealBytes: 100_000 } });
    const vector = (number: number): Float32Array => Float32Array.from({ length: 64 }, (_, at) => Math.sin(number * (at + 1)));
    for (let start = 0; start < 6_000; start += 500) {
      await memory.addMany(Array.from({ length: 500 }, (_, at) => ({ text: `r${start + at}`, vector: vector(start + at + 1) })));
    }
    closing = true;
    expect(await refusal(memory.close())).toMatchObject({ code: "storage-failed" });
  });

  it("at any point of a workload loses nothing that was acknowledged", async () => {
    const options = { embedder: false, config: { sealBytes: 4_096 } } as const;
    let stopped = false;
    for (let nth = 0; !stopped; nth += 1) {
      const place = memoryPlace();
      const storage = faultStorage(memoryStorage({ place }), nthWrite(nth, { then: "fail", applied: nth % 3, torn: nth }));
      const memory = await openMemory({ ...options, storage });
      const acknowledged: string[] = [];
      let failures = 0;
      for (let index = 0; index < 40; index += 1) {
        const added = memory.add(`note ${index} ${"padding ".repeat(40)}`);
        await added.then((id) => acknowledged.push(id), () => (failures += 1));
      }
      await memory.close().catch(() => (failures += 1));
      stopped = failures === 0;
      const again = await openMemory({ ...options, storage: memoryStorage({ place }) });
      expect(await idsOf(again), `write ${nth} failed`).toEqual(expect.arrayContaining(acknowledged));
      expect(again.opened.records).toBeLessThanOrEqual(acknowledged.length + 1);
      await again.close();
    }
  });
});

describe("reading that fails", () => {
  it.each(["lock", "list", "read"] as const)("in %s refuses to open, and gives the place up", async (method) => {
    const place = memoryPlace();
    const first = await openMemory({ storage: memoryStorage({ place }), embedder: false });
    const id = await first.add("kept");
    await first.close();
    const before = place.snapshot();
    const storage = faultStorage(memoryStorage({ place }), (call) => (call.method === method ? { then: "fail" } : undefined));
    const error = await refusal(openMemory({ storage, embedder: false }));
    expect(error).toMatchObject({ code: "storage-failed", details: { method } });
    expect(place.snapshot()).toEqual(before);
    const again = await openMemory({ storage: memoryStorage({ place }), embedder: false });
    expect(await idsOf(again)).toEqual([id]);
    await again.close();
  });
});

describe("an embedder that fails", () => {
  const failing = (embed: () => unknown): NonNullable<OpenOptions["embedder"]> => ({ model: "bad", embed: embed as never });
  const cases: readonly (readonly [name: string, embedder: NonNullable<OpenOptions["embedder"]>, message: RegExp])[] = [
    ["by throwing", failing(() => { throw new Error("no network"); }), /threw: no network/],
    ["by throwing a text", failing(() => { throw "no network"; }), /threw: no network/],
    ["by rejecting", fakeEmbedder({ model: "bad", failOn: () => new Error("429 too many requests") }), /threw: 429/],
    ["with too few vectors", fakeEmbedder({ model: "bad", answer: (vectors) => vectors.slice(1) }), /1 vectors for 2 texts/],
    ["with too many vectors", fakeEmbedder({ model: "bad", answer: (vectors) => [...vectors, ...vectors] }), /4 vectors for 2 texts/],
    ["with nothing", fakeEmbedder({ model: "bad", answer: () => undefined }), /undefined for 2 texts/],
    ["with one flat vector", fakeEmbedder({ model: "bad", dimensions: 2, answer: () => [1, 2] }), /not a vector/],
    ["with null for a vector", fakeEmbedder({ model: "bad", answer: (vectors) => [vectors[0], null] }), /not a vector/],
    ["with promises for vectors", fakeEmbedder({ model: "bad", answer: (vectors) => vectors.map((row) => Promise.resolve(row)) }), /not a vector/],
    ["with other dimensions than it promised", fakeEmbedder({ model: "bad", dimensions: 8, answer: (vectors) => vectors.map((row) => row.slice(1)) }), /7 dimensions where 8/],
    ["with vectors of different lengths", failing(() => [[1, 2, 3], [1, 2]]), /2 dimensions where 3/],
    ["with empty vectors", failing(() => [[], []]), /0 dimensions/],
    ["with NaN", fakeEmbedder({ model: "bad", answer: ([row, other]) => [row?.fill(Number.NaN), other] }), /not a finite/],
    ["with a number past 32 bits", failing(() => [[1, 1e300], [1, 0]]), /not a finite/],
    ["with null in a vector", failing(() => [[1, null], [1, 0]]), /not a finite/],
  ];

  it.each(cases)("%s is told as embedder-failed, and nothing was added", async (_name, embedder, message) => {
    const storage = faultStorage(memoryStorage());
    const memory = await openMemory({ storage, embedder });
    const error = await refusal(memory.addMany(["first text", "second text"]));
    expect(error).toBeInstanceOf(EmbedderError);
    expect(error).toMatchObject({ code: "embedder-failed", details: { model: "bad" } });
    expect(error.message).toMatch(message);
    expect(storage.recording()).toEqual([]);
    expect(await memory.stats()).toMatchObject({ records: 0 });
    await memory.add("this one has its vector", { vector: new Float32Array(embedder === false || !("dimensions" in (embedder as object)) ? 3 : ((embedder as { dimensions: number }).dimensions)).fill(1) });
    await memory.close();
  });

  it("for a question leaves the memory as it was", async () => {
    const memory = await openMemory({ embedder: fakeEmbedder({ failOn: ({ purpose }) => purpose === "query" && new Error("down") }) });
    await memory.add("kept");
    expect((await refusal(memory.recall("kept"))).code).toBe("embedder-failed");
    expect(await memory.stats()).toMatchObject({ records: 1 });
    await memory.close();
  });

  it("by changing its dimensions later is refused from then on", async () => {
    let dimensions = 3;
    const memory = await openMemory({ embedder: async (texts) => texts.map(() => new Array<number>(dimensions).fill(1)) });
    const id = await memory.add("three dimensions");
    dimensions = 4;
    const error = await refusal(memory.add("four dimensions"));
    expect(error).toMatchObject({ code: "dimension-mismatch", details: { expected: 3, found: 4 } });
    expect((await refusal(memory.update(id, { text: "four now" }))).code).toBe("dimension-mismatch");
    expect(await memory.get(id)).toMatchObject({ text: "three dimensions", version: 1 });
    dimensions = 3;
    await memory.add("three again");
    await memory.close();
  });

  it("to answer before close has its add refused, and nothing is stored", async () => {
    const place = memoryPlace();
    let answer = (): void => undefined;
    const gate = new Promise<void>((resolve) => (answer = resolve));
    const memory = await openMemory({ storage: memoryStorage({ place }), embedder: fakeEmbedder({ answer: async (vectors) => (await gate, vectors) }) });
    const pending = [refusal(memory.add("too late")), refusal(memory.recall("too late"))];
    await memory.close();
    answer();
    for (const error of await Promise.all(pending)) expect(error.code).toBe("memory-closed");
    expect(place.keys()).toEqual([]);
    expect(place.owner).toBeUndefined();
  });
});

describe("a signal", () => {
  it("that is aborted already stops the recall before the embedder is asked", async () => {
    const embedder = fakeEmbedder();
    const memory = await openMemory({ embedder });
    const reason = new Error("the user left");
    const error = await refusal(memory.recall("x", { signal: AbortSignal.abort(reason) }));
    expect(error).toMatchObject({ code: "aborted", cause: reason });
    expect(embedder.calls).toEqual([]);
    await memory.close();
  });

  it("reaches the embedder, and stops a recall whose embedder does not listen", async () => {
    const embedder = fakeEmbedder({ answer: ([row], { purpose }) => (purpose === "query" ? new Promise(() => undefined) : [row]) });
    const memory = await openMemory({ embedder });
    const id = await memory.add("kept");
    const controller = new AbortController();
    const pending = refusal(memory.recall("never", { signal: controller.signal }));
    while (embedder.calls.length < 2) await null;
    expect(embedder.calls[1]?.signal).toBe(controller.signal);
    controller.abort();
    expect((await pending).code).toBe("aborted");
    expect(await memory.get(id)).toMatchObject({ text: "kept", accessCount: 0 });
    await memory.close();
  });
});

describe("a signal that is aborted by the embedder's own call", () => {
  it("stops the recall too", async () => {
    const controller = new AbortController();
    const embedder = fakeEmbedder({ answer: () => (controller.abort(), new Promise(() => undefined)) });
    const memory = await openMemory({ embedder });
    expect((await refusal(memory.recall("x", { signal: controller.signal }))).code).toBe("aborted");
    await memory.close();
  });
});

describe("an engine that dies", () => {
  /** Makes the engine panic inside a call on behalf of `memory`. */
  function panic(memory: Memory): void {
    // The hook reports the panic on the console; here that is expected.
    const report = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const { handle } = (memory as unknown as { session: { handle: { panic(): void } } }).session;
    expect(() => guard(currentLife(), () => handle.panic())).toThrow(expect.objectContaining({ code: "engine-panicked" }) as Error);
    expect(report).toHaveBeenCalledTimes(1);
    report.mockRestore();
  }

  it("takes every memory of the process with it, and each is found again", async () => {
    const places = [memoryPlace(), memoryPlace()];
    const memories = await Promise.all(places.map((place) => openMemory({ storage: memoryStorage({ place }), embedder: false })));
    const ids = await Promise.all(memories.map((memory, index) => memory.add(`of memory ${index}`)));
    panic(memories[0] as Memory);
    for (const [index, memory] of memories.entries()) {
      for (const call of [() => memory.add("lost"), () => memory.recall("memory"), () => memory.get(ids[index] as string), () => memory.stats()]) {
        const error = await refusal(call());
        expect(error.code).toBe("engine-panicked");
        expect(error).toBeInstanceOf(MemoryUnavailableError);
      }
      await memory.close();
      await memory.close();
    }
    for (const [index, place] of places.entries()) {
      const again = await openMemory({ storage: memoryStorage({ place }), embedder: false });
      expect(await idsOf(again)).toEqual([ids[index]]);
      await again.add("the next engine writes on");
      await again.close();
    }
  });

  it("while writes are under way refuses those that wait, and leaves nothing unhandled", async () => {
    const place = memoryPlace();
    const storage = faultStorage(memoryStorage({ place }), nthWrite(1, { then: "hang" }));
    const memory = await openMemory({ storage, embedder: false });
    const id = await memory.add("acknowledged");
    const waiting = [refusal(memory.add("under way"))];
    while (storage.hanging() === 0) await null;
    waiting.push(refusal(memory.add("behind it")));
    await null;
    panic(memory);
    let closed = false;
    const closing = memory.close().then(() => (closed = true));
    for (let turn = 0; turn < 50; turn += 1) await null;
    // The place is not given up while the adapter still writes to it.
    expect([closed, place.owner === undefined]).toEqual([false, false]);
    storage.resume();
    for (const error of await Promise.all(waiting)) expect(error.code).toBe("engine-panicked");
    await closing;
    expect(place.owner).toBeUndefined();
    const again = await openMemory({ storage: memoryStorage({ place }), embedder: false });
    expect(await idsOf(again)).toContain(id);
    await again.close();
  });

  it("leaves the built-in embedder working for memories opened afterwards", async () => {
    const memory = await openMemory();
    panic(memory);
    await memory.close();
    const again = await openMemory();
    await again.add("The harbour opens at nine");
    expect((await again.recall("when does the harbour open?"))[0]?.why.signals.map(({ signal }) => signal)).toEqual(["dense", "keyword", "form"]);
    await again.close();
  });
});
