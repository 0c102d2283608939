/**
 * Looking inside: figures, reasons, estimates. Owns types only.
 */

import type { EmbeddingCacheFigures } from "../embedding-cache.js";
import type { Kept } from "../encoders.js";
import type { ResultCacheFigures } from "../queries.js";
import type { EngineConfig, EvictionPolicy } from "./config.js";
import type { EmbeddingSpace } from "./embedding.js";
import type { MoveReason } from "./events.js";
import type { Kind, Tier } from "./records.js";

/** Figures about a memory, as a view sees it. */
export interface MemoryStats {
  readonly records: number;
  readonly tiers: Readonly<Record<Tier, number>>;
  readonly space?: EmbeddingSpace;
  /** Only for a view that sees everything. */
  readonly engine?: {
    /** Each tier. What is counted, is counted since the memory was opened. */
    readonly tiers: Readonly<Record<Tier, TierFigures>>;
    /** Questions asked and records asked for by id, since the memory was opened. */
    readonly asked: number;
    /** Of these, how many found anything. */
    readonly answered: number;
    /** If answers are kept (see {@link EngineConfig.resultCache}). */
    readonly resultCache?: ResultCacheFigures;
    /** Vectors of questions that were kept; left out if none are. */
    readonly embeddingCache?: EmbeddingCacheFigures;
    readonly vectors: number;
    /** The graph over them, if there is one: vectors that it was built over, those of them that are the same still, and vectors beside it. */
    readonly graph?: { readonly built: number; readonly current: number; readonly beside: number };
    /** If vectors may stay in storage (see {@link EngineConfig.residentVectorBytes}). */
    readonly paging?: PagingFigures;
    /** The vectors by how exactly they are kept. */
    readonly precisions: Readonly<Record<Kept, number>>;
    readonly terms: number;
    readonly textBytes: number;
    /** Each kind of which there are records, by name: how many, and the bytes they take. */
    readonly kinds: readonly { readonly kind: Kind; readonly items: number; readonly bytes: number }[];
    readonly vectorBytes: number;
    readonly keywordBytes: number;
    /** Estimated bytes of the columns that filters are answered from; 0 before the first recall with one. */
    readonly columnBytes: number;
    readonly logBytes: number;
    readonly segmentBytes: number;
    /** Bytes that `compressText` saves in segments. */
    readonly savedBytes: number;
    readonly segments: number;
    readonly commits: number;
    readonly poisoned?: string;
  };
}

/** Vectors that stay in storage, and how well those that were read serve. */
export interface PagingFigures {
  /** Vectors that are in storage. The others are in memory. */
  readonly vectors: number;
  /** Bytes of vectors that were read and are kept. */
  readonly cacheBytes: number;
  /** Vectors that were needed and kept, since the memory was opened. */
  readonly hits: number;
  /** Vectors that were needed and had to be read. */
  readonly misses: number;
}

/** Figures about one tier. */
export interface TierFigures {
  readonly items: number;
  /** Bytes its records take, indexes included. */
  readonly bytes: number;
  /** Uses of its records. */
  readonly hits: number;
  /** Share of all uses that were uses of its records, 0 to 1. */
  readonly hitRate: number;
  /** Records that came from other tiers, and that went to them. */
  readonly came: number;
  readonly went: number;
  /** Records evicted, by reason. */
  readonly evicted: { readonly capacity: number; readonly ttl: number; readonly faded: number; readonly expired: number; readonly kindLimit: number; readonly totalLimit: number };
  /** Records by age: under an hour, a day, a week, 30 days, a year, older. */
  readonly ages: readonly number[];
}

/** Why a record is where it is, and what would move it. */
export interface Transition {
  readonly id: string;
  readonly tier: Tier;
  readonly tierSince: number;
  /** Its importance as policies see it, 0 to 1. */
  readonly importance: number;
  /** How much of it is left, 0 to 1. */
  readonly retention: number;
  /** Bytes it takes. */
  readonly bytes: number;
  readonly pinned: boolean;
  /** Whether it was sent back and has to earn its way up again. */
  readonly onProbation: boolean;
  /** What would bring it to the tier above: it moves at `threshold` and more. */
  readonly promotion?: { readonly to: Tier; readonly score: number; readonly threshold: number };
  /** What would send it back a tier: it moves below `threshold`. */
  readonly demotion?: { readonly to: Tier; readonly score: number; readonly threshold: number };
  /** When its time in the tier is over. */
  readonly leavesAt?: number;
  readonly expiresAt?: number;
  /** What it is worth keeping, 0 to 1: where a kind or the whole memory is too large, those of least worth go. */
  readonly worth: number;
  /** The eviction policy of its tier that concerns it, and its figure under that policy; none is known of your own. */
  readonly leaving: { readonly policy?: EvictionPolicy | "custom"; readonly figure?: number };
  /** Its last moves, earliest first, eight at most. */
  readonly moves: readonly { readonly from: Tier; readonly to: Tier; readonly at: number; readonly reason: MoveReason; readonly score?: number }[];
  /** All that in a sentence. */
  readonly summary: string;
}

/** What could be better about a memory. */
export interface Analysis {
  /** Ids of records that say the same words by the same actor in the same scope. */
  readonly duplicates: readonly (readonly string[])[];
  /** Records that have faded below a tenth, neither pinned nor important. */
  readonly faded: number;
  /** Records older than a week that were never used. */
  readonly neverUsed: number;
  /** Records per tier that have not faded: what limits could come down to. */
  readonly suggested: Readonly<Record<Tier, number>>;
}

/** About how many bytes records take. */
export interface Estimate {
  /**
   * Of RAM while the memory is open, beside the engine and the model themselves: records, indexes, and what the engine
   * needs to work. `maxBytes` of a tier counts alike, without the last. Compaction needs about three times `storage`
   * beside it while it runs.
   */
  readonly memory: number;
  /** Of storage once `maintain({ compact: true })` has run; up to about twice as much before. */
  readonly storage: number;
}
