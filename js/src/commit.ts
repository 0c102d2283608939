/**
 * Changes on their way to the engine. Owns: embedding what they need before, committing, waiting until they are durable.
 * Does not own: what a change means (the engine), which ones there are (the transaction) or who may make them (the memory).
 */

import type { Embedded } from "./embedder.js";
import { createError, type MemoryError } from "./errors.js";
import { VectorsUnread } from "./internal/bridge.js";
import type { Asker } from "./recall.js";
import { refusedOperation, Transaction, type PendingOperation } from "./transaction.js";
import type { EmbeddingSpace, MemoryRecord } from "./types.js";

/** How often a change is embedded at most, if others change meanwhile what its text is made of. */
const ROUNDS = 8;

/** Vectors for operations. */
interface Rows {
  readonly embedded: Uint32Array;
  readonly vectors: Float32Array;
  readonly space: EmbeddingSpace | undefined;
}

/** Commits one operation: a refusal names its fields without saying that it was the first. @internal */
export async function commitOne(asker: Asker, collect: (tx: Transaction) => void): Promise<string[]> {
  try {
    return await commit(asker, collect);
  } catch (error) {
    const refused = refusedOperation(error);
    if (refused === undefined) throw error;
    const { code, details, cause } = error as MemoryError;
    throw createError(code, refused.message, { details: { ...details, field: refused.field }, cause });
  }
}

/** Collects operations, embeds, commits and waits. Resolves to the ids that they are about. @internal */
export async function commit(asker: Asker, collect: (tx: Transaction) => void): Promise<string[]> {
  const { session, view } = asker;
  // Asked first, so that an engine that is gone or a clock that tells no time is not blamed on an operation.
  asker.call(() => session.now());
  const find = (id: string): MemoryRecord | undefined =>
    asker.call((handle) => handle.get(view, id, session.now(), false) as MemoryRecord | undefined);
  const tx = new Transaction(() => asker.call((handle) => handle.nextId(session.now())), find);
  try {
    collect(tx);
  } finally {
    tx.end();
  }
  if (tx.pending.length === 0) return [];
  const operations = tx.pending.map(({ operation }) => operation);
  const { ids, durable } = await embedFor(asker, tx, ({ embedded, vectors, space }) => {
    const outcome = asker.call((handle) => handle.commit(view, space, operations, embedded, vectors, session.now()) as { ids: string[]; ticket: number });
    session.strain();
    // In the same step: the engine may be gone in the next one.
    return { ids: outcome.ids, durable: session.queue.durable(outcome.ticket) };
  });
  await durable;
  return ids;
}

/**
 * Embeds, and again as long as others change meanwhile what the texts are made of. Commits in the very step that found
 * nothing changed: not after an await. If that takes vectors in storage, they are read first, and others may change things
 * once more.
 */
async function embedFor<T>(asker: Asker, tx: Transaction, finish: (rows: Rows) => T): Promise<T> {
  reword(asker, tx);
  let changed: PendingOperation | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = tx.pending.map(textToEmbed);
    const rows = await embed(asker, tx.pending);
    for (let resume: (() => void) | undefined; ; ) {
      reword(asker, tx);
      changed = tx.pending.find((pending, index) => textToEmbed(pending) !== before[index]);
      if (changed) break;
      try {
        resume?.();
        return finish(rows);
      } catch (error) {
        if (!(error instanceof VectorsUnread)) throw error;
        resume = await asker.session.rows.fetch(error);
      }
    }
  }
  const [{ id }] = Object.values(changed?.operation ?? {}) as [{ id: string }];
  const message = `what ${id} says was changed by others each time that it was embedded, ${ROUNDS} times; try again`;
  throw createError("transaction-conflict", message, { details: { id } });
}

/** The texts to embed, as far as they are made of what is stored now. */
function reword({ session, view, call }: Asker, tx: Transaction): void {
  tx.reword((ids) => call((handle) => handle.remainders(view, ids, session.now()) as (MemoryRecord | undefined)[]));
}

/** The vectors that operations need: their positions, their rows in one block, their space. */
async function embed({ session, view, givenSpace }: Asker, pending: readonly PendingOperation[]): Promise<Rows> {
  const { embedder } = session;
  const texts = pending.flatMap(({ need }) => (need && "text" in need ? [need.text] : []));
  let made: Embedded | undefined;
  if (embedder && texts.some((text) => text.trim() !== "")) made = await session.embed(embedder, texts, { purpose: "memory" }, view);
  let at = 0;
  let space = made?.space;
  const rows: Float32Array[] = [];
  const embedded: number[] = [];
  for (const [index, { need }] of pending.entries()) {
    const row = need && ("vector" in need ? need.vector : made?.vectors[at++]);
    if (!row) continue;
    if ("vector" in need) space ??= need.space ?? givenSpace(row);
    rows.push(row);
    embedded.push(index);
  }
  const width = rows[0]?.length ?? 0;
  const odd = rows.find((row) => row.length !== width);
  if (odd) {
    const details = { field: "vector", expected: width, found: odd.length };
    throw createError("dimension-mismatch", `vectors of ${width} and ${odd.length} dimensions in one call`, { details });
  }
  const vectors = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) vectors.set(row, index * width);
  return { embedded: Uint32Array.from(embedded), vectors, space };
}

/** The text that an operation needs a vector of. */
function textToEmbed({ need }: PendingOperation): string | undefined {
  return need && "text" in need ? need.text : undefined;
}
