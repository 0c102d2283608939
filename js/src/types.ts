/**
 * The shapes that users see: records, questions, hits, options. Owns types only.
 */

import type { Embedder, EmbedFunction } from "./embedder.js";
import type { Storage } from "./storage/types.js";

/** Where a record lives: from fleeting to durable. */
export type Tier = "working" | "intermediate" | "long-term";

/** What sort of memory a record is; a name of your own is as good as the known ones. */
export type Kind = "episodic" | "semantic" | "procedural" | (string & {});

/** A moment: milliseconds since 1970, a `Date`, or an ISO 8601 text. */
export type Moment = number | Date | string;

/** A metadata value: what JSON can say. */
export type MetadataValue = null | boolean | number | string | readonly MetadataValue[] | { readonly [key: string]: MetadataValue };

/** Metadata of a record. */
export type Metadata = { readonly [key: string]: MetadataValue };

/**
 * Whom a record belongs to, or what a view may see. Every part is compared exactly: `user: "1"` never sees
 * `user: "10"`.
 */
export interface Scope {
  readonly tenant?: string;
  readonly user?: string;
  readonly agent?: string;
  readonly session?: string;
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
  /** 0 to 1. */
  readonly importance: number;
  readonly tags: readonly string[];
  readonly metadata: Metadata;
  /** How often it was recalled or read. */
  readonly accessCount: number;
  readonly lastAccess?: number;
  /** Pinned records are never evicted nor moved by a policy. */
  readonly pinned: boolean;
  /** From this moment on it is hidden, and soon removed. */
  readonly expiresAt?: number;
  /** Where it came from. */
  readonly source?: string;
  /** Grows by one with each change of content; starts at 1. */
  readonly version: number;
}

/** What can be said about a record when it is added. */
export interface AddOptions {
  /** The id, if it was made beforehand. */
  readonly id?: string;
  readonly kind?: Kind;
  readonly tier?: Tier;
  /** Parts beside those of the view; they may not contradict it. */
  readonly scope?: Scope;
  readonly actor?: string;
  readonly occurredAt?: Moment;
  /** 0 to 1; 0.5 if left out. */
  readonly importance?: number;
  readonly tags?: readonly string[];
  readonly metadata?: Metadata;
  readonly pinned?: boolean;
  readonly expiresAt?: Moment;
  readonly source?: string;
  /** A vector made elsewhere, in the embedder's space: the embedder is not asked. */
  readonly vector?: Float32Array | readonly number[];
}

/** A record to add, as one object. */
export interface NewMemory extends AddOptions {
  readonly text: string;
}

/** Changes to a record. What is left out stays; `null` empties a field that can be empty. */
export interface MemoryPatch {
  readonly text?: string;
  readonly kind?: Kind;
  readonly actor?: string | null;
  readonly occurredAt?: Moment;
  readonly importance?: number;
  /** All labels, replacing those before. */
  readonly tags?: readonly string[];
  /** All metadata, replacing what was before. */
  readonly metadata?: Metadata;
  readonly pinned?: boolean;
  readonly expiresAt?: Moment | null;
  readonly source?: string | null;
  readonly vector?: Float32Array | readonly number[];
}

/** A precondition of a change. */
export interface ChangeOptions {
  /** Refuse the change (`transaction-conflict`) unless the record is at this version. */
  readonly ifVersion?: number;
}

/** How a field is compared. A plain value means `$eq`. */
export type Condition =
  | MetadataValue
  | Date
  | {
      readonly $eq?: MetadataValue | Date;
      readonly $ne?: MetadataValue | Date;
      readonly $gt?: number | string | boolean | Date;
      readonly $gte?: number | string | boolean | Date;
      readonly $lt?: number | string | boolean | Date;
      readonly $lte?: number | string | boolean | Date;
      readonly $in?: readonly (MetadataValue | Date)[];
      readonly $nin?: readonly (MetadataValue | Date)[];
      readonly $contains?: MetadataValue;
      readonly $exists?: boolean;
    };

/**
 * Which records a question is about. All entries must hold. A name is a path into the metadata (`"a.b"`); a name
 * with a dollar sign is a field of the record (`$kind`, `$tier`, `$actor`, `$occurredAt`, `$tags`, ...).
 *
 * @example
 * const filter: Filter = { topic: "units", $importance: { $gte: 0.5 }, $or: [{ lang: "en" }, { lang: { $exists: false } }] };
 */
export interface Filter {
  readonly $and?: readonly Filter[];
  readonly $or?: readonly Filter[];
  readonly $not?: Filter;
  readonly [field: string]: Condition | Filter | readonly Filter[] | undefined;
}

/** How the signals of a recall are joined. */
export type Fusion =
  | "weighted"
  | "rrf"
  | { readonly method: "weighted"; readonly dense: number; readonly keyword: number }
  | { readonly method: "rrf"; readonly k: number };

/** Options of a recall. */
export interface RecallOptions {
  /** Most hits wanted, 1 to 10,000. Default 10. */
  readonly limit?: number;
  readonly filter?: Filter;
  readonly fusion?: Fusion;
  /** Hits below this score are left out. */
  readonly minScore?: number;
  /** The query's vector, made elsewhere. */
  readonly vector?: Float32Array | readonly number[];
  /** Whether the hits count as read. Default true. */
  readonly touch?: boolean;
  readonly signal?: AbortSignal;
}

/** What one signal says of a hit. */
export interface SignalShare {
  readonly signal: "dense" | "keyword";
  /** Position in the signal's own list, from 1. */
  readonly rank?: number;
  /** Cosine, or BM25. */
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
  readonly fusion: "weighted" | "rrf";
  readonly signals: readonly SignalShare[];
  /** Signals that could say nothing, and why. */
  readonly skipped: readonly { readonly signal: "dense" | "keyword"; readonly reason: string }[];
}

/** A found record, best first. */
export interface Hit extends MemoryRecord {
  /** With weighted fusion 0 to 1, where 1 is best in every signal. */
  readonly score: number;
  readonly why: Why;
}

/** Options of a listing. */
export interface ListOptions {
  readonly filter?: Filter;
  /** Stop after this many. */
  readonly limit?: number;
}

/** Limits of a tier. What is left out is not limited. */
export interface TierLimits {
  readonly maxItems?: number;
  /** Milliseconds. */
  readonly ttl?: number;
}

/** The tiers' limits and other settings of the engine. */
export interface EngineConfig {
  /** Default: 256 records, one hour. */
  readonly working?: TierLimits;
  /** Default: 20,000 records, 30 days. */
  readonly intermediate?: TierLimits;
  /** Default: no limit. */
  readonly longTerm?: TierLimits;
  /** Tier of a record that does not name one. Default: working. */
  readonly defaultTier?: Tier;
  /** Longest text in bytes. Default: 1 MiB. */
  readonly maxTextBytes?: number;
  /** Bytes of log before it is sealed into a segment. Default: 1 MiB. */
  readonly sealBytes?: number;
  /** Term saturation of BM25. Default: 0.9. */
  readonly bm25K1?: number;
  /** Length normalisation of BM25. Default: 0.4. */
  readonly bm25B?: number;
}

/** Options of {@link openMemory}. All may be left out. */
export interface OpenOptions {
  /** Where the bytes live. Default: this process's memory, gone when it ends. */
  readonly storage?: Storage;
  /**
   * What turns texts into vectors: `"static-128"` (default) or `"static-256"` built in and offline, an
   * {@link Embedder}, a function, any object with `doEmbed({ values })`, or `false` for keyword search only.
   */
  readonly embedder?: "static-128" | "static-256" | Embedder | EmbedFunction | EmbeddingModelLike | false;
  /** What this handle may see and where its records belong. Default: everything. */
  readonly scope?: Scope;
  readonly config?: EngineConfig;
  /** The clock, in milliseconds. Default: `Date.now`. */
  readonly now?: () => number;
  /** Seed of the ids' noise. Default: the host's entropy. */
  readonly seed?: number;
  /** Show the engine's spans and events on the console. */
  readonly trace?: "error" | "warn" | "info" | "debug" | "trace";
}

/** An embedding model in the shape of the AI SDK's providers (V2 to V4). */
export interface EmbeddingModelLike {
  readonly modelId: string;
  readonly provider?: string;
  readonly maxEmbeddingsPerCall?: number | PromiseLike<number | undefined> | undefined;
  doEmbed(options: { values: string[]; abortSignal?: AbortSignal }): PromiseLike<{ embeddings: readonly (readonly number[])[] }>;
}

/** Why a record moved or was evicted. */
export type MoveReason = "requested" | "capacity" | "ttl";

/** What a memory tells about, once it is durable. */
export interface MemoryEvents {
  "memory-added": { readonly id: string; readonly tier: Tier };
  "memory-updated": { readonly id: string; readonly version: number };
  "memory-forgotten": { readonly id: string };
  "memory-promoted": { readonly id: string; readonly from: Tier; readonly to: Tier; readonly reason: MoveReason };
  "memory-demoted": { readonly id: string; readonly from: Tier; readonly to: Tier; readonly reason: MoveReason };
  "memory-expired": { readonly id: string };
  "memory-evicted": { readonly id: string; readonly tier: Tier; readonly reason: MoveReason };
  "segment-sealed": { readonly segment: number; readonly records: number; readonly bytes: number };
  "storage-failed": { readonly error: Error };
}

/** The space in which vectors can be compared. */
export interface EmbeddingSpace {
  readonly model: string;
  readonly dimensions: number;
}

/** Figures about a memory, as a view sees it. */
export interface MemoryStats {
  readonly records: number;
  readonly tiers: Readonly<Record<Tier, number>>;
  readonly space?: EmbeddingSpace;
  /** Only for a view that sees everything. */
  readonly engine?: {
    readonly vectors: number;
    readonly terms: number;
    readonly textBytes: number;
    readonly vectorBytes: number;
    readonly keywordBytes: number;
    readonly logBytes: number;
    readonly segmentBytes: number;
    readonly segments: number;
    readonly commits: number;
    readonly poisoned?: string;
  };
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
  /** Stop after about this many milliseconds. Default: when nothing is due. */
  readonly budgetMs?: number;
  /** Rewrite storage without anything that was forgotten, even if that is not due. */
  readonly compact?: boolean;
}

/** What maintenance did. */
export interface MaintenanceReport {
  readonly moved: number;
  readonly expired: number;
  readonly evicted: number;
  readonly sealed: number;
  /** Whether more is due now. */
  readonly more: boolean;
  /** When something becomes due by itself, in milliseconds since 1970. */
  readonly next?: number;
}

/** Options of an import. */
export interface ImportOptions {
  /** What to do about an id that exists. Default: `error`. */
  readonly onConflict?: "error" | "skip" | "replace";
}

/** What an import did. */
export interface ImportReport {
  readonly added: number;
  readonly replaced: number;
  readonly skipped: number;
}
