/**
 * Recalls: how they are asked, what they find, and why. Owns types only.
 */

import type { Judges } from "../judges.js";
import type { Sort } from "../queries.js";
import type { Filter } from "./filters.js";
import type { MemoryRecord, Moment } from "./records.js";

/**
 * How the two searches of a recall are joined: by their scaled scores and weights, by reciprocal ranks, by the better of
 * the two scores, or by Borda's count of ranks. A name alone stands for equal weights, and for `k` 60;
 * `"weighted"` alone weighs the dense search less where items are long on average, down to half of the other's.
 */
export type Fusion =
  | "weighted"
  | "rrf"
  | "max"
  | "borda"
  | { readonly method: "weighted" | "max" | "borda"; readonly dense: number; readonly keyword: number }
  | { readonly method: "rrf"; readonly k: number };

/** How far other signals move what the searches found, each 0 (not at all) to 1 (as much as the searches). */
export interface SignalWeights {
  /** What was said around a record in its session. Default 0.7. */
  readonly context?: number | undefined;
  /** How well the best of its session answer. Default 0.2. */
  readonly session?: number | undefined;
  /** Whether the question names its actor. Default 0.1. */
  readonly actor?: number | undefined;
  /** How near it is to a time that the question names. Default 0.5. */
  readonly time?: number | undefined;
  /** Whether it is a statement with something in it. Default 0.3, less where items are long on average. */
  readonly form?: number | undefined;
  /** Whether it names a time or a number, if the question asks for one. Default 0.25, less where items are long on average. */
  readonly answer?: number | undefined;
  /** How recently it happened, halved every thirty days. Default 0. */
  readonly recency?: number | undefined;
  /** How important it is. Default 0. */
  readonly importance?: number | undefined;
  /** How well it is remembered. Default 0. */
  readonly retention?: number | undefined;
}

/** What a recall leans on: see `docs/RETRIEVAL.md`. `searches` switches everything off but the two searches. */
export type Preset = "balanced" | "semantic" | "keyword" | "temporal" | "searches";

/** Options of a recall. */
export interface RecallOptions extends Judges {
  /** How the text is read: as words (default), or in the syntax of `docs/QUERIES.md`. */
  readonly syntax?: "plain" | "query" | undefined;
  /** Most hits wanted, 1 to 10,000. Default 10. */
  readonly limit?: number | undefined;
  readonly filter?: Filter | undefined;
  /** Settings of `fusion` and `weights` that go together. Default "balanced". */
  readonly preset?: Preset | undefined;
  /** In place of the preset's. */
  readonly fusion?: Fusion | undefined;
  /** In place of the preset's, one by one. */
  readonly weights?: SignalWeights | undefined;
  /** How unlike each other the hits should be, 0 (as they come) to 1. Default 0. */
  readonly diversity?: number | undefined;
  /**
   * Whether a question that asks for several things ("Who has the key? When is the fair?") is asked part by part. Default
   * true; with a `vector` of your own it is all one.
   */
  readonly parts?: boolean | undefined;
  /** What "yesterday" in the question is seen from, and recency counts from. Default: the moment of asking. */
  readonly now?: Moment | undefined;
  /** The order of the hits, in place of the best first. Which records they are, relevance decides. */
  readonly sort?: Sort | undefined;
  /** Hits below this score are left out. The score is relative (see {@link Hit.score}). */
  readonly minScore?: number | undefined;
  /** The query's vector, made elsewhere. */
  readonly vector?: Float32Array | readonly number[] | undefined;
  /**
   * How surely the search by vector finds the nearest there are: `"exact"` looks at every vector in question; a number
   * from 0.5 to 0.999 asks for about that share of the nearest ten, and the lower it is the fewer vectors are looked at
   * where there are thousands; `"fast"`, the default, is 0.99. What the shares are of and how well they are kept:
   * `docs/VECTOR-INDEX.md`. A view of a scope always searches exactly.
   */
  readonly recall?: "fast" | "exact" | number | undefined;
  /** Whether the recall counts as a use of its hits. Default true. */
  readonly touch?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What one signal says of a hit. */
export interface SignalShare {
  /** `own`: one of your {@link Judges.signals}. `rerank`: your {@link Judges.rerank}. */
  readonly signal: "dense" | "keyword" | keyof SignalWeights | "own" | "rerank";
  /** What you call it, if it is your own. */
  readonly name?: string;
  /** Position in the search's own list, from 1. */
  readonly rank?: number;
  /** What the metric says, by default the cosine, -1 to 1 (`dense`), or BM25, 0 and more (`keyword`): absolute, unlike {@link Hit.score}. Of `rerank` what it said, of others 0 to 1. */
  readonly score: number;
  /** What it adds to the hit's score. */
  readonly contribution: number;
  readonly weight: number;
  /** Stemmed terms of the question that occur in the record. */
  readonly terms?: readonly string[];
}

/** Where a score comes from. */
export interface Why {
  /** One line for people. */
  readonly summary: string;
  /** The part of the question that it answers best, if the question has parts and that is not the whole. */
  readonly part?: string;
  readonly fusion: "weighted" | "rrf" | "max" | "borda";
  /** How the search by vector went, if there was one: `codes`, `lists` and `graph` can miss one that belongs among the hits. */
  readonly vectors?: "exact" | "codes" | "lists" | "graph";
  /** What the searches say, and each other signal that adds something. */
  readonly signals: readonly SignalShare[];
  /** Searches that could say nothing, and why. */
  readonly skipped: readonly { readonly signal: "dense" | "keyword"; readonly reason: string }[];
}

/** A found record, best first. */
export interface Hit extends MemoryRecord {
  /**
   * How this hit compares with the other candidates for the same question: 0 to 1, where 1 is best in every
   * signal, however good the best one is; with `rrf` small numbers that come of the ranks. Scores of two questions
   * cannot be compared. For an absolute threshold use the cosine, the `score` of the signal `dense` in `why.signals`:
   * it depends on the question, the record and the model, and on no other record. BM25, the `score` of `keyword`, depends
   * on the words of the question and how rare they are in the view, so it has no fixed scale.
   */
  readonly score: number;
  readonly why: Why;
}
