/**
 * Events: what a memory tells about. Owns types only.
 */

import type { ConsolidationConfig, EvictionPolicy } from "./config.js";
import type { Tier } from "./records.js";

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

/** A graph over the vectors that was built. */
export interface GraphReport {
  /** Vectors that it is over. */
  readonly vectors: number;
  /** How long it took, in milliseconds. */
  readonly ms: number;
  /** Who has built it: a Worker, or the thread that called. */
  readonly by: "worker" | "caller";
}
