/**
 * Storage in the memory of the process. Owns: the adapter and the place it works on. Does not own: anything that
 * outlives the process.
 *
 * Invariants: a batch is applied in one synchronous step, so no other call sees half of it; a place has at most one
 * owner; bytes are copied on the way in and on the way out.
 */

import { createError } from "../errors.js";
import { checkFields, invalid } from "../internal/convert.js";
import { cutRanges, joinBytes } from "./batch.js";
import type { ByteRange, Storage, StorageLock, StorageOperation } from "./types.js";

/**
 * The bytes that adapters of this process share, and who owns them.
 *
 * @example
 * const place = memoryPlace();
 * await memoryStorage({ place }).write([{ type: "put", key: "a", bytes: new Uint8Array([1]) }]);
 * place.snapshot().get("a"); // Uint8Array [1]
 */
export interface MemoryPlace {
  /** The token of the adapter that owns the place. Assigning another token takes the place over from it. */
  owner: symbol | undefined;
  /** The keys in ascending order. */
  keys(): string[];
  /** A copy of the bytes under `key`, or `undefined`. */
  read(key: string): Uint8Array | undefined;
  /** Copies of ranges of the bytes under `key`, or `undefined`. */
  readRanges(key: string, ranges: readonly ByteRange[]): Uint8Array[] | undefined;
  /** Applies the operations in order and at once, whoever owns the place. */
  apply(operations: readonly StorageOperation[]): void;
  /** A copy of everything, in the order of the keys; `memoryPlace(snapshot)` makes an independent place of it. */
  snapshot(): Map<string, Uint8Array>;
}

/** Options of {@link memoryStorage}. */
export interface MemoryStorageOptions {
  /** Where the bytes are kept. Default: a new place that nobody else can see. */
  readonly place?: MemoryPlace | undefined;
}

/**
 * A place without an owner that holds a copy of `content`, or nothing.
 *
 * @example
 * const before = place.snapshot();
 * // ... work on `place`, then go back to where it was:
 * const restored = memoryStorage({ place: memoryPlace(before) });
 */
export function memoryPlace(content: ReadonlyMap<string, Uint8Array> = new Map()): MemoryPlace {
  // Values are lists of pieces, so that an append costs its own length and not that of the value.
  const values = new Map<string, Uint8Array[]>();
  if (!(content instanceof Map)) throw invalid("content", "must be a Map");
  for (const [key, bytes] of content) values.set(key, [new Uint8Array(bytes)]);

  const place: MemoryPlace = {
    owner: undefined,
    keys() {
      return [...values.keys()].sort();
    },
    read(key) {
      const pieces = values.get(key);
      return pieces === undefined ? undefined : joinBytes(pieces);
    },
    readRanges(key, ranges) {
      const pieces = values.get(key);
      if (pieces === undefined) return undefined;
      // What was put is one piece, and is cut as it stands.
      return cutRanges(pieces.length === 1 ? (pieces[0] as Uint8Array) : joinBytes(pieces), ranges);
    },
    apply(operations) {
      for (const operation of operations) {
        if (operation.type === "remove") {
          values.delete(operation.key);
          continue;
        }
        const piece = new Uint8Array(operation.bytes);
        const pieces = operation.type === "append" ? values.get(operation.key) : undefined;
        if (pieces === undefined) values.set(operation.key, [piece]);
        else pieces.push(piece);
      }
    },
    snapshot() {
      return new Map(place.keys().map((key) => [key, joinBytes(values.get(key) ?? [])]));
    },
  };
  return place;
}

/**
 * Storage that lives as long as the process. Without options each call is a new, empty place; adapters that are given
 * the same `place` see the same bytes and contend for one lock.
 *
 * @throws ValidationError for a place that is none
 * @example
 * const memory = await openMemory({ storage: memoryStorage() });
 *
 * @example
 * const place = memoryPlace();
 * const first = memoryStorage({ place });
 * await first.write([{ type: "append", key: "log", bytes: new Uint8Array([1]) }]);
 * await first.close();
 * await memoryStorage({ place }).read("log"); // Uint8Array [1]
 */
export function memoryStorage(options: MemoryStorageOptions = {}): Storage {
  checkFields(options, ["place"], "options");
  const { place = memoryPlace() } = options;
  for (const method of ["keys", "read", "readRanges", "apply"] as const) {
    if (typeof (place as MemoryPlace | null)?.[method] !== "function") throw invalid("place", `must be a place of memoryPlace, but has no ${method}()`);
  }
  return new MemoryStorage(place);
}

class MemoryStorage implements Storage {
  readonly name: string = "memory";
  readonly #place: MemoryPlace;
  /** The token of the last `lock`. From then on writes are refused unless it is the owner of the place. */
  #token: symbol | undefined;
  #closed = false;

  constructor(place: MemoryPlace) {
    this.#place = place;
  }

  async lock(): Promise<StorageLock> {
    this.#assertOpen();
    const place = this.#place;
    if (place.owner !== undefined) {
      throw createError("storage-locked", "this memory place is owned by another adapter; close that one first");
    }
    const token = Symbol("owner");
    place.owner = token;
    this.#token = token;
    return {
      async release(): Promise<void> {
        if (place.owner === token) place.owner = undefined;
      },
    };
  }

  async list(prefix: string): Promise<string[]> {
    this.#assertOpen();
    return this.#place.keys().filter((key) => key.startsWith(prefix));
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    this.#assertOpen();
    return this.#place.read(key);
  }

  async readRanges(key: string, ranges: readonly ByteRange[]): Promise<Uint8Array[] | undefined> {
    this.#assertOpen();
    return this.#place.readRanges(key, ranges);
  }

  async write(batch: readonly StorageOperation[]): Promise<void> {
    this.#assertOpen();
    if (this.#token !== undefined && this.#place.owner !== this.#token) {
      throw createError("storage-locked", "the lock of this memory place was released or taken over; open it again");
    }
    this.#place.apply(batch);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#token !== undefined && this.#place.owner === this.#token) this.#place.owner = undefined;
  }

  #assertOpen(): void {
    if (this.#closed) throw createError("memory-closed", "this storage was closed; make a new adapter");
  }
}
