/** The question, its filters and the hits. */

import type { Filter, Hit, Memory, MemoryRecord, Tier } from "stratamem";
import { questions } from "../sample.ts";
import { byId, make, makeButton } from "./dom.ts";
import { type Act, hitCard } from "./record.ts";
import { duration, memories } from "./words.ts";

/** How long typing has to pause before a look at the memory, in milliseconds. */
const pauseMs = 120;

export class Ask {
  readonly #question = byId<HTMLInputElement>("question");
  readonly #tier = byId<HTMLSelectElement>("ask-tier");
  readonly #actor = byId<HTMLSelectElement>("ask-actor");
  readonly #limit = byId<HTMLSelectElement>("ask-limit");
  readonly #status = byId("answer-status");
  readonly #hits = byId("hits");
  readonly #memory: () => Memory | undefined;
  readonly #act: Act;
  readonly #onHits: (hits: readonly Hit[], counted: boolean) => void;
  #latest = 0;

  /** `onHits` is told what was found, and whether it counted as a recall. */
  constructor(memory: () => Memory | undefined, act: Act, onHits: (hits: readonly Hit[], counted: boolean) => void) {
    this.#memory = memory;
    this.#act = act;
    this.#onHits = onHits;
    let pause = 0;
    // Looking while you type leaves no trace; asking counts as a recall.
    const look = (): void => {
      clearTimeout(pause);
      pause = window.setTimeout(() => void this.refresh(), pauseMs);
    };
    this.#question.addEventListener("input", look);
    for (const filter of [this.#tier, this.#actor, this.#limit]) filter.addEventListener("change", look);
    byId("ask").addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(pause);
      void this.#answer(true);
    });
    const suggestions = questions.map((text) => makeButton(text, () => this.ask(text), { class: "chip" }));
    byId("suggestions").replaceChildren(...suggestions);
  }

  /** Asks this question. */
  ask(text: string): void {
    this.#question.value = text;
    void this.#answer(true);
  }

  /** Offers these memories' people as a filter. */
  offer(records: readonly MemoryRecord[]): void {
    byId("suggestions").hidden = records.length === 0;
    const names = [...new Set(records.flatMap(({ actor }) => actor ?? []))].sort();
    const offered = [...this.#actor.options].slice(1).map((option) => option.value);
    if (names.join("\n") === offered.join("\n")) return;
    const chosen = this.#actor.value;
    this.#actor.replaceChildren(make("option", { value: "" }, "anyone"), ...names.map((name) => make("option", { value: name }, name)));
    this.#actor.value = names.includes(chosen) ? chosen : "";
  }

  /** Looks again, without counting it as a recall. */
  refresh(): Promise<void> {
    return this.#answer(false);
  }

  async #answer(counted: boolean): Promise<void> {
    const memory = this.#memory();
    const text = this.#question.value.trim();
    this.#latest += 1;
    const mine = this.#latest;
    if (!memory || text === "") return this.#show([], "", counted);
    try {
      const started = performance.now();
      const hits = await memory.recall(text, { limit: Number(this.#limit.value), filter: this.#filter(), touch: counted });
      const took = duration(performance.now() - started);
      if (mine !== this.#latest) return;
      this.#show(hits, hits.length > 0 ? `${memories(hits.length)} in ${took}` : "No memory fits this question and these filters.", counted);
    } catch (error) {
      if (mine === this.#latest) this.#act(() => Promise.reject(error));
    }
  }

  #filter(): Filter {
    return {
      ...(this.#tier.value && { $tier: this.#tier.value as Tier }),
      ...(this.#actor.value && { $actor: this.#actor.value }),
    };
  }

  #show(hits: readonly Hit[], status: string, counted: boolean): void {
    this.#status.textContent = status;
    const open = new Set([...this.#hits.querySelectorAll(".why[open]")].map((why) => why.closest<HTMLElement>(".record")?.dataset["id"]));
    this.#hits.replaceChildren(
      ...hits.map((hit, index) => {
        const card = hitCard(hit, index + 1, this.#act);
        if (open.has(hit.id)) card.querySelector(".why")?.setAttribute("open", "");
        return card;
      }),
    );
    this.#hits.parentElement?.classList.toggle("answered", hits.length > 0);
    this.#onHits(hits, counted);
  }
}
