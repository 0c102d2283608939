/**
 * The shapes that users see: records, questions, hits, options. Owns types only.
 */

import type { EmbedderLike } from "./embedders/types.js";
import type { EmbeddingCacheFigures, EmbeddingCacheOptions } from "./embedding-cache.js";
import type { Kept, VectorEncoder } from "./encoders.js";
import type { Judges } from "./judges.js";
import type { ResultCacheConfig, ResultCacheFigures, Sort } from "./queries.js";
import type { Storage } from "./storage/types.js";
import type { WorkerLike } from "./worker/protocol.js";

/** Where a record lives: from fleeting to durable. In {@link EngineConfig} the settings of `"long-term"` are called `longTerm`. */
export type Tier = "working" | "intermediate" | "long-term";

/**
 * How exactly a vector is kept: every component as a 32-bit float, as one of 255 steps, or as a single bit.
 */
export type Precision = "f32" | "int8" | "binary";

/** What sort of memory a record is; a name of your own is as good as the known ones. */
export type Kind = "episodic" | "semantic" | "procedural" | (string & {});

/**
 * A moment: milliseconds since 1970, a `Date`, or an ISO 8601 text with a zone (`"2025-01-02T10:00+01:00"`,
 * `"2025-01-02T10:00:30.5Z"`). A bare day, `"2025-01-02"`, means its midnight in UTC. Other texts are refused, for they
 * mean other moments on other machines.
 */
export type Moment = number | Date | string;

/** A metadata value: what JSON can say. */
export type MetadataValue = null | boolean | number | string | readonly MetadataValue[] | { readonly [key: string]: MetadataValue };

/**
 * Metadata of a record, as it is read. A `Date` given as a value is stored as its milliseconds since 1970, and read as a
 * number; filters compare it with a `Date` or with milliseconds, not with an ISO text.
 */
export type Metadata = { readonly [key: string]: MetadataValue };

/**
 * What can be given as a value of metadata, for a type `T` of your own: what JSON can say, and dates. Members that are
 * `undefined` are left out. Functions, maps, sets and other classes with methods are refused.
 */
export type JsonLike<T> = T extends MetadataValue | undefined | Date
  ? T
  : T extends bigint | symbol | ((...given: never) => unknown)
    ? never
    : { readonly [K in keyof T]: JsonLike<T[K]> };

/**
 * Whom a record belongs to, or what a view may see. Every part is compared exactly: `user: "1"` never sees
 * `user: "10"`.
 */
export interface Scope {
  readonly tenant?: string | undefined;
  readonly user?: string | undefined;
  readonly agent?: string | undefined;
  readonly session?: string | undefined;
}

/** One memory. Times are milliseconds since 1970. */
export interface MemoryRecord {
  /** 26 characters; order of ids is order of creation. */
  readonly id: string;
  readonly text: string;
  readonly kind: Kind;
  readonly tier: Tier;
  /** Since when it has lived in its tier. */
  readonly tierSince: number;
  readonly scope: Scope;
  /** Who said or did it. */
  readonly actor?: string;
  /** When it happened. */
  readonly occurredAt: number;
  /** When the memory learnt of it. */
  readonly recordedAt: number;
  /**
   * 0 to 1: as it was given, or the default of its kind. Policies work with an importance composed of this and of what
   * else is known, which `explainTransition` tells.
   */
  readonly importance: number;
  readonly tags: readonly string[];
  readonly metadata: Metadata;
  /** How often it was recalled or read. */
  readonly accessCount: number;
  readonly lastAccess?: number;
  /** The last uses, latest first, four at most. */
  readonly recentAccesses?: readonly number[];
  /** What recalls have owed to it, 0 to 1; slows its fading down. */
  readonly merit?: number;
  /** Mean of the rewards it was given, -1 to 1. */
  readonly reward?: number;
  /** How many rewards that were. */
  readonly rewards?: number;
  /** How unlike everything known it was when it was added, 0 to 1; only if importance is composed of that. */
  readonly surprise?: number;
  /** Pinned records are never evicted nor moved by a policy. */
  readonly pinned: boolean;
  /** From this moment on it is hidden, and soon removed. */
  readonly expiresAt?: number;
  /** Where it came from. */
  readonly source?: string;
  /**
   * The memories that went into it by consolidation, earliest first, 256 at most. Their ids still lead here: `get` gives
   * this record for them, and `forget` takes them out of it.
   */
  readonly origins?: readonly Origin[];
  /** Whether it is a summary: its text was made of its origins, and it ends with the last of them. */
  readonly summary?: true;
  /** Grows by one with each change of content; starts at 1. */
  readonly version: number;
}

/** A memory that went into another one: what is left of it there. */
export interface Origin {
  /** The id it had. */
  readonly id: string;
  /** When it happened. */
  readonly occurredAt: number;
  readonly actor?: string;
  readonly tags?: readonly string[];
  readonly metadata?: Metadata;
  readonly source?: string;
  /** Its words, or those of them that were kept; left out if they are those of the record that it went into. */
  readonly text?: string;
}

/** What can be said about a record when it is added. `M` is the type of its metadata, which may be an interface of yours. */
export interface AddOptions<M extends object = object> {
  /** The id, if it was made beforehand. */
  readonly id?: string | undefined;
  readonly kind?: Kind | undefined;
  readonly tier?: Tier | undefined;
  /** Parts beside those of the view; they may not contradict it. */
  readonly scope?: Scope | undefined;
  readonly actor?: string | undefined;
  readonly occurredAt?: Moment | undefined;
  /** 0 to 1; 0.5 if left out. */
  readonly importance?: number | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: (M & JsonLike<M>) | undefined;
  readonly pinned?: boolean | undefined;
  readonly expiresAt?: Moment | undefined;
  readonly source?: string | undefined;
  /** A vector made elsewhere, in the embedder's space: the embedder is not asked. */
  readonly vector?: Float32Array | readonly number[] | undefined;
}

/** A record to add, as one object. */
export interface NewMemory<M extends object = object> extends AddOptions<M> {
  readonly text: string;
}

/** Changes to a record. What is left out stays; `null` empties a field that can be empty. */
export interface MemoryPatch<M extends object = object> {
  readonly text?: string | undefined;
  readonly kind?: Kind | undefined;
  readonly actor?: string | null | undefined;
  readonly occurredAt?: Moment | undefined;
  readonly importance?: number | undefined;
  /** All labels, replacing those before. */
  readonly tags?: readonly string[] | undefined;
  /** All metadata, replacing what was before. */
  readonly metadata?: (M & JsonLike<M>) | undefined;
  readonly pinned?: boolean | undefined;
  readonly expiresAt?: Moment | null | undefined;
  readonly source?: string | null | undefined;
  readonly vector?: Float32Array | readonly number[] | undefined;
}

/** Options of a read by id. */
export interface GetOptions {
  /** Whether the read counts as a use. Default true. */
  readonly touch?: boolean | undefined;
}

/** A precondition of a change. */
export interface ChangeOptions {
  /** Refuse the change (`transaction-conflict`) unless the record is at this version. */
  readonly ifVersion?: number | undefined;
}

/** Values that have an order. */
type Ordered = number | string | boolean | Date;

/** How a field is compared with values of type `T`. A plain value means `$eq`. */
export type Comparison<T> =
  | T
  | {
      readonly $eq?: T | undefined;
      readonly $ne?: T | undefined;
      readonly $gt?: Extract<T, Ordered> | undefined;
      readonly $gte?: Extract<T, Ordered> | undefined;
      readonly $lt?: Extract<T, Ordered> | undefined;
      readonly $lte?: Extract<T, Ordered> | undefined;
      readonly $in?: readonly T[] | undefined;
      readonly $nin?: readonly T[] | undefined;
      /** A part of a text, or an item of a list. */
      readonly $contains?: MetadataValue | undefined;
      readonly $exists?: boolean | undefined;
    };

/** How a value in the metadata is compared. */
export type Condition = Comparison<MetadataValue | Date>;

/**
 * Which records a question is about. All entries must hold. A name is a path into the metadata: `"a.b"` is the value
 * of `b` in the map `a`. A name with a dollar sign is a field of the record. After a backslash a dot, a dollar sign and
 * a backslash stand for themselves: `"a\\.b"` (in source text) is the value of the name `a.b`. Moments of the record are
 * compared with any {@link Moment}; dates in the metadata with a `Date` or milliseconds.
 *
 * @example
 * const filter: Filter = { topic: "units", $importance: { $gte: 0.5 }, $or: [{ lang: "en" }, { lang: { $exists: false } }] };
 */
export interface Filter {
  readonly $and?: readonly Filter[] | undefined;
  readonly $or?: readonly Filter[] | undefined;
  readonly $not?: Filter | undefined;
  readonly $id?: Comparison<string> | undefined;
  readonly $text?: Comparison<string> | undefined;
  readonly $kind?: Comparison<Kind> | undefined;
  readonly $tier?: Comparison<Tier | (string & {})> | undefined;
  readonly $actor?: Comparison<string> | undefined;
  readonly $occurredAt?: Comparison<Moment> | undefined;
  readonly $recordedAt?: Comparison<Moment> | undefined;
  readonly $lastAccess?: Comparison<Moment> | undefined;
  readonly $expiresAt?: Comparison<Moment> | undefined;
  readonly $importance?: Comparison<number> | undefined;
  readonly $tags?: Comparison<string | readonly string[]> | undefined;
  readonly $accessCount?: Comparison<number> | undefined;
  readonly $pinned?: Comparison<boolean> | undefined;
  readonly $source?: Comparison<string> | undefined;
  readonly $version?: Comparison<number> | undefined;
  readonly [path: string]: Condition | Filter | readonly Filter[] | undefined;
}

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

/** Options of a listing. */
export interface ListOptions {
  readonly filter?: Filter | undefined;
  /** Default: by id, which is the order of creation. */
  readonly sort?: Sort | undefined;
  /** Stop after this many. */
  readonly limit?: number | undefined;
  /** Begin after the page that has answered this cursor. */
  readonly cursor?: string | undefined;
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

/**
 * Says in other words what several old memories say, for instance by a language model. `texts` are in the order of time.
 * What it throws, or a blank answer, is told by the event `summary-failed`; the memories stay until the next time.
 * `maintain` waits for it, so give it a time limit of its own.
 *
 * @example
 * const summarize: Summarize = async (texts, { actor }) => await myModel(`What did ${actor} say that matters? ${texts.join(" ")}`);
 */
export type Summarize = (
  texts: readonly string[],
  context: { readonly actor?: string; readonly from: number; readonly to: number },
) => PromiseLike<string> | string;

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
   * When `maintain` has a graph over the vectors built, in a Worker: `"auto"` (default), from 200,000 on, `"always"`, from
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

/** Turns texts into vectors, one each, in order. */
export type EmbedFunction = (texts: readonly string[], options: EmbedOptions) => PromiseLike<readonly ArrayLike<number>[]> | readonly ArrayLike<number>[];

/** A function as an embedder. Its own property `model` names the space of its vectors; without one they are of `"custom"`. */
export type NamedEmbedFunction = EmbedFunction & { readonly model?: string | undefined };

/** What an embedder is told beside the texts. */
export interface EmbedOptions {
  /** Whether the texts are questions or things to remember. */
  readonly purpose: "query" | "memory";
  readonly signal?: AbortSignal;
}

/**
 * A model that turns texts into vectors.
 *
 * @example
 * const embedder: Embedder = { model: "my-model", embed: async (texts) => await callMyModel(texts) };
 */
export interface Embedder {
  /** Names the space: vectors of different models never mix. */
  readonly model: string;
  /** Components of each vector, if known beforehand. */
  readonly dimensions?: number | undefined;
  /** Most texts in one call. Default 100. */
  readonly maxBatch?: number | undefined;
  readonly embed: EmbedFunction;
}

/** The built-in model, by itself. */
export interface StaticEmbedder extends Embedder {
  readonly dimensions: number;
  /** One vector for each text; zeros for a text without meaning to the model. */
  readonly embed: (texts: readonly string[]) => Float32Array[];
}

/** What a policy sees of a record: figures, never its text. Times in milliseconds since 1970. */
export interface Figures {
  readonly id: string;
  readonly kind: Kind;
  readonly tier: Tier;
  readonly tierSince: number;
  readonly recordedAt: number;
  readonly accessCount: number;
  readonly lastAccess?: number;
  /** As the built-in policies see it, 0 to 1. */
  readonly importance: number;
  /** How much of it is left, 0 to 1. */
  readonly retention: number;
  /** What recalls have owed to it, 0 to 1. */
  readonly merit: number;
  /** Bytes it takes. */
  readonly bytes: number;
  /** How far it fulfils the configured rule of promotion: 1 is enough. */
  readonly promotion: number;
  /** Whether it was sent back and has to earn its way up again. */
  readonly onProbation: boolean;
}

/**
 * Policies of your own, asked by `maintain`. A function that throws, or answers something else than it should, is told
 * by the event `policy-failed`, and nothing happens to that record.
 */
export interface Policies {
  /**
   * Whether a record of the tier has earned the next one: true, or a score of 1 and more. Comes on top of the tier's
   * rule; `promote: "never"` leaves the decision to the function alone.
   */
  readonly promote?: { readonly [T in "working" | "intermediate"]?: ((figures: Figures) => boolean | number) | undefined } | undefined;
  /** How urgently a record should leave a tier that is too full, highest first. Stands in place of the tier's `evict`. */
  readonly evict?: { readonly [T in Tier]?: ((figures: Figures) => number) | undefined } | undefined;
}

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

/** An embedding model in the shape of the AI SDK's providers (V2 to V4). */
export interface EmbeddingModelLike {
  readonly modelId: string;
  readonly provider?: string | undefined;
  readonly maxEmbeddingsPerCall?: number | PromiseLike<number | undefined> | undefined;
  doEmbed(options: { values: string[]; abortSignal?: AbortSignal }): PromiseLike<{ embeddings: readonly (readonly number[])[] }>;
}

/** Why a record moved or was evicted. */
export type MoveReason = "requested" | "capacity" | "ttl" | "earned" | "lapsed" | "faded" | "merged" | "kind-limit" | "total-limit";

/** What a memory tells about, once it is durable. */
export interface MemoryEvents {
  "memory-added": { readonly id: string; readonly tier: Tier };
  "memory-updated": { readonly id: string; readonly version: number };
  "memory-forgotten": { readonly id: string };
  /** What was to be added is known already (see {@link ConsolidationConfig.repeats}). */
  "memory-repeated": { readonly id: string; readonly because: "known" | "recalled" | "same-moment" };
  /** The records `origins` went into the record `id`. */
  "memory-consolidated": { readonly id: string; readonly origins: readonly string[]; readonly form: "duplicate" | "near-duplicate" | "summary" };
  "memory-promoted": { readonly id: string; readonly from: Tier; readonly to: Tier; readonly reason: MoveReason; readonly score?: number };
  "memory-demoted": { readonly id: string; readonly from: Tier; readonly to: Tier; readonly reason: MoveReason; readonly score?: number };
  "memory-expired": { readonly id: string; readonly tier: Tier };
  "memory-evicted": { readonly id: string; readonly tier: Tier; readonly reason: MoveReason; readonly policy?: EvictionPolicy | "custom"; readonly score?: number };
  "tier-limit-reached": { readonly tier: Tier; readonly items: number; readonly bytes: number };
  "total-limit-reached": { readonly items: number; readonly bytes: number };
  /** A policy of your own threw, or answered something else than it should. */
  "policy-failed": { readonly policy: "promote" | "evict"; readonly tier: Tier; readonly id: string; readonly error: unknown };
  /** Old episodes could not be summed up: `summarize` or the embedder failed. */
  "summary-failed": { readonly ids: readonly string[]; readonly error: unknown };
  /** An encoder of your own threw, or answered something else than it should; the vectors stay as they are until the next time. */
  "encoder-failed": { readonly encoder: string; readonly ids: readonly string[]; readonly error: unknown };
  "graph-built": GraphReport;
  /** A Worker could not be started, or failed. Until the memory is opened again, none is started unless it is asked for. */
  "worker-failed": { readonly error: unknown };
  "segment-sealed": { readonly segment: number; readonly records: number; readonly bytes: number };
  "storage-failed": { readonly error: Error };
}

/**
 * What makes two vectors alike: `"cosine"`, the angle between them, whatever their lengths; `"dot"`, their product;
 * `"euclidean"`, how near they are to each other.
 */
export type Metric = "cosine" | "dot" | "euclidean";

/** A graph over the vectors that was built. */
export interface GraphReport {
  /** Vectors that it is over. */
  readonly vectors: number;
  /** How long it took, in milliseconds. */
  readonly ms: number;
  /** Who has built it: a Worker, or the thread that called. */
  readonly by: "worker" | "caller";
}

/** The space in which vectors can be compared. */
export interface EmbeddingSpace {
  readonly model: string;
  readonly dimensions: number;
  /** How they are compared. Left out: by cosine. */
  readonly metric?: Exclude<Metric, "cosine">;
}

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

/** What opening found. */
export interface OpenReport {
  readonly created: boolean;
  readonly records: number;
  readonly replayedCommits: number;
  /** Bytes of a torn write that were cut off the log; none was ever acknowledged. */
  readonly tornBytes: number;
  readonly leftovers: readonly string[];
}

/** Options of maintenance. */
export interface MaintainOptions {
  /** Stop after about this many milliseconds, 0 or more. Default: when nothing is due. */
  readonly budgetMs?: number | undefined;
  /** Rewrite storage without anything that was forgotten, even if that is not due. */
  readonly compact?: boolean | undefined;
}

/** What maintenance did. */
export interface MaintenanceReport {
  readonly moved: number;
  readonly expired: number;
  readonly evicted: number;
  /** Records that went into others that say the same. */
  readonly merged: number;
  /** Records that went into summaries. */
  readonly summarized: number;
  /** Vectors of which less is kept from now on, because their tier was configured or trained so since they were stored. */
  readonly coarsened: number;
  readonly sealed: number;
  /** Whether more is due now. */
  readonly more: boolean;
  /** When something becomes due by itself, in milliseconds since 1970. */
  readonly next?: number;
}

/** Options of an import. */
export interface ImportOptions {
  /** What to do about an id that exists. Default: `error`. */
  readonly onConflict?: "error" | "skip" | "replace" | undefined;
}

/** What an import did. */
export interface ImportReport {
  readonly added: number;
  readonly replaced: number;
  readonly skipped: number;
}
