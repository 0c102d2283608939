/**
 * Export and import as lines of JSON. The first line names the format and the embedding space; each further line is a
 * record, with its vector in base64 of little-endian 32-bit floats.
 */

import { createError } from "./errors.js";
import { fromBase64 } from "./internal/host.js";
import type { Memory } from "./memory.js";
import type { Transaction } from "./transaction.js";
import type { EmbeddingSpace, ImportOptions, ImportReport, MemoryRecord } from "./types.js";

const FORMAT = 1;
/** Records that one transaction of an import holds. */
const BATCH = 500;

/** What an import needs of a memory. */
export interface ImportTarget {
  space(): EmbeddingSpace | undefined;
  exists(id: string): boolean;
  run(collect: (tx: Transaction) => void): Promise<string[]>;
}

/** The lines of an export, each ending in a newline. */
export async function* exportLines(memory: Memory): AsyncGenerator<string, void, undefined> {
  const { space } = memory;
  yield `${JSON.stringify({ stratamem: FORMAT, ...(space && { space }) })}\n`;
  for await (const record of memory.list()) {
    const vector = await memory.vector(record.id);
    yield `${JSON.stringify(vector ? { ...record, vector: toBase64(vector) } : record)}\n`;
  }
}

function toBase64(vector: Float32Array): string {
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  for (const [index, component] of vector.entries()) view.setFloat32(index * 4, component, true);
  let text = "";
  for (const byte of new Uint8Array(view.buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}

function fromBase64Vector(text: string): Float32Array {
  const bytes = fromBase64(text);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.length >> 2 }, (_, index) => view.getFloat32(index * 4, true));
}

/** Adds the records of an export, in transactions of {@link BATCH}. */
export async function importLines(
  source: string | Iterable<string> | AsyncIterable<string>,
  options: ImportOptions,
  target: ImportTarget,
): Promise<ImportReport> {
  const { onConflict = "error" } = options;
  const report = { added: 0, replaced: 0, skipped: 0 };
  let space: EmbeddingSpace | undefined;
  let batch: { record: MemoryRecord & { vector?: string }; line: number }[] = [];
  const flush = async (): Promise<void> => {
    const own = target.space();
    const sameSpace = own === undefined || (own.model === space?.model && own.dimensions === space.dimensions);
    await target.run((tx) => {
      for (const { record, line } of batch) {
        const exists = target.exists(record.id);
        if (exists && onConflict === "skip") report.skipped += 1;
        else {
          if (exists && onConflict === "replace") tx.forget(record.id);
          restore(tx, record, sameSpace && own !== undefined, line);
          report[exists ? "replaced" : "added"] += 1;
        }
      }
    });
    batch = [];
  };
  let number = 0;
  for await (const text of lines(source)) {
    number += 1;
    if (text.trim() === "") continue;
    const value = parse(text, number);
    if (number === 1 && "stratamem" in value) {
      if (value.stratamem !== FORMAT) {
        throw createError("format-too-new", `line 1 names export format ${String(value.stratamem)}; this build reads ${FORMAT}`, { details: { line: 1 } });
      }
      space = value.space as EmbeddingSpace | undefined;
      continue;
    }
    if (typeof value.id !== "string" || typeof value.text !== "string") throw malformed(number, "is not a record: it needs id and text");
    batch.push({ record: value as unknown as MemoryRecord & { vector?: string }, line: number });
    if (batch.length === BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  return report;
}

function restore(tx: Transaction, exported: MemoryRecord & { vector?: string }, keepVector: boolean, line: number): void {
  const { vector, recordedAt, tierSince, accessCount, lastAccess, version, ...record } = exported;
  const history = { recordedAt, tierSince, accessCount, version, ...(lastAccess !== undefined && { lastAccess }) };
  for (const [name, value] of Object.entries(history)) {
    if (typeof value !== "number") throw malformed(line, `has no ${name}`);
  }
  const text = record.actor ? `${record.actor}: ${record.text}` : record.text;
  tx.restore({ ...record, history }, keepVector && vector !== undefined ? { vector: fromBase64Vector(vector) } : { text });
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
  let rest = "";
  for await (const piece of typeof source === "string" ? [source] : source) {
    const parts = (rest + piece).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  if (rest !== "") yield rest;
}
