/**
 * Encoders of the user's own: what a neural network makes of the vectors of a cold tier is kept in their place. Owns the
 * contract, asking them, checks of their answers and standing their failures. Who is to be asked about what, and what
 * becomes of the answers, is the engine's.
 */

import { isRow } from "./embedder.js";
import { createError, MemoryUnavailableError } from "./errors.js";
import { checkWhole, invalid } from "./internal/convert.js";
import type { Call } from "./rows.js";
import type { MemoryEvents, Precision, Tier } from "./types.js";

/** How a vector is kept: in a precision, or projected or encoded as its tier was trained to. */
export type Kept = Precision | "projected";

/**
 * What a tier is to be trained to: so many components, as few as keep a share of the squared length (above 0 and 1 at
 * most), or what one of the memory's encoders makes of a vector.
 */
export type TrainingGoal = { readonly dimensions: number } | { readonly keepVariance: number } | { readonly encoder: string };

/** What a tier was trained to, and what that loses of the vectors that it was trained with. */
export interface Training {
  /** Components that are kept of a vector, a byte each. */
  readonly dimensions: number;
  /** Bytes that are kept of a vector now, on average, divided by those that will be. */
  readonly ratio: number;
  /** Share of the squared length that is lost, 0 to 1. Missing for an encoder. */
  readonly loss?: number;
  /** Share of the ten nearest neighbours that are no longer among the ten nearest, 0 to 1. */
  readonly recallLoss: number;
}

/**
 * Makes short vectors of long ones so that near ones stay near, as the first half of an autoencoder does. A tier that is
 * trained to it (`train`) keeps what it makes, one byte a component, in place of the vectors: they cannot be had back.
 *
 * What it has made is found by what it makes of a question, so it is asked at each recall, too. Opened without it, a memory
 * finds those records by their words.
 */
export interface VectorEncoder {
  /** What tells it from others. Give it another name whenever it would answer differently. */
  readonly name: string;
  /** Components of what it makes, no more than vectors have. */
  readonly dimensions: number;
  /** One row of `dimensions` numbers for each unit vector, in order. Length does not count; all zeros are refused. */
  encode(vectors: readonly Float32Array[]): PromiseLike<readonly ArrayLike<number>[]> | readonly ArrayLike<number>[];
}

/** Vectors that an encoder is to be asked about, as the engine gives them. */
interface Unencoded {
  readonly encoder: string;
  readonly ids: string[];
  readonly versions: Uint32Array;
  readonly vectors: Float32Array;
  /** Which space they are of, handed back with what was made of them. */
  readonly since: number;
}

/** Vectors shown to an encoder at once. */
const PAGE = 256;

/** Throws unless `encoders` are encoders with names of their own. */
export function checkEncoders(encoders: readonly VectorEncoder[]): void {
  if (!Array.isArray(encoders)) throw invalid("encoders", "must be an array");
  const names = new Set<string>();
  for (const [index, encoder] of (encoders as readonly VectorEncoder[]).entries()) {
    const field = `encoders/${index}`;
    if (typeof encoder !== "object" || encoder === null) throw invalid(field, "must be an object with name, dimensions and encode(vectors)");
    if (typeof encoder.name !== "string" || encoder.name === "" || names.has(encoder.name)) throw invalid(`${field}/name`, "must be a name that no other encoder has");
    if (encoder.dimensions === undefined) throw invalid(`${field}/dimensions`, "is missing");
    checkWhole(encoder.dimensions, `${field}/dimensions`, 1);
    if (typeof encoder.encode !== "function") throw invalid(`${field}/encode`, "must be a function");
    names.add(encoder.name);
  }
}

/** The encoders of one memory, and whose turn it is. @internal */
export class Encoders {
  readonly #known: ReadonlyMap<string, VectorEncoder>;
  readonly #failed: (failure: MemoryEvents["encoder-failed"]) => void;
  #busy = false;

  /** `failed` is told of all that an encoder did not encode during maintenance. */
  constructor(encoders: readonly VectorEncoder[], failed: (failure: MemoryEvents["encoder-failed"]) => void) {
    this.#known = new Map(encoders.map((encoder) => [encoder.name, encoder]));
    this.#failed = failed;
  }

  /**
   * Has encoders make what the engine wants, until `spent()` says that the time is over. `call` runs a call into the
   * engine. Resolves to the number of vectors that are kept like that now, and whether there are more.
   */
  async run(call: Call, now: number, spent: () => boolean): Promise<{ encoded: number; more: boolean }> {
    let encoded = 0;
    // Somebody else's turn is under way, and does what there is to do.
    if (this.#busy || this.#known.size === 0) return { encoded, more: false };
    this.#busy = true;
    const willing = new Set(this.#known.keys());
    try {
      for (;;) {
        const next = await call((handle) => handle.nextUnencoded([...willing], PAGE) as Unencoded | undefined);
        if (!next) return { encoded, more: false };
        try {
          const { dimensions } = this.#get(next.encoder);
          const rows = await this.#ask(next.encoder, rowsOf(next));
          encoded += await call((handle) => handle.keepEncoded(next.encoder, { ...next, width: dimensions, rows }, now));
        } catch (error) {
          if (error instanceof MemoryUnavailableError) throw error;
          willing.delete(next.encoder);
          this.#failed({ encoder: next.encoder, ids: next.ids, error });
        }
        if (spent()) return { encoded, more: true };
      }
    } finally {
      this.#busy = false;
    }
  }

  /** Trains a tier to one of the encoders. */
  async train(call: Call, tier: Tier, name: string, now: number): Promise<Training> {
    const { dimensions } = this.#get(name);
    const sample = await call((handle) => handle.sample(tier, name) as Unencoded);
    const rows = await this.#ask(name, rowsOf(sample));
    return await call((handle) => handle.trainEncoder(tier, name, { ...sample, width: dimensions, rows }, now) as Training);
  }

  /** What the encoders of that name that are here make of a question's vector, each with its name. */
  async encode(names: readonly string[], vector: Float32Array): Promise<[string, Float32Array][]> {
    const known = names.filter((name) => this.#known.has(name));
    return Promise.all(known.map(async (name): Promise<[string, Float32Array]> => [name, await this.#ask(name, [vector])]));
  }

  #get(name: string): VectorEncoder {
    const encoder = this.#known.get(name);
    if (!encoder) throw invalid("encoder", `must be one of the encoders that the memory was opened with: ${[...this.#known.keys()].join(", ") || "none"}`);
    return encoder;
  }

  /** What an encoder makes of vectors, row after row. */
  async #ask(name: string, vectors: readonly Float32Array[]): Promise<Float32Array> {
    const encoder = this.#get(name);
    let answer: unknown;
    try {
      answer = await encoder.encode(vectors);
    } catch (cause) {
      throw failed(name, `threw: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
    }
    if (!Array.isArray(answer) || answer.length !== vectors.length) {
      throw failed(name, `answered ${Array.isArray(answer) ? `${answer.length} rows` : typeof answer} for ${vectors.length} vectors`);
    }
    const rows = new Float32Array(vectors.length * encoder.dimensions);
    for (const [index, row] of (answer as ArrayLike<number>[]).entries()) {
      if (!isRow(row) || row.length !== encoder.dimensions || !Array.from(row).every((component) => typeof component === "number")) throw failed(name, `answered something else than a row of ${encoder.dimensions} numbers for vector ${index}`);
      rows.set(row, index * encoder.dimensions);
      const kept = rows.subarray(index * encoder.dimensions, (index + 1) * encoder.dimensions);
      if (!kept.every(Number.isFinite)) throw failed(name, `answered something that is not a finite 32-bit number for vector ${index}`);
      if (kept.every((component) => component === 0)) throw failed(name, `answered nothing but zeros for vector ${index}`);
    }
    return rows;
  }
}

function rowsOf({ ids, vectors }: Unencoded): Float32Array[] {
  const width = vectors.length / ids.length;
  return ids.map((_, index) => vectors.slice(index * width, (index + 1) * width));
}

function failed(name: string, problem: string, cause?: unknown): Error {
  return createError("embedder-failed", `the encoder ${name} ${problem}`, { cause, details: { encoder: name } });
}
