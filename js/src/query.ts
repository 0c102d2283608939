/** The builder of questions: the options of a recall, one after the other. Owns no meaning of its own. */

import { answer, MOST, prepare, type Asker } from "./recall.js";
import type { Sort } from "./queries.js";
import type { Filter, Hit, RecallOptions } from "./types.js";

/** Hits that are fetched at once. */
const PAGE = 32;

/**
 * A question that is still being put together. Made by `memory.query`. Each method answers a new one and leaves this one as
 * it is. To wait for it is to recall; to go through it with `for await` gives the same hits, and those beyond, as far as
 * there are any.
 *
 * @example
 * const hits = await memory.query("metric units").where({ $kind: "semantic" }).limit(5);
 * for await (const hit of memory.query("metric units").minScore(0.2)) console.log(hit.text);
 */
export class MemoryQuery implements PromiseLike<Hit[]>, AsyncIterable<Hit> {
  readonly #asker: Asker;
  readonly #text: string;
  readonly #options: RecallOptions;

  /** @internal */
  constructor(asker: Asker, text: string, options: RecallOptions = {}) {
    this.#asker = asker;
    this.#text = text;
    this.#options = options;
  }

  /** With these options in place of those that were given before. */
  with(options: RecallOptions): MemoryQuery {
    return new MemoryQuery(this.#asker, this.#text, { ...this.#options, ...options });
  }

  /** Only records that pass this filter too. */
  where(filter: Filter): MemoryQuery {
    const { filter: before } = this.#options;
    return this.with({ filter: before === undefined ? filter : { $and: [before, filter] } });
  }

  /** At most so many hits. */
  limit(limit: number): MemoryQuery {
    return this.with({ limit });
  }

  /** Only hits of at least this score. */
  minScore(minScore: number): MemoryQuery {
    return this.with({ minScore });
  }

  /** The hits in this order. Which they are, relevance decides: going through them ends at the limit. */
  sort(sort: Sort): MemoryQuery {
    return this.with({ sort });
  }

  /** Recalls. */
  then<T = Hit[], E = never>(fulfilled?: ((hits: Hit[]) => T | PromiseLike<T>) | null, rejected?: ((reason: unknown) => E | PromiseLike<E>) | null): Promise<T | E> {
    return this.#recall().then(fulfilled, rejected);
  }

  async #recall(): Promise<Hit[]> {
    const { signal } = this.#options;
    const ready = await prepare(this.#asker, [{ text: this.#text, options: this.#options }], signal);
    const [hits] = await answer(this.#asker, ready, signal);
    return hits as Hit[];
  }

  /** The hits, best first, page after page: what is not reached is not fetched, and does not count as used. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Hit, void, undefined> {
    const { signal, sort, limit } = this.#options;
    if (sort !== undefined) return yield* await this.#recall();
    const [question] = await prepare(this.#asker, [{ text: this.#text, options: this.#options }], signal);
    const seen: string[] = [];
    for (let left = limit ?? MOST; left > 0 && question; ) {
      const size = Math.min(PAGE, left);
      const [hits = []] = await answer(this.#asker, [{ ...question, limit: size }], signal, false, seen);
      yield* hits;
      if (hits.length < size) return;
      seen.push(...hits.map(({ id }) => id));
      left -= hits.length;
    }
  }
}
