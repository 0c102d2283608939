/**
 * Several embedders of one space, one in place of the other. Owns their order and that their space is one.
 */

import { asEmbedder, embedAll } from "../embedder.js";
import { createError } from "../errors.js";
import { invalid } from "../internal/convert.js";
import type { Embedder } from "../types.js";
import { failureOf } from "./failure.js";
import type { EmbedderLike } from "./types.js";

/**
 * An embedder that asks the first of `embedders`, and those behind it when it fails or answers something that is no vector
 * of the space for each text. All must make vectors of the same
 * space, for vectors of two spaces cannot be compared: the same `model`, and the same `dimensions` where they are known.
 * An aborted call ends at once.
 *
 * @throws ValidationError `space-mismatch` if two are of different spaces
 * @example
 * const model = "nomic-embed-text";
 * const memory = await openMemory({ embedder: withFallback([ollama({ model, baseUrl: "http://gpu:11434" }), ollama({ model })]) });
 */
export function withFallback(embedders: readonly EmbedderLike[]): Embedder {
  if (!Array.isArray(embedders) || embedders.length === 0) throw invalid("embedders", "must be an array of one embedder at least");
  const chain = embedders.map(asEmbedder);
  const { model } = chain[0] as Embedder;
  const dimensions = chain.find((embedder) => embedder.dimensions !== undefined)?.dimensions;
  for (const [index, embedder] of chain.entries()) {
    if (embedder.model === model && (embedder.dimensions ?? dimensions) === dimensions) continue;
    const name = (of: { readonly model: string; readonly dimensions?: number | undefined }): string => (of.dimensions === undefined ? of.model : `${of.model}/${of.dimensions}`);
    const [expected, found] = [name({ model, dimensions }), name(embedder)];
    const message = `embedders/${index} makes vectors of ${found}, but those before it make vectors of ${expected}: these cannot be compared`;
    throw createError("space-mismatch", message, { details: { field: `embedders/${index}`, expected, found } });
  }
  return {
    model,
    dimensions,
    maxBatch: Math.max(...chain.map(({ maxBatch = 100 }) => maxBatch)),
    embed: async (texts, asked) => {
      const errors: unknown[] = [];
      for (const embedder of chain) {
        try {
          const { vectors, space } = await embedAll(sized(embedder, dimensions), texts, asked);
          return vectors.map((vector) => vector ?? new Float32Array(space.dimensions));
        } catch (error) {
          if (asked.signal?.aborted) throw error;
          errors.push(error);
        }
      }
      const details = { model, retryable: errors.some((error) => failureOf(error).retryable) };
      throw createError("embedder-failed", `none of ${chain.length} embedders of ${model} answered`, { details, cause: new AggregateError(errors) });
    },
  };
}

/** The same embedder, held to the dimensions that are known of the space. */
function sized(embedder: Embedder, dimensions: number | undefined): Embedder {
  const { model, maxBatch } = embedder;
  return { model, dimensions, maxBatch, embed: (texts, asked) => embedder.embed(texts, asked) };
}
