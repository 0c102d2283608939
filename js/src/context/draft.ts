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

/** The whole of a candidate, under the section that it would stand in. */
export function wholeOf(candidate: Candidate, section: ContextSection = candidate.section): Draft {
  return { candidate, section, text: clean(candidate.record.text), cut: false };
}

/**
 * As many sentences of a draft as `fits` allows, in the order of the text and with "…" for each gap: those that speak of
 * the question, then those beside them; of a text that does not speak of it, the first ones. Nothing if not one fits.
 */
export function cutTo(draft: Draft, question: string, split: Split, fits: (draft: Draft) => boolean): Draft | undefined {
  const passages = split(draft.text, question);
  const taken = new Set<number>();
  let best: Draft | undefined;
  for (const at of inTurn(passages)) {
    taken.add(at);
    const shorter = { ...draft, text: clean(joined(draft.text, passages, taken)), cut: true };
    if (fits(shorter)) best = shorter;
    else taken.delete(at);
  }
  return best;
}

/** The places of the sentences that are wanted, the most wanted first. */
function inTurn(passages: readonly Passage[]): number[] {
  const all = [...passages.keys()];
  const weight = (at: number): number => passages[at]?.weight ?? 0;
  if (!all.some((at) => weight(at) > 0)) return all;
  const near = (at: number): number => Math.max(weight(at - 1), weight(at + 1));
  return all.filter((at) => weight(at) > 0 || near(at) > 0).sort((a, b) => weight(b) - weight(a) || near(b) - near(a) || a - b);
}

function joined(text: string, passages: readonly Passage[], taken: ReadonlySet<number>): string {
  let out = "";
  let before = -1;
  for (const [at, { start, end }] of passages.entries()) {
    if (!taken.has(at)) continue;
    if (at !== before + 1) out += out === "" ? "… " : " … ";
    else if (out !== "") out += text.slice((passages[before] as Passage).end, start);
    out += text.slice(start, end);
    before = at;
  }
  return before === passages.length - 1 ? out : `${out} …`;
}
