/**
 * From what users give to what the engine takes: moments to milliseconds, filters to plain values, vectors to
 * `Float32Array`. Shape errors are caught here, meanings are judged by the engine.
 */

import { createError } from "../errors.js";
import type { AddOptions, Filter, Fusion, MemoryPatch, Moment, NewMemory, Scope } from "../types.js";

function invalid(field: string, problem: string): Error {
  return createError("invalid-argument", `${field} ${problem}`, { details: { field } });
}

/** Milliseconds since 1970. */
export function toMillis(moment: Moment, field: string): number {
  const millis = typeof moment === "number" ? moment : moment instanceof Date ? moment.getTime() : typeof moment === "string" ? Date.parse(moment) : Number.NaN;
  if (!Number.isFinite(millis)) throw invalid(field, "must be a Date, a number of milliseconds or an ISO 8601 text");
  return Math.trunc(millis);
}

/** A text, or an error naming the field. */
export function toText(value: unknown, field: string): string {
  if (typeof value !== "string") throw invalid(field, `must be a string, not ${value === null ? "null" : typeof value}`);
  return value;
}

/** A vector. */
export function toVector(vector: Float32Array | readonly number[], field: string): Float32Array {
  if (vector instanceof Float32Array) return vector;
  if (Array.isArray(vector) && vector.every((component) => typeof component === "number")) return Float32Array.from(vector);
  throw invalid(field, "must be a Float32Array or an array of numbers");
}

/** A scope with only its known parts. */
export function toScope(scope: Scope | undefined, field = "scope"): Scope {
  if (scope === undefined) return {};
  if (typeof scope !== "object" || scope === null || Array.isArray(scope)) throw invalid(field, "must be an object");
  const parts: Record<string, string> = {};
  for (const [part, value] of Object.entries(scope)) {
    if (!["tenant", "user", "agent", "session"].includes(part)) throw invalid(`${field}/${part}`, "is not a part of a scope (tenant, user, agent, session)");
    if (value === undefined) continue;
    const text = toText(value, `${field}/${part}`);
    if (text === "") throw invalid(`${field}/${part}`, "must not be empty");
    parts[part] = text;
  }
  return parts;
}

/** A filter in plain values: dates become milliseconds, missing entries go. */
export function toPlain(value: unknown, field: string, depth = 0): unknown {
  if (depth > 64) throw invalid(field, "is nested too deeply");
  if (value instanceof Date) return toMillis(value, field);
  if (Array.isArray(value)) return value.map((item, index) => toPlain(item, `${field}/${index}`, depth + 1));
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(entries.map(([name, item]) => [name, toPlain(item, `${field}/${name}`, depth + 1)]));
  }
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(field, `must not hold ${typeof value === "number" ? value : `a ${typeof value}`}`);
}

/** A filter, or undefined. */
export function toFilter(filter: Filter | undefined): unknown {
  return filter === undefined ? undefined : toPlain(filter, "filter");
}

/** The engine's form of a fusion. */
export function toFusion(fusion: Fusion | undefined): unknown {
  switch (fusion) {
    case undefined:
    case "weighted":
      return undefined;
    case "rrf":
      return { method: "rrf", k: 60 };
    default:
      return fusion;
  }
}

const addFields = ["id", "kind", "tier", "scope", "actor", "occurredAt", "importance", "tags", "metadata", "pinned", "expiresAt", "source", "vector", "text"];
const patchFields = ["text", "kind", "actor", "occurredAt", "importance", "tags", "metadata", "pinned", "expiresAt", "source", "vector"];

function checkFields(given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw invalid(name, `is not a field here; known are ${known.join(", ")}`);
  }
}

function checkNumber(value: unknown, field: string): void {
  if (value !== undefined && (typeof value !== "number" || !Number.isFinite(value))) throw invalid(field, "must be a finite number");
}

/** The engine's form of a record to add, without its vector. */
export function toNewRecord(memory: NewMemory): Record<string, unknown> {
  checkFields(memory, addFields);
  const { vector: _vector, text, scope, occurredAt, expiresAt, metadata, importance, ...rest }: NewMemory & AddOptions = memory;
  checkNumber(importance, "importance");
  return withoutMissing({
    ...rest,
    importance,
    text: toText(text, "text"),
    scope: toScope(scope),
    occurredAt: occurredAt === undefined ? undefined : toMillis(occurredAt, "occurredAt"),
    expiresAt: expiresAt === undefined ? undefined : toMillis(expiresAt, "expiresAt"),
    metadata: metadata === undefined ? undefined : toPlain(metadata, "metadata"),
  });
}

/** The engine's form of a patch, without its vector. */
export function toPatch(patch: MemoryPatch): Record<string, unknown> {
  checkFields(patch, patchFields);
  const { vector: _vector, text, actor, occurredAt, expiresAt, source, metadata, importance, ...rest } = patch;
  checkNumber(importance, "importance");
  const clear = Object.entries({ actor, expiresAt, source }).filter(([, value]) => value === null).map(([name]) => name);
  return withoutMissing({
    ...rest,
    importance,
    text: text === undefined ? undefined : toText(text, "text"),
    actor: actor ?? undefined,
    source: source ?? undefined,
    occurredAt: occurredAt === undefined ? undefined : toMillis(occurredAt, "occurredAt"),
    expiresAt: expiresAt === undefined || expiresAt === null ? undefined : toMillis(expiresAt, "expiresAt"),
    metadata: metadata === undefined ? undefined : toPlain(metadata, "metadata"),
    clear,
  });
}

/** The same object without undefined values. */
export function withoutMissing(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
