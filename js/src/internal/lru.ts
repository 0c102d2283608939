/**
 * A map that forgets: what was not used for longest, where it holds too much, and what is too old. Owns the order and the
 * limits. Does not own the clock: moments are given.
 */

/** How much a map may hold. */
export interface LruLimits {
  /** Entries. */
  readonly maxEntries: number;
  /** Bytes, as whoever puts an entry in counts them. */
  readonly maxBytes: number;
  /** Milliseconds that an entry is good for. */
  readonly ttlMs: number;
}

interface Entry<V> {
  readonly value: V;
  readonly bytes: number;
  readonly until: number;
}

/** Least recently used goes first: a `Map` keeps its entries in the order in which they were put in. */
export class LruMap<V> {
  readonly #limits: LruLimits;
  readonly #entries = new Map<string, Entry<V>>();
  #bytes = 0;

  constructor(limits: LruLimits) {
    this.#limits = limits;
  }

  /** Entries held. */
  get size(): number {
    return this.#entries.size;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The value of a key, if it is there and not too old. Counts as a use. */
  get(key: string, now: number): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#remove(key, entry);
    if (entry.until <= now) return undefined;
    this.#put(key, entry);
    return entry.value;
  }

  /** Puts a value in that takes so many bytes. One that is larger than all that may be held is not kept. */
  set(key: string, value: V, bytes: number, now: number): void {
    const before = this.#entries.get(key);
    if (before) this.#remove(key, before);
    const { maxEntries, maxBytes, ttlMs } = this.#limits;
    if (bytes > maxBytes) return;
    this.#put(key, { value, bytes, until: now + ttlMs });
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= maxEntries && this.#bytes <= maxBytes) break;
      this.#remove(oldest, entry);
    }
  }

  #put(key: string, entry: Entry<V>): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
  }

  #remove(key: string, entry: Entry<V>): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
