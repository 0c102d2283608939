/**
 * Policies of the user's own: functions over the figures of a record. Owns asking them, a page of records at a time, and
 * standing their failures. What their answers mean is kept and carried out by the engine.
 */

import { createError } from "./errors.js";
import { checkFields, invalid } from "./internal/convert.js";
import type { EngineHandle } from "./internal/bridge.js";
import type { Figures, MemoryEvents, Policies, Tier } from "./types.js";

type Failure = MemoryEvents["policy-failed"];
type Place = readonly [number, string];

/** Records shown to a policy at once. */
const PAGE = 256;
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

  /**
   * Asks until all is decided or the `deadline` (of `performance.now`) has passed. About promotion not again before a
   * rest. `ranked` says whether anybody was ranked who may have to leave.
   */
  run(handle: EngineHandle, now: number, deadline: number): { moved: number; ranked: boolean; more: boolean } {
    const report = { moved: 0, ranked: false, more: false };
    while (!this.#done) {
      const tier = tiers[this.#tier] as Tier;
      const policy = this.#policies.promote?.[tier as "working"];
      if (policy) {
        const page = handle.figures(tier, this.#after, PAGE, now) as { figures: Figures[]; next?: Place };
        const worthy = this.#answers("promote", policy, page.figures).filter(({ answer }) => answer >= 1);
        report.moved += handle.promoteJudged(worthy.map(({ id }) => id), Float64Array.from(worthy, ({ answer }) => answer), now);
        this.#after = page.next;
      }
      if (this.#after === undefined) this.#tier = (this.#tier + 1) % tiers.length;
      this.#done = this.#after === undefined && this.#tier === 0;
      if (policy && performance.now() >= deadline) return { ...report, more: true };
    }
    for (const tier of tiers) {
      const policy = this.#policies.evict?.[tier];
      if (!policy) continue;
      for (let page = unranked(handle, tier, now); page; page = unranked(handle, tier, now)) {
        const ranked = this.#answers("evict", policy, page);
        handle.rank(tier, ranked.map(({ id }) => id), Float64Array.from(ranked, ({ answer }) => answer));
        report.ranked = true;
        if (performance.now() >= deadline) return { ...report, more: true };
      }
    }
    return report;
  }

  /** All maintenance is done for now: the next turn asks anew. */
  rest(): void {
    this.#done = false;
  }

  /** What a policy answers about each record, apart from those where it fails. */
  #answers(policy: "promote" | "evict", decide: (figures: Figures) => boolean | number, page: readonly Figures[]): { id: string; answer: number }[] {
    return page.flatMap((figures) => {
      const answer = this.#ask(policy, decide, figures);
      return answer === undefined ? [] : [{ id: figures.id, answer }];
    });
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

/** Those whom the policy of a tier that is too full has still to rank, or nothing if there are none. */
function unranked(handle: EngineHandle, tier: Tier, now: number): Figures[] | undefined {
  return handle.unranked(tier, PAGE, now) as Figures[] | undefined;
}
