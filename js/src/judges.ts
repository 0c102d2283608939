/**
 * Judges of the user's own: signals that take part in ranking, and rerankers that look at the best again. Owns the
 * contracts, asking them and checks of their answers. What their scores do to the order is the engine's.
 */

import { checkFields, checkNumber, checkWhole, invalid } from "./internal/convert.js";
import type { Hit } from "./types.js";

/** A signal of your own, beside those of {@link SignalWeights}. */
export interface OwnSignal {
  /** 0 (none) to 1 (as much as the two searches together). */
  readonly weight: number;
  /**
   * How much a candidate has of what is looked for, 0 to 1. It is asked about every candidate of a question, some hundreds at
   * most, as far as it is ranked without this signal.
   */
  score(candidate: Hit, question: string): number | PromiseLike<number>;
}

/** A second look at the best candidates, by a cross-encoder for instance. */
export interface Reranker {
  /** Candidates that it is asked about, 1 to 10,000. Default 50. */
  readonly top?: number | undefined;
  /** How much its order counts against the one before, 0 (not at all) to 1 (alone). Default 1. */
  readonly weight?: number | undefined;
  /** How well each candidate answers the question, on any scale, in the order of the candidates. */
  score(question: string, candidates: readonly Hit[]): readonly number[] | PromiseLike<readonly number[]>;
}

/** Who is asked about the candidates of a question. */
export interface Judges {
  /** Signals of your own, by name. */
  readonly signals?: Readonly<Record<string, OwnSignal>> | undefined;
  readonly rerank?: Reranker | undefined;
}

interface Judgement {
  readonly name?: string;
  readonly weight: number;
  readonly scores: readonly (readonly [string, number])[];
}

/** What judges have said, in the engine's form. */
export interface Judged {
  readonly pool?: number;
  readonly judgements?: readonly Judgement[];
  readonly reranking?: Judgement;
}

/** Candidates that a reranker is asked about. */
const TOP = 50;
/** More than there are candidates. */
const ALL = 10_000;

/** Throws unless `judges` are some. */
export function checkJudges({ signals = {}, rerank }: Judges): void {
  if (typeof signals !== "object" || signals === null || Array.isArray(signals)) throw invalid("signals", "must be an object of signals by name");
  for (const [name, signal] of Object.entries(signals)) {
    checkFields(signal, ["weight", "score"], `signals/${name}`);
    checkShare(signal.weight, `signals/${name}/weight`);
    if (signal.weight === undefined) throw invalid(`signals/${name}/weight`, "is missing");
    if (typeof signal.score !== "function") throw invalid(`signals/${name}/score`, "must be a function");
  }
  if (rerank === undefined) return;
  checkFields(rerank, ["top", "weight", "score"], "rerank");
  checkWhole(rerank.top, "rerank/top", 1, ALL);
  checkShare(rerank.weight, "rerank/weight");
  if (typeof rerank.score !== "function") throw invalid("rerank/score", "must be a function");
}

/**
 * Asks all judges about the candidates of a question for `limit` hits. `ask` has the engine answer it with settings in
 * place of those of the question. What a judge throws is thrown.
 */
export async function judge({ signals = {}, rerank }: Judges, question: string, limit: number, ask: (settings: object) => Promise<readonly Hit[]>): Promise<Judged> {
  const own = Object.entries(signals);
  if (own.length === 0 && !rerank) return {};
  const { top = TOP, weight = 1 } = rerank ?? {};
  const pool = rerank ? Math.max(limit, top) : limit;
  // Nothing is left out before everybody was asked, and to be asked about is no use.
  const settings = { pool, minScore: undefined, diversity: 0, touch: false };
  const candidates = own.length > 0 ? await ask({ ...settings, limit: ALL }) : [];
  const judgements = await Promise.all(
    own.map(async ([name, signal]) => {
      const scores = candidates.map(async (candidate) => [candidate.id, checked(await signal.score(candidate, question), name)] as const);
      return { name, weight: signal.weight, scores: await Promise.all(scores) };
    }),
  );
  if (!rerank) return { pool, judgements };
  const best = await ask({ ...settings, judgements, limit: top });
  const scores: unknown = best.length > 0 ? await rerank.score(question, best) : [];
  if (!Array.isArray(scores) || scores.length !== best.length || !scores.every(Number.isFinite)) {
    throw invalid("rerank/score", `must answer a finite number for each of the ${best.length} candidates`);
  }
  return { pool, judgements, reranking: { weight, scores: best.map(({ id }, index) => [id, scores[index] as number]) } };
}

function checkShare(share: unknown, field: string): void {
  checkNumber(share, field);
  if (share !== undefined && !((share as number) >= 0 && (share as number) <= 1)) throw invalid(field, "must be between 0 and 1");
}

function checked(score: unknown, name: string): number {
  if (typeof score === "number" && score >= 0 && score <= 1) return score;
  throw invalid(`signals/${name}/score`, "must answer a number between 0 and 1");
}
