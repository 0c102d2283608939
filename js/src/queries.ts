/** The shapes of questions and listings beyond the simplest: orders, pages, batches, the like of a record. */

import type { Filter, MemoryRecord, RecallOptions } from "./types.js";

/** What records can be sorted by. */
export type SortField = "id" | "occurredAt" | "recordedAt" | "importance" | "accessCount" | "lastAccess" | "expiresAt";

/**
 * An order of records: by a field, where it is the same by id; descending reverses both. Records without the field come
 * last either way.
 *
 * @example
 * const latest = await memory.page({ sort: { by: "occurredAt", order: "descending" }, limit: 20 });
 */
export type Sort = SortField | { readonly by: SortField; readonly order?: "ascending" | "descending" | undefined };

/** What a page is of. */
export interface PageOptions {
  readonly filter?: Filter | undefined;
  /** Default: by id, which is the order of creation. */
  readonly sort?: Sort | undefined;
  /** Records on the page at most, 1 to 10,000. Default 100. */
  readonly limit?: number | undefined;
  /** What the page before has answered. Good for the same filter, sort and view, also after the memory was opened again. */
  readonly cursor?: string | undefined;
}

/** A page of a listing. */
export interface Page {
  readonly records: readonly MemoryRecord[];
  /** Begins the next page; there is none without it. */
  readonly cursor?: string;
}

/** One question of several. */
export interface RecallQuery extends Omit<RecallOptions, "signal"> {
  readonly query: string;
}

/** What can be chosen about the like of a record. */
export type RelatedOptions = Pick<RecallOptions, "limit" | "filter" | "preset" | "fusion" | "weights" | "diversity" | "minScore" | "sort" | "signals" | "rerank" | "touch" | "signal">;

/** How many answers of recalls are kept. */
export interface ResultCacheConfig {
  /** Answers that are kept, the ones asked for last. Default 128. */
  readonly entries?: number | undefined;
  /** How long each is kept at most, in milliseconds. Default: 10 minutes. */
  readonly ttl?: number | undefined;
}

/** How well kept answers serve, since the memory was opened. */
export interface ResultCacheFigures {
  readonly entries: number;
  /** Questions that were answered by what was kept. */
  readonly hits: number;
  /** Questions that could have been, and were not. */
  readonly misses: number;
  /** Share of hits, 0 to 1. */
  readonly hitRate: number;
}
