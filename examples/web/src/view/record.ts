/** One memory as a card: what it says, what is known about it, and what can be done with it. */

import type { Hit, Memory, MemoryRecord, SignalShare } from "stratamem";
import { now } from "../clock.ts";
import { make, makeButton } from "./dom.ts";
import { dateOf, span, tierNames } from "./words.ts";

/** Does something with the memory and shows what went wrong, if anything did. */
export type Act = (change: (memory: Memory) => Promise<unknown>, done?: string) => void;

/** A card. Words that begin with one of `terms` are marked. */
export function recordCard(record: MemoryRecord, act: Act, terms: readonly string[] = []): HTMLElement {
  const facts = [
    make("span", { class: `tier ${record.tier}` }, tierNames[record.tier]),
    ...(record.actor ? [make("span", { class: "actor" }, record.actor)] : []),
    make("time", { datetime: new Date(record.occurredAt).toISOString() }, dateOf(record.occurredAt)),
    ...(record.source ? [make("span", {}, record.source)] : []),
    make("span", {}, `importance ${record.importance.toFixed(1)}`),
    ...(record.accessCount > 0 ? [make("span", {}, `recalled ${record.accessCount}×`)] : []),
    ...(record.pinned ? [make("span", { class: "flag" }, "pinned")] : []),
    ...(record.expiresAt === undefined ? [] : [make("span", { class: "flag" }, `expires in ${span(record.expiresAt - now())}`)]),
  ];
  return make(
    "article",
    { class: "record", "data-id": record.id },
    make("p", { class: "text" }, ...marked(record.text, terms)),
    make("p", { class: "facts" }, ...facts),
    make("div", { class: "actions" }, ...actions(record, act)),
  );
}

function actions(record: MemoryRecord, act: Act): HTMLElement[] {
  const { id, pinned, tier, text } = record;
  const about = { "aria-description": text.slice(0, 80) };
  const pin = makeButton(pinned ? "Unpin" : "Pin", () => act((memory) => memory.update(id, { pinned: !pinned })), {
    ...about,
    title: "Pinned memories stay in their tier",
  });
  const promote = makeButton("Promote", () => act((memory) => memory.promote(id)), { ...about, title: "Move to the next more durable tier" });
  const forget = makeButton("Forget", () => act((memory) => memory.forget(id), "Forgotten."), { ...about, class: "danger" });
  return tier === "long-term" ? [pin, forget] : [pin, promote, forget];
}

/** The text with the words that begin with a matched term marked. Terms are stems, so this finds most forms of a word. */
function marked(text: string, terms: readonly string[]): (Node | string)[] {
  if (terms.length === 0) return [text];
  return text.split(/([\p{L}\p{N}]+)/u).map((part, index) => {
    const word = part.toLowerCase();
    return index % 2 === 1 && terms.some((term) => word.startsWith(term)) ? make("mark", {}, part) : part;
  });
}

const signalNames: Readonly<Record<SignalShare["signal"], string>> = {
  dense: "Meaning",
  keyword: "Words",
  context: "Said around it",
  session: "Its conversation",
  actor: "Who said it",
  time: "When it was",
  form: "A statement",
  answer: "Names what is asked",
  recency: "Recent",
  importance: "Important",
  retention: "Remembered",
  own: "A signal of its own",
  rerank: "Looked at again",
};

/** What the two searches measure; of the other signals the figure stands for itself. */
const measures: Readonly<Partial<Record<SignalShare["signal"], string>>> = { dense: "cosine ", keyword: "BM25 " };

/** The searches have colours of their own, what refines them shares one. */
function colourOf(signal: SignalShare["signal"]): string {
  return measures[signal] ? signal : "refinement";
}

/** A hit: its score, its card, and where the score comes from. */
export function hitCard(hit: Hit, rank: number, act: Act): HTMLElement {
  const terms = hit.why.signals.flatMap((share) => share.terms ?? []);
  const card = recordCard(hit, act, terms);
  const bars = hit.why.signals.map((share) => make("span", { class: colourOf(share.signal), style: `width:${percent(share.contribution)}` }));
  const score = make(
    "div",
    { class: "score" },
    make("span", { class: "rank" }, `${rank}.`),
    make("span", { class: "meter", "aria-hidden": "true" }, ...bars),
    make("strong", { title: "Score" }, hit.score.toFixed(2)),
  );
  const why = make(
    "details",
    { class: "why" },
    make("summary", {}, hit.why.summary),
    make("dl", {}, ...hit.why.signals.flatMap(shareRow)),
    ...hit.why.skipped.map(({ signal, reason }) => make("p", { class: "skipped" }, `${signalNames[signal]}: not used, ${reason}`)),
  );
  card.prepend(score);
  card.querySelector(".facts")?.after(why);
  return card;
}

function shareRow(share: SignalShare): HTMLElement[] {
  const { signal, contribution, weight, score, rank, terms = [] } = share;
  const measure = `${measures[signal] ?? ""}${score.toFixed(2)}`;
  const place = rank === undefined ? "" : `, number ${rank} in its list`;
  return [
    make("dt", {}, signalNames[signal]),
    make(
      "dd",
      {},
      make("span", { class: "share", "aria-hidden": "true" }, make("span", { class: colourOf(signal), style: `width:${percent(contribution / (weight || 1))}` })),
      make("span", {}, `${contribution.toFixed(2)} of ${weight.toFixed(2)} (${measure}${place})`),
      ...(terms.length > 0 ? [make("span", { class: "terms" }, ...terms.map((term) => make("code", {}, term)))] : []),
    ),
  ];
}

function percent(share: number): string {
  return `${(Math.max(0, Math.min(1, share)) * 100).toFixed(1)}%`;
}
