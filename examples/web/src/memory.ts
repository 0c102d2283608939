/**
 * Opening the memory of this page. One tab at a time owns it; a second one waits in line, and may ask the owner to hand
 * it over.
 */

import { type EngineConfig, type Memory, openMemory, StorageError } from "stratamem";
import { indexedDb } from "stratamem/storage/indexeddb";
import { day, hour, now, readClock, resetClock } from "./clock.ts";

const database = "stratamem-example";

/** Small limits, so that 228 memories fill three tiers. The package's own limits are far wider. */
export const config = {
  working: { maxItems: 24, ttl: hour },
  intermediate: { maxItems: 96, ttl: 30 * day },
} as const satisfies EngineConfig;

/** How long a tab that is just being closed or reloaded gets to let go. */
const graceMs = 800;
/** The longest time a browser's timer can be set to: practically for ever. */
const foreverMs = 2 ** 31 - 1;

const tabs = new BroadcastChannel(database);

/** Opens the memory, or makes it. `onBusy` is called if another tab has it; then this waits until that one is done. */
export async function open(onBusy: () => void): Promise<Memory> {
  try {
    return await openWithin(graceMs);
  } catch (error) {
    if (!isLocked(error)) throw error;
  }
  onBusy();
  for (;;) {
    try {
      return await openWithin(foreverMs);
    } catch (error) {
      if (!isLocked(error)) throw error;
    }
  }
}

async function openWithin(waitMs: number): Promise<Memory> {
  const memory = await openMemory({ storage: indexedDb(database, { waitMs }), now, config });
  readClock();
  return memory;
}

function isLocked(error: unknown): boolean {
  return error instanceof StorageError && error.code === "storage-locked";
}

/** Asks the tab that owns the memory to give it up. */
export function askForHandOver(): void {
  tabs.postMessage("hand over");
}

/** Calls `give` when another tab asks for the memory. */
export function onHandOver(give: () => void): void {
  tabs.onmessage = give;
}

/** Forgets everything, in the log and the segments too. */
export async function clear(memory: Memory): Promise<void> {
  await memory.forget({ filter: {} });
  await memory.maintain({ compact: true });
  resetClock();
}

/** Deletes a database that cannot be opened, so that the next `open` starts from nothing. */
export async function deleteDatabase(): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const request = indexedDB.deleteDatabase(database);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error ?? new Error("the browser refused to delete the database"));
  });
  resetClock();
}
