/**
 * Private copies of what callers hand to an adapter. Owns: copying bytes and operations, joining pieces, cutting ranges, merging
 * neighbouring appends. Does not own: applying an operation.
 *
 * Invariant: nothing returned here shares memory with an argument, unless that was handed over, whatever kind of view the argument was (a Node
 * `Buffer` is a `Uint8Array` whose own `slice` shares; the copies below do not go through it).
 */

import type { ByteRange, StorageOperation } from "./types.js";

/**
 * The pieces as one new array.
 *
 * @example
 * joinBytes([new Uint8Array([1]), new Uint8Array([2, 3])]); // Uint8Array [1, 2, 3]
 */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}

/**
 * Copies of ranges of some bytes; what reaches beyond the end is left out.
 *
 * @example
 * cutRanges(new Uint8Array([1, 2, 3]), [{ offset: 1, length: 9 }]); // [Uint8Array [2, 3]]
 */
export function cutRanges(bytes: Uint8Array, ranges: readonly ByteRange[]): Uint8Array[] {
  return ranges.map(({ offset, length }) => new Uint8Array(bytes.subarray(offset, offset + length)));
}

/** Batches whose bytes nobody else holds. */
const handedOver = new WeakSet<readonly StorageOperation[]>();

/**
 * Notes that a batch and its bytes are in nobody's hands but those of whom it is given to next, who need not copy it.
 *
 * @example
 * await storage.write(handOver(operations)); // and does not touch them again
 */
export function handOver(batch: readonly StorageOperation[]): readonly StorageOperation[] {
  handedOver.add(batch);
  return batch;
}

/**
 * A copy of an operation, its bytes included.
 *
 * @example
 * const kept = batch.map(copyOperation);
 */
export function copyOperation(operation: StorageOperation): StorageOperation {
  const { type, key } = operation;
  return type === "remove" ? { type, key } : { type, key, bytes: new Uint8Array(operation.bytes) };
}

/**
 * A copy of a batch in which appends that follow each other on one key are one append; of one that was handed over, bytes
 * that need not be joined are taken as they are. The states a crash can leave
 * are the same: the bytes of the merged append arrive in the order of the pieces.
 *
 * @example
 * copyMerged([
 *   { type: "append", key: "log", bytes: new Uint8Array([1]) },
 *   { type: "append", key: "log", bytes: new Uint8Array([2]) },
 * ]); // [{ type: "append", key: "log", bytes: Uint8Array [1, 2] }]
 */
export function copyMerged(batch: readonly StorageOperation[]): StorageOperation[] {
  const merged: StorageOperation[] = [];
  const isOurs = handedOver.has(batch);
  for (let at = 0; at < batch.length;) {
    const first = batch[at] as StorageOperation;
    const pieces: Uint8Array[] = [];
    let operation = batch[at];
    while (first.type === "append" && operation?.type === "append" && operation.key === first.key) {
      pieces.push(operation.bytes);
      at += 1;
      operation = batch[at];
    }
    if (pieces.length === 0) {
      merged.push(isOurs ? first : copyOperation(first));
      at += 1;
    } else if (isOurs && pieces.length === 1) {
      merged.push(first);
    } else {
      merged.push({ type: "append", key: first.key, bytes: joinBytes(pieces) });
    }
  }
  return merged;
}
