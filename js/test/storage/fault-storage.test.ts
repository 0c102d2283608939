import { describe, expect, test } from "vitest";

import { memoryPlace, memoryStorage } from "../../src/storage/memory.js";
import type { Storage, StorageOperation } from "../../src/storage/types.js";
import { faultStorage, nthWrite, replay } from "../../src/testing/fault-storage.js";
import { runStorageConformance, storageConformance } from "../../src/testing/storage-conformance.js";
import { append, bytes, put } from "./operations.js";

const remove = (key: string): StorageOperation => ({ type: "remove", key });

describe("without a plan it is the adapter it wraps", () => {
  const conformance = storageConformance(async () => {
    const place = memoryPlace();
    return {
      open: () => faultStorage(memoryStorage({ place })),
      shareable: true,
      takeOver: async () => {
        place.owner = Symbol("another owner");
      },
    };
  });
  for (const { name, run } of conformance) test(name, run);

  test("an adapter without a lock stays one", () => {
    const { name, list, read, write, close } = memoryStorage();
    expect(faultStorage({ name, list, read, write, close })).not.toHaveProperty("lock");
  });
});

describe("a write that fails", () => {
  const batch = [append("log", 1, 2, 3), put("a", 4), append("log", 5, 6, 7)];

  test.each([
    { title: "before anything", fault: {}, log: undefined, a: undefined },
    { title: "after a prefix", fault: { applied: 2 }, log: bytes(1, 2, 3), a: bytes(4) },
    { title: "within the first append", fault: { torn: 2 }, log: bytes(1, 2), a: undefined },
    { title: "within the last append", fault: { applied: 2, torn: 1 }, log: bytes(1, 2, 3, 5), a: bytes(4) },
    { title: "not within a put", fault: { applied: 1, torn: 1 }, log: bytes(1, 2, 3), a: undefined },
    { title: "after everything", fault: { applied: Infinity }, log: bytes(1, 2, 3, 5, 6, 7), a: bytes(4) },
  ])("$title", async ({ fault, log, a }) => {
    const place = memoryPlace();
    const storage = faultStorage(memoryStorage({ place }), nthWrite(1, { then: "fail", ...fault }));
    await storage.write([]);
    await expect(storage.write(batch)).rejects.toMatchObject({ code: "storage-failed" });

    expect(place.read("log")).toEqual(log);
    expect(place.read("a")).toEqual(a);
    expect(replay(storage.recording()).snapshot()).toEqual(place.snapshot());
    expect(storage.writes()).toEqual([
      { start: 0, end: 0, acknowledged: true },
      { start: 0, end: storage.recording().length, acknowledged: false },
    ]);

    await storage.write([put("after", 1)]);
    expect(place.read("after")).toEqual(bytes(1));
  });

  test("rejects with the error of the plan", async () => {
    const error = new Error("the cable was pulled");
    const storage = faultStorage(memoryStorage(), nthWrite(0, { then: "fail", error }));
    await expect(storage.write(batch)).rejects.toBe(error);
  });
});

test("a write that hangs holds back the writes after it, and goes on when resumed", async () => {
  const place = memoryPlace();
  const storage = faultStorage(memoryStorage({ place }), nthWrite(0, { then: "hang", applied: 1 }));
  const writes = Promise.all([storage.write([append("log", 1), append("log", 2)]), storage.write([append("log", 3)])]);
  await expect.poll(storage.hanging).toBe(1);
  expect(place.read("log")).toEqual(bytes(1));

  storage.resume();
  await writes;
  expect(storage.hanging()).toBe(0);
  expect(place.read("log")).toEqual(bytes(1, 2, 3));
});

test("any method can fail, counted per method", async () => {
  const storage = faultStorage(memoryStorage(), ({ method, index }) =>
    method !== "write" && index === 1 ? { then: "fail" } : undefined,
  );
  for (const call of [() => storage.list(""), () => storage.read("a"), () => storage.close()]) {
    await call();
    await expect(call()).rejects.toMatchObject({ code: "storage-failed" });
  }
});

test("replay rebuilds the state after every prefix and every torn append", async () => {
  const storage = faultStorage(memoryStorage());
  await storage.write([append("log", 1, 2)]);
  await storage.write([put("a", 3), append("log", 4, 5), remove("a")]);
  const operations = storage.recording();
  const states = Array.from({ length: operations.length + 1 }, (_, upTo) => {
    const place = replay(operations, upTo);
    return [place.read("log"), place.read("a")];
  });
  expect(states).toEqual([
    [undefined, undefined],
    [bytes(1, 2), undefined],
    [bytes(1, 2), bytes(3)],
    [bytes(1, 2, 4, 5), bytes(3)],
    [bytes(1, 2, 4, 5), undefined],
  ]);
  expect(replay(operations, 2, 1).read("log")).toEqual(bytes(1, 2, 4));
  expect(replay(operations, 0, 0).read("log")).toEqual(bytes());
  expect(() => replay(operations, 1, 1)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
});

test("the recording is a copy", async () => {
  const storage = faultStorage(memoryStorage());
  await storage.write([put("a", 1)]);
  const [first] = storage.recording();
  if (first?.type === "put") first.bytes.fill(9);
  expect(storage.recording()).toEqual([put("a", 1)]);
});

describe("the conformance suite notices", () => {
  /** A correct adapter with one method replaced. */
  const broken: Record<string, (good: Storage) => Partial<Storage>> = {
    "unsorted keys": (good) => ({ list: async (prefix) => (await good.list(prefix)).reverse() }),
    "appends that replace": (good) => ({
      write: (batch) =>
        good.write(batch.map((operation) => (operation.type === "append" ? { ...operation, type: "put" } : operation))),
    }),
    "batches in the wrong order": (good) => ({ write: (batch) => good.write([...batch].reverse()) }),
    "reads that share memory": (good) => {
      const handedOut = new Map<string, Uint8Array | undefined>();
      return {
        async read(key) {
          if (!handedOut.has(key)) handedOut.set(key, await good.read(key));
          return handedOut.get(key);
        },
      };
    },
    "writes that keep the array they were given": (good) => ({
      write: async (batch) => {
        await Promise.resolve();
        await good.write(batch);
      },
    }),
    "a lock that lets everybody in": () => ({ lock: async () => ({ release: async () => undefined }) }),
    "use after close": (good) => ({ close: async () => undefined, list: (prefix) => good.list(prefix) }),
    "failure on removing a missing key": (good) => ({
      write: async (batch) => {
        for (const { type, key } of batch) {
          if (type === "remove" && (await good.read(key)) === undefined) throw new Error(`no ${key}`);
        }
        await good.write(batch);
      },
    }),
  };

  test.each(Object.entries(broken))("%s", async (_, breakIt) => {
    const results = await runStorageConformance(async () => {
      const place = memoryPlace();
      const open = (): Storage => {
        const good = memoryStorage({ place });
        const methods: Storage = {
          name: good.name,
          lock: async () => (await good.lock?.()) ?? { release: async () => undefined },
          list: (prefix) => good.list(prefix),
          read: (key) => good.read(key),
          write: (batch) => good.write(batch),
          close: () => good.close(),
        };
        return { ...methods, ...breakIt(good) };
      };
      return { open, shareable: true };
    });
    expect(results.filter(({ error }) => error !== undefined)).not.toEqual([]);
  });
});
