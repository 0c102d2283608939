/**
 * Maintenance and imports: their options and reports. Owns types only.
 */

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
