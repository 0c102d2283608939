/**
 * Listeners and their calls. A listener that throws does not disturb the memory: its error is reported to the host's
 * global handler, like that of any event.
 */

import { invalid } from "./internal/convert.js";
import type { MemoryEvents } from "./types.js";

/** A name of an event. */
export type MemoryEventName = keyof MemoryEvents;

const names: Readonly<Record<MemoryEventName, true>> = {
  "memory-added": true,
  "memory-updated": true,
  "memory-forgotten": true,
  "memory-repeated": true,
  "memory-consolidated": true,
  "memory-promoted": true,
  "memory-demoted": true,
  "memory-expired": true,
  "memory-evicted": true,
  "tier-limit-reached": true,
  "total-limit-reached": true,
  "policy-failed": true,
  "summary-failed": true,
  "encoder-failed": true,
  "graph-built": true,
  "worker-failed": true,
  "segment-sealed": true,
  "storage-failed": true,
};

/** Throws unless there is such an event and such a thing can listen to it. */
export function checkListening(name: unknown, listener: unknown): void {
  if (typeof name !== "string" || !Object.hasOwn(names, name)) throw invalid("name", `must be the name of an event: ${Object.keys(names).join(", ")}`);
  if (typeof listener !== "function") throw invalid("listener", "must be a function");
}

/** Listeners by event. */
export class EventHub {
  readonly #listeners = new Map<MemoryEventName, Set<(event: never) => void>>();

  /** Adds a listener; the answer takes it away again. */
  on<N extends MemoryEventName>(name: N, listener: (event: MemoryEvents[N]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** Calls the listeners of an event. */
  emit<N extends MemoryEventName>(name: N, event: MemoryEvents[N]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(event as never);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
