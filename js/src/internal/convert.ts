/**
 * From what users give to what the engine takes: moments to milliseconds, filters to plain values, vectors to
 * `Float32Array`. Shape errors are caught here, meanings are judged by the engine.
 */

import { createError, MemoryError } from "../errors.js";
import type {
  AddOptions, ConsolidationConfig, EngineConfig, EvictionPolicy, EvictionStep, Filter, MemoryPatch, Moment, NewMemory, Policies, Scope, Tier, TierConfig,
} from "../types.js";

/** The error about a bad argument. */
export function invalid(field: string, problem: string): Error {
  return createError("invalid-argument", `${field} ${problem}`, { details: { field } });
}

/** Milliseconds since 1970. */
export function toMillis(moment: Moment, field: string): number {
  const millis = typeof moment === "number" ? moment : moment instanceof Date ? moment.getTime() : typeof moment === "string" ? parseIso(moment) : Number.NaN;
  if (!Number.isFinite(millis)) throw invalid(field, "must be a Date, milliseconds, or ISO 8601 with a zone");
  return Math.trunc(millis);
}

/** A day, which begins at midnight UTC, or a time of a day with its zone. */
const isoPattern = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/** The milliseconds of a text that means the same moment on every machine, or not a number. */
function parseIso(text: string): number {
  const day = isoPattern.exec(text)?.[1];
  const midnight = day === undefined ? Number.NaN : Date.parse(day);
  // Some hosts take the 30th of February for the 2nd of March.
  const exists = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day as string);
  return exists ? Date.parse(text) : Number.NaN;
}

/** A text, or an error naming the field. */
export function toText(value: unknown, field: string): string {
  if (typeof value !== "string") throw invalid(field, `must be a string, not ${value === null ? "null" : typeof value}`);
  return value;
}

/** An id in its text form. */
export function toId(value: unknown, field: string): string {
  const id = toText(value, field);
  if (!isId(id)) throw invalid(field, "is not a memory id (26 characters, 0-9 and A-Z)");
  return id;
}

/** Whether a text has the form of an id. */
export function isId(text: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);
}

/** A vector. */
export function toVector(vector: Float32Array | readonly number[], field: string): Float32Array {
  const numbers = vector instanceof Float32Array || (Array.isArray(vector) && vector.every((component) => typeof component === "number"));
  if (numbers && vector.length === 0) throw invalid(field, "must not be empty");
  if (numbers) return vector instanceof Float32Array ? vector : Float32Array.from(vector);
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
    const sort = Object.prototype.toString.call(value).slice("[object ".length, -1);
    if (sort !== "Object") throw invalid(field, `must not hold a ${sort}`);
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(entries.map(([name, item]) => [name, toPlain(item, `${field}/${name}`, depth + 1)]));
  }
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(field, `must not hold ${typeof value === "number" ? value : `a ${typeof value}`}`);
}

/** A filter, or undefined. */
export function toFilter(filter: Filter | undefined): unknown {
  if (filter === undefined) return undefined;
  if (typeof filter !== "object" || filter === null || Array.isArray(filter)) throw invalid("filter", "must be an object");
  return withMoments(toPlain(filter, "filter"), "filter");
}

/** Fields of a record that hold moments: what they are compared with is read as one. */
const momentFields = new Set(["$occurredAt", "$recordedAt", "$lastAccess", "$expiresAt"]);

/** A plain filter in which everything that moments are compared with is whole milliseconds. */
function withMoments(filter: unknown, field: string): unknown {
  if (Array.isArray(filter)) return filter.map((item, index) => withMoments(item, `${field}/${index}`));
  if (typeof filter !== "object" || filter === null) return filter;
  const entries = Object.entries(filter).map(([name, value]) => {
    const path = `${field}/${name}`;
    if (momentFields.has(name)) return [name, momentsIn(value, path)] as const;
    return [name, name.startsWith("$") ? withMoments(value, path) : value] as const;
  });
  return Object.fromEntries(entries);
}

function momentsIn(value: unknown, field: string): unknown {
  if (typeof value === "string" || typeof value === "number") return toMillis(value, field);
  if (Array.isArray(value)) return value.map((item, index) => momentsIn(item, `${field}/${index}`));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, operand]) => [name, momentsIn(operand, `${field}/${name}`)]));
}

const addFields = ["id", "kind", "tier", "scope", "actor", "occurredAt", "importance", "tags", "metadata", "pinned", "expiresAt", "source", "vector", "text"];
const patchFields = ["text", "kind", "actor", "occurredAt", "importance", "tags", "metadata", "pinned", "expiresAt", "source", "vector"];

/** Throws unless `given` is an object and no array. */
export function checkObject(given: unknown, what: string): void {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw invalid(what, "must be an object");
}

/** Arguments of calls: their fields go by their own names, those of what is in them by a path. */
const calls: readonly string[] = ["options", "config", "record", "patch", "target", "size", "goal", "assets"];

/** Throws unless `given` is an object with no other fields than the known ones. */
export function checkFields(given: unknown, known: readonly string[], what: string): void {
  checkObject(given, what);
  for (const name of Object.keys(given as object)) {
    if (known.includes(name)) continue;
    throw invalid(calls.includes(what) ? name : `${what}/${name}`, `is not a field of ${what}; known are ${known.join(", ")}`);
  }
}

/** Throws unless `value` is missing or a whole number between `least` and `most`. */
export function checkWhole(value: unknown, field: string, least: number, most: number = 0xffff_ffff): void {
  if (value === undefined || (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most)) return;
  throw invalid(field, `must be a whole number between ${least} and ${most}`);
}

/** Throws unless `value` is missing or a finite number. */
export function checkNumber(value: unknown, field: string): void {
  if (value !== undefined && (typeof value !== "number" || !Number.isFinite(value))) throw invalid(field, "must be a finite number");
}

/** Throws unless `value` is missing, true or false. */
export function checkFlag(value: unknown, field: string): void {
  if (value !== undefined && typeof value !== "boolean") throw invalid(field, "must be true or false");
}

/** Throws unless `value` is missing or a time span that timers know, in milliseconds. */
export function checkSpan(value: unknown, field: string, least: number): void {
  const longest = 2 ** 31 - 1;
  if (value === undefined || (typeof value === "number" && value >= least && value <= longest)) return;
  throw invalid(field, `must be a number of milliseconds between ${least} and ${longest}`);
}

/** Throws unless `value` is missing or can be listened to like an `AbortSignal`, of whatever realm it is. */
export function checkSignal(value: unknown, field: string): void {
  if (value === undefined) return;
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  if (typeof aborted !== "boolean" || typeof addEventListener !== "function") throw invalid(field, "must be an AbortSignal");
}

/** Throws unless what is said about a record has the types it should have. */
function checkLabels({ kind, tier, tags, pinned, source, actor }: AddOptions): void {
  for (const [field, value] of Object.entries({ kind, actor, source })) if (value !== undefined) toText(value, field);
  checkTier(tier, "tier");
  checkFlag(pinned, "pinned");
  if (tags === undefined) return;
  if (!Array.isArray(tags)) throw invalid("tags", "must be an array of strings");
  for (const [index, tag] of tags.entries()) toText(tag, `tags/${index}`);
}

/** Throws unless `tier` is missing or one of the tiers. */
export function checkTier(tier: unknown, field: string): void {
  if (tier === undefined || tier === "working" || tier === "intermediate" || tier === "long-term") return;
  throw invalid(field, 'must be "working", "intermediate" or "long-term"');
}

/** Throws unless `precision` is missing or one of the precisions. */
export function checkPrecision(precision: unknown, field: string): void {
  if (precision === undefined || precision === "f32" || precision === "int8" || precision === "binary") return;
  throw invalid(field, 'must be "f32", "int8" or "binary"');
}

/** Throws unless `goal` says what a tier is to be trained to, in one way. What the numbers may be is judged by the engine. */
export function checkGoal(goal: unknown): void {
  checkFields(goal, ["dimensions", "keepVariance", "encoder"], "goal");
  const { dimensions, keepVariance, encoder } = goal as { dimensions?: unknown; keepVariance?: unknown; encoder?: unknown };
  if (encoder !== undefined) toText(encoder, "encoder");
  checkWhole(dimensions, "dimensions", 1);
  checkNumber(keepVariance, "keepVariance");
  if ([dimensions, keepVariance, encoder].filter((given) => given !== undefined).length !== 1) throw invalid("goal", "must have dimensions, keepVariance or encoder");
}

/** Metadata in plain values. */
function toMetadata(metadata: object | undefined): unknown {
  if (metadata === undefined) return undefined;
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) throw invalid("metadata", "must be an object");
  return toPlain(metadata, "metadata");
}

/** The engine's configuration, with the types it should have. What the numbers may be is judged by the engine. */
export function toConfig(config: EngineConfig = {}, evicts: Policies["evict"] = {}): Record<string, unknown> {
  const known = ["working", "intermediate", "longTerm", "total", "kinds", "importance", "consolidation", "defaultTier", "maxTextBytes", "sealBytes", "metric", "resultCache", "graph", "residentVectorBytes", "bm25K1", "bm25B"];
  checkFields(config, known, "config");
  const { working, intermediate, longTerm, total, kinds, importance, consolidation, defaultTier, maxTextBytes, sealBytes, metric, resultCache, graph, residentVectorBytes, bm25K1, bm25B } = config;
  const tiers = { working, intermediate, longTerm };
  const checks = [
    ...Object.entries(tiers).flatMap(([tier, given]) => (given === undefined ? [] : tierChecks(tier, given, evicts))),
    ...(total === undefined ? [] : [() => checkFields(total, ["maxItems", "maxBytes", "onLimit"], "total"), ...limitChecks("total", total), () => checkOnLimit(total.onLimit, "total")]),
    () => kinds === undefined || checkObject(kinds, "kinds"),
    ...Object.entries(kinds ?? {}).flatMap(([kind, given]) => [
      () => {
        if (kind === "") throw invalid("kinds", "must not name a kind with an empty name");
        if (![undefined, "never", "merge", "summarize"].includes(given?.consolidate)) throw invalid(`kinds/${kind}/consolidate`, 'must be "never", "merge" or "summarize"');
      },
      () => checkFields(given, ["decay", "resistance", "importance", "consolidate", "maxItems", "maxBytes"], `kinds/${kind}`),
      ...limitChecks(`kinds/${kind}`, given),
    ]),
    () => importance && checkFields(importance, ["given", "reward", "uses", "recency", "surprise"], "importance"),
    ...(consolidation === undefined ? [] : consolidationChecks(consolidation)),
    () => checkTier(defaultTier, "defaultTier"),
    ...Object.entries({ maxTextBytes, sealBytes }).map(([field, value]) => () => checkWhole(value, field, 1)),
    () => {
      if (![undefined, "cosine", "dot", "euclidean"].includes(metric)) throw invalid("metric", 'must be "cosine", "dot" or "euclidean"');
    },
    () => {
      if (![undefined, "auto", "always", "never"].includes(graph)) throw invalid("graph", 'must be "auto", "always" or "never"');
    },
    () => resultCache === undefined || checkFields(resultCache, ["entries", "ttl"], "resultCache"),
    () => checkWhole(resultCache?.entries, "resultCache/entries", 1),
    () => checkWhole(resultCache?.ttl, "resultCache/ttl", 1, Number.MAX_SAFE_INTEGER),
    () => checkWhole(residentVectorBytes, "residentVectorBytes", 0),
    ...Object.entries({ bm25K1, bm25B }).map(([field, value]) => () => checkNumber(value, field)),
  ];
  throwAll(checks);
  const plain = Object.entries(tiers).map(([tier, given]) => [tier, given && { ...given, evict: toSteps(given.evict), ...chosenByHost(tier, given, evicts) }] as const);
  return toPlain({ ...config, ...Object.fromEntries(plain) }, "config") as Record<string, unknown>;
}

function consolidationChecks(given: ConsolidationConfig): (() => unknown)[] {
  if (typeof given !== "object" || given === null) return [() => checkFields(given, [], "consolidation")];
  const { recallWindow, repeats, duplicates, episodes } = given;
  const { after, retentionBelow, share, group } = episodes ?? {};
  return [
    () => episodes === undefined || checkObject(episodes, "consolidation/episodes"),
    () => group === undefined || checkObject(group, "consolidation/episodes/group"),
    () => checkFields(given, ["repeats", "recallWindow", "duplicates", "episodes"], "consolidation"),
    () => episodes && checkFields(episodes, ["after", "retentionBelow", "share", "group"], "consolidation/episodes"),
    () => group && checkFields(group, ["gap", "span", "similarity", "min", "max"], "consolidation/episodes/group"),
    () => {
      if (![undefined, "merge", "keep"].includes(repeats)) throw invalid("consolidation/repeats", 'must be "merge" or "keep"');
    },
    () => checkFlag(duplicates ?? true, "consolidation/duplicates"),
    () => checkWhole(recallWindow, "consolidation/recallWindow", 0, Number.MAX_SAFE_INTEGER),
    () => checkWhole(after, "consolidation/episodes/after", 0, Number.MAX_SAFE_INTEGER),
    ...Object.entries({ retentionBelow, share }).map(([field, value]) => () => checkNumber(value, `consolidation/episodes/${field}`)),
    ...(["gap", "span", "min", "max"] as const).map((field) => () => checkWhole(group?.[field], `consolidation/episodes/group/${field}`, 0, Number.MAX_SAFE_INTEGER)),
    () => checkNumber(group?.similarity, "consolidation/episodes/group/similarity"),
  ];
}

function tierChecks(tier: string, given: TierConfig, evicts: NonNullable<Policies["evict"]>): (() => unknown)[] {
  const name = nameOf(tier);
  const both = given.evict !== undefined && evicts[name] !== undefined;
  return [
    () => checkFields(given, ["maxItems", "maxBytes", "ttl", "onLimit", "overflow", "promote", "demote", "evict", "forgetBelow", "precision", "compressText"], tier),
    ...limitChecks(tier, given),
    () => checkWhole(given.ttl, `${tier}/ttl`, 1, Number.MAX_SAFE_INTEGER),
    () => checkNumber(given.forgetBelow, `${tier}/forgetBelow`),
    () => checkPrecision(given.precision, `${tier}/precision`),
    () => {
      if (given.compressText !== undefined && typeof given.compressText !== "boolean") throw invalid(`${tier}/compressText`, "must be true or false");
    },
    () => checkOnLimit(given.onLimit, tier),
    () => {
      if (both) throw invalid(`${tier}/evict`, `does not go with policies/evict/${name}: leave one of them out`);
    },
    () => {
      if (both) throw invalid(`policies/evict/${name}`, `does not go with ${tier}/evict: leave one of them out`);
    },
  ];
}

function limitChecks(path: string, given: Pick<TierConfig, "maxItems" | "maxBytes">): (() => unknown)[] {
  return [
    () => checkWhole(given?.maxItems, `${path}/maxItems`, 1),
    () => checkWhole(given?.maxBytes, `${path}/maxBytes`, 1, Number.MAX_SAFE_INTEGER),
  ];
}

function checkOnLimit(onLimit: TierConfig["onLimit"], path: string): void {
  if (![undefined, "evict", "warn", "reject"].includes(onLimit)) throw invalid(`${path}/onLimit`, 'must be "evict", "warn" or "reject"');
}

/** The tier that a field of the configuration is about. */
function nameOf(field: string): Tier {
  return field === "longTerm" ? "long-term" : (field as Tier);
}

/** A tier whose evictions a policy of the user's own decides. */
function chosenByHost(tier: string, given: TierConfig, evicts: NonNullable<Policies["evict"]>): { onLimit?: string } {
  const policy = evicts[nameOf(tier)];
  return policy && (given.onLimit ?? "evict") === "evict" ? { onLimit: "host" } : {};
}

/** Runs every check, then throws one error that names everything they found. */
function throwAll(checks: readonly (() => unknown)[]): void {
  const found: MemoryError[] = [];
  for (const check of checks) {
    try {
      check();
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
      found.push(error);
    }
  }
  const [first] = found;
  if (!first) return;
  if (found.length === 1) throw first;
  const fields = found.map(({ details }) => details.field);
  throw createError(first.code, found.map(({ message }) => message).join("; "), { details: { ...first.details, fields } });
}

function toSteps(given: TierConfig["evict"]): EvictionStep[] | undefined {
  if (given === undefined) return undefined;
  const steps: readonly (EvictionPolicy | EvictionStep)[] = Array.isArray(given) ? given : [given as EvictionPolicy | EvictionStep];
  return steps.map((step) => (typeof step === "string" ? { policy: step } : step));
}

/** The engine's form of a record to add, without its vector. */
export function toNewRecord(memory: NewMemory): Record<string, unknown> {
  checkFields(memory, addFields, "record");
  checkLabels(memory);
  if (memory.id !== undefined) toId(memory.id, "id");
  const { vector: _vector, text, scope, occurredAt, expiresAt, metadata, importance, ...rest }: NewMemory & AddOptions = memory;
  checkNumber(importance, "importance");
  return withoutMissing({
    ...rest,
    importance,
    text: toText(text, "text"),
    scope: toScope(scope),
    occurredAt: occurredAt === undefined ? undefined : toMillis(occurredAt, "occurredAt"),
    expiresAt: expiresAt === undefined ? undefined : toMillis(expiresAt, "expiresAt"),
    metadata: toMetadata(metadata),
  });
}

/** The engine's form of a patch, without its vector. */
export function toPatch(patch: MemoryPatch): Record<string, unknown> {
  checkFields(patch, patchFields, "patch");
  const { actor: who, source: origin } = patch;
  // Null empties these two.
  checkLabels({ ...patch, actor: who ?? undefined, source: origin ?? undefined } as AddOptions);
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
    metadata: toMetadata(metadata),
    clear,
  });
}

/** The same object without undefined values. */
export function withoutMissing(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
