/**
 * The contract between the engine and whatever keeps its bytes. Owns: the shapes and the promises an adapter makes.
 * Does not own: any adapter, nor the meaning of the bytes.
 *
 * What is required of every adapter (the suite in `stratamem/testing` checks it):
 *
 * 1. Keys are chosen by the engine and match `[a-z0-9-]{1,64}`, so they are safe as file names.
 * 2. `write` applies its operations in order. If the host dies in the middle, a prefix of them has happened;
 *    `put` and `remove` are atomic per key; the last `append` may be torn (a prefix of its bytes is there).
 * 3. The promise of `write` resolves only when every operation is durable.
 * 4. `write` calls may overlap; their effects are those of the order of the calls. So may `read` calls.
 * 5. Arrays given and returned are not shared: neither side sees later changes of the other.
 * 6. After a failed `write` the adapter keeps working; what it holds is a prefix as in 2.
 * 7. One owner at a time: while one lock is held, `lock` of another adapter on the same place rejects with
 *    `storage-locked`. An owner whose lock was taken over gets `storage-locked` from `write`, and nothing of that
 *    write is acknowledged.
 * 8. `readRanges`, where there is one, answers what `read` would have, cut to the ranges. It sees at least what was
 *    acknowledged before it was called.
 */

/** One step of a batch. */
export type StorageOperation =
  | { readonly type: "append"; readonly key: string; readonly bytes: Uint8Array }
  | { readonly type: "put"; readonly key: string; readonly bytes: Uint8Array }
  | { readonly type: "remove"; readonly key: string };

/** Some bytes of a value. */
export interface ByteRange {
  /** How many bytes come before them. */
  readonly offset: number;
  /** How many they are. */
  readonly length: number;
}

/** Exclusive ownership of a place. */
export interface StorageLock {
  /** Gives the place up. Safe to call twice. */
  release(): Promise<void>;
}

/**
 * A place that keeps bytes under keys. One adapter serves one opening: `openMemory` closes it when the memory is closed
 * or cannot be opened, and a closed adapter stays closed.
 *
 * @example
 * const storage: Storage = memoryStorage();
 * await storage.write([{ type: "put", key: "a", bytes: new Uint8Array([1]) }]);
 * await storage.read("a"); // Uint8Array [1]
 */
export interface Storage {
  /** What this is, for messages: `node-fs(./agent-memory)`. */
  readonly name: string;
  /**
   * Takes exclusive ownership, before anything is read.
   * Rejects with `storage-locked` when somebody else owns the place.
   * Adapters whose place cannot be shared leave it out.
   */
  lock?(): Promise<StorageLock>;
  /** The keys that start with `prefix` (all with `""`), in ascending order. */
  list(prefix: string): Promise<string[]>;
  /** The bytes under `key`, or `undefined`. Appended pieces come back as one array. */
  read(key: string): Promise<Uint8Array | undefined>;
  /**
   * Those bytes under `key`, range by range, or `undefined` if there is no such key. Of a range that reaches beyond the end
   * of the value it answers what is there. Ranges may come in any order and overlap.
   * Without it, whatever is needed a part of is read as a whole.
   */
  readRanges?(key: string, ranges: readonly ByteRange[]): Promise<Uint8Array[] | undefined>;
  /** Applies the operations in order; resolves when all are durable. `append` creates a missing key. */
  write(batch: readonly StorageOperation[]): Promise<void>;
  /** Frees what the adapter holds. Safe to call twice. Later calls reject with `memory-closed`. */
  close(): Promise<void>;
}
