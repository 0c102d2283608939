/**
 * An opened memory, as all its views share it. Owns: its lifetime, its events, and what takes turns over it. Does not own:
 * what users call (the facade).
 */

import { embedAll, type Embedded } from "./embedder.js";
import { EmbeddingCache, type EmbeddingCacheOptions } from "./embedding-cache.js";
import { Encoders, type VectorEncoder } from "./encoders.js";
import { createError, type MemoryError } from "./errors.js";
import { EventHub, type MemoryEventName } from "./events.js";
import { Graphs, type StartWorker } from "./graphs.js";
import { adapterError, checkAlive, currentLife, guard, type EngineHandle } from "./internal/bridge.js";
import { nextTurn } from "./internal/turn.js";
import { WriteQueue } from "./internal/write-queue.js";
import { PolicyTurns } from "./policies.js";
import { Rows } from "./rows.js";
import type { Storage, StorageLock } from "./storage/types.js";
import { SummaryTurns } from "./summaries.js";
import type { Embedder, EmbeddingSpace, EmbedOptions, Metric, Policies, Scope, Summarize } from "./types.js";

/** How long closing holds the thread in one turn, in milliseconds. */
const SLICE_MS = 5;

/** What the user brings that the memory asks. @internal */
export interface Helpers {
  readonly embedder: Embedder | undefined;
  readonly embeddingCache: EmbeddingCacheOptions | false;
  readonly now: () => number;
  readonly policies: Policies | undefined;
  readonly encoders: readonly VectorEncoder[];
  readonly summarize: Summarize | undefined;
  /** How vectors are to be compared. */
  readonly metric: Metric | undefined;
  readonly startWorker: StartWorker | undefined;
}

/** What all views of one opened memory share. @internal */
export class Session {
  readonly handle: EngineHandle;
  /** What makes vectors, whether or not they are of the space that the memory is of. */
  readonly model: Embedder | undefined;
  /** Vectors that were asked for before. */
  readonly cache: EmbeddingCache | undefined;
  readonly now: () => number;
  readonly hub: EventHub = new EventHub();
  readonly queue: WriteQueue;
  /** Reads vectors that stay in storage. */
  readonly rows: Rows;
  readonly policies: PolicyTurns | undefined;
  readonly summaries: SummaryTurns;
  readonly encoders: Encoders;
  readonly graphs: Graphs;
  /** Called after a write that leaves more than a limit allows: those who keep the memory maintained. */
  readonly keepers: Set<() => void> = new Set();
  readonly #metric: Metric | undefined;
  readonly #storage: Storage;
  readonly #lock: StorageLock | undefined;
  readonly #born = currentLife();
  #closing: Promise<void> | undefined;
  #isOfAnotherModel = false;

  constructor(handle: EngineHandle, storage: Storage, lock: StorageLock | undefined, { embedder, embeddingCache, now, policies, encoders, summarize, metric, startWorker }: Helpers) {
    this.handle = handle;
    this.model = embedder;
    this.cache = embedder && embeddingCache ? new EmbeddingCache(embeddingCache, now) : undefined;
    this.policies = policies && new PolicyTurns(policies, (failure) => this.hub.emit("policy-failed", failure));
    this.summaries = new SummaryTurns(summarize, (text) => this.#embedSummary(text), (failure) => this.hub.emit("summary-failed", failure));
    this.encoders = new Encoders(encoders, (failure) => this.hub.emit("encoder-failed", failure));
    this.graphs = new Graphs(startWorker, (use) => this.call(use), (name, event) => this.hub.emit(name, event));
    this.now = now;
    this.#metric = metric;
    this.#storage = storage;
    this.#lock = lock;
    this.queue = new WriteQueue(handle, this.#born, storage, (failure) => this.#settled(failure));
    this.rows = new Rows((use) => this.call(use), storage, () => this.queue.idle());
    this.look();
  }

  /** What makes vectors of the space that the memory is of. */
  get embedder(): Embedder | undefined {
    return this.#isOfAnotherModel ? undefined : this.model;
  }

  /** How vectors are compared, or will be once there are any. */
  get metric(): Metric {
    return this.handle.metric() as Metric;
  }

  /** Whether the memory is of another space than that of its embedder, and waits to be embedded anew. */
  get isOfAnotherModel(): boolean {
    return this.#isOfAnotherModel;
  }

  /** Looks at the space that the memory is of: again whenever that may have changed. */
  look(): void {
    const space = this.handle.space() as EmbeddingSpace | undefined;
    this.#isOfAnotherModel = this.model !== undefined && space !== undefined && !(isOf(space, this.model) && isComparedBy(space, this.#metric));
  }

  /** The vectors of texts on behalf of `view`. Only while there is an {@link embedder}. */
  embed(embedder: Embedder, texts: readonly string[], options: EmbedOptions, view: Scope): Promise<Embedded> {
    return this.cache ? this.cache.embed(embedder, texts, options, view) : embedAll(embedder, texts, options);
  }

  /** Runs a call into the engine, if it may still be used. */
  call<T>(use: (handle: EngineHandle) => T): T {
    if (this.#closing) throw createError("memory-closed", "the memory is closed; open it again with openMemory");
    return guard(this.#born, () => use(this.handle));
  }

  /** Tells the keepers if more is held than a limit allows, after something was written. */
  strain(): void {
    if (this.keepers.size > 0 && this.call((handle) => handle.overfull())) for (const wake of this.keepers) wake();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    let failure: unknown;
    this.graphs.close();
    try {
      checkAlive(this.#born);
      let written = Promise.resolve();
      // What there is to store may be much: each turn does some of it, and it goes to storage meanwhile.
      for (let more = true; more && guard(this.#born, () => this.handle.poisoned()) === undefined; ) {
        more = guard(this.#born, () => inSlice(() => this.handle.flushStep(this.now())));
        written = this.queue.durable(guard(this.#born, () => this.handle.ticket()));
        // If storage fails before the next turn, that is told below.
        written.catch(() => {});
        if (more) await nextTurn();
      }
      await written;
    } catch (error) {
      // A memory whose engine died has nothing left to flush; any other failure is the caller's to know.
      if ((error as MemoryError).code !== "engine-panicked") failure = error;
    }
    await this.queue.idle();
    // The same goes for letting go of all that is held: millions of pieces of memory.
    while (this.#born === currentLife() && inSlice(() => this.handle.shed())) await nextTurn();
    if (this.#born === currentLife()) this.handle.free();
    for (const giveUp of [() => this.#lock?.release(), () => this.#storage.close()]) {
      try {
        await giveUp();
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw adapterError(failure);
  }

  async #embedSummary(text: string): Promise<Embedded | undefined> {
    return this.embedder && embedAll(this.embedder, [text], { purpose: "memory" });
  }

  #settled(failure?: MemoryError): void {
    if (failure) this.hub.emit("storage-failed", { error: failure });
    if (this.#born !== currentLife()) return;
    for (const { type, ...event } of this.handle.drainEvents() as ({ type: MemoryEventName } & object)[]) {
      this.hub.emit(type, event as never);
    }
    if (!failure && !this.#closing) this.rows.serve();
  }
}

/** Takes steps for a few milliseconds, as long as `step` says that there are more. Answers whether there still are. */
function inSlice(step: () => boolean): boolean {
  const until = performance.now() + SLICE_MS;
  while (step()) if (performance.now() >= until) return true;
  return false;
}

/** Whether vectors of an embedder are of that space, as far as is known of it. */
export function isOf(space: EmbeddingSpace, { model, dimensions = space.dimensions }: Embedder): boolean {
  return space.model === model && space.dimensions === dimensions;
}

/** Whether the vectors of a space are compared as the configuration asks. */
export function isComparedBy(space: EmbeddingSpace, metric: Metric | undefined): boolean {
  return metric === undefined || metric === (space.metric ?? "cosine");
}
