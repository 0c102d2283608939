/**
 * Embedders that speak the protocol of Ollama's `/api/embed`. Owns the words of that protocol.
 */

import { checkFlag } from "../internal/convert.js";
import type { Embedder } from "../types.js";
import { checkEndpoint, endpoint, type EndpointOptions } from "./endpoint.js";
import { checkPrefixes, prefixed } from "./prefix.js";
import type { Prefixes } from "./types.js";

export type { EndpointOptions } from "./endpoint.js";
export type { Prefixes } from "./types.js";

/** Options of {@link ollama}. */
export interface OllamaOptions extends EndpointOptions {
  /** Whether the end of a text that is too long for the model is cut off. Without that, the service refuses it. Default true. */
  readonly truncate?: boolean | undefined;
  /** Words put before texts, for models that were trained with them. */
  readonly prefix?: Prefixes | undefined;
}

/**
 * An embedder behind `POST {baseUrl}/api/embed`. `baseUrl` is `http://127.0.0.1:11434`, where Ollama listens, unless you
 * name another, and `maxBatch` 64.
 *
 * @throws ValidationError naming the option
 * @example
 * const memory = await openMemory({
 *   embedder: ollama({ model: "nomic-embed-text", prefix: { query: "search_query: ", memory: "search_document: " } }),
 * });
 */
export function ollama(options: OllamaOptions): Embedder {
  checkEndpoint(options, ["truncate", "prefix"]);
  checkFlag(options.truncate, "truncate");
  checkPrefixes(options.prefix);
  const { model, dimensions, truncate = true, prefix } = options;
  return endpoint(options, {
    home: "http://127.0.0.1:11434",
    path: "/api/embed",
    batch: 64,
    request: (texts, purpose) => ({ model, input: prefixed(texts, purpose, prefix), truncate, ...(dimensions !== undefined && { dimensions }) }),
    rows: ({ embeddings }) => (Array.isArray(embeddings) ? embeddings : undefined),
  });
}
