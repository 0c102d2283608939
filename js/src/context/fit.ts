/**
 * Chooses what of all candidates goes into a budget of tokens. Owns the rules of choice, which `docs/CONTEXT.md` explains.
 * Does not own how a context is written or how tokens are counted.
 */

import { Drafts, type Candidate, type Draft, type Split } from "./draft.js";
import { blockOf, dayOf, isStanding, type Form, type Written } from "./render.js";
import type { ContextSection, CountTokens, OmittedPiece } from "./types.js";

/** What a context has to fit into. */
export interface Budget {
  /** Tokens of the whole. */
  readonly room: number;
  /** Tokens that each text costs beside its own, as messages do. */
  readonly perText: number;
  readonly form: Form;
  readonly count: CountTokens;
  /** Shares of the room of what is put in without being asked for. */
  readonly shares: Readonly<Partial<Record<ContextSection, number>>>;
}

/** A piece that was chosen, numbered and counted. */
export interface Chosen extends Written {
  readonly draft: Draft;
  readonly tokens: number;
}

/** What was chosen, and what was not. */
export interface Fitted {
  readonly chosen: readonly Chosen[];
  readonly tokens: number;
  readonly omitted: readonly OmittedPiece[];
}

/** Share of the room that one recalled memory takes at most, while others want it. */
const LONGEST = 0.25;
/** Tokens that it may take in any case. */
const UNCUT = 128;
/** Recalled memories that are cut to that, the worthiest first. */
const CUTS = 32;
/** What stands beside a hit is worth so much of what the hit is. */
const BESIDE = 0.25;
/** Memories that are tried for what is left in the end. */
const TRIES = 16;
/** What seems to be a little too much for that may still fit. */
const NEARLY = 0.9;

/** What is put in without being asked for, in the order in which it takes its room. */
const unasked: readonly ContextSection[] = ["pinned", "summaries", "recent"];

/** Chooses from `candidates`, which are in the order of their sections and in each the most wanted first. */
export function fitTo(candidates: readonly Candidate[], question: string, split: Split, budget: Budget): Fitted {
  const repeated = new Set<string>();
  const drafts = new Drafts(question, split);
  const prices = new Prices(budget);
  for (;;) {
    const selection = new Selection(budget, prices);
    choose(candidates.filter(({ record }) => !repeated.has(record.id)), drafts, selection);
    // What says it already may not have been chosen itself: only a whole memory stands for another one.
    const whole = new Set(selection.drafts.filter(({ cut }) => !cut).map(({ candidate }) => candidate.record.id));
    const again = selection.drafts.filter(({ candidate }) => candidate.repeats !== undefined && whole.has(candidate.repeats));
    for (const { candidate } of again) repeated.add(candidate.record.id);
    if (again.length > 0) continue;
    selection.settle();
    return { chosen: selection.chosen(), tokens: selection.tokens, omitted: omitted(candidates, drafts, selection.drafts, repeated) };
  }
}

function choose(candidates: readonly Candidate[], drafts: Drafts, selection: Selection): void {
  const { room, shares } = selection.budget;
  const visible = candidates.filter((candidate) => drafts.whole(candidate).text !== "");
  const asked: Draft[] = visible.filter(({ section }) => !unasked.includes(section)).map((candidate) => drafts.whole(candidate));
  for (const section of unasked) {
    let left = room * (shares[section] ?? 0);
    for (const candidate of visible) {
      if (candidate.section !== section) continue;
      const fits = (draft: Draft): boolean => selection.price(draft) <= Math.min(left, selection.free);
      const whole = drafts.whole(candidate);
      if (candidate.rank !== undefined && !fits(whole)) {
        asked.push(drafts.whole(candidate, "recalled"));
        continue;
      }
      // Sentences of what comes before the question may not depend on it.
      const draft = fits(whole) ? whole : drafts.cut(whole, fits, !isStanding(section));
      if (!draft) continue;
      left -= selection.price(draft);
      selection.take(draft);
    }
  }
  fill(asked, drafts, selection);
}

/** Takes what is worth most per token, as long as anything fits. */
function fill(asked: readonly Draft[], drafts: Drafts, selection: Selection): void {
  const ranks = new Map(asked.flatMap(({ candidate }) => (candidate.rank === undefined ? [] : [[candidate.record.id, candidate.rank] as const])));
  const worth = new Map(asked.map((draft) => [draft.candidate, worthOf(draft.candidate, ranks)]));
  const longest = Math.max(UNCUT, selection.budget.room * LONGEST);
  const worthiest = (some: readonly Draft[]): Draft[] => [...some].sort((a, b) => (worth.get(b.candidate) as number) - (worth.get(a.candidate) as number));
  const long = new Set(worthiest(asked.filter((draft) => selection.price(draft) > longest)).slice(0, CUTS));
  const short = (draft: Draft): Draft => drafts.cut(draft, (shorter) => selection.price(shorter) <= longest) ?? draft;
  const waiting = new Set(asked.map((draft) => (long.has(draft) ? short(draft) : draft)));
  for (;;) {
    let best: Draft | undefined;
    let most = -1;
    for (const draft of waiting) {
      const price = selection.price(draft);
      const value = (worth.get(draft.candidate) as number) / Math.max(price, Number.MIN_VALUE);
      if (price <= selection.free && value > most) [best, most] = [draft, value];
    }
    if (!best) break;
    waiting.delete(best);
    selection.take(best);
  }
  // Where there is room after all, long ones get it back, and the best of the rest as many sentences as fit.
  for (const draft of selection.drafts.filter(({ cut }) => cut)) selection.exchange(draft, drafts.whole(draft.candidate, draft.section));
  for (const left of worthiest([...waiting]).slice(0, TRIES)) {
    const draft = drafts.cut(drafts.whole(left.candidate, left.section), (shorter) => selection.price(shorter) <= selection.free);
    if (!draft) continue;
    waiting.delete(left);
    selection.take(draft);
  }
  selection.spare.push(...waiting);
}

/**
 * How likely a candidate is what the question needs, on a scale of its own. On conversations that falls with the power of
 * -1.6 of its rank, and longer memories are a little likelier; per token that comes to the power of -2.
 */
function worthOf({ rank, beside }: Candidate, ranks: ReadonlyMap<string, number>): number {
  const at = (place: number | undefined): number => (place === undefined ? 0 : 1 / (place * place));
  return Math.max(at(rank), beside === undefined ? 0 : BESIDE * at(ranks.get(beside) ?? 1));
}

function omitted(candidates: readonly Candidate[], drafts: Drafts, chosen: readonly Draft[], repeated: ReadonlySet<string>): OmittedPiece[] {
  const taken = new Set(chosen.map(({ candidate }) => candidate.record.id));
  return candidates.flatMap((candidate): OmittedPiece[] => {
    const { record: { id }, section, repeats } = candidate;
    if (taken.has(id)) return [];
    if (repeated.has(id) && repeats !== undefined && taken.has(repeats)) return [{ id, section, reason: "repeated", by: repeats }];
    return [{ id, section, reason: drafts.whole(candidate).text === "" ? "invisible" : "no-room" }];
  });
}

/** A number with two digits, as most are. */
const SOME = 10;

function writtenOf({ section, text, candidate: { record } }: Draft, cite: number): Written {
  return { cite, section, text, actor: record.actor, occurredAt: record.occurredAt };
}

/** What a draft costs: by itself, and with each heading that it may be the first under. */
interface Price {
  readonly own: number;
  readonly headings: readonly (readonly [key: string, price: number])[];
}

/** What drafts and headings cost, each counted once. */
class Prices {
  readonly #budget: Budget;
  readonly #known = new WeakMap<Draft, Price>();
  readonly #headings = new Map<string, number>();

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  of(draft: Draft): Price {
    const known = this.#known.get(draft);
    if (known) return known;
    const { form, count } = this.#budget;
    const written = writtenOf(draft, SOME);
    const block = `${blockOf(draft.section)}`;
    const headings = [[block, form.section(written)], [`${block} ${dayOf(written.occurredAt)}`, form.day(written)]] as const;
    const price = { own: priced(form.piece(written), count), headings: headings.map(([key, part]) => [key, this.#heading(key, part)] as const) };
    this.#known.set(draft, price);
    return price;
  }

  #heading(key: string, part: string): number {
    const price = this.#headings.get(key) ?? priced(part, this.#budget.count);
    this.#headings.set(key, price);
    return price;
  }
}

/** What has been taken so far. Prices are of parts, so the whole may have another one: {@link Selection.settle}. */
class Selection {
  readonly budget: Budget;
  /** In the order in which they were taken. */
  readonly drafts: Draft[] = [];
  /** What was not taken. */
  readonly spare: Draft[] = [];
  /** Tokens of the whole, once settled. */
  tokens = 0;
  #spent: number;
  readonly #prices: Prices;
  readonly #begun = new Set<string>();

  constructor(budget: Budget, prices: Prices) {
    this.budget = budget;
    this.#prices = prices;
    const only: Written = { cite: SOME, section: "recalled", text: ".", actor: undefined, occurredAt: 0 };
    const { form, count } = budget;
    const parts = [form.piece(only), form.section(only), form.day(only)];
    this.#spent = parts.reduce((sum, part) => sum - priced(part, count), this.#total([only]));
  }

  /** Tokens that are left, as far as prices tell. */
  get free(): number {
    return this.budget.room - this.#spent;
  }

  /** Tokens that a draft adds to what has been taken. */
  price(draft: Draft): number {
    const { own, headings } = this.#prices.of(draft);
    return headings.reduce((sum, [key, price]) => (this.#begun.has(key) ? sum : sum + price), own);
  }

  take(draft: Draft): void {
    this.#spent += this.price(draft);
    this.drafts.push(draft);
    for (const [key] of this.#prices.of(draft).headings) this.#begun.add(key);
  }

  /** Takes `other` in the place of `draft`, if there is room. They differ in their text alone. */
  exchange(draft: Draft, other: Draft): void {
    const more = this.price(other) - this.price(draft);
    if (more > this.free) return;
    this.#spent += more;
    this.drafts[this.drafts.indexOf(draft)] = other;
  }

  /** Counts the whole as it will be written. Gives up what was taken last until it fits; if it is less than its parts, tries others. */
  settle(): void {
    const { room } = this.budget;
    this.tokens = this.#total(this.#placed());
    const dearness = this.#spent > 0 ? this.tokens / this.#spent : 1;
    while (this.tokens > room) {
      this.spare.push(this.drafts.pop() as Draft);
      this.tokens = this.#total(this.#placed());
    }
    let tries = TRIES;
    for (const draft of this.spare) {
      if (this.tokens + this.price(draft) * dearness * NEARLY > room) continue;
      this.drafts.push(draft);
      const tokens = this.#total(this.#placed());
      if (tokens <= room) this.tokens = tokens;
      else this.drafts.pop();
      if ((tries -= 1) === 0) break;
    }
  }

  /** What was taken, each counted by itself. */
  chosen(): Chosen[] {
    const { form, count } = this.budget;
    return this.#placed().map((written) => ({ ...written, tokens: count(form.piece(written)) }));
  }

  /** What was taken, in the order in which it is written. */
  #placed(): Omit<Chosen, "tokens">[] {
    const order = (a: Draft, b: Draft): number => {
      const [one, other] = [a.candidate.record, b.candidate.record];
      return blockOf(a.section) - blockOf(b.section) || one.occurredAt - other.occurredAt || (one.id < other.id ? -1 : 1);
    };
    const inOrder = [...this.drafts].sort(order);
    return inOrder.map((draft, at) => ({ ...writtenOf(draft, at + 1), draft }));
  }

  #total(pieces: readonly Written[]): number {
    const { form, count, perText } = this.budget;
    return form.whole(pieces).reduce((sum, part) => sum + count(part) + perText, 0);
  }
}

function priced(part: string, count: CountTokens): number {
  return part === "" ? 0 : count(part);
}
