/**
 * What every storage adapter has to do, as checks that anyone can run. Owns: the cases and their tiny assertions.
 * Does not own: a test framework, an adapter, or anything of one runtime, so the same cases run under any test runner
 * and in a plain browser page.
 *
 * Invariants: each case has a place of its own and leaves nothing open; a case throws when the adapter is at fault and
 * passes without checking when the fixture says that a subject does not apply.
 */

import type { ErrorCode } from "../errors.js";
import type { Storage, StorageLock, StorageOperation } from "../storage/types.js";

/** A place to run one case on, and the ways into it. */
export interface StorageFixture {
  /** A new adapter on the same place each time. The case closes it. */
  open(): Storage;
  /**
   * Removes the place. Called once, after everything that was opened on it is closed. A place that ends with the fixture
   * needs none.
   */
  teardown?(): Promise<void>;
  /** Whether several adapters may be open on the place at once. The cases about the lock need that. */
  readonly shareable: boolean;
  /** Takes the place over from its owner, as another process does when the owner looks dead. Optional. */
  takeOver?(): Promise<void>;
}

/** One requirement. */
export interface ConformanceCase {
  /** The requirement in words. */
  readonly name: string;
  /** Rejects with an `Error` that says what was expected when the adapter does not meet it. */
  run(): Promise<void>;
}

/** How one case went. */
export interface ConformanceResult {
  /** The name of the case. */
  readonly name: string;
  /** What was thrown. Absent when the adapter passed. */
  readonly error?: unknown;
}

/**
 * The cases an adapter has to pass, each on a new place that `make` gives it.
 *
 * @example
 * const cases = storageConformance(async () => {
 *   const directory = await mkdtemp(join(tmpdir(), "place-"));
 *   return { open: () => nodeFs(directory), teardown: () => rm(directory, { recursive: true }), shareable: true };
 * });
 * for (const { name, run } of cases) test(name, run);
 */
export function storageConformance(make: () => Promise<StorageFixture>): ConformanceCase[] {
  return Object.entries(cases).map(([name, check]) => ({
    name,
    run: async () => {
      const fixture = await make();
      const opened: Storage[] = [];
      const open = (): Storage => {
        const storage = fixture.open();
        opened.push(storage);
        return storage;
      };
      try {
        await check(open, fixture);
      } finally {
        // An adapter that cannot be closed is the subject of other cases; here it must not hide this one's failure.
        await Promise.allSettled(opened.map((storage) => storage.close()));
        await fixture.teardown?.();
      }
    },
  }));
}

/**
 * Runs every case, one after the other, where there is no test runner. Never rejects.
 *
 * @example
 * const results = await runStorageConformance(make, ({ name, error }) => console.log(error ?? "ok", name));
 * const failed = results.filter((result) => result.error !== undefined);
 */
export async function runStorageConformance(
  make: () => Promise<StorageFixture>,
  report: (result: ConformanceResult) => void = () => undefined,
): Promise<ConformanceResult[]> {
  const results: ConformanceResult[] = [];
  for (const { name, run } of storageConformance(make)) {
    const result = await run().then(
      (): ConformanceResult => ({ name }),
      (error: unknown): ConformanceResult => ({ name, error: error ?? new Error("rejected without a reason") }),
    );
    results.push(result);
    report(result);
  }
  return results;
}

type Check = (open: () => Storage, fixture: StorageFixture) => Promise<void>;

const cases: Readonly<Record<string, Check>> = {
  // Reading ------------------------------------------------------------------------------------------------------

  "a new place is empty": async (open) => {
    const storage = open();
    equal(await storage.list(""), [], "keys");
    equal(await storage.read("missing"), undefined, "bytes of a missing key");
  },

  "it has a name for messages": async (open) => {
    assert(open().name.length > 0, "`name` is empty");
  },

  "list answers in ascending order, whatever the order of writing": async (open) => {
    const storage = open();
    const keys = ["b", "a-2", "0", "a", "a-10", "log-000002", "log-000001", "-", "z9"];
    for (const key of keys) await storage.write([put(key, 1)]);
    equal(await storage.list(""), [...keys].sort(), "keys");
  },

  "list answers the keys that start with the prefix, itself included": async (open) => {
    const storage = open();
    await storage.write(["log", "log-1", "log-2", "lo", "logs", "segment-1", "lof", "loh"].map((key) => put(key, 1)));
    equal(await storage.list("log"), ["log", "log-1", "log-2", "logs"], "keys with prefix `log`");
    equal(await storage.list("log-"), ["log-1", "log-2"], "keys with prefix `log-`");
    equal(await storage.list("log-1"), ["log-1"], "keys with prefix `log-1`");
    equal(await storage.list("nothing"), [], "keys with a prefix nobody has");
  },

  "list names a key once, however many pieces it has": async (open) => {
    const storage = open();
    for (let piece = 0; piece < 5; piece += 1) await storage.write([append("log", piece), append("other", piece)]);
    equal(await storage.list(""), ["log", "other"], "keys");
  },

  // Single operations --------------------------------------------------------------------------------------------

  "append creates a missing key": async (open) => {
    const storage = open();
    await storage.write([append("log", 1, 2)]);
    equal(await storage.read("log"), bytes(1, 2), "bytes");
  },

  "append adds to the end": async (open) => {
    const storage = open();
    await storage.write([append("log", 1)]);
    await storage.write([append("log", 2, 3)]);
    await storage.write([append("log", 4)]);
    equal(await storage.read("log"), bytes(1, 2, 3, 4), "bytes");
  },

  "append adds to what put wrote": async (open) => {
    const storage = open();
    await storage.write([put("log", 1)]);
    await storage.write([append("log", 2)]);
    equal(await storage.read("log"), bytes(1, 2), "bytes");
  },

  "hundreds of appends come back as one array": async (open) => {
    const storage = open();
    const pieces = Array.from({ length: 300 }, (_, index) => pattern(1 + (index % 7), index));
    for (const piece of pieces) await storage.write([{ type: "append", key: "log", bytes: piece }]);
    equal(await storage.read("log"), bytes(...pieces.flatMap((piece) => [...piece])), "bytes");
  },

  "put replaces what put wrote, longer or shorter": async (open) => {
    const storage = open();
    await storage.write([put("a", 1, 2, 3)]);
    await storage.write([put("a", 4)]);
    equal(await storage.read("a"), bytes(4), "bytes after a shorter put");
    await storage.write([put("a", 5, 6)]);
    equal(await storage.read("a"), bytes(5, 6), "bytes after a longer put");
  },

  "put replaces every appended piece": async (open) => {
    const storage = open();
    await storage.write([append("log", 1), append("log", 2)]);
    await storage.write([append("log", 3)]);
    await storage.write([put("log", 9)]);
    equal(await storage.read("log"), bytes(9), "bytes");
  },

  "remove takes the key away with all its pieces": async (open) => {
    const storage = open();
    await storage.write([append("log", 1)]);
    await storage.write([append("log", 2), put("kept", 3)]);
    await storage.write([remove("log")]);
    equal(await storage.read("log"), undefined, "bytes of the removed key");
    equal(await storage.list(""), ["kept"], "keys");
  },

  "removing a missing key is no error": async (open) => {
    const storage = open();
    await storage.write([remove("missing")]);
    await storage.write([put("a", 1), remove("missing"), put("b", 2)]);
    equal(await storage.list(""), ["a", "b"], "keys");
  },

  "a removed key starts anew": async (open) => {
    const storage = open();
    await storage.write([append("log", 1, 2, 3)]);
    await storage.write([remove("log")]);
    await storage.write([append("log", 4)]);
    equal(await storage.read("log"), bytes(4), "bytes");
  },

  // Batches --------------------------------------------------------------------------------------------------------

  "an empty batch is no error": async (open) => {
    const storage = open();
    await storage.write([]);
    equal(await storage.list(""), [], "keys");
  },

  "the operations of a batch on one key happen in order": async (open) => {
    const storage = open();
    await storage.write([append("a", 1), put("a", 2), append("a", 3), remove("a"), append("a", 4), append("a", 5)]);
    equal(await storage.read("a"), bytes(4, 5), "bytes after append, put, append, remove, append, append");
    await storage.write([append("a", 6), remove("a"), put("a", 7), append("a", 8)]);
    equal(await storage.read("a"), bytes(7, 8), "bytes after append, remove, put, append");
    await storage.write([put("a", 9), remove("a")]);
    equal(await storage.read("a"), undefined, "bytes after put, remove");
  },

  "appends to several keys in one batch do not mix": async (open) => {
    const storage = open();
    await storage.write([append("a", 1), append("b", 2), append("a", 3), append("b", 4), append("a", 5)]);
    equal(await storage.read("a"), bytes(1, 3, 5), "bytes of a");
    equal(await storage.read("b"), bytes(2, 4), "bytes of b");
  },

  "a batch may hold many operations": async (open) => {
    const storage = open();
    const keys = Array.from({ length: 40 }, (_, index) => `segment-${String(index).padStart(3, "0")}`);
    await storage.write(keys.map((key, index) => put(key, index)));
    await storage.write([...keys.slice(0, 30).map((key) => remove(key)), append("log", 1)]);
    equal(await storage.list(""), ["log", ...keys.slice(30)], "keys");
  },

  "overlapping writes take effect in the order of the calls": async (open) => {
    const storage = open();
    const writes: Promise<void>[] = [];
    for (let index = 0; index < 20; index += 1) {
      // Large and small in turn, so that an adapter that starts them together would let the small ones overtake.
      const last =
        index % 2 === 0 ? { type: "put" as const, key: "last", bytes: pattern(50_000, index) } : put("last", index);
      writes.push(storage.write([append("log", index), last]));
    }
    await Promise.all(writes);
    equal(await storage.read("log"), bytes(...Array.from({ length: 20 }, (_, index) => index)), "bytes of the log");
    equal(await storage.read("last"), bytes(19), "bytes of the key that was put every time");
  },

  "overlapping reads answer what each has asked for": async (open) => {
    const storage = open();
    const keys = Array.from({ length: 8 }, (_, index) => `part-${index}`);
    // Of different lengths, so that an adapter that uses one buffer for all would show it.
    const value = (index: number): Uint8Array => pattern(1_000 + 20_000 * (index % 3), index);
    await storage.write(keys.map((key, index) => ({ type: "put" as const, key, bytes: value(index) })));
    const found = await Promise.all([...keys, "missing"].map((key) => storage.read(key)));
    for (const index of keys.keys()) equal(found[index], value(index), `bytes of ${keys[index]}`);
    equal(found.at(-1), undefined, "bytes of a key that is not there");
  },

  // Ranges ---------------------------------------------------------------------------------------------------------

  "ranges of a value are what reading it whole gives there": async (open) => {
    const storage = open();
    if (storage.readRanges === undefined) return;
    const large = pattern(300_000, 7);
    await storage.write([{ type: "put", key: "put", bytes: large }]);
    await storage.write([{ type: "append", key: "log", bytes: large.slice(0, 1_000) }]);
    await storage.write([{ type: "append", key: "log", bytes: large.slice(1_000, 3_000) }]);
    const ranges = [
      { offset: 299_990, length: 10 },
      { offset: 0, length: 1 },
      { offset: 990, length: 20 },
      { offset: 995, length: 2_000 },
      { offset: 5, length: 0 },
    ];
    for (const [key, length] of [["put", large.length], ["log", 3_000]] as const) {
      const found = await storage.readRanges(key, ranges);
      equal(found?.length, ranges.length, `ranges of ${key}`);
      for (const [index, { offset, length: wanted }] of ranges.entries()) {
        equal(found?.[index], large.slice(0, length).slice(offset, offset + wanted), `range ${index} of ${key}`);
      }
    }
  },

  "a range that reaches beyond the end is cut": async (open) => {
    const storage = open();
    if (storage.readRanges === undefined) return;
    await storage.write([put("a", 1, 2, 3)]);
    const found = await storage.readRanges("a", [
      { offset: 1, length: 100 },
      { offset: 3, length: 1 },
      { offset: 50, length: 1 },
    ]);
    equal(found, [bytes(2, 3), bytes(), bytes()], "ranges");
    equal(await storage.readRanges("a", []), [], "no ranges");
    equal(await storage.readRanges("missing", [{ offset: 0, length: 1 }]), undefined, "ranges of a missing key");
  },

  "ranges are copies, and show what was written before": async (open) => {
    const storage = open();
    if (storage.readRanges === undefined) return;
    await storage.write([put("a", 1, 2, 3)]);
    const range = [{ offset: 0, length: 3 }];
    (await storage.readRanges("a", range))?.[0]?.fill(9);
    equal(await storage.readRanges("a", range), [bytes(1, 2, 3)], "bytes after a caller has overwritten its own");
    await storage.write([put("a", 4, 5), remove("b")]);
    equal(await storage.readRanges("a", range), [bytes(4, 5)], "bytes after a shorter put");
    await storage.write([remove("a")]);
    equal(await storage.readRanges("a", range), undefined, "bytes of a removed key");
  },

  // Bytes ----------------------------------------------------------------------------------------------------------

  "empty values exist": async (open) => {
    const storage = open();
    await storage.write([put("put"), append("append")]);
    equal(await storage.list(""), ["append", "put"], "keys");
    equal(await storage.read("put"), bytes(), "bytes of an empty put");
    equal(await storage.read("append"), bytes(), "bytes of an empty append");
    await storage.write([append("put"), append("append", 1), append("append")]);
    equal(await storage.read("put"), bytes(), "bytes after an empty append to an empty put");
    equal(await storage.read("append"), bytes(1), "bytes after an empty append to one byte");
  },

  "every byte value survives": async (open) => {
    const storage = open();
    const all = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
    await storage.write([{ type: "put", key: "put", bytes: all }]);
    await storage.write([{ type: "append", key: "append", bytes: all }]);
    equal(await storage.read("put"), all, "bytes that were put");
    equal(await storage.read("append"), all, "bytes that were appended");
  },

  "four mebibytes come back as they were": async (open) => {
    const storage = open();
    const large = pattern(4 * 1024 * 1024, 1);
    await storage.write([{ type: "put", key: "put", bytes: large }]);
    await storage.write([{ type: "append", key: "append", bytes: large }, append("append", 1)]);
    equal(await storage.read("put"), large, "bytes that were put");
    const appended = await storage.read("append");
    equal(appended?.subarray(0, large.length), large, "bytes that were appended");
    equal(appended?.subarray(large.length), bytes(1), "the byte appended after them");
  },

  "a view of a larger buffer stores only itself": async (open) => {
    const storage = open();
    const view = Uint8Array.from([0, 1, 2, 3, 4]).subarray(1, 3);
    await storage.write([
      { type: "put", key: "put", bytes: view },
      { type: "append", key: "append", bytes: view },
    ]);
    equal(await storage.read("put"), bytes(1, 2), "bytes that were put");
    equal(await storage.read("append"), bytes(1, 2), "bytes that were appended");
  },

  "bytes given to write may be reused at once": async (open) => {
    const storage = open();
    const given = bytes(1, 2, 3);
    const writing = storage.write([
      { type: "put", key: "put", bytes: given },
      { type: "append", key: "append", bytes: given },
    ]);
    given.fill(9);
    await writing;
    given.fill(8);
    equal(await storage.read("put"), bytes(1, 2, 3), "bytes that were put");
    equal(await storage.read("append"), bytes(1, 2, 3), "bytes that were appended");
  },

  "a batch given to write may be reused at once": async (open) => {
    const storage = open();
    const batch = [append("log", 1)];
    const writing = storage.write(batch);
    batch.push(append("log", 2));
    await writing;
    equal(await storage.read("log"), bytes(1), "bytes");
  },

  "bytes that were read belong to the reader": async (open) => {
    const storage = open();
    await storage.write([put("a", 1, 2), append("log", 3)]);
    for (const key of ["a", "log"]) (await storage.read(key))?.fill(9);
    equal(await storage.read("a"), bytes(1, 2), "bytes that were put");
    equal(await storage.read("log"), bytes(3), "bytes that were appended");
  },

  "keys may have 1 to 64 characters": async (open) => {
    const storage = open();
    const long = "segment-0123456789-abcdefghijklmnopqrstuvwxyz-".padEnd(63, "x");
    const keys = ["-", "0", "a", `${long}0`, `${long}1`];
    await storage.write(keys.map((key, index) => put(key, index)));
    await storage.write(keys.map((key) => append(key, 7)));
    for (const [index, key] of keys.entries()) equal(await storage.read(key), bytes(index, 7), `bytes of ${key}`);
    equal(await storage.list(""), keys, "keys");
  },

  "keys that resemble an adapter's own names are keys": async (open) => {
    const storage = open();
    const keys = ["bytes", "epoch", "lock", "lock-1", "lock-99", "owner", "tmp"];
    await storage.write(keys.map((key, index) => put(key, index)));
    equal(await storage.list(""), keys, "keys");
    if (storage.lock === undefined) return;
    const lock = await storage.lock();
    await storage.write([append("lock-99", 1)]);
    equal(await storage.read("lock-99"), bytes(4, 1), "bytes of lock-99");
    equal(await storage.list(""), keys, "keys while the lock is held");
    await lock.release();
  },

  // Closing --------------------------------------------------------------------------------------------------------

  "a new adapter sees everything that was acknowledged": async (open) => {
    const first = open();
    await first.write([put("a", 1), append("log", 2), put("gone", 3)]);
    await first.write([append("log", 4), remove("gone")]);
    await first.close();
    const second = open();
    equal(await second.list(""), ["a", "log"], "keys");
    equal(await second.read("a"), bytes(1), "bytes that were put");
    equal(await second.read("log"), bytes(2, 4), "bytes that were appended");
    await second.write([append("log", 5)]);
    equal(await second.read("log"), bytes(2, 4, 5), "bytes after another append");
  },

  "a write that close overtakes happens or rejects": async (open) => {
    const first = open();
    const writing = first.write([append("log", 1), put("a", 2)]).then(
      () => true,
      () => false,
    );
    await first.close();
    const acknowledged = await writing;
    const keys = await open().list("");
    if (acknowledged) equal(keys, ["a", "log"], "keys of an acknowledged write");
    else
      assert(["", "log", "a,log"].includes(keys.join()), `keys of a failed write are no prefix of it: ${keys.join()}`);
  },

  "close may be called twice, also at once": async (open) => {
    const storage = open();
    await storage.write([put("a", 1)]);
    await Promise.all([storage.close(), storage.close()]);
    await storage.close();
  },

  "close without use is no error": async (open) => {
    await open().close();
  },

  "calls after close reject with memory-closed": async (open) => {
    const storage = open();
    await storage.write([put("a", 1)]);
    await storage.close();
    await rejects("memory-closed", storage.list(""), "list");
    await rejects("memory-closed", storage.read("a"), "read");
    if (storage.readRanges !== undefined) await rejects("memory-closed", storage.readRanges("a", []), "readRanges");
    await rejects("memory-closed", storage.write([put("a", 2)]), "write");
    if (storage.lock !== undefined) await rejects("memory-closed", storage.lock(), "lock");
    equal(await open().read("a"), bytes(1), "bytes a new adapter reads");
  },

  // The lock -------------------------------------------------------------------------------------------------------

  "a second adapter is refused while the lock is held": async (open, fixture) => {
    if (!fixture.shareable) return;
    const [first, second] = [open(), open()];
    await lockOf(first);
    await rejects("storage-locked", lockOf(second), "lock of the second adapter");
    await first.write([put("a", 1)]);
    await rejects("storage-locked", lockOf(second), "lock of the second adapter, tried again");
    equal(await first.read("a"), bytes(1), "bytes the owner wrote");
  },

  "release lets the next adapter in, and it sees what the first one wrote": async (open, fixture) => {
    if (!fixture.shareable) return;
    const [first, second] = [open(), open()];
    const lock = await lockOf(first);
    await first.write([append("log", 1)]);
    await lock.release();
    await lockOf(second);
    equal(await second.read("log"), bytes(1), "bytes");
    await second.write([append("log", 2)]);
    equal(await second.read("log"), bytes(1, 2), "bytes after its own append");
  },

  "close gives the lock up": async (open, fixture) => {
    if (!fixture.shareable) return;
    const [first, second] = [open(), open()];
    await lockOf(first);
    await first.close();
    await lockOf(second);
  },

  "release may be called twice, also after close": async (open, fixture) => {
    if (!fixture.shareable) return;
    const [first, second] = [open(), open()];
    const lock = await lockOf(first);
    await Promise.all([lock.release(), lock.release()]);
    await lock.release();
    await lockOf(second);
    await first.close();
    await lock.release();
    await rejects("storage-locked", lockOf(open()), "lock of a third adapter while the second one owns the place");
  },

  "an adapter can take the lock again, and an old release does not end the new one": async (open, fixture) => {
    if (!fixture.shareable) return;
    const storage = open();
    const lock = await lockOf(storage);
    await storage.write([append("log", 1)]);
    await lock.release();
    await lockOf(storage);
    await storage.write([append("log", 2)]);
    await lock.release();
    await rejects("storage-locked", lockOf(open()), "lock of another adapter");
    await storage.write([append("log", 3)]);
    equal(await storage.read("log"), bytes(1, 2, 3), "bytes");
  },

  "an append after ownership went to and fro adds to the bytes that are there": async (open, fixture) => {
    if (!fixture.shareable) return;
    const [first, second] = [open(), open()];
    const lock = await lockOf(first);
    await first.write([append("log", 1)]);
    await lock.release();
    const other = await lockOf(second);
    await second.write([put("log", 2, 3)]);
    await other.release();
    await lockOf(first);
    await first.write([append("log", 4)]);
    equal(await first.read("log"), bytes(2, 3, 4), "bytes");
  },

  "of many that ask at once, one gets the lock": async (open, fixture) => {
    if (!fixture.shareable) return;
    const asked = await Promise.allSettled(Array.from({ length: 6 }, () => lockOf(open())));
    equal(asked.filter(({ status }) => status === "fulfilled").length, 1, "adapters that got the lock");
    for (const answer of asked) {
      if (answer.status === "rejected") equal(codeOf(answer.reason), "storage-locked", "code of the others");
    }
  },

  "a former owner cannot write once somebody else owns the place": async (open, fixture) => {
    if (!fixture.shareable) return;
    const [first, second] = [open(), open()];
    const lock = await lockOf(first);
    await first.write([append("log", 1)]);
    await lock.release();
    await lockOf(second);
    await rejects("storage-locked", first.write([append("log", 9)]), "write of the former owner");
    equal(await second.read("log"), bytes(1), "bytes");
  },

  "an owner that was replaced cannot write, and stays replaced": async (open, fixture) => {
    if (fixture.takeOver === undefined) return;
    const storage = open();
    await lockOf(storage);
    await storage.write([append("log", 1)]);
    await fixture.takeOver();
    await rejects("storage-locked", storage.write([append("log", 9)]), "append of the owner that was replaced");
    await rejects("storage-locked", storage.write([put("a", 9), remove("log")]), "its next write");
    const reader = open();
    equal(await reader.list(""), ["log"], "keys");
    equal(await reader.read("log"), bytes(1), "bytes");
  },
};

// Operations and bytes ----------------------------------------------------------------------------------------------

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function put(key: string, ...values: number[]): StorageOperation {
  return { type: "put", key, bytes: bytes(...values) };
}

function append(key: string, ...values: number[]): StorageOperation {
  return { type: "append", key, bytes: bytes(...values) };
}

function remove(key: string): StorageOperation {
  return { type: "remove", key };
}

/** Bytes in which no two stretches are alike, so that a piece in the wrong place shows. */
function pattern(length: number, seed: number): Uint8Array {
  const result = new Uint8Array(length);
  let state = seed * 2654435761 + 1;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    result[index] = state >>> 24;
  }
  return result;
}

async function lockOf(storage: Storage): Promise<StorageLock> {
  if (storage.lock === undefined) throw new Error("the fixture is shareable, but the adapter has no `lock`");
  return storage.lock();
}

// Assertions --------------------------------------------------------------------------------------------------------

function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

function equal(actual: unknown, expected: unknown, what: string): void {
  assert(isEqual(actual, expected), `${what}: expected ${show(expected)}, got ${show(actual)}`);
}

function isEqual(actual: unknown, expected: unknown): boolean {
  if (!isSequence(actual) || !isSequence(expected)) return Object.is(actual, expected);
  if (actual instanceof Uint8Array !== expected instanceof Uint8Array || actual.length !== expected.length)
    return false;
  // By index: `every` with a callback takes seconds on megabytes in a debug build of a browser.
  for (let index = 0; index < expected.length; index += 1) {
    if (actual[index] !== expected[index] && !(isSequence(actual[index]) && isEqual(actual[index], expected[index]))) return false;
  }
  return true;
}

function isSequence(value: unknown): value is Uint8Array | readonly unknown[] {
  return value instanceof Uint8Array || Array.isArray(value);
}

function show(value: unknown): string {
  if (!isSequence(value)) return String(value);
  const start = Array.from(value.slice(0, 12), String).join(", ");
  const kind = value instanceof Uint8Array ? `${value.length} bytes ` : "";
  return `${kind}[${start}${value.length > 12 ? ", …" : ""}]`;
}

async function rejects(code: ErrorCode, promise: Promise<unknown>, what: string): Promise<void> {
  const outcome = await promise.then(
    () => "it resolved",
    (error: unknown) => codeOf(error) ?? `it rejected with ${String(error)}`,
  );
  assert(outcome === code, `${what}: expected to reject with ${code}, but: ${outcome}`);
}

/** The code of an error. Read as a property: the adapter may come with another copy of the package. */
function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : undefined;
}
