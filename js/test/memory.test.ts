// The facade over the built package: what a user does in the first hour, and what goes wrong.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { openMemory, MemoryError, ValidationError, type OpenOptions } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { nodeFs } from "../../dist/esm/storage/node-fs.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "stratamem-"));
  folders.push(made);
  return made;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    expect(error).toBeInstanceOf(MemoryError);
    return (error as MemoryError).code;
  }
  throw new Error("nothing was thrown");
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
