/**
 * Questions on their way to the engine. Owns: their checks, their vectors, asking judges about them. Does not own: what a
 * question means (the engine) or who may ask (the memory).
 */

import { createError } from "./errors.js";
import { orAborted } from "./internal/abort.js";
import type { EngineHandle } from "./internal/bridge.js";
import { checkFields, checkFlag, checkNumber, checkSignal, checkWhole, invalid, toFilter, toText, toVector, withoutMissing } from "./internal/convert.js";
import { toRanking } from "./internal/ranking.js";
import { toSort } from "./internal/sort.js";
import { within } from "./internal/within.js";
import { checkJudges, judge } from "./judges.js";
import type { Session } from "./session.js";
import type { EmbeddingSpace, Hit, RecallOptions, Scope } from "./types.js";

/** On whose behalf questions are asked and changes are made. @internal */
export interface Asker {
  readonly session: Session;
  readonly view: Scope;
  /** Runs a call into the engine, if that is still allowed. */
  call<T>(use: (handle: EngineHandle) => T): T;
  /** Runs a call that may need vectors in storage, if that is still allowed. */
  read<T>(use: (handle: EngineHandle) => T): T | Promise<T>;
  /** The space that vectors made elsewhere are taken to be of. */
  givenSpace(vector: Float32Array): EmbeddingSpace;
}

/** A question as it is asked. */
export interface Asked {
  readonly text: string;
  readonly options: RecallOptions;
  /** The record to look for the like of, in place of a text. */
  readonly like?: string;
}

/** A question that was checked. */
interface Checked extends Asked {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly filter: unknown;
  readonly limit: number;
  readonly way: Way;
  readonly vector: Float32Array | undefined;
}

/** How a text is read: as one question, with its parts, or in the syntax of queries. */
type Way = 0 | 1 | 2;

/** A question or a part of one, its vector, and what encoders have made of that. */
type Part = readonly [text: string, vector: Float32Array | undefined, encoded: readonly [string, Float32Array][]];

/** A question that can be put to the engine as often as one likes. @internal */
export interface Ready extends Checked {
  readonly space: EmbeddingSpace | undefined;
  readonly parts: readonly Part[];
}

/** Most hits of one question, all pages together. */
export const MOST = 10_000;
/** Shares of the nearest that a recall can ask for. */
const LEAST_RECALL = 0.5;
const MOST_RECALL = 0.999;

const fields = ["limit", "filter", "syntax", "sort", "preset", "fusion", "weights", "diversity", "now", "minScore", "vector", "recall", "touch", "signal", "signals", "rerank", "parts"];

/** Where a question of several is found. */
const place = (index: number): string => `queries/${index}`;

/** Checks questions and makes the vectors of all of them at once. `many` names their place in errors. @internal */
export async function prepare(asker: Asker, questions: readonly Asked[], signal: AbortSignal | undefined, many = false): Promise<Ready[]> {
  checkSignal(signal, "signal");
  const checked = questions.map((asked, index) => within(many ? place(index) : undefined, () => check(asked)));
  throwIfAborted(signal);
  const { rows, space } = await embed(asker, checked, signal, many);
  throwIfAborted(signal);
  const { session, call, read, view } = asker;
  const names = call((handle) => handle.encoders());
  const encode = async (vector: Float32Array | undefined): Promise<[string, Float32Array][]> => (vector && names.length > 0 ? orAborted(signal, session.encoders.encode(names, vector)) : []);
  const encoded = Promise.all(
    checked.map(async (question, index) => {
      const { like, vector: given } = question;
      const parts = (rows[index] as Row[]).map(async ([text, vector]): Promise<Part> => {
        const basis = like === undefined ? vector : await read((handle) => handle.vector(view, like, session.now()));
        return [text, vector, await encode(basis)];
      });
      return { ...question, space: given ? asker.givenSpace(given) : space, parts: await Promise.all(parts) };
    }),
  );
  return encoded.catch((error: unknown) => {
    throwIfAborted(signal);
    throw error;
  });
}

/**
 * Answers questions at one moment, in one call; those who have judges ask them first. Hits `without` belong to earlier
 * pages. @internal
 */
export async function answer(asker: Asker, questions: readonly Ready[], signal: AbortSignal | undefined, many = false, without: readonly string[] = []): Promise<Hit[][]> {
  throwIfAborted(signal);
  const { session } = asker;
  const ask = (asked: readonly (readonly [Ready, object])[]): Hit[][] | Promise<Hit[][]> => {
    const settings = asked.map(([{ settings, like, space, limit }, more]) => {
      const own = { ...settings, like, space, limit, without, ...more } as { limit: number };
      return withoutMissing({ ...own, limit: Math.min(own.limit, MOST - without.length) });
    });
    const [parts, filters] = [asked.map(([question]) => question.parts), asked.map(([question]) => question.filter)];
    return asker.read((handle) => handle.recall(asker.view, settings, parts, filters, session.now()) as Hit[][]);
  };
  const judged = await Promise.all(
    questions.map(async (question, index) => {
      const asked = judge(question.options, question.text, question.limit, async (settings) => (await ask([[question, settings]]))[0] as Hit[]);
      return [question, await asked.catch((error: unknown) => within(many ? place(index) : undefined, () => {
        throw error;
      }))] as const;
    }),
  );
  throwIfAborted(signal);
  // The engine names the place of a question among several.
  const asked = within(many && questions.length === 1 ? place(0) : undefined, () => ask(judged));
  const hits = asked instanceof Promise ? await asked : asked;
  session.strain();
  session.queue.nudge();
  return hits;
}

/** What a recall or one question of several can choose, checked. */
function check({ text, options, like }: Asked): Checked {
  const query = toText(text, "query");
  checkFields(options, fields, "options");
  const { filter, limit = 10, minScore, touch = true, syntax = "plain", vector, recall = "fast", parts = true } = options;
  checkWhole(limit, "limit", 1, MOST);
  checkNumber(minScore, "minScore");
  checkFlag(touch, "touch");
  if (syntax !== "plain" && syntax !== "query") throw invalid("syntax", 'must be "plain" or "query"');
  checkFlag(parts, "parts");
  const share = typeof recall === "number" ? recall : undefined;
  const isShare = share !== undefined && share >= LEAST_RECALL && share <= MOST_RECALL;
  if (recall !== "fast" && recall !== "exact" && !isShare) {
    throw invalid("recall", `must be "fast", "exact" or a number from ${LEAST_RECALL} to ${MOST_RECALL}`);
  }
  const way = syntax === "query" ? 2 : parts && vector === undefined ? 1 : 0;
  const settings = { syntax: way === 2, sort: toSort(options.sort), ...toRanking(options), exact: recall === "exact", recall: share, minScore, touch };
  checkJudges(options);
  const given = vector === undefined ? undefined : toVector(vector, "vector");
  return { text: query, options, ...(like !== undefined && { like }), settings, filter: toFilter(filter), limit, way, vector: given };
}

/** Whether nothing has to be read or embedded: it has no parts, no syntax, and its vector is there. */
function isReady({ way, vector }: Checked): boolean {
  return way === 0 && vector !== undefined;
}

/** A text and its vector. */
type Row = readonly [string, Float32Array | undefined];

/** The questions, each with its parts after it, and the vectors of those that need one, which are of `space`. */
async function embed(asker: Asker, questions: readonly Checked[], signal: AbortSignal | undefined, many: boolean): Promise<{ rows: Row[][]; space?: EmbeddingSpace | undefined }> {
  const { session, call, view } = asker;
  const texts = questions.map(({ text }) => text);
  const ways = Uint8Array.from(questions, ({ way }) => way);
  const read = questions.every(isReady)
    ? texts.map((text) => [[text, text] as [text: string, words: string]])
    : within(many && questions.length === 1 ? place(0) : undefined, () => call((handle) => handle.readQuestions(view, texts, ways) as [text: string, words: string][][]));
  const { embedder } = session;
  const isOpen = (index: number, words: string): boolean => embedder !== undefined && questions[index]?.vector === undefined && questions[index]?.like === undefined && words.trim() !== "";
  const open = read.flatMap((parts, index) => parts.flatMap(([, words]) => (isOpen(index, words) ? [words] : [])));
  const made = embedder && open.length > 0 ? await session.embed(embedder, open, { purpose: "query", ...(signal && { signal }) }, view) : undefined;
  let at = 0;
  const rows = read.map((parts, index) => parts.map(([text, words]): Row => [text, isOpen(index, words) ? made?.vectors[at++] : questions[index]?.vector]));
  return { rows, space: made?.space };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw createError("aborted", "the call was aborted", { cause: signal.reason });
}
