/**
 * Summaries of old episodes: groups come from the engine, words from a function of the user's own or else from the
 * groups themselves, vectors from the embedder. Owns standing the failures of these two. What a group is, and what becomes
 * of it, is the engine's.
 */

import type { Embedded } from "./embedder.js";
import { createError, MemoryUnavailableError } from "./errors.js";
import type { Call } from "./rows.js";
import { memoryText } from "./transaction.js";
import type { MemoryEvents, Summarize } from "./types.js";

/** Old episodes about one thing, as the engine gives them. */
interface Group {
  readonly ids: readonly string[];
  readonly versions: readonly number[];
  readonly texts: readonly string[];
  /** What the summary says unless somebody has better words. */
  readonly text: string;
  readonly actor?: string;
  readonly from: number;
  readonly to: number;
}

/** Puts summaries in the places of groups, one after the other. */
export class SummaryTurns {
  readonly #summarize: Summarize | undefined;
  readonly #embed: (text: string) => Promise<Embedded | undefined>;
  readonly #failed: (failure: MemoryEvents["summary-failed"]) => void;
  #busy = false;

  /** `embed` makes the vector of a text, if there is an embedder; `failed` is told of every group that could not be summed up; its records stay as they are until the next time. */
  constructor(summarize: Summarize | undefined, embed: (text: string) => Promise<Embedded | undefined>, failed: (failure: MemoryEvents["summary-failed"]) => void) {
    this.#summarize = summarize;
    this.#embed = embed;
    this.#failed = failed;
  }

  /**
   * Sums up what is to be summed up at `now`, until `spent()` says that the time is over. `call` runs a call into the
   * engine. Resolves to the number of records that went into summaries, and whether there is more to look at.
   */
  async run(call: Call, now: number, spent: () => boolean): Promise<{ summarized: number; more: boolean }> {
    let summarized = 0;
    // Somebody else's turn is under way, and does what there is to do.
    if (this.#busy) return { summarized, more: false };
    this.#busy = true;
    try {
      for (;;) {
        const { group, more } = await call((handle) => handle.nextGroup(now) as { group?: Group; more: boolean });
        if (group) summarized += await this.#sumUp(group, call, now);
        if (!more || spent()) return { summarized, more };
      }
    } finally {
      this.#busy = false;
    }
  }

  async #sumUp(group: Group, call: Call, now: number): Promise<number> {
    try {
      const words = await this.#ask(group);
      const text = memoryText({ text: words ?? group.text, actor: group.actor });
      const embedded = await this.#embed(text);
      const vector = embedded?.vectors[0];
      const id = await call((handle) => handle.summarise([...group.ids], Uint32Array.from(group.versions), words, vector && embedded?.space, vector, now));
      return id === undefined ? 0 : group.ids.length;
    } catch (error) {
      if (error instanceof MemoryUnavailableError) throw error;
      this.#failed({ ids: group.ids, error });
      return 0;
    }
  }

  async #ask({ texts, actor, from, to }: Group): Promise<string | undefined> {
    if (!this.#summarize) return undefined;
    const answer: unknown = await this.#summarize(texts, { from, to, ...(actor !== undefined && { actor }) });
    if (typeof answer === "string" && answer.trim() !== "") return answer;
    throw createError("invalid-argument", `summarize answered ${typeof answer === "string" ? "a blank text" : typeof answer} instead of a text`, { details: { field: "summarize" } });
  }
}
