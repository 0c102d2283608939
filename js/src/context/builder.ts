/**
 * Builds contexts: what goes in, step by step, then the fit. Owns the options and their checks. Does not own the choice
 * or the form.
 */

import { checkFields, checkFlag, checkNumber, checkSignal, checkWhole, invalid, toFilter, withoutMissing } from "../internal/convert.js";
import { within } from "../internal/within.js";
import type { Hit, RecallOptions } from "../types.js";
import { Context } from "./context.js";
import type { Candidate, Split } from "./draft.js";
import { fitTo } from "./fit.js";
import { forms } from "./render.js";
import { estimateTokens, watched } from "./tokens.js";
import type { ContextFormat, ContextRecallOptions, ContextSection, ContextRelatedOptions, FitOptions, RecentOptions, StandingOptions } from "./types.js";

/** What a memory does for its contexts. */
export interface ContextSource {
  readonly recall: (question: string, options: RecallOptions) => Promise<Hit[]>;
  /** Candidates of all sections, for a request in the engine's form. */
  readonly gather: (request: Readonly<Record<string, unknown>>) => readonly Candidate[];
  readonly split: Split;
  /** Counts as a use of these records, each with its share of the answer. */
  readonly use: (ids: string[], shares: Float64Array) => void;
  readonly now: () => number;
}

interface Plan {
  readonly recall: ContextRecallOptions | undefined;
  readonly related: ContextRelatedOptions | undefined;
  readonly recent: RecentOptions | undefined;
  readonly summaries: StandingOptions | undefined;
  readonly pinned: StandingOptions | undefined;
}

/** Tokens that a message costs beside its content, in the chat formats that are known. */
const PER_MESSAGE = 4;
/** Tokens that a memory takes at least, more or less: so many of them may be wanted. */
const SHORTEST = 16;

/**
 * A context in the making. Each step answers a new builder and leaves this one as it is, so a builder can be kept and
 * used for several prompts. Without any step it holds what is pinned and what is recalled.
 *
 * @example
 * const context = await memory
 *   .context("What did we decide about the ferry?")
 *   .recent({ minutes: 30 })
 *   .summaries()
 *   .fit({ maxTokens: 1_500 });
 */
export class ContextBuilder {
  readonly #source: ContextSource;
  readonly #question: string;
  readonly #plan: Plan;

  /** @internal */
  constructor(question: string, source: ContextSource, plan: Plan = { recall: {}, related: undefined, recent: undefined, summaries: undefined, pinned: {} }) {
    this.#source = source;
    this.#question = question;
    this.#plan = plan;
  }

  /** How the question is recalled; `false` recalls nothing. Default: as `recall` does, and as many as may fit. */
  recall(options: ContextRecallOptions | false = {}): ContextBuilder {
    return this.#with("recall", options, (given) => {
      const { touch, signal } = given as { touch?: unknown; signal?: unknown };
      if (touch !== undefined) throw invalid("recall/touch", "belongs to fit");
      if (signal !== undefined) throw invalid("recall/signal", "belongs to fit");
    });
  }

  /** What stands beside the best hits in their sessions; `false` leaves it out, as is the default. */
  related(options: ContextRelatedOptions | false = {}): ContextBuilder {
    return this.#with("related", options, (given) => {
      checkFields(given, ["hits", "depth"], "related");
      checkWhole(given.hits, "related/hits", 1, 100);
      checkWhole(given.depth, "related/depth", 1, 10);
    });
  }

  /** What happened last; `false` leaves it out, as is the default. */
  recent(options: RecentOptions | false = {}): ContextBuilder {
    return this.#with("recent", options, (given) => {
      checkFields(given, ["limit", "filter", "share", "minutes"], "recent");
      checkStanding(given, "recent");
      checkNumber(given.minutes, "recent/minutes");
      if (given.minutes !== undefined && given.minutes < 0) throw invalid("recent/minutes", "must be 0 or more");
    });
  }

  /** Summaries of old episodes, the latest first; `false` leaves them out, as is the default. They may be recalled as well. */
  summaries(options: StandingOptions | false = {}): ContextBuilder {
    return this.#with("summaries", options, (given) => {
      checkFields(given, ["limit", "filter", "share"], "summaries");
      checkStanding(given, "summaries");
    });
  }

  /** Pinned memories, the most important first; `false` leaves them out. */
  pinned(options: StandingOptions | false = {}): ContextBuilder {
    return this.#with("pinned", options, (given) => {
      checkFields(given, ["limit", "filter", "share"], "pinned");
      checkStanding(given, "pinned");
    });
  }

  /**
   * Chooses, orders and cuts what fits. What is put in counts as used, unless `touch` is false; what is left out does not.
   *
   * @throws ValidationError naming the bad option, or `countTokens` if it answers something else than a number; whatever
   * `recall` throws. Nothing counts as used then.
   * @example
   * const { text } = await memory.context("Which units?").fit({ maxTokens: 500, countTokens: (text) => text.length / 3 });
   */
  async fit(options: FitOptions): Promise<Context> {
    checkFields(options, ["maxTokens", "countTokens", "reserve", "format", "touch", "signal"], "options");
    const { maxTokens, countTokens = estimateTokens, reserve = 0, format = "text", touch = true, signal } = options;
    if (maxTokens === undefined) throw invalid("maxTokens", "is missing");
    checkWhole(maxTokens, "maxTokens", 0);
    checkWhole(reserve, "reserve", 0);
    if (typeof countTokens !== "function") throw invalid("countTokens", "must be a function");
    if (!Object.hasOwn(forms, format)) throw invalid("format", `must be one of ${Object.keys(forms).join(", ")}`);
    checkFlag(touch, "touch");
    checkSignal(signal, "signal");
    const room = Math.max(0, maxTokens - reserve);
    const { recall } = this.#plan;
    const limit = Math.min(256, Math.max(16, Math.ceil(room / SHORTEST)));
    const hits = recall ? await this.#source.recall(this.#question, { limit, ...withoutMissing({ ...recall }), touch: false, signal }) : [];
    const candidates = withScores(this.#source.gather(this.#request(hits)), hits);
    const { pinned, summaries, recent } = this.#plan;
    const shares: Partial<Record<ContextSection, number>> = { pinned: pinned?.share ?? 0.5, summaries: summaries?.share ?? 0.25, recent: recent?.share ?? 0.25 };
    const perText = format === "messages" ? PER_MESSAGE : 0;
    const budget = { room, perText, form: forms[format as ContextFormat], count: watched(countTokens), shares };
    const fitted = fitTo(candidates, this.#question, this.#source.split, budget);
    const context = new Context(this.#question, format, maxTokens, fitted);
    if (touch) this.#source.use(context.pieces.map(({ id }) => id), Float64Array.from(context.pieces, ({ score }) => score ?? 0));
    return context;
  }

  #with<K extends keyof Plan>(part: K, options: NonNullable<Plan[K]> | false, check: (given: NonNullable<Plan[K]>) => void): ContextBuilder {
    if (options !== false) {
      if (typeof options !== "object" || options === null || Array.isArray(options)) throw invalid(part, "must be an object or false");
      check(options);
    }
    return new ContextBuilder(this.#question, this.#source, { ...this.#plan, [part]: options === false ? undefined : options });
  }

  /** What is asked of the engine. */
  #request(hits: readonly Hit[]): Record<string, unknown> {
    const { recall, related, recent, summaries, pinned } = this.#plan;
    const standing = (given: StandingOptions | undefined, limit: number): Record<string, unknown> | undefined =>
      given && { limit: given.limit ?? limit, ...(given.filter !== undefined && { filter: toFilter(given.filter) }) };
    const minutes = recent?.minutes;
    const since = minutes === undefined ? {} : { since: Math.ceil(this.#source.now() - minutes * 60_000) };
    return withoutMissing({
      hits: hits.map(({ id }) => id),
      filter: toFilter(recall?.filter),
      pinned: standing(pinned, 64),
      summaries: standing(summaries, 8),
      recent: recent && { ...standing(recent, 8), ...since },
      related: related && { hits: related.hits ?? 5, depth: related.depth ?? 1 },
    });
  }
}

/** The candidates, those that are hits with their scores. */
function withScores(candidates: readonly Candidate[], hits: readonly Hit[]): Candidate[] {
  const known = new Map(hits.map(({ id, score, why }) => [id, { score, why }]));
  return candidates.map((candidate) => ({ ...candidate, ...known.get(candidate.record.id) }));
}

function checkStanding({ limit, share, filter }: StandingOptions, part: string): void {
  checkWhole(limit, `${part}/limit`, 1, 1_000);
  checkNumber(share, `${part}/share`);
  if (share !== undefined && !(share > 0 && share <= 1)) throw invalid(`${part}/share`, "must be more than 0 and at most 1");
  if (filter !== undefined) within(part, () => toFilter(filter));
}
