/**
 * Storage that fails on purpose. Owns: carrying out a fault plan around another adapter, recording what reached it,
 * and rebuilding the states a crash could have left. Does not own: any bytes.
 *
 * Invariants: writes reach the inner adapter one at a time, in the order of the calls; the recording holds exactly what
 * the inner adapter acknowledged, a torn append as the bytes that arrived.
 */

import { createError } from "../errors.js";
import { copyOperation } from "../storage/batch.js";
import { memoryPlace, type MemoryPlace } from "../storage/memory.js";
import type { ByteRange, Storage, StorageLock, StorageOperation } from "../storage/types.js";

/** A call that is about to be made. */
export interface StorageCall {
  /** Which method was called. */
  readonly method: "lock" | "list" | "read" | "readRanges" | "write" | "close";
  /** How many calls of this method came before. The first one is 0. */
  readonly index: number;
  /** What is to be written; empty for the other methods. */
  readonly batch: readonly StorageOperation[];
}

/** What goes wrong with a call. */
export interface Fault {
  /** How the call ends: it rejects, or it stops until `resume` and then goes on as if nothing had been. */
  readonly then: "fail" | "hang";
  /** How many operations of a write take place before that. Default 0; `Infinity` for all. */
  readonly applied?: number;
  /** How many bytes of the operation after those arrive, when it is an append and the call fails. Default 0. */
  readonly torn?: number;
  /** What a failing call rejects with. Default: an error with the code `storage-failed`. */
  readonly error?: unknown;
}

/** Decides about each call. `undefined` lets it through. */
export type FaultPlan = (call: StorageCall) => Fault | undefined;

/** Where a write is in the recording. */
export interface RecordedWrite {
  /** The index of its first operation. */
  readonly start: number;
  /** The index after its last operation that took place. */
  readonly end: number;
  /** Whether its promise resolved: whoever wrote may rely on it. */
  readonly acknowledged: boolean;
}

/** An adapter with a fault plan and a memory of what it did. */
export interface FaultStorage extends Storage {
  /** Every operation that took place, in order. */
  recording(): readonly StorageOperation[];
  /** Every write that ended, in order, those that failed included. */
  writes(): readonly RecordedWrite[];
  /** How many calls hang now. */
  hanging(): number;
  /** Lets every call that hangs go on. */
  resume(): void;
}

/**
 * Wraps `inner` so that `plan` decides which calls fail, hang or go through.
 *
 * @example
 * // The fourth write stores its first operation and five bytes of the append after it, then fails.
 * const storage = faultStorage(memoryStorage(), nthWrite(3, { then: "fail", applied: 1, torn: 5 }));
 *
 * @example
 * // Only record, then rebuild what a crash after each operation would have left.
 * const storage = faultStorage(memoryStorage());
 * await workload(storage);
 * const operations = storage.recording();
 * for (let upTo = 0; upTo <= operations.length; upTo += 1) {
 *   await check(memoryStorage({ place: replay(operations, upTo) }));
 * }
 */
export function faultStorage(inner: Storage, plan: FaultPlan = () => undefined): FaultStorage {
  const calls = new Map<StorageCall["method"], number>();
  const recorded: StorageOperation[] = [];
  const ended: RecordedWrite[] = [];
  const hanging = new Set<() => void>();
  let queue: Promise<unknown> = Promise.resolve();

  const decide = (method: StorageCall["method"], batch: readonly StorageOperation[] = []): Fault | undefined => {
    const index = calls.get(method) ?? 0;
    calls.set(method, index + 1);
    return plan({ method, index, batch });
  };

  const suffer = async (method: StorageCall["method"], fault: Fault): Promise<void> => {
    if (fault.then === "fail") {
      throw fault.error ?? createError("storage-failed", `${method} failed as planned`, { details: { method } });
    }
    await new Promise<void>((resolve) => hanging.add(resolve));
  };

  const store = async (operations: readonly StorageOperation[]): Promise<void> => {
    await inner.write(operations);
    recorded.push(...operations);
  };

  const writeFaulty = async (batch: readonly StorageOperation[], fault: Fault): Promise<void> => {
    const applied = Math.min(fault.applied ?? 0, batch.length);
    if (applied > 0) await store(batch.slice(0, applied));
    const next = batch[applied];
    if (fault.then === "fail" && next?.type === "append" && (fault.torn ?? 0) > 0) {
      await store([{ ...next, bytes: next.bytes.slice(0, fault.torn) }]);
    }
    await suffer("write", fault);
    await store(batch.slice(applied));
  };

  const write = (batch: readonly StorageOperation[]): Promise<void> => {
    const operations = batch.map(copyOperation);
    const fault = decide("write", operations);
    const result = queue.then(async () => {
      const start = recorded.length;
      let acknowledged = false;
      try {
        await (fault === undefined ? store(operations) : writeFaulty(operations, fault));
        acknowledged = true;
      } finally {
        ended.push({ start, end: recorded.length, acknowledged });
      }
    });
    queue = result.catch(() => undefined);
    return result;
  };

  const around = async <T>(method: StorageCall["method"], call: () => Promise<T>): Promise<T> => {
    const fault = decide(method);
    if (fault !== undefined) await suffer(method, fault);
    return call();
  };

  const lock = inner.lock?.bind(inner);
  const readRanges = inner.readRanges?.bind(inner);
  return {
    name: `fault(${inner.name})`,
    ...(lock !== undefined && { lock: (): Promise<StorageLock> => around("lock", lock) }),
    list: (prefix) => around("list", () => inner.list(prefix)),
    read: (key) => around("read", () => inner.read(key)),
    ...(readRanges !== undefined && { readRanges: (key: string, ranges: readonly ByteRange[]) => around("readRanges", () => readRanges(key, ranges)) }),
    write,
    close: () => around("close", () => queue.then(() => inner.close())),
    recording: () => recorded.map(copyOperation),
    writes: () => [...ended],
    hanging: () => hanging.size,
    resume() {
      for (const resolve of hanging) resolve();
      hanging.clear();
    },
  };
}

/**
 * A plan in which one write goes wrong, counted from 0.
 *
 * @example
 * // Everything is stored, but the caller is told that it failed.
 * faultStorage(inner, nthWrite(0, { then: "fail", applied: Infinity }));
 */
export function nthWrite(index: number, fault: Fault): FaultPlan {
  return (call) => (call.method === "write" && call.index === index ? fault : undefined);
}

/**
 * The place after the first `upTo` operations. With `tornBytes` the operation after those has begun: it has to be an
 * append, and that many of its bytes are there.
 *
 * @example
 * const crashed = replay(storage.recording(), 7, 3); // 7 operations, then 3 bytes of the eighth
 * const memory = await openMemory({ storage: memoryStorage({ place: crashed }) });
 */
export function replay(
  operations: readonly StorageOperation[],
  upTo: number = operations.length,
  tornBytes?: number,
): MemoryPlace {
  const place = memoryPlace();
  place.apply(operations.slice(0, upTo));
  if (tornBytes === undefined) return place;
  const next = operations[upTo];
  if (next?.type !== "append") {
    throw createError("invalid-argument", "only an append can be torn: put and remove are atomic", {
      details: { upTo, type: next?.type },
    });
  }
  place.apply([{ ...next, bytes: next.bytes.slice(0, tornBytes) }]);
  return place;
}
