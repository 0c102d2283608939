/**
 * Asking an embedder again. Owns how often, and how long to wait in between.
 */

import { asEmbedder } from "../embedder.js";
import { createError } from "../errors.js";
import { orAborted, sleep as wait } from "../internal/abort.js";
import { checkFields, checkNumber, checkWhole, invalid } from "../internal/convert.js";
import type { Embedder } from "../types.js";
import { failureOf } from "./failure.js";
import type { EmbedderLike } from "./types.js";

/** Options of {@link withRetry}. */
export interface RetryOptions {
  /** Calls at most, the first included. Default 4. */
  readonly attempts?: number | undefined;
  /** Longest wait before the second call, in milliseconds; each further one may be twice as long. Default 500. */
  readonly baseMs?: number | undefined;
  /** Longest wait of all. A service that asks for a longer one is not asked again. Default 30,000. */
  readonly maxMs?: number | undefined;
  /** Whether a failure is worth another call. Default: an error that says so, by `retryable`, its status or its code. */
  readonly retryIf?: ((error: unknown) => boolean) | undefined;
  /** Numbers from 0 to 1, below 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Resolves after so many milliseconds. Default: a timer. */
  readonly sleep?: ((millis: number) => PromiseLike<void>) | undefined;
}

/**
 * The same embedder, asked again when it fails in passing. Waits a random time below a limit that doubles ("full jitter":
 * Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), and at least as long as the service asked for
 * by `Retry-After`. An aborted call ends at once.
 *
 * @throws ValidationError naming the option
 * @example
 * const memory = await openMemory({ embedder: withRetry(openAiCompatible({ model: "text-embedding-3-small" }), { attempts: 5 }) });
 */
export function withRetry(embedder: EmbedderLike, options: RetryOptions = {}): Embedder {
  const inner = asEmbedder(embedder);
  checkFields(options, ["attempts", "baseMs", "maxMs", "retryIf", "random", "sleep"], "options");
  const { attempts = 4, baseMs = 500, maxMs = 30_000, random = Math.random } = options;
  const { retryIf = (error: unknown) => failureOf(error).retryable, sleep } = options;
  checkWhole(attempts, "attempts", 1, 100);
  for (const [field, value] of Object.entries({ baseMs, maxMs })) {
    checkNumber(value, field);
    if (value < 0) throw invalid(field, "must not be negative");
  }
  for (const [field, value] of Object.entries({ retryIf, random, sleep: sleep ?? wait })) {
    if (typeof value !== "function") throw invalid(field, "must be a function");
  }
  return {
    model: inner.model,
    dimensions: inner.dimensions,
    maxBatch: inner.maxBatch,
    embed: async (texts, asked) => {
      const { signal } = asked;
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await orAborted(signal, inner.embed(texts, asked));
        } catch (error) {
          const asksFor = failureOf(error).retryAfterMs ?? 0;
          if (signal?.aborted || attempt === attempts || asksFor > maxMs || !retryIf(error)) throw error;
          const share = random();
          if (!(share >= 0 && share < 1)) throw createError("invalid-argument", "random must answer numbers from 0 to 1, below 1", { details: { field: "random" } });
          const millis = Math.max(asksFor, share * Math.min(maxMs, baseMs * 2 ** (attempt - 1)));
          await (sleep ? orAborted(signal, sleep(millis)) : wait(millis, signal));
        }
      }
    },
  };
}
