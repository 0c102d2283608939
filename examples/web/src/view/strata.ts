/**
 * The three tiers as layers of ground, one grain for each memory. Grains travel when their memory changes tier, light up
 * when it is found, and open it when chosen. Arrow keys walk along a layer.
 */

import type { MemoryRecord, Tier } from "stratamem";
import { byId, make } from "./dom.ts";
import { dateOf, memories, number, tierNames } from "./words.ts";

/** Grains drawn in one layer; older memories beyond that are counted only. */
const most = 600;
const tiers: readonly Tier[] = ["working", "intermediate", "long-term"];

/** The limits to show, by tier. */
export type Capacities = Partial<Record<Tier, number>>;

export class Strata {
  readonly #grains = new Map<string, HTMLButtonElement>();
  readonly #records = new Map<string, MemoryRecord>();
  readonly #layers: Readonly<Record<Tier, Layer>>;
  readonly #choose: (id: string) => void;
  #found: ReadonlySet<string> = new Set();
  #chosen: string | undefined;

  constructor(capacities: Capacities, choose: (id: string) => void) {
    this.#choose = choose;
    const layer = (tier: Tier): Layer => new Layer(tier, capacities[tier]);
    this.#layers = { working: layer("working"), intermediate: layer("intermediate"), "long-term": layer("long-term") };
    const ground = byId("strata");
    ground.replaceChildren(...tiers.map((tier) => this.#layers[tier].element));
    for (const type of ["pointerover", "focusin"]) ground.addEventListener(type, (event) => this.#peek(event.target));
    for (const type of ["pointerleave", "focusout"]) ground.addEventListener(type, () => this.#peek(undefined));
    ground.addEventListener("click", (event) => {
      const id = idOf(event.target);
      if (id) this.#choose(id);
    });
    ground.addEventListener("keydown", (event) => walk(event));
  }

  /** Draws these memories, in order of creation. */
  show(records: readonly MemoryRecord[]): void {
    const before = new Map<string, DOMRect>();
    for (const record of records) {
      const old = this.#records.get(record.id);
      const grain = this.#grains.get(record.id);
      if (old && grain && old.tier !== record.tier) before.set(record.id, grain.getBoundingClientRect());
    }
    const gone = new Set(this.#grains.keys());
    this.#records.clear();
    for (const tier of tiers) {
      const own = records.filter((record) => record.tier === tier);
      for (const record of own) this.#records.set(record.id, record);
      const drawn = own.slice(-most);
      for (const { id } of drawn) gone.delete(id);
      this.#layers[tier].show(drawn.map((record) => this.#grain(record)), own.length);
    }
    for (const id of gone) this.#drop(id);
    for (const [id, from] of before) this.#travel(id, from);
  }

  /** Lights up what was found. */
  light(ids: readonly string[]): void {
    this.#found = new Set(ids);
    for (const [id, grain] of this.#grains) grain.classList.toggle("found", this.#found.has(id));
  }

  /** Marks the memory that is open beside the layers. */
  mark(id: string | undefined): void {
    this.#chosen = id;
    for (const [own, grain] of this.#grains) grain.setAttribute("aria-pressed", String(own === id));
  }

  #grain(record: MemoryRecord): HTMLButtonElement {
    let grain = this.#grains.get(record.id);
    if (!grain) {
      grain = make("button", { type: "button", tabindex: -1, "data-id": record.id });
      this.#grains.set(record.id, grain);
      play(grain, [{ opacity: 0, transform: "translateY(-10px) scale(0.3)" }, { opacity: 1, transform: "none" }], 350);
    }
    grain.className = `grain${record.pinned ? " pinned" : ""}${this.#found.has(record.id) ? " found" : ""}`;
    grain.setAttribute("aria-label", record.text);
    grain.setAttribute("aria-pressed", String(record.id === this.#chosen));
    return grain;
  }

  #drop(id: string): void {
    const grain = this.#grains.get(id);
    this.#grains.delete(id);
    if (!grain) return;
    if (grain.contains(document.activeElement)) neighbour(grain)?.focus();
    grain.remove();
  }

  #travel(id: string, from: DOMRect): void {
    const grain = this.#grains.get(id);
    if (!grain?.isConnected) return;
    const to = grain.getBoundingClientRect();
    const away = `translate(${from.left - to.left}px, ${from.top - to.top}px)`;
    play(grain, [{ transform: away, zIndex: 2 }, { transform: "none", zIndex: 2 }], 700);
  }

  #peek(target: EventTarget | null | undefined): void {
    const record = this.#records.get(idOf(target) ?? "");
    const line = byId("peek");
    line.classList.toggle("idle", !record);
    line.textContent = record
      ? `${record.actor ? `${record.actor}, ` : ""}${dateOf(record.occurredAt)}: ${record.text}`
      : "Each grain is a memory. Point at one, or choose it to open it.";
  }
}

class Layer {
  readonly element: HTMLElement;
  readonly #grid: HTMLElement;
  readonly #count: HTMLElement;
  readonly #fill: HTMLElement;
  readonly #more: HTMLElement;
  readonly #empty: HTMLElement;
  readonly #capacity: number | undefined;

  constructor(tier: Tier, capacity: number | undefined) {
    this.#capacity = capacity;
    this.#grid = make("div", { class: "grains", role: "group", "aria-label": `${tierNames[tier]} memories` });
    this.#count = make("span", { class: "count", "data-count": tier }, "0");
    this.#fill = make("span");
    this.#more = make("p", { class: "more", hidden: true });
    this.#empty = make("p", { class: "nobody" }, emptyWords[tier]);
    this.element = make(
      "section",
      { class: `layer ${tier}` },
      make("h3", {}, tierNames[tier], make("small", {}, ruleWords[tier])),
      make("p", { class: "fill" }, this.#count, make("span", { class: "gauge", "aria-hidden": "true" }, this.#fill)),
      this.#empty,
      this.#grid,
      this.#more,
    );
  }

  show(grains: readonly HTMLButtonElement[], total: number): void {
    let next = this.#grid.firstElementChild;
    for (const grain of grains) {
      if (grain === next) next = next.nextElementSibling;
      else this.#grid.insertBefore(grain, next);
    }
    this.#count.textContent = this.#capacity === undefined ? number(total) : `${number(total)} of ${number(this.#capacity)}`;
    // A tier without a limit is drawn on a scale that keeps growing and never ends.
    const share = this.#capacity === undefined ? total / (total + 100) : Math.min(1, total / this.#capacity);
    this.#fill.style.width = `${share * 100}%`;
    this.#empty.hidden = total > 0;
    this.#more.hidden = total <= grains.length;
    this.#more.textContent = `and ${memories(total - grains.length)} more`;
    // One stop for the Tab key in each layer; arrow keys do the rest.
    const stop = grains.find((grain) => grain.tabIndex === 0 && grain.parentElement === this.#grid) ?? grains.at(-1);
    for (const grain of grains) grain.tabIndex = grain === stop ? 0 : -1;
  }
}

const ruleWords: Readonly<Record<Tier, string>> = {
  working: "what is going on; an hour at most",
  intermediate: "recent; 30 days at most",
  "long-term": "stays",
};

const emptyWords: Readonly<Record<Tier, string>> = {
  working: "Nothing yet. New memories arrive here.",
  intermediate: "Nothing yet. Memories sink here when the layer above is full or an hour has passed.",
  "long-term": "Nothing yet. What lasts settles here.",
};

function idOf(target: EventTarget | null | undefined): string | undefined {
  return target instanceof HTMLElement && target.classList.contains("grain") ? target.dataset["id"] : undefined;
}

function neighbour(grain: Element): HTMLElement | null {
  return (grain.nextElementSibling ?? grain.previousElementSibling) as HTMLElement | null;
}

function walk(event: KeyboardEvent): void {
  const from = event.target;
  if (!(from instanceof HTMLElement) || !from.classList.contains("grain")) return;
  const grains = [...(from.parentElement?.children ?? [])] as HTMLElement[];
  const at = grains.indexOf(from);
  const perRow = Math.max(1, grains.filter((grain) => grain.offsetTop === grains[0]?.offsetTop).length);
  const last = grains.length - 1;
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + perRow, ArrowUp: at - perRow, Home: 0, End: last,
  };
  const to = grains[steps[event.key] ?? -1];
  if (!(event.key in steps)) return;
  event.preventDefault();
  if (!to) return;
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}

function play(element: HTMLElement, frames: Keyframe[], duration: number): void {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  element.animate(frames, { duration, easing: "cubic-bezier(.3,.7,.2,1)" });
}
