/**
 * What the engine proposes for a context, and what it looks like when it is cut to whole sentences. Does not own which of
 * it is put in.
 */

import type { MemoryRecord, Why } from "../types.js";
import { clean } from "./clean.js";
import type { ContextSection } from "./types.js";

/** A memory that may be put into a context, as the engine gives it. */
export interface Candidate {
  readonly record: MemoryRecord;
  readonly section: ContextSection;
  readonly rank?: number;
  readonly score?: number;
  readonly why?: Why;
  /** The best hit that it stands beside. */
  readonly beside?: string;
  /** An earlier candidate that says all that this one does. */
  readonly repeats?: string;
}

/** A sentence, by its place in a text, with what it has to do with the question. */
export interface Passage {
  readonly start: number;
  readonly end: number;
  readonly weight: number;
}

/** The sentences of a text. */
export type Split = (text: string, question: string) => readonly Passage[];

/** A candidate with the words that would stand in the context. */
export interface Draft {
  readonly candidate: Candidate;
  readonly section: ContextSection;
  readonly text: string;
  readonly cut: boolean;
}

/** Sentences that are tried in vain before a cut is left as it is. */
const MISSES = 16;

/** The sentences of a text, and their places in the order in which they are wanted. */
interface Sentences {
  readonly passages: readonly Passage[];
  readonly wanted: readonly number[];
}

/** The drafts for one question. Each is made once, so that what was counted of it need not be counted again. */
export class Drafts {
  readonly #question: string;
  readonly #split: Split;
  readonly #made = new Map<Candidate, Map<string, Draft>>();
  readonly #wholes = new Map<Candidate, string>();
  readonly #sentences = new Map<Candidate, Map<string, Sentences>>();

  constructor(question: string, split: Split) {
    this.#question = question;
    this.#split = split;
  }

  /** The whole of a candidate, under the section that it would stand in. */
  whole(candidate: Candidate, section: ContextSection = candidate.section): Draft {
    const text = known(this.#wholes, candidate, () => clean(candidate.record.text));
    return this.#draft({ candidate, section, text, cut: false });
  }

  /**
   * As many sentences of a whole draft as `fits` allows, in the order of the text and with "…" for each gap: those that
   * speak of the question, then those beside them; of a text that does not speak of it, or unless `asked`, the first ones.
   * Nothing if not one fits. Longer texts are taken to cost more, so `fits` is asked some dozen times, however many
   * sentences there are.
   */
  cut(whole: Draft, fits: (draft: Draft) => boolean, asked = true): Draft | undefined {
    const { passages, wanted } = this.#sentencesOf(whole, asked ? this.#question : "");
    const length = (at: number): number => (passages[at] as Passage).end - (passages[at] as Passage).start;
    const fitting = (places: readonly number[]): Draft | undefined => {
      const shorter = this.#draft({ ...whole, text: clean(joined(whole.text, passages, places)), cut: true });
      return fits(shorter) ? shorter : undefined;
    };
    if (wanted.length === 0) return undefined;
    let best = fitting([wanted.reduce((least, at) => (length(at) < length(least) ? at : least))]);
    if (!best) return undefined;
    let taken: readonly number[] = [];
    let waiting = wanted;
    // Twice as many at once after each that fit, half as many after each that did not.
    let step = 1;
    for (let misses = 0; waiting.length > 0 && misses < MISSES; ) {
      const more = [...taken, ...waiting.slice(0, step)].sort((a, b) => a - b);
      const longer = fitting(more);
      if (longer) {
        [best, taken, waiting] = [longer, more, waiting.slice(step)];
        step *= 2;
      } else if (step > 1) {
        step = Math.ceil(Math.min(step, waiting.length) / 2);
      } else {
        const tooLong = length(waiting[0] as number);
        waiting = waiting.filter((at) => length(at) < tooLong);
        misses += 1;
      }
    }
    return best;
  }

  #draft(draft: Draft): Draft {
    const same = known(this.#made, draft.candidate, () => new Map<string, Draft>());
    return known(same, `${draft.section} ${draft.cut} ${draft.text}`, () => draft);
  }

  #sentencesOf({ candidate, text }: Draft, question: string): Sentences {
    const split = known(this.#sentences, candidate, () => new Map<string, Sentences>());
    return known(split, question, () => {
      const passages = this.#split(text, question);
      return { passages, wanted: inTurn(passages) };
    });
  }
}

/** What is known for a key, or else is made for it. */
function known<K, V>(all: Map<K, V>, key: K, make: () => V): V {
  const found = all.get(key);
  if (found !== undefined) return found;
  const made = make();
  all.set(key, made);
  return made;
}

/** The places of the sentences that are wanted, the most wanted first. */
function inTurn(passages: readonly Passage[]): number[] {
  const all = [...passages.keys()];
  const weight = (at: number): number => passages[at]?.weight ?? 0;
  if (!all.some((at) => weight(at) > 0)) return all;
  const near = (at: number): number => Math.max(weight(at - 1), weight(at + 1));
  return all.filter((at) => weight(at) > 0 || near(at) > 0).sort((a, b) => weight(b) - weight(a) || near(b) - near(a) || a - b);
}

/** The sentences at some places, which ascend. */
function joined(text: string, passages: readonly Passage[], places: readonly number[]): string {
  let out = "";
  let before = -1;
  for (const at of places) {
    const { start, end } = passages[at] as Passage;
    if (at !== before + 1) out += out === "" ? "… " : " … ";
    else if (out !== "") out += text.slice((passages[before] as Passage).end, start);
    out += text.slice(start, end);
    before = at;
  }
  return before === passages.length - 1 ? out : `${out} …`;
}
