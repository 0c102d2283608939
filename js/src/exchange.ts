/**
 * Export and import as lines of JSON. The first line names the format and the embedding space; each further line is a
 * record, with its vector in base64 of little-endian 32-bit floats, and how exactly that was kept if it was not in full.
 */

import { createError, type MemoryError } from "./errors.js";
import { checkFields, invalid, isId, toText, withoutMissing } from "./internal/convert.js";
import { fromBase64 } from "./internal/host.js";
import type { Memory } from "./memory.js";
import { refusedOperation, type Transaction } from "./transaction.js";
import type { EmbeddingSpace, ImportOptions, ImportReport, MemoryRecord, Metric, Precision } from "./types.js";

const FORMAT = 1;
/** Records that one transaction of an import holds. */
const BATCH = 500;

/** What is known of a space. */
interface KnownSpace {
  readonly model?: string | undefined;
  readonly dimensions?: number | undefined;
  readonly metric?: Metric | undefined;
}

/** What an import needs of a memory. */
export interface ImportTarget {
  /** The space of its vectors, or what is known of that of those it is going to have. */
  space(): KnownSpace;
  now(): number;
  exists(id: string): boolean;
  run(collect: (tx: Transaction) => void): Promise<string[]>;
}

/** A record as an export holds it. */
type Exported = MemoryRecord & { readonly vector?: string; readonly precision?: Precision };

/** The lines of an export, each ending in a newline. */
export async function* exportLines(memory: Memory): AsyncGenerator<string, void, undefined> {
  const { space } = memory;
  yield `${JSON.stringify({ stratamem: FORMAT, ...(space && { space }) })}\n`;
  for await (const { id } of memory.list()) {
    const { space: current, record, vector, kept } = await look(memory, id);
    // Forgotten since it was listed.
    if (!record) continue;
    // A projection stays with its memory: what is left of the vector travels whole.
    const precision = kept === "projected" ? "int8" : kept;
    // The header speaks for all vectors: those that came of another space since are left out, and made anew by an import.
    const told = vector && space && current && isSame(current, space) && { vector: toBase64(vector), ...(precision !== "f32" && { precision }) };
    yield `${JSON.stringify({ ...record, ...told })}\n`;
  }
}

/** A record with its vector, as they belong together. */
async function look(memory: Memory, id: string) {
  for (;;) {
    // Asked for in one step; but a vector that has to be read first is that of a later one.
    const { space } = memory;
    const [record, vector, kept] = await Promise.all([memory.get(id, { touch: false }), memory.vector(id), memory.precision(id)]);
    const after = vector && (await memory.get(id, { touch: false }));
    if (!vector || after?.version === record?.version) return { space, record, vector, kept };
  }
}

function toBase64(vector: Float32Array): string {
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  for (const [index, component] of vector.entries()) view.setFloat32(index * 4, component, true);
  let text = "";
  for (const byte of new Uint8Array(view.buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The vector that `text` holds in base64, or nothing if it does not hold one of `dimensions`. */
function fromBase64Vector(text: unknown, dimensions: number): Float32Array | undefined {
  const bytes = dimensions * 4;
  if (typeof text !== "string" || text.length !== 4 * Math.ceil(bytes / 3) || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const decoded = fromBase64(text);
  if (decoded.length !== bytes) return undefined;
  const view = new DataView(decoded.buffer, decoded.byteOffset, decoded.byteLength);
  return Float32Array.from({ length: dimensions }, (_, index) => view.getFloat32(index * 4, true));
}

/** Adds the records of an export, in transactions of {@link BATCH}. */
export async function importLines(
  source: string | Iterable<string> | AsyncIterable<string>,
  options: ImportOptions,
  target: ImportTarget,
): Promise<ImportReport> {
  checkFields(options, ["onConflict"], "options");
  const { onConflict = "error" } = options;
  if (!["error", "skip", "replace"].includes(onConflict)) throw invalid("onConflict", 'must be "error", "skip" or "replace"');
  const report = { added: 0, replaced: 0, skipped: 0 };
  let space: EmbeddingSpace | undefined;
  let batch: { readonly exported: Exported; readonly line: number }[] = [];

  const flush = async (): Promise<void> => {
    const kept = space && isSame(target.space(), space) ? space : undefined;
    const counts = { added: 0, replaced: 0, skipped: 0 };
    const ids = new Set<string>();
    /** The line that each operation comes from. */
    const origins: number[] = [];
    await naming(origins, () =>
      target.run((tx) => {
        for (const { exported, line } of batch) {
          const exists = ids.has(exported.id) || target.exists(exported.id);
          const gone = typeof exported.expiresAt === "number" && exported.expiresAt <= target.now();
          if (gone || (exists && onConflict === "skip")) {
            counts.skipped += 1;
            continue;
          }
          if (exists && onConflict === "error") {
            throw createError("already-exists", `line ${line}: a record ${exported.id} exists already`, { details: { id: exported.id, line } });
          }
          origins.push(line);
          if (exists) {
            tx.forget(exported.id);
            origins.push(line);
          }
          restore(tx, exported, kept, line);
          ids.add(exported.id);
          counts[exists ? "replaced" : "added"] += 1;
        }
      }),
    );
    report.added += counts.added;
    report.replaced += counts.replaced;
    report.skipped += counts.skipped;
    batch = [];
  };

  // Asked for its refusal, should the memory be closed.
  target.space();
  let number = 0;
  for await (const text of lines(source)) {
    number += 1;
    if (text.trim() === "") continue;
    const value = parse(text, number);
    if (number === 1 && "stratamem" in value) {
      space = readHeader(value);
      continue;
    }
    if (typeof value.id !== "string" || typeof value.text !== "string") throw malformed(number, "is not a record: it needs id and text");
    if (!isId(value.id)) throw createError("invalid-argument", `line ${number}: id is not a memory id`, { details: { field: "id", line: number } });
    batch.push({ exported: value as unknown as Exported, line: number });
    if (batch.length === BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  return report;
}

/** Whether vectors of `space` are at home where vectors are of `own`, as far as that is known. */
function isSame(own: KnownSpace, { model, dimensions, metric }: EmbeddingSpace): boolean {
  return (own.model ?? model) === model && (own.dimensions ?? dimensions) === dimensions && (own.metric ?? "cosine") === (metric ?? "cosine");
}

function readHeader(header: Record<string, unknown>): EmbeddingSpace | undefined {
  if (header.stratamem !== FORMAT) {
    const message = `line 1 names export format ${String(header.stratamem)}; this build reads ${FORMAT}`;
    throw createError("format-too-new", message, { details: { line: 1, found: header.stratamem, supported: FORMAT } });
  }
  const space = header.space as Partial<EmbeddingSpace> | undefined;
  if (space === undefined) return undefined;
  if (typeof space?.model !== "string" || !Number.isInteger(space.dimensions) || (space.dimensions as number) < 1) {
    throw malformed(1, "has a space without a model and dimensions");
  }
  return space as EmbeddingSpace;
}

function restore(tx: Transaction, exported: Exported, space: EmbeddingSpace | undefined, line: number): void {
  const {
    vector, recordedAt, tierSince, accessCount, lastAccess, recentAccesses, merit, reward, rewards, surprise, origins, summary, version, precision,
    ...memory
  } = exported;
  const whole = { recordedAt, tierSince, accessCount, version, ...(lastAccess !== undefined && { lastAccess }) };
  for (const [name, value] of Object.entries(whole)) {
    if (!Number.isInteger(value)) throw malformed(line, `has no whole number as its ${name}`);
  }
  const recent: unknown = recentAccesses ?? (lastAccess === undefined ? [] : [lastAccess]);
  if (!Array.isArray(recent) || !recent.every(Number.isInteger)) throw malformed(line, "has something other than whole numbers in its recentAccesses");
  if (![undefined, "f32", "int8", "binary"].includes(precision)) throw malformed(line, "has no precision as its precision");
  for (const [name, value] of Object.entries({ merit, reward, rewards, surprise })) {
    if (value !== undefined && !Number.isFinite(value)) throw malformed(line, `has no number as its ${name}`);
  }
  if (summary !== undefined && typeof summary !== "boolean") throw malformed(line, "has something other than true as its summary");
  if (origins !== undefined && !(Array.isArray(origins) && origins.every(isOrigin))) throw malformed(line, "has something other than origins as its origins");
  const history = withoutMissing({
    recordedAt, tierSince, accessCount, version, recentAccesses: recent, merit, reward, rewards, surprise, origins, summary, precision,
  });
  if (vector === undefined || space === undefined) {
    tx.restore(memory, history, undefined);
    return;
  }
  const kept = fromBase64Vector(vector, space.dimensions);
  if (kept === undefined) throw malformed(line, `has a vector that is not ${space.dimensions} 32-bit floats in base64`);
  tx.restore(memory, history, { vector: kept, space });
}

function isOrigin(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { id, occurredAt, actor = "", source = "", tags = [], metadata = {}, text = "", ...more } = value as { [name: string]: unknown };
  return (
    typeof id === "string" && isId(id) && Number.isInteger(occurredAt) && typeof actor === "string" && typeof source === "string" && typeof text === "string" &&
    Array.isArray(tags) && tags.every((tag) => typeof tag === "string") && typeof metadata === "object" && metadata !== null && Object.keys(more).length === 0
  );
}

/** Runs a transaction whose refusals name the operation, and names the line instead. */
async function naming(origins: readonly number[], run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const refused = refusedOperation(error);
    const line = refused && origins[refused.index];
    if (refused === undefined || line === undefined) throw error;
    const { code, details } = error as MemoryError;
    throw createError(code, `line ${line}: ${refused.message}`, { details: { ...details, field: refused.field, line }, cause: error });
  }
}

function parse(text: string, line: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below, with the line.
  }
  throw malformed(line, "is not a JSON object");
}

function malformed(line: number, problem: string): Error {
  return createError("invalid-argument", `line ${line} ${problem}`, { details: { field: "lines", line } });
}

async function* lines(source: string | Iterable<string> | AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  const given = source as Partial<Iterable<string> & AsyncIterable<string>> | null | undefined;
  if (typeof source !== "string" && !given?.[Symbol.iterator] && !given?.[Symbol.asyncIterator]) {
    throw invalid("lines", "must be a string or an iterable of strings");
  }
  let rest = "";
  for await (const piece of typeof source === "string" ? [source] : source) {
    const parts = (rest + toText(piece, "lines")).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  if (rest !== "") yield rest;
}
