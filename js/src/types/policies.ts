/**
 * What maintenance asks of the user's own: policies and summaries. Owns types only.
 */

import type { Kind, Tier } from "./records.js";

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
