/**
 * What a failure of an embedder says about asking again. Owns reading errors, this package's and those of others. Does
 * not own waiting or deciding.
 */

import { EmbedderError } from "../errors.js";

/** What is known of a failure. */
export interface Failure {
  /** The status of HTTP, if there was an answer. */
  readonly status?: number;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Milliseconds that the service asked to wait. */
  readonly retryAfterMs?: number;
}

/** Codes of Node and of undici for connections that failed or broke. */
const brokenConnection = /^(ECONN(RESET|REFUSED|ABORTED)|ETIMEDOUT|EPIPE|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|UND_ERR_(SOCKET|CONNECT_TIMEOUT|HEADERS_TIMEOUT|BODY_TIMEOUT))$/;

/** Whether an answer with this status may be another one later. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** Reads an error: an {@link EmbedderError}, one of the AI SDK or of another client, or one of a connection. */
export function failureOf(error: unknown): Failure {
  if (error instanceof EmbedderError) {
    const { status, retryable, retryAfterMs } = error;
    return { retryable, ...(status !== undefined && { status }), ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }
  const { status, statusCode, isRetryable, responseHeaders, headers, code, cause, name } = fieldsOf(error);
  const answered = [status, statusCode].find((value) => typeof value === "number") as number | undefined;
  const wait = retryAfter((name) => headerOf(responseHeaders, name) ?? headerOf(headers, name));
  const broken = [code, fieldsOf(cause)["code"]].some((value) => typeof value === "string" && brokenConnection.test(value));
  const passing = answered === undefined ? broken || name === "TimeoutError" : isPassing(answered);
  return {
    retryable: typeof isRetryable === "boolean" ? isRetryable : passing,
    ...(answered !== undefined && { status: answered }),
    ...(wait !== undefined && { retryAfterMs: wait }),
  };
}

/** Milliseconds to wait that the header fields of an answer ask for: `retry-after-ms`, or `Retry-After` in seconds or as a date. */
export function retryAfter(field: (name: string) => string | null | undefined): number | undefined {
  const millis = Number(field("retry-after-ms") ?? Number.NaN);
  const given = field("retry-after") ?? "";
  const seconds = given.trim() === "" ? Number.NaN : Number(given);
  const until = Date.parse(given) - Date.now();
  const wait = [millis, seconds * 1_000, until].find((value) => Number.isFinite(value));
  return wait === undefined ? undefined : Math.max(0, Math.round(wait));
}

function fieldsOf(value: unknown): { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null ? (value as { [name: string]: unknown }) : {};
}

/** A header field of a `Headers` or of a plain object with names in lower case. */
function headerOf(headers: unknown, name: string): string | undefined {
  const fields = fieldsOf(headers);
  const value = typeof fields["get"] === "function" ? (headers as Headers).get(name) : fields[name];
  return typeof value === "string" ? value : undefined;
}
