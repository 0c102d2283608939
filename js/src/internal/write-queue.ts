/**
 * From tickets to promises: takes the engine's batches to storage, one at a time, and settles whoever waits for one.
 * While a batch is being written, later commits gather into the next: that is what makes concurrent adds cheap.
 *
 * Invariant: the queue is idle only when the engine has nothing to write. Asking for the next batch and going idle are
 * one synchronous step, so a commit can never fall in between and wait for ever.
 */

import { createError, type MemoryError } from "../errors.js";
import { handOver } from "../storage/batch.js";
import type { Storage, StorageOperation } from "../storage/types.js";
import { adapterError, guard, toError, type EngineHandle } from "./bridge.js";

interface Batch {
  readonly ticket: number;
  readonly operations: readonly StorageOperation[];
}

interface Waiter {
  readonly ticket: number;
  resolve(): void;
  reject(error: MemoryError): void;
}

/** Writes what the engine enqueues. */
export class WriteQueue {
  readonly #handle: EngineHandle;
  readonly #born: number;
  readonly #storage: Storage;
  readonly #settled: (failure?: MemoryError) => void;
  #waiters: Waiter[] = [];
  #running = false;
  #idle: Promise<void> = Promise.resolve();

  /** `born` is the engine's life; `settled` is called after each batch, with the failure if there was one, and when there is nothing to write. */
  constructor(handle: EngineHandle, born: number, storage: Storage, settled: (failure?: MemoryError) => void) {
    this.#handle = handle;
    this.#born = born;
    this.#storage = storage;
    this.#settled = settled;
  }

  /** Resolves when everything under `ticket` is in storage. */
  durable(ticket: number): Promise<void> {
    if (this.#handle.isDurable(ticket)) {
      // Some of what happens changes nothing, and is told all the same.
      this.#settled();
      return Promise.resolve();
    }
    const reason = this.#handle.poisoned();
    if (reason !== undefined) {
      const message = `an earlier write to storage failed (${reason}): open the memory again to continue`;
      return Promise.reject(createError("engine-poisoned", message, { details: { reason } }));
    }
    const promise = new Promise<void>((resolve, reject) => this.#waiters.push({ ticket, resolve, reject }));
    if (!this.#running) this.#idle = this.#drive();
    return promise;
  }

  /** Starts writing what the engine has enqueued by itself, without anybody waiting for it. */
  nudge(): void {
    if (!this.#running && this.#handle.poisoned() === undefined) this.#idle = this.#drive();
  }

  /** Resolves when no batch is under way. */
  idle(): Promise<void> {
    return this.#idle;
  }

  async #drive(): Promise<void> {
    this.#running = true;
    try {
      for (let batch = this.#take(); batch; batch = this.#take()) {
        await this.#write(batch);
        const { ticket } = batch;
        guard(this.#born, () => this.#handle.acknowledge(ticket));
        const waiters = this.#waiters;
        this.#waiters = waiters.filter((waiter) => waiter.ticket > ticket);
        for (const waiter of waiters) if (waiter.ticket <= ticket) waiter.resolve();
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

  #take(): Batch | undefined {
    return guard(this.#born, () => this.#handle.takeBatch() as Batch | undefined);
  }

  async #write({ operations }: Batch): Promise<void> {
    try {
      // The engine has made the bytes for this call, and keeps none of them.
      await this.#storage.write(handOver(operations));
    } catch (thrown) {
      const failure = adapterError(thrown);
      guard(this.#born, () => this.#handle.writeFailed(failure.message));
      throw failure;
    }
  }
}
