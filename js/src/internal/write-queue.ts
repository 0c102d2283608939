/**
 * From tickets to promises: drives the engine's batches to storage, one at a time, and settles whoever waits for one.
 * While a batch is being written, later commits gather into the next: that is what makes concurrent adds cheap.
 */

import type { MemoryError } from "../errors.js";
import { createError } from "../errors.js";
import { toError, type EngineHandle } from "./bridge.js";

interface Waiter {
  readonly ticket: number;
  resolve(): void;
  reject(error: MemoryError): void;
}

/** Writes what the engine enqueues. */
export class WriteQueue {
  readonly #handle: EngineHandle;
  readonly #settled: (failure?: MemoryError) => void;
  #waiters: Waiter[] = [];
  #running = false;
  #idle: Promise<void> = Promise.resolve();

  /** `settled` is called after each batch, with the failure if there was one. */
  constructor(handle: EngineHandle, settled: (failure?: MemoryError) => void) {
    this.#handle = handle;
    this.#settled = settled;
  }

  /** Resolves when everything under `ticket` is in storage. */
  durable(ticket: number): Promise<void> {
    if (this.#handle.isDurable(ticket)) return Promise.resolve();
    const poisoned = this.#handle.poisoned();
    if (poisoned !== undefined) return Promise.reject(createError("engine-poisoned", `an earlier write to storage failed (${poisoned})`));
    const promise = new Promise<void>((resolve, reject) => this.#waiters.push({ ticket, resolve, reject }));
    if (!this.#running) this.#idle = this.#drive();
    return promise;
  }

  /** Resolves when no batch is under way. */
  idle(): Promise<void> {
    return this.#idle;
  }

  async #drive(): Promise<void> {
    this.#running = true;
    try {
      while (await this.#handle.persist()) {
        const waiters = this.#waiters;
        this.#waiters = waiters.filter((waiter) => !this.#handle.isDurable(waiter.ticket));
        for (const waiter of waiters) if (!this.#waiters.includes(waiter)) waiter.resolve();
        this.#settled();
      }
    } catch (thrown) {
      const failure = toError(thrown);
      const waiters = this.#waiters;
      this.#waiters = [];
      for (const waiter of waiters) waiter.reject(failure);
      this.#settled(failure);
    } finally {
      this.#running = false;
    }
  }
}
