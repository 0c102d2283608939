/**
 * The shapes of contexts, as users see them. Owns types only.
 */

import type { Filter, MemoryRecord, RecallOptions, Why } from "../types.js";

/** Why a memory is in a context. One that is there for several reasons is named by the first of them. */
export type ContextSection = "pinned" | "summaries" | "recent" | "recalled" | "related";

/** What a context is written as: lines of text, XML, JSON, or chat messages. */
export type ContextFormat = "text" | "xml" | "json" | "messages";

/** How many tokens a text has. Must answer at once, with a finite number from 0 on. */
export type CountTokens = (text: string) => number;

/** How a context recalls: as {@link RecallOptions} say. The limit is by default what the budget may hold. */
export type ContextRecallOptions = Omit<RecallOptions, "touch" | "signal">;

/** What stands beside hits in their sessions. */
export interface ContextRelatedOptions {
  /** Of how many of the best hits, 1 to 100. Default 5. */
  readonly hits?: number | undefined;
  /** How many memories on each side, 1 to 10. Default 1. */
  readonly depth?: number | undefined;
}

/** Which memories of a sort are put in without being asked for. */
export interface StandingOptions {
  /** Most of them, 1 to 1,000. Default 64 of those pinned, 8 of others. */
  readonly limit?: number | undefined;
  /** What they must pass. */
  readonly filter?: Filter | undefined;
  /** Share of the budget that they take at most, more than 0 to 1. Default 0.5 for those pinned, 0.25 for others. */
  readonly share?: number | undefined;
}

/** What happened last. */
export interface RecentOptions extends StandingOptions {
  /** Only what happened within so many minutes before now. Default: however long ago. */
  readonly minutes?: number | undefined;
}

/** How a context is fitted to a prompt. */
export interface FitOptions {
  /** Most tokens of the whole, what it is framed with included: a whole number from 0 on. With 0 it is empty. */
  readonly maxTokens: number;
  /** The tokenizer of your model. Default: {@link estimateTokens}, which is careful. */
  readonly countTokens?: CountTokens | undefined;
  /** Tokens of the budget to leave free. Default 0. */
  readonly reserve?: number | undefined;
  /** What it is written as, and counted as. Default "text". */
  readonly format?: ContextFormat | undefined;
  /** Whether being in the context counts as a use of a memory. Default true. */
  readonly touch?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A memory in a context. */
export interface ContextPiece {
  /** Its number in the context, from 1: what a model cites. */
  readonly cite: number;
  readonly id: string;
  readonly section: ContextSection;
  /** What stands there: the words of the memory, or some sentences of them, without characters that are not seen. */
  readonly text: string;
  /** Whether sentences were left out, each gap marked by "…". */
  readonly cut: boolean;
  /** Tokens of its line, number and name included. */
  readonly tokens: number;
  /** Why it is there, in a line for people. */
  readonly because: string;
  /** Its place among the hits, from 1, if it was recalled. */
  readonly rank?: number;
  /** Its score as a hit (see {@link Hit.score}). */
  readonly score?: number;
  /** Where the score comes from. */
  readonly why?: Why;
  /** The whole memory, as it was before this context used it. */
  readonly record: MemoryRecord;
}

/** A memory that was considered and left out. */
export interface OmittedPiece {
  readonly id: string;
  readonly section: ContextSection;
  /**
   * `no-room`: the budget, or the share of its section, is used for better. `repeated`: a memory in the context says it
   * already. `invisible`: nothing of it can be seen.
   */
  readonly reason: "no-room" | "repeated" | "invisible";
  /** Which one says it already. */
  readonly by?: string;
}

/** A message as most chat interfaces take them. */
export interface ContextMessage {
  readonly role: "system" | "user";
  readonly content: string;
}
