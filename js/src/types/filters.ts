/**
 * Filters, and the listings that they narrow. Owns types only.
 */

import type { Sort } from "../queries.js";
import type { Kind, MetadataValue, Moment, Tier } from "./records.js";

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
