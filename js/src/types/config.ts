/**
 * Settings of the engine: tiers, kinds, fading, consolidation. Owns types only.
 */

import type { ResultCacheConfig } from "../queries.js";
import type { EmbeddingSpace, Metric } from "./embedding.js";
import type { Kind, MemoryRecord, Precision, Tier } from "./records.js";

/** The tiers' limits and other settings of the engine. */
export interface EngineConfig {
  /** Default: 256 records, one hour. */
  readonly working?: TierConfig | undefined;
  /** Default: 20,000 records, 30 days. */
  readonly intermediate?: TierConfig | undefined;
  /** The tier `"long-term"`, in the spelling of settings. Default: no limit. */
  readonly longTerm?: TierConfig | undefined;
  /** What all tiers may hold together. Default: no limit. */
  readonly total?: TotalConfig | undefined;
  /** Settings by kind. */
  readonly kinds?: { readonly [kind: string]: KindConfig } | undefined;
  /** How importance is composed. */
  readonly importance?: ImportanceWeights | undefined;
  /** How records become fewer: repeats, duplicates, summaries. */
  readonly consolidation?: ConsolidationConfig | undefined;
  /** Tier of a record that does not name one, in the spelling of values: `"long-term"`. Default: working. */
  readonly defaultTier?: Tier | undefined;
  /** Longest text in bytes. Default: 1 MiB. */
  readonly maxTextBytes?: number | undefined;
  /** Bytes of log before it is sealed into a segment. Default: 1 MiB. */
  readonly sealBytes?: number | undefined;
  /**
   * How vectors are compared, from the first one of a memory on. Default: as the memory does, or `"cosine"` if it has none.
   * To change it is to change the {@link EmbeddingSpace}.
   */
  readonly metric?: Metric | undefined;
  /** Keeps answers of recalls for when the same is asked again, until anything changes (see `docs/QUERIES.md`). Default: none. */
  readonly resultCache?: ResultCacheConfig | undefined;
  /**
   * When `maintain` has a graph over the vectors built, in a Worker: `"auto"` (default), from 600,000 on, `"always"`, from
   * 1,000 on, or `"never"`, which does not use a stored one either (see `docs/VECTOR-INDEX.md`).
   */
  readonly graph?: "auto" | "always" | "never" | undefined;
  /**
   * Lets the vectors of long-term records stay in storage, for memories that are larger than the engine's memory can be, and
   * keeps at most so many bytes of those that were read (see `docs/PAGING.md`). Default: all vectors are in memory.
   */
  readonly residentVectorBytes?: number | undefined;
  /** Term saturation of BM25. Default: 0.9. */
  readonly bm25K1?: number | undefined;
  /** Length normalisation of BM25. Default: 0.4. */
  readonly bm25B?: number | undefined;
}

/** One tier. A limit left out does not exist. See `docs/RETENTION.md` for what to choose. */
export interface TierConfig {
  /** Records it should hold at most. */
  readonly maxItems?: number | undefined;
  /** Bytes its records should take at most, indexes included. */
  readonly maxBytes?: number | undefined;
  /** How long a record stays at most, in milliseconds. */
  readonly ttl?: number | undefined;
  /** What happens beyond a limit: what is too much leaves (default), an event tells, or adding fails (`tier-full`). */
  readonly onLimit?: "evict" | "warn" | "reject" | undefined;
  /** Where records go that leave: to the next tier, and out of the last one (default), or out at once. */
  readonly overflow?: "move" | "forget" | undefined;
  /** When a record has earned the next tier. Default: by use, importance and retention. */
  readonly promote?: PromotionRule | undefined;
  /**
   * When a record is sent back a tier: after at least `after` milliseconds, if its score under the rule of the tier
   * below is less than 1 - `margin`. It then has to earn its way up again. Default: never.
   */
  readonly demote?: { readonly margin: number; readonly after: number } | undefined;
  /**
   * Who leaves first: a policy, or several in order, where a record belongs to the first that concerns it. Default:
   * `pressure` where records move on, `low-worth` where they are evicted.
   */
  readonly evict?: EvictionPolicy | EvictionStep | readonly (EvictionPolicy | EvictionStep)[] | undefined;
  /** Records that leave with a retention below this are evicted instead of moved on. Default: 0. */
  readonly forgetBelow?: number | undefined;
  /**
   * How exactly the vectors of its records are kept, in memory and in storage. A record that comes in gives up what is
   * more; what it has given up does not come back when it moves on. Default: `f32`.
   */
  readonly precision?: Precision | undefined;
  /**
   * Whether its records are compressed in stored segments: texts, labels, metadata and index terms, not vectors. Costs
   * nothing in memory and shows nowhere but in the size of storage. Default: false.
   */
  readonly compressText?: boolean | undefined;
}

/** What all tiers may hold together. A limit left out does not exist. */
export interface TotalConfig {
  /** Records the memory should hold at most. */
  readonly maxItems?: number | undefined;
  /** Bytes they should take at most, indexes included. */
  readonly maxBytes?: number | undefined;
  /**
   * What happens beyond a limit: what is worth least is evicted, in whatever tier (default), an event tells, or adding
   * fails (`memory-full`).
   */
  readonly onLimit?: "evict" | "warn" | "reject" | undefined;
}

/** When a record has earned the next tier. Every threshold is inclusive. */
export type PromotionRule =
  | "never"
  | { readonly uses: { readonly atLeast: number } }
  | { readonly age: { readonly atLeast: number } }
  | { readonly importance: { readonly atLeast: number } }
  | { readonly retention: { readonly atLeast: number } }
  | {
      /** A weighted mean of 1 - exp(-uses / 3), time in the tier / `fullAge`, importance and retention. */
      readonly hybrid: {
        readonly uses?: number | undefined;
        readonly age?: number | undefined;
        readonly fullAge?: number | undefined;
        readonly importance?: number | undefined;
        readonly retention?: number | undefined;
        readonly threshold: number;
      };
    }
  | { readonly all: readonly PromotionRule[] }
  | { readonly any: readonly PromotionRule[] };

/** By which figure records leave a tier that is too full. */
export type EvictionPolicy = "lru" | "lfu" | "fifo" | "ttl" | "low-importance" | "low-activation" | "age" | "pressure" | "low-worth";

/** An eviction policy for some of the records: those whose figure is below or above a limit, those of a kind. */
export interface EvictionStep {
  readonly policy: EvictionPolicy;
  readonly below?: number | undefined;
  readonly above?: number | undefined;
  readonly kind?: Kind | undefined;
}

/** How memories fade. Times in milliseconds. */
export type Decay =
  | "none"
  | { readonly actR: { readonly decay?: number | undefined; readonly threshold?: number | undefined; readonly noise?: number } }
  | { readonly ebbinghaus: { readonly stability: number; readonly gain?: number } }
  | { readonly halfLife: { readonly halfLife: number } };

/** What is particular to a kind of memory. What you leave out stays as it is built in. */
export interface KindConfig {
  /** How it fades. Default: ACT-R, half gone after a week without use (a month, a hundred days for some kinds). */
  readonly decay?: Decay | undefined;
  /** How far merit slows that down, 0 to 1. Default: 0.5. */
  readonly resistance?: number | undefined;
  /** Importance of a new record that names none, 0 to 1. Default: 0.5. */
  readonly importance?: number | undefined;
  /**
   * How it is consolidated. `"merge"`: what says the same becomes one, whenever it was said. `"summarize"`: what happened;
   * the same words are the same event if they were said within a day, and old ones are summed up if
   * {@link ConsolidationConfig.episodes} says so. Default: episodic is summarized, all else merged.
   */
  readonly consolidate?: "never" | "merge" | "summarize" | undefined;
  /** Records of the kind that all tiers may hold together. What is too much is evicted, least worth first. */
  readonly maxItems?: number | undefined;
  /** Bytes that they may take, indexes included. */
  readonly maxBytes?: number | undefined;
}

/** How records become fewer. */
export interface ConsolidationConfig {
  /**
   * What becomes of a new record that says what is known already: it counts as a use of the record that is there
   * (`"merge"`, the default, and `add` resolves to that one's id), or is kept beside it (`"keep"`). Known is what has the
   * same words, actor, kind, tags, metadata, scope and expiry, and asks for nothing that the record is not: pinned, in a
   * tier, from a source. What happened (episodic) may happen again: it is known only if it was given the same `occurredAt`,
   * or, given none, if it was recalled or read within `recallWindow`, so that an agent that stores what it was reminded of
   * does not store it again; such an echo may lack actor, tags and metadata. What brings its own `id` is always kept.
   */
  readonly repeats?: "merge" | "keep" | undefined;
  /** How long after a recall a recalled text is recognised when it is added, in milliseconds. Default: 10 minutes. */
  readonly recallWindow?: number | undefined;
  /**
   * Whether `maintain` merges records that say the same, and those of which one says all that the other does. Nothing is
   * lost: see {@link MemoryRecord.origins}. Default: true.
   */
  readonly duplicates?: boolean | undefined;
  /** Whether and when `maintain` turns old episodes into summaries. Default: never, because a summary says less than they did. */
  readonly episodes?: EpisodesConfig | undefined;
}

/** Which episodes of the intermediate tier become summaries in the long-term tier. Times in milliseconds. */
export interface EpisodesConfig {
  /** How long they have been in the intermediate tier. Default: 7 days. */
  readonly after?: number | undefined;
  /** Those of which less than this is retained, 0 to 1. Default: 0.5. */
  readonly retentionBelow?: number | undefined;
  /** Share of the bytes of the texts that the summary takes at most, more than 0 to 1. Default: 0.3. */
  readonly share?: number | undefined;
  /** Which of them belong together. Those of one actor, kind and scope always do, as far as this allows. */
  readonly group?:
    | {
        /** A pause longer than this ends a group. Default: 6 hours. */
        readonly gap?: number | undefined;
        /** Longest time from the first to the last. Default: 7 days. */
        readonly span?: number | undefined;
        /** Least mean cosine of their words, 0 to 1. Default: 0.02. */
        readonly similarity?: number | undefined;
        /** Fewest records in a group, 2 or more. Default: 3. */
        readonly min?: number | undefined;
        /** Most records in a group, 256 at most. Default: 32. */
        readonly max?: number | undefined;
      }
    | undefined;
}

/** How importance is composed: a weighted mean of what is known of a record. */
export interface ImportanceWeights {
  /** Of the importance given when it was added. Default: 1. */
  readonly given?: number | undefined;
  /** Of the mean reward. Default: 0.5. */
  readonly reward?: number | undefined;
  /** Of the number of uses. Default: 0. */
  readonly uses?: number | undefined;
  /** Of the time since the last use. Default: 0. */
  readonly recency?: number | undefined;
  /** Of the surprise when it was added. Default: 0, and then it is not measured. */
  readonly surprise?: number | undefined;
}
