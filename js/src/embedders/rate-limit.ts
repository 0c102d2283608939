/**
 * Asking an embedder no faster than it may be asked. Owns the queue of calls and its pace.
 */

import { asEmbedder } from "../embedder.js";
import { orAborted, sleep as wait } from "../internal/abort.js";
import { checkFields, checkWhole, invalid } from "../internal/convert.js";
import type { Embedder } from "../types.js";
import type { EmbedderLike } from "./types.js";

/** Options of {@link withRateLimit}. */
export interface RateLimitOptions {
  /** Calls that may begin within `perMs`. Default: any number. */
  readonly calls?: number | undefined;
  /** The time that `calls` is about, in milliseconds. Default 60,000. */
  readonly perMs?: number | undefined;
  /** Calls that may be under way at once. Default: any number. */
  readonly concurrent?: number | undefined;
  /** Milliseconds of a clock that only goes forward. Default `performance.now`. */
  readonly now?: (() => number) | undefined;
  /** Resolves after so many milliseconds. Default: a timer. */
  readonly sleep?: ((millis: number) => PromiseLike<void>) | undefined;
}

/**
 * The same embedder, asked no more often than a service allows. Calls beyond that wait, in the order in which they came;
 * in no stretch of `perMs` milliseconds begin more than `calls`. An aborted call leaves the queue.
 *
 * @throws ValidationError naming the option
 * @example
 * const memory = await openMemory({ embedder: withRateLimit(cohere({ model: "embed-v4.0" }), { calls: 100, perMs: 60_000, concurrent: 4 }) });
 */
export function withRateLimit(embedder: EmbedderLike, options: RateLimitOptions): Embedder {
  const inner = asEmbedder(embedder);
  checkFields(options, ["calls", "perMs", "concurrent", "now", "sleep"], "options");
  const { calls, perMs = 60_000, concurrent, now = () => performance.now(), sleep } = options;
  for (const [field, value] of Object.entries({ calls, perMs, concurrent })) checkWhole(value, field, 1);
  if (calls === undefined && concurrent === undefined) throw invalid("calls", "or concurrent must be given");
  for (const [field, value] of Object.entries({ now, sleep: sleep ?? wait })) {
    if (typeof value !== "function") throw invalid(field, "must be a function");
  }
  const gate = new Gate(calls, perMs, concurrent, now, (millis, signal) => (sleep ? orAborted(signal, sleep(millis)) : wait(millis, signal)));
  return {
    model: inner.model,
    dimensions: inner.dimensions,
    maxBatch: inner.maxBatch,
    embed: async (texts, asked) => {
      await gate.enter(asked.signal);
      try {
        return await inner.embed(texts, asked);
      } finally {
        gate.leave();
      }
    },
  };
}

/** Lets calls in one after the other. */
class Gate {
  readonly #calls: number | undefined;
  readonly #perMs: number;
  readonly #room: number;
  readonly #now: () => number;
  readonly #sleep: (millis: number, signal: AbortSignal | undefined) => Promise<void>;
  /** When the last calls began, earliest first, `#calls` at most. */
  readonly #begun: number[] = [];
  #inside = 0;
  /** Tells the call at the head of the queue that another one has left. */
  #left: (() => void) | undefined;
  /** Settles when the call before has entered or given up. */
  #last: Promise<void> = Promise.resolve();

  constructor(calls: number | undefined, perMs: number, concurrent: number | undefined, now: () => number, sleep: (millis: number, signal: AbortSignal | undefined) => Promise<void>) {
    this.#calls = calls;
    this.#perMs = perMs;
    this.#room = concurrent ?? Number.POSITIVE_INFINITY;
    this.#now = now;
    this.#sleep = sleep;
  }

  /** Resolves when it is the turn of this call. */
  enter(signal: AbortSignal | undefined): Promise<void> {
    const before = this.#last;
    const turn = before.then(() => this.#turn(signal));
    this.#last = turn.catch(() => undefined);
    // One that is aborted while others are before it need not wait for them. If its turn comes all the same, it is over at once.
    return orAborted(signal, turn).catch((reason: unknown) => {
      turn.then(
        () => this.leave(),
        () => undefined,
      );
      throw reason;
    });
  }

  /** A call has ended. */
  leave(): void {
    this.#inside -= 1;
    this.#left?.();
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    while (this.#inside >= this.#room) await orAborted(signal, new Promise<void>((resolve) => (this.#left = resolve)));
    const first = this.#begun[0];
    if (this.#calls !== undefined && first !== undefined && this.#begun.length === this.#calls) {
      const due = first + this.#perMs - this.#now();
      if (due > 0) await this.#sleep(Math.ceil(due), signal);
      this.#begun.shift();
    }
    signal?.throwIfAborted();
    if (this.#calls !== undefined) this.#begun.push(this.#now());
    this.#inside += 1;
  }
}
