/**
 * Vectors for all that has none: after a change of model, and for what was added without an embedder. Owns the order, the
 * batches and going on where it was left. What a change of space means is the engine's.
 *
 * Nothing is remembered between two runs but the vectors themselves: a record without one is still to be done. So a run
 * that was cut short, by whatever, goes on with the next one.
 */

import { embedAll } from "./embedder.js";
import { createError } from "./errors.js";
import { checkFields, checkSignal, checkWhole, invalid } from "./internal/convert.js";
import type { Session } from "./session.js";
import { memoryText } from "./transaction.js";
import type { EmbeddingSpace } from "./types.js";

/** Options of `memory.reembed`. */
export interface ReembedOptions {
  /** Records of one batch, stored together. Default 256. */
  readonly batch?: number | undefined;
  /** Ends it between two batches, or while the embedder is asked. What is done stays done. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each batch, once that is durable. */
  readonly onProgress?: ((progress: ReembedProgress) => void) | undefined;
}

/** How far it is. */
export interface ReembedProgress {
  /** Records that were looked at so far. */
  readonly done: number;
  /** Records that there are to look at. Grows if more come. */
  readonly total: number;
}

/** What it did. */
export interface ReembedReport {
  /** Records that have a vector now and had none. */
  readonly embedded: number;
  /** Records whose text means nothing to the model: they have none. */
  readonly meaningless: number;
  /** The space that the memory is of now, if it is of one. */
  readonly space?: EmbeddingSpace;
}

/** A record that is to be embedded. */
interface Said {
  readonly id: string;
  readonly version: number;
  readonly text: string;
  readonly actor?: string;
}

/** Embeds what is to be embedded in the memory of `session`. @internal */
export async function reembed(session: Session, options: ReembedOptions): Promise<ReembedReport> {
  checkFields(options, ["batch", "signal", "onProgress"], "options");
  const { batch = 256, signal, onProgress } = options;
  checkWhole(batch, "batch", 1, 10_000);
  checkSignal(signal, "signal");
  if (onProgress !== undefined && typeof onProgress !== "function") throw invalid("onProgress", "must be a function");
  const { model: embedder } = session;
  if (!embedder) throw invalid("embedder", "is false: the memory was opened without one, and there is nothing to embed with");
  const asked = { purpose: "memory", ...(signal && { signal }) } as const;

  /** Texts without meaning, by the version of their record: not asked for again. */
  const meaningless = new Map<string, number>();
  let [done, embedded] = [0, 0];
  let total = session.call((handle) => handle.countUnembedded(session.isOfAnotherModel, session.now()));
  /** Whether there was anything to do since the search began at the first record. */
  let busy = false;
  for (let after: string | undefined; ; ) {
    if (signal?.aborted) throw createError("aborted", "the call was aborted", { cause: signal.reason });
    const anew = session.isOfAnotherModel;
    const page = session.call((handle) => handle.unembedded(anew, after, batch, session.now()) as Said[]);
    const due = page.filter(({ id, version }) => meaningless.get(id) !== version);
    after = page.at(-1)?.id;
    if (due.length > 0 || anew) {
      // Without a record, one word tells how many components vectors have.
      const texts = due.length > 0 ? due.map(memoryText) : ["memory"];
      const { vectors, space } = await embedAll(embedder, texts, asked);
      const rows = due.flatMap(({ id, version }, index) => {
        const vector = vectors[index];
        if (!vector) meaningless.set(id, version);
        return vector ? [{ id, version, vector }] : [];
      });
      const [count, ticket] = session.call((handle) => {
        // Another run may have been faster.
        if (session.isOfAnotherModel) {
          handle.changeSpace(space, session.now());
          session.look();
        }
        const flat = new Float32Array(rows.length * space.dimensions);
        for (const [index, { vector }] of rows.entries()) flat.set(vector, index * space.dimensions);
        const ids = rows.map(({ id }) => id);
        const got = ids.length === 0 ? 0 : handle.embed(space, ids, Uint32Array.from(rows, ({ version }) => version), flat, session.now());
        return [got, handle.ticket()] as const;
      });
      session.strain();
      await session.queue.durable(ticket);
      busy ||= due.length > 0;
      embedded += count;
      done += due.length;
      total = Math.max(total, done);
      if (due.length > 0) onProgress?.({ done, total });
    }
    // Some may have come or changed meanwhile, before the place where the search is.
    if (after === undefined) {
      if (!busy) break;
      busy = false;
    }
  }
  const space = session.call((handle) => handle.space() as EmbeddingSpace | undefined);
  return { embedded, meaningless: meaningless.size, ...(space && { space }) };
}
