// Short forms of what is asked of adapters.

import type { Storage, StorageLock, StorageOperation } from "../../src/storage/types.js";

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

export const append = (key: string, ...values: number[]): StorageOperation => ({ type: "append", key, bytes: bytes(...values) });

export const put = (key: string, ...values: number[]): StorageOperation => ({ type: "put", key, bytes: bytes(...values) });

/** The lock of an adapter that has one. */
export function lock(storage: Storage): Promise<StorageLock> {
  return (storage.lock as () => Promise<StorageLock>).call(storage);
}
