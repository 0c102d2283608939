/**
 * Policies of the user's own: functions over the figures of a record. Owns asking them (about promotion in slices, about
 * eviction a whole tier at once) and standing their failures. What their answers mean is carried out by the engine.
 */

import { createError } from "./errors.js";
import { checkFields, invalid } from "./internal/convert.js";
import type { EngineHandle } from "./internal/bridge.js";
import type { Figures, MemoryEvents, Policies, Tier } from "./types.js";

type Failure = MemoryEvents["policy-failed"];
type Place = readonly [number, string];

/** Records shown to a policy at once. */
const PAGE = 512;
const tiers: readonly Tier[] = ["working", "intermediate", "long-term"];

/** Throws unless `policies` are functions by tier. */
export function checkPolicies(policies: Policies): void {
  checkFields(policies, ["promote", "evict"], "policies");
  for (const [name, known] of [["promote", tiers.slice(0, 2)], ["evict", tiers]] as const) {
    const given = policies[name];
    if (given === undefined) continue;
    checkFields(given, known, `policies/${name}`);
    for (const [tier, policy] of Object.entries(given)) {
      if (policy !== undefined && typeof policy !== "function") throw invalid(`policies/${name}/${tier}`, "must be a function");
    }
  }
}

/** Asks the policies of one memory, from turn to turn. */
export class PolicyTurns {
  readonly #policies: Policies;
  readonly #failed: (failure: Failure) => void;
  /** Where the round of promotion goes on. */
  #tier = 0;
  #after: Place | undefined;
  /** Whether everybody was asked since the last rest. */
  #done = false;

  /** `failed` is told of every policy that threw or answered nonsense. */
  constructor(policies: Policies, failed: (failure: Failure) => void) {
    this.#policies = policies;
    this.#failed = failed;
  }

  /** Asks until all is decided or the `deadline` (of `performance.now`) has passed; then not again before a rest. */
  run(handle: EngineHandle, now: number, deadline: number): { moved: number; evicted: number; more: boolean } {
    const report = { moved: 0, evicted: 0, more: false };
    if (this.#done) return report;
    while (this.#tier < tiers.length) {
      const tier = tiers[this.#tier] as Tier;
      const policy = this.#policies.promote?.[tier as "working"];
      if (policy) {
        const page = pageOf(handle, tier, this.#after, now);
        const worthy = page.figures.flatMap((figures) => {
          const score = this.#ask("promote", policy, figures);
          return score !== undefined && score >= 1 ? [{ id: figures.id, score }] : [];
        });
        report.moved += handle.promoteJudged(worthy.map(({ id }) => id), Float64Array.from(worthy, ({ score }) => score), now);
        this.#after = page.next;
        if (page.next === undefined) this.#tier += 1;
        if (performance.now() >= deadline) return { ...report, more: true };
      } else {
        this.#tier += 1;
      }
    }
    this.#tier = 0;
    this.#done = true;
    for (const tier of tiers) report.evicted += this.#evict(handle, tier, now);
    return report;
  }

  /** All maintenance is done for now: the next turn asks anew. */
  rest(): void {
    this.#done = false;
  }

  #evict(handle: EngineHandle, tier: Tier, now: number): number {
    const policy = this.#policies.evict?.[tier];
    const excess = policy && (handle.overfull(tier) as readonly [items: number, bytes: number] | undefined);
    if (!policy || !excess) return 0;
    const queue: { id: string; bytes: number; urgency: number }[] = [];
    for (let after: Place | undefined, first = true; first || after !== undefined; first = false) {
      const page = pageOf(handle, tier, after, now);
      for (const figures of page.figures) {
        const urgency = this.#ask("evict", policy, figures);
        if (urgency !== undefined) queue.push({ id: figures.id, bytes: figures.bytes, urgency });
      }
      after = page.next;
    }
    queue.sort((a, b) => b.urgency - a.urgency || (a.id < b.id ? -1 : 1));
    let [items, bytes] = excess;
    const leaving: string[] = [];
    for (const one of queue) {
      if (items <= 0 && bytes <= 0) break;
      leaving.push(one.id);
      items -= 1;
      bytes -= one.bytes;
    }
    return handle.dismiss(leaving, now);
  }

  #ask(policy: "promote" | "evict", decide: (figures: Figures) => boolean | number, figures: Figures): number | undefined {
    const { id, tier } = figures;
    try {
      const answer: unknown = decide(Object.freeze(figures));
      const score = policy === "promote" && typeof answer === "boolean" ? Number(answer) : answer;
      if (typeof score === "number" && !Number.isNaN(score)) return score;
      const wanted = policy === "promote" ? "true, false or a number" : "a number";
      throw createError("invalid-argument", `policies/${policy}/${tier} answered ${typeof answer} instead of ${wanted}`, { details: { field: `policies/${policy}/${tier}`, id } });
    } catch (error) {
      this.#failed({ policy, tier, id, error });
      return undefined;
    }
  }
}

function pageOf(handle: EngineHandle, tier: Tier, after: Place | undefined, now: number): { figures: Figures[]; next?: Place } {
  return handle.figures(tier, after, PAGE, now) as { figures: Figures[]; next?: Place };
}
