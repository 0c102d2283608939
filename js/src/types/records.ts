/**
 * Records: what they are, and what is said of them when they are added, read and changed. Owns types only.
 */

import type { EngineConfig } from "./config.js";

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
