/**
 * The shapes in which embedders are accepted, beside those of `types/embedding.ts`. Owns types only.
 */

import type { Embedder, EmbeddingModelLike, NamedEmbedFunction } from "../types.js";

/**
 * Embeddings in the shape of LangChain: one method for questions, one for what is to be remembered. The space of their
 * vectors is named by `model` or `modelName`, as most of its classes have it; without one it is `"custom"`.
 */
export interface LangChainEmbeddingsLike {
  embedQuery(text: string): PromiseLike<readonly number[]>;
  embedDocuments(texts: string[]): PromiseLike<readonly (readonly number[])[]>;
}

/** Everything that is taken for an embedder. */
export type EmbedderLike = Embedder | NamedEmbedFunction | EmbeddingModelLike | LangChainEmbeddingsLike;

/** Words put before a text, for models that were trained with them, such as `"query: "` and `"passage: "`. */
export interface Prefixes {
  /** Before questions. */
  readonly query?: string | undefined;
  /** Before what is to be remembered. */
  readonly memory?: string | undefined;
}
