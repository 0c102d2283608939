import "fake-indexeddb/auto";

import { IDBFactory } from "fake-indexeddb";
import { afterEach, describe, expect, test, vi } from "vitest";

import { indexedDb, type IndexedDbOptions } from "../../src/storage/indexeddb.js";
import type { Storage } from "../../src/storage/types.js";
import { storageConformance } from "../../src/testing/storage-conformance.js";
import { append, bytes, lock, put } from "./operations.js";

const opened: Storage[] = [];

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  await Promise.allSettled(opened.splice(0).map((storage) => storage.close()));
});

/** An adapter on the database `place` of a factory, closed after the test. */
function openPlace(factory: IDBFactory, options: IndexedDbOptions = {}): Storage {
  const storage = indexedDb("place", { indexedDB: factory, locks: false, ...options });
  opened.push(storage);
  return storage;
}

/** As much of Web Locks as one tab sees: exclusive locks by name, granted in the order of asking. */
class TestLocks {
  readonly #held = new Set<string>();
  readonly #waiting = new Set<{ readonly name: string; readonly start: () => void }>();

  async request(name: string, options: LockOptions, granted: (lock: Lock | null) => unknown): Promise<unknown> {
    if (this.#held.has(name)) {
      if (options.ifAvailable === true) return granted(null);
      await new Promise<void>((start, reject) => {
        const turn = { name, start };
        this.#waiting.add(turn);
        options.signal?.addEventListener("abort", () => {
          this.#waiting.delete(turn);
          reject(options.signal?.reason);
        });
      });
    }
    this.#held.add(name);
    try {
      return await granted({ name, mode: "exclusive" });
    } finally {
      const next = [...this.#waiting].find((turn) => turn.name === name);
      if (next === undefined) {
        this.#held.delete(name);
      } else {
        this.#waiting.delete(next);
        next.start();
      }
    }
  }

  /** For options that want the whole interface. */
  asManager(): LockManager {
    return this as unknown as LockManager;
  }
}

function requested<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function epochOf(factory: IDBFactory, change?: (epoch: number) => number): Promise<number> {
  const database = await requested(factory.open("place"));
  const store = database.transaction("owner", "readwrite").objectStore("owner");
  const { epoch } = (await requested(store.get("owner"))) as { epoch: number };
  if (change !== undefined) await requested(store.put({ epoch: change(epoch) }, "owner"));
  database.close();
  return epoch;
}

describe.each([
  { title: "with a lease", locks: () => false as const },
  { title: "with Web Locks", locks: () => new TestLocks().asManager() },
])("conformance $title", ({ locks }) => {
  const cases = storageConformance(async () => {
    const factory = new IDBFactory();
    const options = { indexedDB: factory, locks: locks() };
    return {
      open: () => indexedDb("place", options),
      shareable: true,
      async takeOver() {
        await epochOf(factory, (epoch) => epoch + 1);
      },
    };
  });
  for (const { name, run } of cases) test(name, run);
});

describe("transactions", () => {
  test("a batch is one strict transaction", async () => {
    const factory = new IDBFactory();
    const storage = openPlace(factory);
    await storage.write([put("a", 1)]);
    const transaction = vi.spyOn(IDBDatabase.prototype, "transaction");
    await storage.write([append("log", 1), put("a", 2), append("b", 3), { type: "remove", key: "a" }]);
    expect(transaction.mock.calls).toEqual([[["bytes", "owner"], "readwrite", { durability: "strict" }]]);
  });

  test("an append adds one chunk and leaves the others alone", async () => {
    const factory = new IDBFactory();
    const storage = openPlace(factory);
    await storage.write([append("log", 1)]);
    await storage.write([append("log", 2), append("log", 3)]);
    await storage.write([append("log", 4)]);
    const database = await requested(factory.open("place"));
    const store = database.transaction("bytes").objectStore("bytes");
    expect(await requested(store.getAllKeys())).toEqual([
      ["log", 0],
      ["log", 1],
      ["log", 2],
    ]);
    database.close();
  });

  test("a batch the browser aborts for lack of space did not happen, and the next one works", async () => {
    const storage = openPlace(new IDBFactory());
    await storage.write([put("a", 1)]);
    const storeNormally = IDBObjectStore.prototype.put;
    vi.spyOn(IDBObjectStore.prototype, "put")
      .mockImplementationOnce(storeNormally)
      .mockImplementationOnce(() => {
        throw new DOMException("full", "QuotaExceededError");
      });
    await expect(storage.write([put("a", 2), append("log", 1)])).rejects.toMatchObject({
      code: "quota-exceeded",
      details: { operation: "write", database: "place" },
      cause: { name: "QuotaExceededError" },
    });
    expect(await storage.read("a")).toEqual(bytes(1));
    expect(await storage.list("")).toEqual(["a"]);
    await storage.write([put("a", 3)]);
    expect(await storage.read("a")).toEqual(bytes(3));
  });

  test("any other abort is storage-failed", async () => {
    const storage = openPlace(new IDBFactory());
    const transaction = IDBDatabase.prototype.transaction;
    vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementationOnce(function (this: IDBDatabase, ...call) {
      const started = transaction.apply(this, call);
      queueMicrotask(() => started.abort());
      return started;
    });
    await expect(storage.write([put("a", 1)])).rejects.toMatchObject({ code: "storage-failed" });
    expect(await storage.list("")).toEqual([]);
  });
});

describe("the connection", () => {
  test("without IndexedDB the first call says so", async () => {
    vi.stubGlobal("indexedDB", undefined);
    const storage = indexedDb("place");
    await expect(storage.list("")).rejects.toMatchObject({
      code: "storage-failed",
      message: expect.stringContaining("there is no IndexedDB here"),
    });
  });

  test("a database of a later version is refused, and asked again by the next call", async () => {
    const factory = new IDBFactory();
    (await requested(factory.open("place", 2))).close();
    const storage = openPlace(factory);
    await expect(storage.list("")).rejects.toMatchObject({ code: "storage-failed", cause: { name: "VersionError" } });
    await requested(factory.deleteDatabase("place"));
    expect(await storage.list("")).toEqual([]);
  });

  test("it does not stand in the way of deletion, and says afterwards why it stopped", async () => {
    const factory = new IDBFactory();
    const storage = openPlace(factory);
    await lock(storage);
    await storage.write([put("a", 1)]);
    await requested(factory.deleteDatabase("place"));
    const gone = { code: "storage-failed", message: expect.stringContaining("its deletion was requested") };
    await expect(storage.read("a")).rejects.toMatchObject(gone);
    await expect(storage.write([put("a", 2)])).rejects.toMatchObject(gone);
    await expect(lock(storage)).rejects.toMatchObject(gone);
    await storage.close();

    const next = openPlace(factory);
    await lock(next);
    expect(await next.list("")).toEqual([]);
  });

  test("persist asks once, and does not wait for an answer that never comes", async () => {
    const persist = vi.fn(() => new Promise<boolean>(() => undefined));
    vi.stubGlobal("navigator", { storage: { persist } });
    const factory = new IDBFactory();
    await openPlace(factory).list("");
    expect(persist).not.toHaveBeenCalled();
    const storage = openPlace(factory, { persist: true });
    await storage.list("");
    await storage.write([put("a", 1)]);
    expect(persist).toHaveBeenCalledTimes(1);
  });
});

describe("the lease", () => {
  test("one that ran out can be taken, and the old owner is fenced", async () => {
    const factory = new IDBFactory();
    const [paused, next] = [openPlace(factory), openPlace(factory)];
    await lock(paused);
    await paused.write([append("log", 1)]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 9_000 });
    await expect(lock(next)).rejects.toMatchObject({ code: "storage-locked", details: { database: "place" } });
    vi.setSystemTime(Date.now() + 2_000);
    await lock(next);

    await expect(paused.write([append("log", 9)])).rejects.toMatchObject({
      code: "storage-locked",
      details: { database: "place", epoch: 1 },
    });
    // Giving up what was lost must not disturb the new owner.
    await paused.close();
    await next.write([append("log", 2)]);
    expect(await next.read("log")).toEqual(bytes(1, 2));
    await expect(lock(openPlace(factory))).rejects.toMatchObject({ code: "storage-locked" });
  });

  test("one that ran out but was not taken still belongs to its owner", async () => {
    const storage = openPlace(new IDBFactory());
    await lock(storage);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    await storage.write([put("a", 1)]);
    expect(await storage.read("a")).toEqual(bytes(1));
  });

  test("it is renewed while the owner lives", async () => {
    vi.useFakeTimers({ toFake: ["Date", "setInterval", "clearInterval"] });
    const factory = new IDBFactory();
    const storage = openPlace(factory);
    await lock(storage);
    for (let renewals = 0; renewals < 5; renewals += 1) {
      await vi.advanceTimersByTimeAsync(3_000);
      // A read waits for the renewal: its transaction comes later.
      await storage.list("");
    }
    await expect(lock(openPlace(factory))).rejects.toMatchObject({ code: "storage-locked" });
  });

  test("one from before the clock was set back does not hold for ever", async () => {
    const factory = new IDBFactory();
    await lock(openPlace(factory));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3_600_000 });
    await lock(openPlace(factory));
    expect(await epochOf(factory)).toBe(2);
  });

  test("waitMs waits for the owner to finish, and no longer than that", async () => {
    const factory = new IDBFactory();
    const first = openPlace(factory);
    await lock(first);
    await expect(lock(openPlace(factory, { waitMs: 30 }))).rejects.toMatchObject({ code: "storage-locked" });
    const waiting = lock(openPlace(factory, { waitMs: 60_000 }));
    await first.close();
    await waiting;
  });

  test("close ends the wait", async () => {
    const factory = new IDBFactory();
    await lock(openPlace(factory));
    const impatient = openPlace(factory, { waitMs: 60_000 });
    const waiting = lock(impatient);
    await impatient.close();
    await expect(waiting).rejects.toMatchObject({ code: "memory-closed" });
  });
});

describe("Web Locks", () => {
  test("navigator.locks is the default, under the name of the database", async () => {
    const request = vi.fn(async (_name: string, _options: LockOptions, granted: (lock: Lock | null) => unknown) =>
      granted(null),
    );
    vi.stubGlobal("navigator", { locks: { request } });
    const storage = indexedDb("assistant", { indexedDB: new IDBFactory() });
    await expect(lock(storage)).rejects.toMatchObject({ code: "storage-locked" });
    expect(request).toHaveBeenCalledWith("stratamem:assistant", { ifAvailable: true }, expect.any(Function));
    await storage.close();
  });

  test("waitMs waits for the owner to finish, and no longer than that", async () => {
    const options = { locks: new TestLocks().asManager() };
    const factory = new IDBFactory();
    const first = openPlace(factory, options);
    await lock(first);
    await expect(lock(openPlace(factory, { ...options, waitMs: 30 }))).rejects.toMatchObject({
      code: "storage-locked",
    });
    const waiting = lock(openPlace(factory, { ...options, waitMs: 60_000 }));
    await first.close();
    await waiting;
    expect(await epochOf(factory)).toBe(2);
  });

  test("close ends the wait", async () => {
    const options = { locks: new TestLocks().asManager() };
    const factory = new IDBFactory();
    await lock(openPlace(factory, options));
    const impatient = openPlace(factory, { ...options, waitMs: 60_000 });
    const waiting = lock(impatient);
    await impatient.close();
    await expect(waiting).rejects.toMatchObject({ code: "memory-closed" });
  });

  test("a lock is given back when the epoch cannot be raised", async () => {
    const options = { locks: new TestLocks().asManager() };
    const factory = new IDBFactory();
    vi.spyOn(IDBObjectStore.prototype, "put").mockImplementationOnce(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    await expect(lock(openPlace(factory, options))).rejects.toMatchObject({ code: "quota-exceeded" });
    await lock(openPlace(factory, options));
  });

  test("whoever stole the lock fences the one it was stolen from", async () => {
    const factory = new IDBFactory();
    const first = openPlace(factory, { locks: new TestLocks().asManager() });
    await lock(first);
    // Other locks, so nothing keeps the second one out: what a lock request with `steal` comes to.
    const second = openPlace(factory, { locks: new TestLocks().asManager() });
    await lock(second);
    await expect(first.write([put("a", 1)])).rejects.toMatchObject({ code: "storage-locked" });
    await second.write([put("a", 2)]);
    expect(await second.read("a")).toEqual(bytes(2));
  });

  test("deletion of the database gives the lock back", async () => {
    const options = { locks: new TestLocks().asManager() };
    const factory = new IDBFactory();
    await lock(openPlace(factory, options));
    await requested(factory.deleteDatabase("place"));
    await lock(openPlace(factory, { ...options, waitMs: 5_000 }));
  });
});
