/**
 * An embedder without a model. Owns: vectors made from the words of a text, and failures on demand. Does not own: any
 * meaning beyond "texts that share words are near each other".
 *
 * Invariant: a vector depends on the text, the dimensions and the model's name alone, on every host.
 */

import type { Embedder, EmbedOptions } from "../types.js";
import { createError } from "../errors.js";

/** One call of a fake embedder. */
export interface EmbedCall {
  /** How many calls came before. The first one is 0. */
  readonly index: number;
  /** The texts of the call. */
  readonly texts: readonly string[];
  /** Whether they are questions or things to remember. */
  readonly purpose: EmbedOptions["purpose"];
  /** The caller's signal, if it gave one. */
  readonly signal?: AbortSignal;
}

/** Options of {@link fakeEmbedder}. */
export interface FakeEmbedderOptions {
  /** Components of each vector. Default 64. */
  readonly dimensions?: number | undefined;
  /** Names the space. Default `fake-<dimensions>`. */
  readonly model?: string | undefined;
  /** Most texts in one call. Default: as many as there are. */
  readonly maxBatch?: number | undefined;
  /**
   * Decides whether a call fails: an answer other than `undefined` and `false` is thrown, `true` as an error of its own.
   */
  readonly failOn?: ((call: EmbedCall) => unknown) | undefined;
  /** Changes the answer of a call: fewer vectors, other lengths, numbers that are none. May wait. */
  readonly answer?: ((vectors: Float32Array[], call: EmbedCall) => unknown) | undefined;
}

/** A fake embedder, and what it was asked. */
export interface FakeEmbedder extends Embedder {
  readonly dimensions: number;
  /** Every call, in order, those that failed included. */
  readonly calls: readonly EmbedCall[];
}

/**
 * An embedder for tests: each word points in a direction of its own, and a text in the sum of its words' directions. A
 * text without letters or digits has no direction, and gets a vector of zeros.
 *
 * @example
 * const embedder = fakeEmbedder({ dimensions: 32 });
 * const memory = await openMemory({ embedder });
 * await memory.add("Ada prefers metric units");
 * embedder.calls[0]?.texts; // ["Ada prefers metric units"]
 *
 * @example
 * // The second call fails, as a service does that cannot be reached.
 * fakeEmbedder({ failOn: ({ index }) => index === 1 && new Error("connection refused") });
 *
 * @example
 * // One vector is missing from every answer; and an answer that comes late.
 * fakeEmbedder({ answer: (vectors) => vectors.slice(1) });
 * fakeEmbedder({ answer: async (vectors) => (await gate, vectors) });
 */
export function fakeEmbedder(options: FakeEmbedderOptions = {}): FakeEmbedder {
  const { dimensions = 64, maxBatch = Number.POSITIVE_INFINITY, failOn, answer } = options;
  if (!Number.isInteger(dimensions) || dimensions < 1) {
    throw createError("invalid-argument", "dimensions must be a whole number from 1 on", { details: { field: "dimensions" } });
  }
  const model = options.model ?? `fake-${dimensions}`;
  const calls: EmbedCall[] = [];
  return {
    model,
    dimensions,
    maxBatch,
    calls,
    embed: async (texts, { purpose, signal }) => {
      const call: EmbedCall = { index: calls.length, texts: [...texts], purpose, ...(signal && { signal }) };
      calls.push(call);
      const failure = failOn?.(call);
      if (failure === true) throw new Error(`the fake embedder failed on call ${call.index}, as it was told to`);
      if (failure !== undefined && failure !== false) throw failure;
      const vectors = call.texts.map((text) => vectorOf(text, dimensions, model));
      // What a test makes of the answer is meant to break the contract.
      return (answer ? await answer(vectors, call) : vectors) as Float32Array[];
    },
  };
}

function vectorOf(text: string, dimensions: number, model: string): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    let state = hash(`${model}/${word}`);
    for (let at = 0; at < dimensions; at += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      vector[at] = (vector[at] as number) + state / 0x8000_0000;
    }
  }
  return vector;
}

/** FNV-1a over UTF-16 code units, with its bits mixed once more. */
function hash(text: string): number {
  let value = 0x811c_9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x0100_0193);
  value = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  return value ^ (value >>> 13);
}
