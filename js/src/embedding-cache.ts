/**
 * Vectors that were asked for before. Owns what is kept of them, for whom and how long. Does not own asking: what is not
 * kept, the embedder is asked for.
 *
 * The key is the text itself, with its purpose, the model and the view that asked: two texts are never taken for each
 * other, and no view can tell by the time it takes what another one has asked.
 */

import { embedAll, type Embedded } from "./embedder.js";
import { checkFields, checkNumber, checkWhole, invalid } from "./internal/convert.js";
import { LruMap } from "./internal/lru.js";
import type { Embedder, EmbedOptions, Scope } from "./types.js";

/** What is kept of vectors that the embedder has made. */
export interface EmbeddingCacheOptions {
  /** Vectors at most. Default 1,000. Those that were not used for longest go first. */
  readonly maxEntries?: number | undefined;
  /** Bytes at most, of vectors and texts. Default 4 MiB. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds that a vector is good for, by the memory's clock. Default an hour. */
  readonly ttlMs?: number | undefined;
  /** Of which texts: of questions, or also of what is to be remembered. Default `"queries"`. */
  readonly texts?: "queries" | "all" | undefined;
}

/** Figures about the cache, since the memory was opened. */
export interface EmbeddingCacheFigures {
  /** Texts whose vector was kept. */
  readonly hits: number;
  /** Texts that the embedder was asked for. */
  readonly misses: number;
  /** Share of hits, 0 to 1; 0 before the first question. */
  readonly hitRate: number;
  /** Vectors that are kept now. */
  readonly entries: number;
  /** About how many bytes they and their texts take. */
  readonly bytes: number;
}

/** A vector, or that its text has none. */
interface Kept {
  readonly vector: Float32Array | undefined;
  readonly dimensions: number;
}

/** What an entry takes beside its vector and its key. */
const ENTRY_BYTES = 160;

/** The cache of one memory. */
export class EmbeddingCache {
  readonly #kept: LruMap<Kept>;
  readonly #all: boolean;
  readonly #now: () => number;
  #hits = 0;
  #misses = 0;

  constructor(options: EmbeddingCacheOptions, now: () => number) {
    const { maxEntries = 1_000, maxBytes = 4 << 20, ttlMs = 3_600_000, texts = "queries" } = options;
    this.#kept = new LruMap({ maxEntries, maxBytes, ttlMs });
    this.#all = texts === "all";
    this.#now = now;
  }

  /** The vectors of texts, on behalf of `view`: those that are kept, and the rest by asking `embedder`. */
  async embed(embedder: Embedder, texts: readonly string[], options: EmbedOptions, view: Scope): Promise<Embedded> {
    if (options.purpose === "memory" && !this.#all) return embedAll(embedder, texts, options);
    const { tenant, user, agent, session } = view;
    const place = JSON.stringify([embedder.model, options.purpose, tenant, user, agent, session]);
    const found = new Map<string, Kept>();
    const missing = new Set<string>();
    for (const text of texts) {
      const kept = this.#kept.get(place + text, this.#now());
      if (kept) found.set(text, kept);
      else missing.add(text);
      if (kept) this.#hits += 1;
      else this.#misses += 1;
    }
    let dimensions = embedder.dimensions ?? [...found.values()][0]?.dimensions ?? 0;
    if (missing.size > 0) {
      const asked = [...missing];
      const { vectors, space } = await embedAll(embedder, asked, options);
      dimensions = space.dimensions;
      for (const [index, text] of asked.entries()) {
        const kept: Kept = { vector: vectors[index], dimensions };
        found.set(text, kept);
        const bytes = ENTRY_BYTES + 2 * (place.length + text.length) + 4 * (kept.vector?.length ?? 0);
        this.#kept.set(place + text, kept, bytes, this.#now());
      }
    }
    return { space: { model: embedder.model, dimensions }, vectors: texts.map((text) => found.get(text)?.vector) };
  }

  /** Figures. */
  figures(): EmbeddingCacheFigures {
    const [hits, misses] = [this.#hits, this.#misses];
    return { hits, misses, hitRate: hits === 0 ? 0 : hits / (hits + misses), entries: this.#kept.size, bytes: this.#kept.bytes };
  }
}

/** Throws unless `options` are those of a cache, or turn it off. */
export function checkEmbeddingCache(options: EmbeddingCacheOptions | false | undefined): void {
  if (options === undefined || options === false) return;
  checkFields(options, ["maxEntries", "maxBytes", "ttlMs", "texts"], "embeddingCache");
  const { maxEntries, maxBytes, ttlMs, texts } = options;
  for (const [name, value] of Object.entries({ maxEntries, maxBytes })) checkWhole(value, `embeddingCache/${name}`, 1, Number.MAX_SAFE_INTEGER);
  checkNumber(ttlMs, "embeddingCache/ttlMs");
  if (ttlMs !== undefined && ttlMs <= 0) throw invalid("embeddingCache/ttlMs", "must be above 0");
  if (texts !== undefined && texts !== "queries" && texts !== "all") throw invalid("embeddingCache/texts", 'must be "queries" or "all"');
}
