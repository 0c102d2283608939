/**
 * Embedders that speak the protocol of Cohere's `/v2/embed`. Owns the words of that protocol.
 */

import { invalid } from "../internal/convert.js";
import type { Embedder } from "../types.js";
import { checkEndpoint, endpoint, type EndpointOptions } from "./endpoint.js";

export type { EndpointOptions } from "./endpoint.js";

/** Options of {@link cohere}. */
export interface CohereOptions extends EndpointOptions {
  /** What becomes of a text that is too long for the model. Default `"END"`: its end is cut off. */
  readonly truncate?: "START" | "END" | "NONE" | undefined;
}

/**
 * An embedder behind `POST {baseUrl}/v2/embed`, told apart by `input_type`: `search_query` for questions,
 * `search_document` for what is to be remembered. `baseUrl` is `https://api.cohere.com` unless you name another, and
 * `maxBatch` 96, the most that the service takes. `dimensions` is sent as `output_dimension`.
 *
 * @throws ValidationError naming the option
 * @example
 * const memory = await openMemory({ embedder: cohere({ apiKey: () => process.env.COHERE_API_KEY ?? "", model: "embed-v4.0", dimensions: 1024 }) });
 */
export function cohere(options: CohereOptions): Embedder {
  checkEndpoint(options, ["truncate"]);
  const { model, dimensions, truncate = "END" } = options;
  if (!["START", "END", "NONE"].includes(truncate)) throw invalid("truncate", 'must be "START", "END" or "NONE"');
  return endpoint(options, {
    home: "https://api.cohere.com",
    path: "/v2/embed",
    batch: 96,
    request: (texts, purpose) => ({
      model,
      texts,
      input_type: purpose === "query" ? "search_query" : "search_document",
      embedding_types: ["float"],
      truncate,
      ...(dimensions !== undefined && { output_dimension: dimensions }),
    }),
    rows: ({ embeddings }) => {
      const rows = (embeddings as { readonly float?: unknown } | null | undefined)?.float;
      return Array.isArray(rows) ? rows : undefined;
    },
  });
}
