/**
 * Leaving an embedder alone that fails. Owns when it is asked no more, and when again.
 */

import { asEmbedder } from "../embedder.js";
import { createError } from "../errors.js";
import { checkFields, checkWhole, invalid } from "../internal/convert.js";
import type { Embedder } from "../types.js";
import { failureOf } from "./failure.js";
import type { EmbedderLike } from "./types.js";

/** Options of {@link withCircuitBreaker}. */
export interface CircuitBreakerOptions {
  /** Failures in a row after which it is asked no more. Default 5. */
  readonly failures?: number | undefined;
  /** Milliseconds until one call may try again. Default 30,000. */
  readonly openMs?: number | undefined;
  /** Milliseconds of a clock that only goes forward. Default `performance.now`. */
  readonly now?: (() => number) | undefined;
}

/**
 * The same embedder, left alone for a while after failures in a row: calls fail at once then, with an `EmbedderError` whose
 * `details.reason` is `circuit-open`. After that time one call goes through, and decides for all (Nygard, "Release It!",
 * 2007). What the service refuses because of the call itself, such as a bad key or a text that is too long, is no such
 * failure; nor is an aborted call.
 *
 * @throws ValidationError naming the option
 * @example
 * const memory = await openMemory({ embedder: withCircuitBreaker(ollama({ model: "nomic-embed-text" }), { failures: 3, openMs: 10_000 }) });
 */
export function withCircuitBreaker(embedder: EmbedderLike, options: CircuitBreakerOptions = {}): Embedder {
  const inner = asEmbedder(embedder);
  checkFields(options, ["failures", "openMs", "now"], "options");
  const { failures = 5, openMs = 30_000, now = () => performance.now() } = options;
  for (const [field, value] of Object.entries({ failures, openMs })) checkWhole(value, field, 1);
  if (typeof now !== "function") throw invalid("now", "must be a function");
  const { model } = inner;
  let inARow = 0;
  /** Until when it is left alone, once it has failed so often. */
  let until: number | undefined;
  let trying = false;
  return {
    model,
    dimensions: inner.dimensions,
    maxBatch: inner.maxBatch,
    embed: async (texts, asked) => {
      const left = until === undefined ? 0 : until - now();
      if (left > 0 || (until !== undefined && trying)) {
        const details = { model, retryable: true, reason: "circuit-open", retryAfterMs: Math.max(0, Math.ceil(left)) };
        throw createError("embedder-failed", `the embedder ${model} is left alone for now: it failed ${inARow} times in a row`, { details });
      }
      const isTrial = until !== undefined;
      trying = isTrial;
      try {
        const answer = await inner.embed(texts, asked);
        [inARow, until] = [0, undefined];
        return answer;
      } catch (error) {
        if (asked.signal?.aborted) throw error;
        // A refusal is an answer, too.
        [inARow, until] = isOutage(error) ? [inARow + 1, until] : [0, undefined];
        if (inARow >= failures) until = now() + openMs;
        throw error;
      } finally {
        if (isTrial) trying = false;
      }
    },
  };
}

/** Whether a failure is the service's, and not that of what it was asked. */
function isOutage(error: unknown): boolean {
  const { status, retryable } = failureOf(error);
  return retryable || status === undefined || status >= 500;
}
