/**
 * Embedders, and the spaces of their vectors. Owns types only.
 */

/** Turns texts into vectors, one each, in order. */
export type EmbedFunction = (texts: readonly string[], options: EmbedOptions) => PromiseLike<readonly ArrayLike<number>[]> | readonly ArrayLike<number>[];

/** A function as an embedder. Its own property `model` names the space of its vectors; without one they are of `"custom"`. */
export type NamedEmbedFunction = EmbedFunction & { readonly model?: string | undefined };

/** What an embedder is told beside the texts. */
export interface EmbedOptions {
  /** Whether the texts are questions or things to remember. */
  readonly purpose: "query" | "memory";
  readonly signal?: AbortSignal;
}

/**
 * A model that turns texts into vectors.
 *
 * @example
 * const embedder: Embedder = { model: "my-model", embed: async (texts) => await callMyModel(texts) };
 */
export interface Embedder {
  /** Names the space: vectors of different models never mix. */
  readonly model: string;
  /** Components of each vector, if known beforehand. */
  readonly dimensions?: number | undefined;
  /** Most texts in one call. Default 100. */
  readonly maxBatch?: number | undefined;
  readonly embed: EmbedFunction;
}

/** The built-in model, by itself. */
export interface StaticEmbedder extends Embedder {
  readonly dimensions: number;
  /** One vector for each text; zeros for a text without meaning to the model. */
  readonly embed: (texts: readonly string[]) => Float32Array[];
}

/** An embedding model in the shape of the AI SDK's providers (V2 to V4). */
export interface EmbeddingModelLike {
  readonly modelId: string;
  readonly provider?: string | undefined;
  readonly maxEmbeddingsPerCall?: number | PromiseLike<number | undefined> | undefined;
  doEmbed(options: { values: string[]; abortSignal?: AbortSignal }): PromiseLike<{ embeddings: readonly (readonly number[])[] }>;
}

/**
 * What makes two vectors alike: `"cosine"`, the angle between them, whatever their lengths; `"dot"`, their product;
 * `"euclidean"`, how near they are to each other.
 */
export type Metric = "cosine" | "dot" | "euclidean";

/** The space in which vectors can be compared. */
export interface EmbeddingSpace {
  readonly model: string;
  readonly dimensions: number;
  /** How they are compared. Left out: by cosine. */
  readonly metric?: Exclude<Metric, "cosine">;
}
