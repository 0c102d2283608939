/**
 * Transactions: what is collected while the user's function runs, before texts are embedded and all is committed.
 */

import { createError, ValidationError } from "./errors.js";
import { checkFields, checkNumber, checkObject, checkTier, checkWhole, invalid, toId, toNewRecord, toPatch, toVector } from "./internal/convert.js";
import type { AddOptions, ChangeOptions, EmbeddingSpace, MemoryPatch, Metadata, NewMemory, Tier } from "./types.js";

/** What an operation needs from the embedder: nothing, a text to embed, or it has its vector, maybe of a known space. */
export type VectorNeed = { readonly text: string } | { readonly vector: Float32Array; readonly space?: EmbeddingSpace } | undefined;

/** What the embedder is told of a record. */
interface Said {
  readonly text: string;
  readonly actor?: string | null | undefined;
}

/** An operation on its way to the engine. */
export interface PendingOperation {
  readonly operation: Record<string, unknown>;
  need: VectorNeed;
}

/** A refusal of one of several operations: which it was, and the refusal in that operation's own words. */
export function refusedOperation(error: unknown): { readonly index: number; readonly field: string; readonly message: string } | undefined {
  if (!(error instanceof ValidationError) || typeof error.details.field !== "string") return undefined;
  const [prefix, index] = /^operations\/(\d+)\//.exec(error.details.field) ?? [];
  if (prefix === undefined) return undefined;
  const message = error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
  return { index: Number(index), field: error.details.field.slice(prefix.length), message };
}

/** The text that stands for a record in the embedder's space: who, then what. */
export function memoryText({ text, actor }: Said): string {
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
  readonly #find: (id: string) => Said | undefined;
  /** What the records added or changed so far say. */
  readonly #said = new Map<string, Said>();
  #open = true;

  /** @internal `find` looks a stored record up. */
  constructor(nextId: () => string, find: (id: string) => Said | undefined) {
    this.#nextId = nextId;
    this.#find = find;
  }

  /** Adds a record and answers the id it will have. It becomes a record of its own even if what it says is known already. */
  add<M extends object = Metadata>(text: string, options: AddOptions<M> = {}): string {
    this.#check();
    this.#step(() => checkObject(options, "options"));
    const id = options.id ?? this.#nextId();
    this.addOne({ ...options, text, id });
    return id;
  }

  /** @internal the same, with everything in one object; without an id it may turn out to be known already */
  addOne(memory: NewMemory): void {
    this.#check();
    this.#step(() => {
      const record = toNewRecord(memory);
      if (memory.id !== undefined) this.#said.set(memory.id, memory);
      const need = memory.vector === undefined ? { text: memoryText(memory) } : { vector: toVector(memory.vector, "vector") };
      this.pending.push({ operation: { add: { record } }, need });
    });
  }

  /** @internal adds a record with its past, as an export holds it; `known` is its vector, if that can be kept */
  restore(memory: NewMemory, history: Record<string, unknown>, known: VectorNeed): void {
    this.#step(() => {
      const record = toNewRecord(memory);
      this.pending.push({ operation: { add: { record: { ...record, history } } }, need: known ?? { text: memoryText(memory) } });
    });
  }

  /** Changes a record. */
  update<M extends object = Metadata>(id: string, patch: MemoryPatch<M>, options: ChangeOptions = {}): void {
    this.#check();
    this.#step(() => {
      const plain = toPatch(patch);
      const need = patch.vector === undefined ? this.#reworded(toId(id, "id"), patch) : { vector: toVector(patch.vector, "vector") };
      this.#push("update", id, options, { patch: plain }, need);
    });
  }

  /** Removes a record, or takes what was consolidated out of the record that it went into. */
  forget(id: string, options: ChangeOptions = {}): void {
    this.#check();
    this.#step(() => this.#push("forget", id, options, {}, undefined));
  }

  /** Says how useful a record was: -1 (it misled) to 1 (it was what was needed). */
  reward(id: string, value: number, options: ChangeOptions = {}): void {
    this.#check();
    this.#step(() => {
      if (typeof value !== "number") throw invalid("reward", "must be a number");
      checkNumber(value, "reward");
      this.#push("reward", id, options, { value }, undefined);
    });
  }

  /** Moves a record to a more durable tier, the next one if `to` is left out. Nothing happens if it is there already. */
  promote(id: string, to?: Tier, options: ChangeOptions = {}): void {
    this.#move(id, "up", to, options);
  }

  /** Moves a record to a less durable tier, the next one if `to` is left out. Nothing happens if it is there already. */
  demote(id: string, to?: Tier, options: ChangeOptions = {}): void {
    this.#move(id, "down", to, options);
  }

  /** @internal */
  end(): void {
    this.#open = false;
  }

  #move(id: string, direction: "up" | "down", to: Tier | undefined, options: ChangeOptions): void {
    this.#check();
    this.#step(() => {
      checkTier(to, "to");
      this.#push("move", id, options, to === undefined ? { direction } : { direction, to }, undefined);
    });
  }

  #push(type: string, id: string, options: ChangeOptions, more: Record<string, unknown>, need: VectorNeed): void {
    checkFields(options, ["ifVersion"], "options");
    checkWhole(options.ifVersion, "ifVersion", 0);
    const condition = options.ifVersion === undefined ? {} : { ifVersion: options.ifVersion };
    this.pending.push({ operation: { [type]: { id: toId(id, "id"), ...condition, ...more } }, need });
  }

  /** The text to embed after a patch, if the patch changes who said it or what. */
  #reworded(id: string, patch: MemoryPatch): VectorNeed {
    if (patch.text === undefined && patch.actor === undefined) return undefined;
    const before = this.#said.get(id) ?? this.#find(id);
    const text = patch.text ?? before?.text;
    // Without a text the record is not there, which the engine will say.
    if (text === undefined) return undefined;
    const said = { text, actor: patch.actor === undefined ? before?.actor : patch.actor };
    this.#said.set(id, said);
    return { text: memoryText(said) };
  }

  /** Runs the collection of one operation; what is wrong with it is named like the engine does. */
  #step<T>(collect: () => T): T {
    try {
      return collect();
    } catch (error) {
      if (!(error instanceof ValidationError) || typeof error.details.field !== "string") throw error;
      const prefix = `operations/${this.pending.length}/`;
      throw createError(error.code, prefix + error.message, { details: { ...error.details, field: prefix + error.details.field } });
    }
  }

  #check(): void {
    if (!this.#open) throw createError("invalid-argument", "the transaction is over: use it only inside its function, without await");
  }
}
