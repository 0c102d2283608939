/**
 * Transactions: what is collected while the user's function runs, before texts are embedded and all is committed.
 */

import { createError } from "./errors.js";
import { toNewRecord, toPatch, toText, toVector } from "./internal/convert.js";
import type { AddOptions, ChangeOptions, MemoryPatch, NewMemory, Tier } from "./types.js";

/** What an operation needs from the embedder: nothing, a text to embed, or it has its vector. */
export type VectorNeed = { readonly text: string } | { readonly vector: Float32Array } | undefined;

/** An operation on its way to the engine. */
export interface PendingOperation {
  readonly operation: Record<string, unknown>;
  readonly need: VectorNeed;
}

/** The text that stands for a record in the embedder's space: who, then what. */
function memoryText(text: string, actor: string | null | undefined): string {
  return actor ? `${actor}: ${text}` : text;
}

/**
 * Collects changes. Nothing happens before the function that got it returns; then all of them happen, or none.
 *
 * @example
 * await memory.transaction((tx) => {
 *   const old = "01J...";
 *   tx.forget(old, { ifVersion: 3 });
 *   tx.add("Ada moved to Oslo", { actor: "Ada" });
 * });
 */
export class Transaction {
  /** @internal */
  readonly pending: PendingOperation[] = [];
  readonly #nextId: () => string;
  readonly #actorOf: (id: string) => string | undefined;
  #open = true;

  /** @internal */
  constructor(nextId: () => string, actorOf: (id: string) => string | undefined) {
    this.#nextId = nextId;
    this.#actorOf = actorOf;
  }

  /** Adds a record and answers the id it will have. */
  add(text: string, options: AddOptions = {}): string {
    return this.addOne({ ...options, text });
  }

  /** @internal the same, with everything in one object */
  addOne(memory: NewMemory): string {
    this.#check();
    const record = toNewRecord(memory);
    const id = memory.id ?? this.#nextId();
    const need = memory.vector ? { vector: toVector(memory.vector, "vector") } : { text: memoryText(memory.text, memory.actor) };
    this.pending.push({ operation: { type: "add", record: { ...record, id } }, need });
    return id;
  }

  /** @internal adds a record with its past, as an export holds it */
  restore(record: Record<string, unknown>, need: VectorNeed): void {
    this.pending.push({ operation: { type: "add", record }, need });
  }

  /** Changes a record. */
  update(id: string, patch: MemoryPatch, options: ChangeOptions = {}): void {
    this.#check();
    const plain = toPatch(patch);
    let need: VectorNeed;
    if (patch.vector) need = { vector: toVector(patch.vector, "vector") };
    else if (patch.text !== undefined) {
      const actor = patch.actor === undefined ? this.#actorOf(id) : patch.actor;
      need = { text: memoryText(patch.text, actor) };
    }
    this.#push("update", id, options, { patch: plain }, need);
  }

  /** Removes a record. */
  forget(id: string, options: ChangeOptions = {}): void {
    this.#check();
    this.#push("forget", id, options, {}, undefined);
  }

  /** Moves a record to a tier, or to the next more durable one. */
  promote(id: string, to?: Tier, options: ChangeOptions = {}): void {
    this.#check();
    this.#push("move", id, options, to === undefined ? {} : { to }, undefined);
  }

  /** @internal */
  end(): void {
    this.#open = false;
  }

  #push(type: string, id: string, options: ChangeOptions, more: Record<string, unknown>, need: VectorNeed): void {
    const condition = options.ifVersion === undefined ? {} : { ifVersion: options.ifVersion };
    this.pending.push({ operation: { type, id: toText(id, "id"), ...condition, ...more }, need });
  }

  #check(): void {
    if (!this.#open) throw createError("invalid-argument", "the transaction is over: use it only inside its function, without await");
  }
}
