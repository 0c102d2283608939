/**
 * Embedders behind HTTP. Owns what all of them share: options and their checks, the request with its key and its time
 * limit, and what becomes of a refusal. Does not own how any of them words a request or an answer, nor asking again.
 *
 * Messages carry the host, the status and a code of the service, never the key, a text or the body of an answer.
 */

import { createError, EmbedderError, type MemoryError } from "../errors.js";
import { orAborted } from "../internal/abort.js";
import { checkFields, checkWhole, invalid } from "../internal/convert.js";
import type { Embedder, EmbedOptions } from "../types.js";
import { isPassing, retryAfter } from "./failure.js";

/** Options of an embedder behind HTTP. */
export interface EndpointOptions {
  /** The model to ask for. */
  readonly model: string;
  /** Where the service is. Everything in front of the path that this adapter asks for. */
  readonly baseUrl?: string | undefined;
  /** The key, or a function that answers the one to use now. Sent as a bearer token. */
  readonly apiKey?: string | (() => string | PromiseLike<string>) | undefined;
  /** Components of each vector: asked of the service, and checked. Without it, the service decides. */
  readonly dimensions?: number | undefined;
  /** Most texts in one request. */
  readonly maxBatch?: number | undefined;
  /** Further header fields of every request. */
  readonly headers?: { readonly [name: string]: string } | undefined;
  /** In place of the host's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** Milliseconds until a request is given up. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * Names the space of the vectors, if not `model`: two services that serve one model under two names make vectors that
   * can be compared, and say so by the same name here.
   */
  readonly space?: string | undefined;
}

/** How a service is spoken to. */
export interface Protocol {
  /** Where it is unless `baseUrl` says. */
  readonly home?: string;
  /** What comes after the base. */
  readonly path: string;
  /** Most texts in one request unless `maxBatch` says. */
  readonly batch: number;
  /** The body of a request. */
  request(texts: readonly string[], purpose: EmbedOptions["purpose"]): object;
  /** The rows in an answer, in the order of the texts, or nothing if it is not one. They are checked here. */
  rows(answer: { readonly [name: string]: unknown }): readonly unknown[] | undefined;
}

/** Fields of {@link EndpointOptions}. */
const shared = ["model", "baseUrl", "apiKey", "dimensions", "maxBatch", "headers", "fetch", "timeoutMs", "space"];

/** Throws unless `options` are those of an endpoint, and `own` fields of an adapter. */
export function checkEndpoint(options: EndpointOptions, own: readonly string[]): void {
  checkFields(options, [...shared, ...own], "options");
  for (const field of ["model", "space"] as const) {
    const value: unknown = options[field];
    if (field === "space" && value === undefined) continue;
    if (typeof value !== "string" || value === "") throw invalid(field, "must be a name");
  }
  for (const field of ["dimensions", "maxBatch", "timeoutMs"] as const) checkWhole(options[field], field, 1, 0x7fff_ffff);
  if (options.fetch !== undefined && typeof options.fetch !== "function") throw invalid("fetch", "must be a function");
  if (options.apiKey !== undefined && typeof options.apiKey !== "function") checkKey(options.apiKey);
  try {
    new Headers(options.headers as Record<string, string> | undefined);
  } catch {
    // What the host says of it would repeat the value.
    throw invalid("headers", "holds what cannot be sent as a header field");
  }
}

/** The embedder that speaks `protocol` with the service of `options`, which were checked. */
export function endpoint(options: EndpointOptions, protocol: Protocol): Embedder {
  const { model, dimensions, maxBatch = protocol.batch, space = model } = options;
  const url = toUrl(options.baseUrl ?? protocol.home, protocol.path);
  return {
    model: space,
    dimensions,
    maxBatch,
    embed: async (texts, { purpose, signal }) => {
      const answer = await post({ options, url, space, body: protocol.request(texts, purpose), signal });
      const rows = protocol.rows(answer);
      const wrong = problemOf(rows, texts.length, dimensions);
      if (wrong !== undefined) throw failed(space, `${url.host} ${wrong}`, { retryable: false });
      return rows as readonly number[][];
    },
  };
}

interface Call {
  readonly options: EndpointOptions;
  readonly url: URL;
  readonly space: string;
  readonly body: object;
  readonly signal: AbortSignal | undefined;
}

async function post({ options, url, space, body, signal }: Call): Promise<{ readonly [name: string]: unknown }> {
  const { apiKey, timeoutMs = 30_000, fetch: ask = globalThis.fetch } = options;
  const key = typeof apiKey === "function" ? checkKey(await apiKey()) : apiKey;
  const headers = new Headers(options.headers as Record<string, string> | undefined);
  headers.set("content-type", "application/json");
  if (key !== undefined) headers.set("authorization", `Bearer ${key}`);
  const limit = new AbortController();
  const stop = (): void => limit.abort(signal?.reason);
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  const timer = setTimeout(() => limit.abort(), timeoutMs);
  try {
    const response = await orAborted(limit.signal, ask(url, { method: "POST", headers, body: JSON.stringify(body), signal: limit.signal, redirect: "manual" }));
    // Texts and keys go to the host that was named, and to no other. A browser does not tell the status.
    if (response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400)) {
      throw failed(space, `${url.host} answers from another address, to which nothing is sent: name that one as baseUrl`, { status: response.status, retryable: false });
    }
    const text = await orAborted(limit.signal, response.text());
    if (!response.ok) throw refused(space, url, response, text, key);
    return parsed(space, url, text);
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    if (cause instanceof EmbedderError) throw cause;
    const late = limit.signal.aborted;
    throw failed(space, late ? `${url.host} did not answer within ${timeoutMs} ms` : `${url.host} could not be reached`, { retryable: true }, cause);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** The error about an answer that is a refusal. */
function refused(space: string, url: URL, response: Response, text: string, key: string | undefined): MemoryError {
  const { status } = response;
  const reason = reasonIn(text, key);
  const wait = retryAfter((name) => response.headers.get(name));
  // A quota that is used up looks like a rate that is too high, and does not pass.
  const retryable = isPassing(status) && reason !== "insufficient_quota";
  const details = { status, retryable, ...(reason !== undefined && { reason }), ...(wait !== undefined && { retryAfterMs: wait }) };
  return failed(space, `${url.host} answered ${status}${reason === undefined ? "" : ` (${reason})`}`, details);
}

/** The code that a service gives for its refusal. Its sentences may repeat what was sent, and are left out. */
function reasonIn(text: string, key: string | undefined): string | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return undefined;
  }
  const fields = (value: unknown): { readonly [name: string]: unknown } => (typeof value === "object" && value !== null ? (value as { [name: string]: unknown }) : {});
  const { error, code, type } = fields(answer);
  const given = [fields(error)["code"], fields(error)["type"], code, type];
  return given.find((value): value is string => typeof value === "string" && /^[a-z][\w.-]{0,63}$/i.test(value) && !(key !== undefined && value.includes(key)));
}

function parsed(space: string, url: URL, text: string): { readonly [name: string]: unknown } {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === "object" && answer !== null) return answer as { [name: string]: unknown };
  } catch {
    // Told below, without the text: what a parser says of it repeats some.
  }
  throw failed(space, `${url.host} answered something that is not a JSON object`, { retryable: false });
}

/** What is wrong with rows, if anything is. */
function problemOf(rows: readonly unknown[] | undefined, count: number, dimensions: number | undefined): string | undefined {
  if (rows === undefined) return "answered without vectors in the place where they belong";
  if (rows.length !== count) return `answered ${rows.length} vectors for ${count} texts`;
  const width = dimensions ?? (rows[0] as ArrayLike<unknown> | undefined)?.length;
  const odd = rows.find((row) => !Array.isArray(row) || row.length !== width);
  if (odd === undefined) return undefined;
  return Array.isArray(odd) ? `answered a vector of ${odd.length} dimensions where ${width} were expected` : "answered something that is not a vector";
}

/** A key that can stand in a header field. */
function checkKey(key: unknown): string {
  if (typeof key !== "string" || !/^[\x21-\x7e]+$/.test(key)) throw invalid("apiKey", "must be a text of visible ASCII characters");
  return key;
}

function toUrl(base: string | undefined, path: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(base as string);
  } catch {
    // Told below, without the value, which may carry a secret.
  }
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw invalid("baseUrl", "must be an address that starts with http: or https:");
  if (url.username !== "" || url.password !== "" || url.hash !== "") throw invalid("baseUrl", "must have no user, password or fragment");
  url.pathname = url.pathname.replace(/\/+$/, "") + path;
  return url;
}

function failed(space: string, problem: string, details: Record<string, unknown>, cause?: unknown): MemoryError {
  return createError("embedder-failed", `the embedder ${space} failed: ${problem}`, { details: { model: space, ...details }, cause });
}
