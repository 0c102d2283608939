// One list of error codes in three places: the package, the engine and docs/ERRORS.md. Each code is raised for real and
// compared with its row.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import * as stratamem from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { fakeEmbedder, faultStorage, nthWrite } from "../../dist/esm/testing/index.js";

const { createError, errorCodes, MemoryError, openMemory } = stratamem;
type ErrorCode = stratamem.ErrorCode;

const text = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");

interface Row {
  readonly code: string;
  readonly className: string;
  readonly details: readonly string[];
}

/** The names in backquotes. */
const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);

const rows: readonly Row[] = text("docs/ERRORS.md").split("\n").filter((line) => /^\| `/.test(line)).map((line) => {
  const [, code = "", className = "", details = ""] = line.split("|");
  return { code: quoted(code)[0] ?? "", className: quoted(className)[0] ?? "", details: quoted(details) };
});

/** Codes that only the TypeScript side, an adapter or an embedder raises. */
const outsideTheEngine: readonly string[] = ["memory-closed", "engine-panicked", "storage-failed", "storage-locked", "quota-exceeded", "embedder-failed", "worker-silent", "aborted"];

/** Codes that the package answers by itself: they reach nobody. */
const betweenEngineAndPackage: readonly string[] = ["vectors-unread"];

describe("the lists of error codes", () => {
  it("agree between the package and the documentation, in order", () => {
    expect(rows.map(({ code }) => code)).toEqual([...errorCodes]);
  });

  it("agree between the package and the engine", () => {
    const rust = text("crates/core/src/error.rs");
    const variants = [...(/pub enum ErrorCode \{([\s\S]*?)\n\}/.exec(rust)?.[1] ?? "").matchAll(/^ {4}(\w+),$/gm)].map(([, name]) => name as string);
    const all = [...(/const ALL:[^=]*= \[([\s\S]*?)\];/.exec(rust)?.[1] ?? "").matchAll(/ErrorCode::(\w+)/g)].map(([, name]) => name as string);
    const names = new Map([...rust.matchAll(/ErrorCode::(\w+) => "([a-z-]+)"/g)].map(([, variant, name]) => [variant as string, name as string]));
    expect(variants.length).toBeGreaterThan(0);
    expect(all).toEqual(variants);
    expect([...names.keys()]).toEqual(variants);
    for (const [variant, name] of names) expect(name).toBe(variant.replace(/(?!^)[A-Z]/g, "-$&").toLowerCase());
    expect([...names.values(), ...outsideTheEngine].sort()).toEqual([...errorCodes, ...betweenEngineAndPackage].sort());
  });

  it.each(rows)("give $code its class", ({ code, className }) => {
    const error = createError(code as ErrorCode, "said", { details: { id: 1 } });
    expect(error).toMatchObject({ name: className, code, message: "said", details: { id: 1 } });
    const type = (stratamem as unknown as Record<string, abstract new () => Error>)[className];
    expect(type).toBeTypeOf("function");
    expect(error).toBeInstanceOf(type);
    expect(error).toBeInstanceOf(MemoryError);
  });
});

const opened: stratamem.Memory[] = [];
afterEach(async () => {
  for (const memory of opened.splice(0)) await memory.close().catch(() => undefined);
});

async function open(options: stratamem.OpenOptions = {}): Promise<stratamem.Memory> {
  const memory = await openMemory({ embedder: false, ...options });
  opened.push(memory);
  return memory;
}

const id = "01HZZZZZZZZZZZZZZZZZZZZZZZ";

function crc32(bytes: Uint8Array): number {
  let value = -1;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0xedb8_8320 : 0);
  }
  return ~value >>> 0;
}

/** Opens a stored memory whose manifest has another format version, with a good checksum. */
async function openVersion(version: number): Promise<unknown> {
  const manifest = new Uint8Array(16);
  manifest.set([0x53, 0x54, 0x52, 0x4d, 3, 0, version, 0]);
  new DataView(manifest.buffer).setUint32(12, crc32(manifest.subarray(0, 12)), true);
  return open({ storage: memoryStorage({ place: memoryPlace(new Map([["manifest-0000000001", manifest]])) }) });
}

/** A way to each error, and the details that it carries then. */
const ways: Readonly<Record<ErrorCode, { readonly details: readonly string[]; readonly run: () => Promise<unknown> }>> = {
  "invalid-argument": { details: ["field"], run: async () => (await open()).add("  ") },
  "dimension-mismatch": {
    details: ["expected", "field", "found", "space"],
    run: async () => {
      const memory = await open();
      await memory.add("two", { vector: [0, 1] });
      return memory.add("three", { vector: [0, 1, 0] });
    },
  },
  "space-mismatch": {
    details: ["expected", "field", "found"],
    run: async () => {
      const place = memoryPlace();
      const memory = await open({ storage: memoryStorage({ place }), embedder: fakeEmbedder({ model: "one" }) });
      await memory.add("a word");
      await memory.close();
      return open({ storage: memoryStorage({ place }), embedder: fakeEmbedder({ model: "other" }) });
    },
  },
  "not-found": { details: ["id"], run: async () => (await open()).forget(id) },
  consolidated: {
    details: ["id", "into"],
    run: async () => {
      const memory = await open({ config: { consolidation: { repeats: "keep" } } });
      const [, second] = await memory.addMany([{ text: "the same", kind: "semantic" }, { text: "the same", kind: "semantic" }]);
      await memory.maintain();
      return memory.update(second as string, { importance: 1 });
    },
  },
  "already-exists": {
    details: ["id"],
    run: async () => {
      const memory = await open();
      await memory.add("first", { id });
      return memory.add("second", { id });
    },
  },
  "transaction-conflict": {
    details: ["expected", "found", "id"],
    run: async () => {
      const memory = await open();
      await memory.add("at version one", { id });
      return memory.forget(id, { ifVersion: 2 });
    },
  },
  "tier-full": {
    details: ["tier"],
    run: async () => {
      const memory = await open({ config: { working: { maxItems: 1, onLimit: "reject" } } });
      await memory.add("first");
      return memory.add("second");
    },
  },
  "memory-full": {
    details: [],
    run: async () => {
      const memory = await open({ config: { total: { maxItems: 1, onLimit: "reject" } } });
      await memory.add("first");
      return memory.add("second", { tier: "long-term" });
    },
  },
  "memory-closed": {
    details: [],
    run: async () => {
      const memory = await open();
      await memory.close();
      return memory.stats();
    },
  },
  "engine-poisoned": {
    details: ["reason"],
    run: async () => {
      const memory = await open({ storage: faultStorage(memoryStorage(), nthWrite(0, { then: "fail" })) });
      await memory.add("lost").catch(() => undefined);
      return memory.add("refused");
    },
  },
  "engine-panicked": {
    details: [],
    run: async () => {
      const memory = await open();
      const said = vi.spyOn(console, "error").mockReturnValue();
      try {
        const { session } = memory as unknown as { session: { call(use: (handle: { panic(): void }) => void): void } };
        session.call((handle) => handle.panic());
      } catch {
        return memory.add("refused");
      } finally {
        said.mockRestore();
      }
    },
  },
  "storage-failed": {
    details: ["method"],
    run: async () => (await open({ storage: faultStorage(memoryStorage(), nthWrite(0, { then: "fail" })) })).add("lost"),
  },
  "storage-locked": {
    details: [],
    run: async () => {
      const place = memoryPlace();
      await open({ storage: memoryStorage({ place }) });
      return open({ storage: memoryStorage({ place }) });
    },
  },
  "quota-exceeded": {
    details: ["code", "key", "operation"],
    run: async () => {
      const error = createError("quota-exceeded", "full", { details: { operation: "append", key: "log-0000000001", code: "ENOSPC" } });
      return (await open({ storage: faultStorage(memoryStorage(), nthWrite(0, { then: "fail", error })) })).add("lost");
    },
  },
  "corrupt-data": {
    details: ["object", "offset", "problem"],
    run: async () => open({ storage: memoryStorage({ place: memoryPlace(new Map([["manifest-0000000001", new Uint8Array(40)]])) }) }),
  },
  "format-too-new": { details: ["found", "object", "supported"], run: () => openVersion(2) },
  "format-too-old": { details: ["found", "object", "supported"], run: () => openVersion(0) },
  "embedder-failed": { details: ["model", "retryable"], run: async () => (await open({ embedder: fakeEmbedder({ failOn: () => true }) })).add("lost") },
  "worker-silent": { details: ["silentMs"], run: outwaited },
  aborted: { details: [], run: async () => (await open()).recall("anything", { signal: AbortSignal.abort() }) },
};

/** Waits for a graph by a Worker that never answers, and rejects as the event says. */
async function outwaited(): Promise<never> {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    const silent = { on: () => undefined, postMessage: () => undefined, terminate: () => undefined };
    const memory = await open({ embedder: false, config: { graph: "always" }, workers: () => silent });
    await memory.addMany(Array.from({ length: 1_000 }, (_, at) => ({ text: `r${at}`, vector: Float32Array.from({ length: 8 }, (_, place) => Math.sin(at * 8 + place)) })));
    const failed = new Promise<never>((_, reject) => memory.on("worker-failed", ({ error }) => reject(error)));
    await memory.maintain();
    await Promise.resolve();
    vi.advanceTimersByTime(60_000);
    return await failed;
  } finally {
    vi.useRealTimers();
  }
}

describe("an error raised for real", () => {
  it.each(rows)("$code carries what its row says", async ({ code, className, details }) => {
    const way = ways[code as ErrorCode];
    const error = await way.run().then(
      () => undefined,
      (thrown: unknown) => thrown as stratamem.MemoryError,
    );
    expect(error).toMatchObject({ name: className, code });
    expect(Object.keys(error?.details ?? {}).sort()).toEqual(way.details);
    expect(details).toEqual(expect.arrayContaining([...way.details]));
    expect(error?.message).not.toBe("");
  });

  it("names the line of an import", async () => {
    const memory = await open();
    await expect(memory.import('{"stratamem":2}\n')).rejects.toMatchObject({ code: "format-too-new", details: { line: 1, found: 2, supported: 1 } });
    await expect(memory.import('{"stratamem":1}\nnothing\n')).rejects.toMatchObject({ code: "invalid-argument", details: { line: 2 } });
  });
});
