/**
 * Opening a memory: what it is given, and what it found. Owns types only.
 */

import type { EmbedderLike } from "../embedders/types.js";
import type { EmbeddingCacheOptions } from "../embedding-cache.js";
import type { VectorEncoder } from "../encoders.js";
import type { Storage } from "../storage/types.js";
import type { WorkerLike } from "../worker/protocol.js";
import type { ConsolidationConfig, EngineConfig } from "./config.js";
import type { Embedder } from "./embedding.js";
import type { Policies, Summarize } from "./policies.js";
import type { Scope } from "./records.js";

/** Options of {@link openMemory}. All may be left out. */
export interface OpenOptions {
  /**
   * Where the bytes live. Default: this process's memory, gone when it ends. One adapter serves one opening: it is closed
   * with the memory, and when opening fails.
   */
  readonly storage?: Storage | undefined;
  /**
   * What turns texts into vectors: `"static-128"` (default) or `"static-256"` built in and offline, an
   * {@link Embedder}, a function, any object with `doEmbed({ values })`, embeddings of LangChain, or `false` for keyword
   * search only.
   *
   * A memory keeps to the model of its first vector. A bare function is of the model `"custom"`, whatever it is called:
   * give `{ model, embed }`, so that the vectors of two models are told apart.
   *
   * Records added under `false` have no vector. With an embedder later, they stay without one until their text or actor
   * is updated or `reembed` is called, and are found by their words alone until then.
   */
  readonly embedder?: "static-128" | "static-256" | EmbedderLike | false | undefined;
  /**
   * Keeps the first so many components of the vectors that the embedder makes, for models whose first components say the
   * most (Matryoshka models). They belong to the space of the memory: vectors made elsewhere are given with as many. Default: all.
   */
  readonly dimensions?: number | undefined;
  /**
   * What becomes of a memory whose vectors are of another model than the embedder. `"refuse"` (default): it is not opened
   * (`space-mismatch`). `"reembed"`: it is, and searched by words alone until `reembed` has begun to embed it anew.
   */
  readonly onModelChange?: "refuse" | "reembed" | undefined;
  /** What is kept of vectors that the embedder was asked for. Default: of the last 1,000 questions, an hour. `false`: nothing. */
  readonly embeddingCache?: EmbeddingCacheOptions | false | undefined;
  /** What this handle may see and where its records belong. Default: everything. */
  readonly scope?: Scope | undefined;
  readonly config?: EngineConfig | undefined;
  /** Policies of your own, beside the configured ones. */
  readonly policies?: Policies | undefined;
  /** Encoders that tiers can be trained to (see {@link VectorEncoder}). */
  readonly encoders?: readonly VectorEncoder[] | undefined;
  /** Words for summaries of old episodes (see {@link ConsolidationConfig.episodes}). Default: their most telling sentences. */
  readonly summarize?: Summarize | undefined;
  /**
   * Where work of seconds is done: `"auto"` (default), in Workers of the host where it has them, `"never"`, nowhere unless it
   * is asked for, or a function that starts a Worker of the script `stratamem/worker`.
   */
  readonly workers?: "auto" | "never" | (() => WorkerLike | PromiseLike<WorkerLike>) | undefined;
  /** The clock, in milliseconds. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Seed of the ids' noise: a safe integer, or a bigint of 64 bits. Default: the host's entropy. */
  readonly seed?: number | bigint | undefined;
  /** Shows the engine's spans and events on the console. The first level that a process gives holds. */
  readonly trace?: "error" | "warn" | "info" | "debug" | "trace" | undefined;
}

/** What opening found. */
export interface OpenReport {
  readonly created: boolean;
  readonly records: number;
  readonly replayedCommits: number;
  /** Bytes of a torn write that were cut off the log; none was ever acknowledged. */
  readonly tornBytes: number;
  readonly leftovers: readonly string[];
}
