// The facade over the built package: what a user does in the first hour, and what goes wrong.

import { describe, expect, it } from "vitest";
import { openMemory, TransactionConflictError, ValidationError, type OpenOptions } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { nodeFs } from "../../dist/esm/storage/node-fs.js";
import { fakeEmbedder } from "../../dist/esm/testing/index.js";
import { folder, refusal } from "./support.js";

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await refusal(promise)).code;
}

describe("a memory", () => {
  it("is added to, recalled from, closed, and found again", async () => {
    const place = folder();
    const options: OpenOptions = { storage: nodeFs(place) };
    const memory = await openMemory(options);
    const id = await memory.add("Ada prefers metric units", { actor: "Ada", importance: 0.8, metadata: { topic: "units" } });
    await memory.add("The harbour opens at nine");
    const [best] = await memory.recall("which units should I use?", { limit: 5, filter: { topic: "units" } });
    expect(best).toMatchObject({ id, text: "Ada prefers metric units", importance: 0.8 });
    expect(best?.why.signals.map(({ signal }) => signal)).toEqual(["dense", "keyword", "form"]);
    await memory.close();

    const again = await openMemory({ storage: nodeFs(place) });
    expect(again.opened).toMatchObject({ created: false, records: 2, tornBytes: 0 });
    expect(await again.get(id)).toMatchObject({ id, actor: "Ada", accessCount: 1 });
    await again.close();
  });

  it("keeps every one of twenty concurrent adds", async () => {
    const place = folder();
    const memory = await openMemory({ storage: nodeFs(place), embedder: false });
    const ids = await Promise.all(Array.from({ length: 20 }, (_, index) => memory.add(`note ${index}`)));
    await memory.close();
    const again = await openMemory({ storage: nodeFs(place), embedder: false });
    const found: string[] = [];
    for await (const record of again.list()) found.push(record.id);
    expect(found).toEqual([...ids].sort());
    await again.close();
  });

  it("shows a scoped view nothing beyond its scope", async () => {
    const memory = await openMemory();
    const one = memory.scope({ user: "1" });
    const ten = memory.scope({ user: "10" });
    const id = await one.add("the secret of user one");
    expect(await ten.recall("secret")).toEqual([]);
    expect(await ten.get(id)).toBeUndefined();
    expect(await ten.stats()).toMatchObject({ records: 0 });
    expect(await codeOf(ten.forget(id))).toBe("not-found");
    expect(await codeOf(ten.update(id, { text: "mine" }))).toBe("not-found");
    expect(await codeOf(ten.add("x", { scope: { user: "1" } }))).toBe("invalid-argument");
    expect((await one.recall("secret")).map((hit) => hit.id)).toEqual([id]);
    await memory.close();
  });

  it("makes a transaction all or nothing", async () => {
    const memory = await openMemory();
    const id = await memory.add("first");
    const refused = memory.transaction((tx) => {
      tx.add("second");
      tx.update(id, { text: "changed" }, { ifVersion: 7 });
    });
    expect(await codeOf(refused)).toBe("transaction-conflict");
    expect(await memory.stats()).toMatchObject({ records: 1 });
    const added = await memory.transaction((tx) => {
      tx.update(id, { text: "changed" }, { ifVersion: 1 });
      return tx.add("second");
    });
    expect(await memory.get(id)).toMatchObject({ text: "changed", version: 2 });
    expect(await memory.get(added)).toMatchObject({ text: "second" });
    await memory.close();
  });

  it("survives export and import with ids, times and vectors", async () => {
    const memory = await openMemory();
    const id = await memory.add("Ada sails", { actor: "Ada", tags: ["boat"], tier: "long-term" });
    let lines = "";
    for await (const line of memory.export()) lines += line;
    const copy = await openMemory();
    expect(await copy.import(lines)).toEqual({ added: 1, replaced: 0, skipped: 0 });
    expect(await copy.get(id)).toEqual(await memory.get(id));
    expect(await copy.vector(id)).toEqual(await memory.vector(id));
    expect(await codeOf(copy.import(lines))).toBe("already-exists");
    expect(await copy.import(lines, { onConflict: "skip" })).toEqual({ added: 0, replaced: 0, skipped: 1 });
    await memory.close();
    await copy.close();
  });

  it("refuses bad input with a typed error and stays usable", async () => {
    const memory = await openMemory({ config: { maxTextBytes: 1_000 } });
    const bad: [string, () => Promise<unknown>][] = [
      ["invalid-argument", () => memory.add("  ")],
      ["invalid-argument", () => memory.add("x".repeat(1_001))],
      ["invalid-argument", () => memory.add("x", { importance: 2 })],
      ["invalid-argument", () => memory.add("x", { importance: Number.NaN })],
      ["invalid-argument", () => memory.add(5 as never)],
      ["invalid-argument", () => memory.add("x", { metdata: {} } as never)],
      ["dimension-mismatch", () => memory.add("x", { vector: [1, 2] })],
      ["invalid-argument", () => memory.add("x", { vector: new Float32Array(128) })],
      ["invalid-argument", () => memory.add("x", { vector: new Float32Array(128).fill(Number.NaN) })],
      ["invalid-argument", () => memory.recall("x", { filter: { $nope: 1 } })],
      ["invalid-argument", () => memory.recall("x", { limit: 0 })],
      ["invalid-argument", () => memory.recall("")],
      ["invalid-argument", () => memory.get("no id")],
      ["not-found", () => memory.forget("01BX5ZZKBKACTAV9WEVGEMMVRZ")],
    ];
    for (const [code, act] of bad) expect(await codeOf(act()), act.toString()).toBe(code);
    expect(await memory.stats()).toMatchObject({ records: 0 });
    await memory.add("fine");
    await memory.close();
    expect(await codeOf(memory.add("late"))).toBe("memory-closed");
    await expect(openMemory({ config: { sealBytes: 1 } })).rejects.toBeInstanceOf(ValidationError);
  });

  it("refuses vectors of another model", async () => {
    const place = memoryPlace();
    const first = await openMemory({ storage: memoryStorage({ place }) });
    await first.add("hello world");
    await first.close();
    expect(await codeOf(openMemory({ storage: memoryStorage({ place }), embedder: "static-256" }))).toBe("space-mismatch");
    const again = await openMemory({ storage: memoryStorage({ place }) });
    expect(again.opened.records).toBe(1);
    await again.close();
  });

  it("gives a dead engine's memory back when it is opened again", async () => {
    const place = folder();
    const memory = await openMemory({ storage: nodeFs(place) });
    await memory.add("kept through the crash");
    const { handle } = (memory as unknown as { session: { handle: { panic(): void } } }).session;
    const { guard, currentLife } = await import("../../dist/esm/internal/bridge.js");
    expect(() => guard(currentLife(), () => handle.panic())).toThrow(/internal error/);
    expect(await codeOf(memory.add("lost"))).toBe("engine-panicked");
    await memory.close();
    const again = await openMemory({ storage: nodeFs(place) });
    expect((await again.recall("crash"))[0]?.text).toBe("kept through the crash");
    await again.close();
  });
});

/** The vector of a record that says this. */
async function vectorOf(text: string, actor: string): Promise<Float32Array | undefined> {
  const memory = await openMemory({ embedder: fakeEmbedder() });
  return memory.vector(await memory.add(text, { actor }));
}

describe("the vector after a change", () => {
  it("is of the text that an operation with a vector gave before", async () => {
    const memory = await openMemory({ embedder: fakeEmbedder() });
    const id = await memory.add("old words here");
    await memory.transaction((tx) => {
      tx.update(id, { text: "brand new beans", vector: new Float32Array(64).fill(1) });
      tx.update(id, { actor: "Bob" });
    });
    expect(await memory.get(id)).toMatchObject({ text: "brand new beans", actor: "Bob" });
    expect(await memory.vector(id)).toEqual(await vectorOf("brand new beans", "Bob"));
  });

  it("is of what the record says, though others changed that while it was embedded", async () => {
    for (const [late, meanwhile] of [[{ actor: "Bob" }, { text: "beans grow" }], [{ text: "beans grow" }, { actor: "Bob" }]] as const) {
      let wait: Promise<unknown> | undefined;
      const embedder = fakeEmbedder({
        answer: async (vectors) => {
          const waited = wait;
          wait = undefined;
          await waited;
          return vectors;
        },
      });
      const memory = await openMemory({ embedder });
      const id = await memory.add("the ferry leaves at nine", { actor: "Ada" });
      let go = (): void => undefined;
      wait = new Promise<void>((resolve) => (go = resolve));
      const slow = memory.update(id, late);
      await memory.update(id, meanwhile);
      go();
      await slow;
      expect(await memory.get(id)).toMatchObject({ text: "beans grow", actor: "Bob", version: 3 });
      expect(await memory.vector(id)).toEqual(await vectorOf("beans grow", "Bob"));
    }
  });

  it("is never of a text that is gone, at whichever step the other change comes", async () => {
    const stale = await vectorOf("old words", "Bob");
    for (let steps = 0; steps < 40; steps += 1) {
      const memory = await openMemory({ embedder: fakeEmbedder() });
      const id = await memory.add("old words");
      const change = memory.update(id, { actor: "Bob" });
      for (let step = 0; step < steps; step += 1) await undefined;
      await memory.update(id, { text: "beans grow", vector: new Float32Array(64).fill(1) });
      await change;
      expect(await memory.get(id)).toMatchObject({ text: "beans grow", actor: "Bob" });
      expect(await memory.vector(id)).not.toEqual(stale);
    }
  });

  it("is refused if others never leave the record alone, and asked for once if they leave alone what it is made of", async () => {
    let disturb: ((call: number) => Promise<void>) | undefined;
    const embedder = fakeEmbedder({
      answer: async (vectors, { index }) => {
        await disturb?.(index);
        return vectors;
      },
    });
    const memory = await openMemory({ embedder });
    const id = await memory.add("the ferry leaves at nine");
    disturb = (call) => memory.update(id, { text: `the ferry leaves at ${call}`, vector: new Float32Array(64).fill(1) });
    const error: unknown = await memory.update(id, { actor: "Bob" }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TransactionConflictError);
    expect((error as TransactionConflictError).details).toEqual({ id });
    expect((await memory.get(id))?.actor).toBeUndefined();

    const calls = embedder.calls.length;
    disturb = () => memory.update(id, { importance: 0.9 });
    await memory.update(id, { actor: "Bob" });
    disturb = (call) => memory.update(id, { text: `it leaves at ${call}`, vector: new Float32Array(64).fill(1) });
    await memory.update(id, { text: "it leaves", actor: "Ada" });
    expect(embedder.calls.length).toBe(calls + 2);
    disturb = async () => void (await memory.forget(id));
    expect(await codeOf(memory.update(id, { actor: "Bob" }))).toBe("not-found");
  });
});

describe("a listing", () => {
  it("leaves out what was forgotten before its turn, whose place under the limit another one takes", async () => {
    for (const sort of [undefined, { by: "id", order: "ascending" }] as const) {
      const memory = await openMemory({ embedder: false });
      const ids = await memory.addMany(Array.from({ length: 10 }, (_, index) => `note ${index}`));
      const found: string[] = [];
      for await (const { id } of memory.list({ ...(sort && { sort }), limit: 3 })) {
        if (found.push(id) === 1) await memory.forget(ids.slice(1, 3));
      }
      expect(found).toEqual([ids[0], ids[3], ids[4]]);
    }
  });

  it("ends with the view that it is of", async () => {
    const memory = await openMemory({ embedder: false });
    const view = memory.scope({ user: "ada" });
    await view.addMany(["one", "two", "three"]);
    const listing = view.list();
    expect((await listing.next()).value?.text).toBe("one");
    await view.close();
    expect(await codeOf(listing.next())).toBe("memory-closed");
  });
});
