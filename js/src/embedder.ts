/**
 * Embedders: what turns texts into vectors. Owns the contract, the acceptance of foreign shapes and the checks of
 * their answers. Does not own the built-in model (that is the engine's) or any network.
 */

import { failureOf } from "./embedders/failure.js";
import type { EmbedderLike, LangChainEmbeddingsLike } from "./embedders/types.js";
import { createError, EmbedderError } from "./errors.js";
import { orAborted } from "./internal/abort.js";
import { checkWhole } from "./internal/convert.js";
import type { Embedder, EmbeddingModelLike, EmbeddingSpace, EmbedOptions } from "./types.js";

/** One vector per text, row after row, in a known space; `undefined` marks a text without meaning to the model. */
export interface Embedded {
  readonly space: EmbeddingSpace;
  readonly vectors: readonly (Float32Array | undefined)[];
}

/** Brings any accepted shape to the contract. */
export function asEmbedder(given: EmbedderLike): Embedder {
  // Not the function's own name: minifiers change it, and two functions may share one.
  if (typeof given === "function") return { model: isName(given.model) ? (given.model as string) : "custom", embed: given };
  if (typeof given === "object" && given !== null) {
    if ("doEmbed" in given && typeof given.doEmbed === "function" && isName(given.modelId)) return fromModel(given);
    if ("embed" in given && typeof given.embed === "function" && isName(given.model)) {
      checkWhole(given.dimensions, "embedder/dimensions", 1);
      if (given.maxBatch !== Number.POSITIVE_INFINITY) checkWhole(given.maxBatch, "embedder/maxBatch", 1);
      return given;
    }
    if ("embedQuery" in given && typeof given.embedQuery === "function" && typeof given.embedDocuments === "function") return fromLangChain(given);
  }
  throw createError(
    "invalid-argument",
    "embedder must be a function, an object with model and embed(texts), a model with doEmbed({ values }), or embeddings with embedQuery and embedDocuments",
    { details: { field: "embedder" } },
  );
}

function isName(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function fromModel(model: EmbeddingModelLike): Embedder {
  const name = model.provider ? `${model.provider}/${model.modelId}` : model.modelId;
  return {
    model: name,
    embed: async (values, { signal }) => {
      const limit = (await model.maxEmbeddingsPerCall) ?? 100;
      const most = limit >= 1 ? Math.floor(limit) : 1;
      const rows: (readonly number[])[] = [];
      for (let at = 0; at < values.length; at += most) {
        const part = values.slice(at, at + most);
        const { embeddings } = await model.doEmbed({ values: part, ...(signal && { abortSignal: signal }) });
        if (embeddings.length !== part.length) throw new Error(`${embeddings.length} vectors for ${part.length} texts`);
        rows.push(...embeddings);
      }
      return rows;
    },
  };
}

function fromLangChain(given: LangChainEmbeddingsLike & { readonly model?: unknown; readonly modelName?: unknown }): Embedder {
  const name = [given.model, given.modelName].find(isName) ?? "custom";
  return {
    model: name as string,
    embed: (texts, { purpose }) => (purpose === "query" ? Promise.all(texts.map((text) => given.embedQuery(text))) : given.embedDocuments([...texts])),
  };
}

/** Asks `embedder` in batches and checks every answer. */
export async function embedAll(embedder: Embedder, texts: readonly string[], options: EmbedOptions): Promise<Embedded> {
  const vectors: (Float32Array | undefined)[] = [];
  const most = embedder.maxBatch ?? 100;
  let dimensions = embedder.dimensions;
  for (let at = 0; at < texts.length; at += most) {
    const part = texts.slice(at, at + most);
    const answer = await ask(embedder, part, options);
    for (const [index, row] of answer.entries()) {
      if (!isRow(row)) throw failed(embedder, "answered something that is not a vector", { details: { index: at + index } });
      dimensions ??= row.length;
      vectors.push(accept(embedder, row, dimensions, at + index));
    }
  }
  return { space: { model: embedder.model, dimensions: dimensions ?? 0 }, vectors };
}

async function ask(embedder: Embedder, texts: readonly string[], options: EmbedOptions): Promise<readonly ArrayLike<number>[]> {
  let answer: readonly ArrayLike<number>[];
  try {
    answer = await orAborted(options.signal, embedder.embed(texts, options));
  } catch (cause) {
    if (options.signal?.aborted) throw createError("aborted", "the call was aborted", { cause });
    if (cause instanceof EmbedderError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw failed(embedder, `threw: ${message}`, { cause, details: { ...failureOf(cause) } });
  }
  if (!Array.isArray(answer) || answer.length !== texts.length) {
    const found = Array.isArray(answer) ? `${answer.length} vectors` : typeof answer;
    throw failed(embedder, `answered ${found} for ${texts.length} texts`);
  }
  return answer;
}

/** Whether that has the shape of a vector, whatever its numbers are. */
export function isRow(row: unknown): row is ArrayLike<number> {
  return Array.isArray(row) || (ArrayBuffer.isView(row) && !(row instanceof DataView));
}

function accept(embedder: Embedder, row: ArrayLike<number>, dimensions: number, index: number): Float32Array | undefined {
  if (row.length !== dimensions || dimensions === 0) {
    throw failed(embedder, `answered a vector of ${row.length} dimensions where ${dimensions} were expected`, { details: { index } });
  }
  const numbers = Array.from(row).every((component) => typeof component === "number");
  const vector = numbers ? Float32Array.from(row) : new Float32Array();
  if (!numbers || !vector.every(Number.isFinite)) throw failed(embedder, "answered a vector with something that is not a finite 32-bit number", { details: { index } });
  return vector.some((component) => component !== 0) ? vector : undefined;
}

function failed(embedder: Embedder, problem: string, init: { cause?: unknown; details?: Record<string, unknown> } = {}): Error {
  const details = { model: embedder.model, ...init.details };
  return createError("embedder-failed", `the embedder ${embedder.model} ${problem}`, { ...init, details });
}
