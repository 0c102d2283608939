/**
 * Embedders that speak the protocol of OpenAI's `/embeddings`: OpenAI itself, and what imitates it (Azure, vLLM,
 * llama.cpp, LM Studio, Mistral, Together and others). Owns the words of that protocol.
 */

import type { Embedder } from "../types.js";
import { checkEndpoint, endpoint, type EndpointOptions } from "./endpoint.js";
import { checkPrefixes, prefixed } from "./prefix.js";
import type { Prefixes } from "./types.js";

export type { EndpointOptions } from "./endpoint.js";
export type { Prefixes } from "./types.js";

/** Options of {@link openAiCompatible}. */
export interface OpenAiCompatibleOptions extends EndpointOptions {
  /** Words put before texts, for models that were trained with them. */
  readonly prefix?: Prefixes | undefined;
}

/**
 * An embedder behind `POST {baseUrl}/embeddings`. `baseUrl` is `https://api.openai.com/v1` unless you name another, and
 * `maxBatch` 128. Leave `dimensions` out where the service does not know that field.
 *
 * @throws ValidationError naming the option
 * @example
 * const memory = await openMemory({
 *   embedder: openAiCompatible({ apiKey: () => process.env.OPENAI_API_KEY ?? "", model: "text-embedding-3-small", dimensions: 512 }),
 * });
 */
export function openAiCompatible(options: OpenAiCompatibleOptions): Embedder {
  checkEndpoint(options, ["prefix"]);
  checkPrefixes(options.prefix);
  const { model, dimensions, prefix } = options;
  return endpoint(options, {
    home: "https://api.openai.com/v1",
    path: "/embeddings",
    batch: 128,
    request: (texts, purpose) => ({ model, input: prefixed(texts, purpose, prefix), encoding_format: "float", ...(dimensions !== undefined && { dimensions }) }),
    rows: ({ data }) => (Array.isArray(data) ? inOrder(data as Item[]) : undefined),
  });
}

/** One vector of an answer, as far as it can be believed. */
type Item = { readonly index?: unknown; readonly embedding?: unknown } | null;

/** The vectors in the order of the texts: by their indexes, or as they come if none has one. Nothing if the indexes are no order. */
function inOrder(items: readonly Item[]): readonly unknown[] | undefined {
  if (items.every((item) => item?.index === undefined)) return items.map((item) => item?.embedding);
  const rows = new Map(items.map((item) => [item?.index, item?.embedding]));
  const places = items.map((_, index) => index);
  return places.every((index) => rows.has(index)) ? places.map((index) => rows.get(index)) : undefined;
}
