/**
 * Embedders on a feature-extraction pipeline of Transformers.js, which the user makes. Owns the call of the pipeline and
 * the reading of its tensor. Does not own the model, its files or the package: the shape of the pipeline is enough.
 */

import { createError } from "../errors.js";
import { checkFields, checkFlag, checkWhole, invalid } from "../internal/convert.js";
import type { Embedder } from "../types.js";
import { checkPrefixes, prefixed } from "./prefix.js";
import type { Prefixes } from "./types.js";

export type { Prefixes } from "./types.js";

/** What a pipeline answers: the vectors of all texts, row after row, and the numbers of texts and components. */
export interface TensorLike {
  readonly data: ArrayLike<number> | ArrayLike<bigint> | ArrayLike<string>;
  readonly dims: readonly number[];
}

/** A feature-extraction pipeline, as `pipeline("feature-extraction", model)` of Transformers.js makes it. */
export type FeatureExtractionLike = (texts: string[], options: { readonly pooling: "mean" | "cls"; readonly normalize: boolean }) => PromiseLike<TensorLike>;

/** Options of {@link transformersJs}. */
export interface TransformersJsOptions {
  /** Names the space of the vectors: the model that the pipeline was made with. */
  readonly model: string;
  /** How the vectors of the word pieces become one of the text, as the model was trained. Default `"mean"`. */
  readonly pooling?: "mean" | "cls" | undefined;
  /** Whether the pipeline brings vectors to length 1. The memory does so in any case. Default true. */
  readonly normalize?: boolean | undefined;
  /** Components of each vector, if known. */
  readonly dimensions?: number | undefined;
  /** Words put before texts, for models that were trained with them. */
  readonly prefix?: Prefixes | undefined;
  /** Most texts in one call of the pipeline. All are padded to the longest of them. Default 16. */
  readonly maxBatch?: number | undefined;
}

/**
 * An embedder on a pipeline of Transformers.js.
 *
 * @throws ValidationError naming the argument
 * @example
 * // Made by: await pipeline("feature-extraction", "Xenova/all-MiniLM-L6-v2")
 * const memory = await openMemory({ embedder: transformersJs(extract, { model: "all-MiniLM-L6-v2", dimensions: 384 }) });
 */
export function transformersJs(pipeline: FeatureExtractionLike, options: TransformersJsOptions): Embedder {
  if (typeof pipeline !== "function") throw invalid("pipeline", "must be a feature-extraction pipeline");
  checkFields(options, ["model", "pooling", "normalize", "dimensions", "prefix", "maxBatch"], "options");
  const { model, pooling = "mean", normalize = true, dimensions, prefix, maxBatch = 16 } = options;
  if (typeof model !== "string" || model === "") throw invalid("model", "must be a name");
  if (pooling !== "mean" && pooling !== "cls") throw invalid("pooling", 'must be "mean" or "cls"');
  checkFlag(normalize, "normalize");
  for (const [field, value] of Object.entries({ dimensions, maxBatch })) checkWhole(value, field, 1);
  checkPrefixes(prefix);
  return {
    model,
    dimensions,
    maxBatch,
    embed: async (texts, { purpose }) => {
      const { data, dims } = await pipeline(prefixed(texts, purpose, prefix), { pooling, normalize });
      const [rows, width = 0] = dims;
      if (dims.length !== 2 || rows !== texts.length || data.length !== rows * width) {
        const message = `the embedder ${model} failed: the pipeline answered a tensor of [${dims.join(", ")}] for ${texts.length} texts`;
        throw createError("embedder-failed", message, { details: { model, retryable: false } });
      }
      const numbers = Float32Array.from(data as ArrayLike<number>);
      return texts.map((_, index) => numbers.subarray(index * width, (index + 1) * width));
    },
  };
}
