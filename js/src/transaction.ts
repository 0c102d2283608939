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

/** What is left of a summary, as it will be found once something is taken out of it. */
export interface Remainder extends Said {
  readonly id: string;
}

/** What an operation says of a record from then on, as far as it says it, and whether the text that makes is to be embedded. */
interface Wording {
  readonly id: string;
  /** Whether it says so by taking the record, or what went into another one, away. */
  readonly forgets?: true;
  readonly text?: string | undefined;
  readonly actor?: string | null | undefined;
  readonly pending?: PendingOperation;
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
  /** What is said of records, in the order of the operations. */
  readonly #wordings: Wording[] = [];
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
      if (memory.id !== undefined) this.#wordings.push({ id: memory.id, text: memory.text, actor: memory.actor ?? null });
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
      const need = patch.vector === undefined ? undefined : { vector: toVector(patch.vector, "vector") };
      const pending = this.#push("update", id, options, { patch: plain }, need);
      const { text, actor } = patch;
      if (text === undefined && actor === undefined) return;
      this.#wordings.push({ id: toId(id, "id"), text, actor, ...(need === undefined && { pending }) });
    });
  }

  /** Removes a record, or takes what was consolidated out of the record that it went into. */
  forget(id: string, options: ChangeOptions = {}): void {
    this.#check();
    this.#step(() => {
      const pending = this.#push("forget", id, options, {}, undefined);
      this.#wordings.push({ id: toId(id, "id"), forgets: true, pending });
    });
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

  /**
   * @internal looks up what patches leave out, and has the texts embedded that they make with that. `remainders` answers, for
   * each id that is forgotten, what that leaves of the summary it went into, once all are, if that says something else.
   */
  reword(remainders: (ids: string[]) => readonly (Remainder | undefined)[]): void {
    const forgetting = this.#wordings.filter(({ forgets }) => forgets);
    const left = forgetting.length > 0 ? remainders(forgetting.map(({ id }) => id)) : [];
    const remaining = new Map(forgetting.map((wording, index) => [wording, left[index]]));
    /** What the records added or changed so far say. */
    const said = new Map<string, Said>();
    for (const wording of this.#wordings) {
      const { pending, forgets } = wording;
      const remainder = remaining.get(wording);
      // A summary of which something is forgotten says something else from then on, by whoever it is by then.
      const { id, text: own, actor } = remainder ? { ...remainder, actor: undefined } : wording;
      if (forgets && !remainder) {
        if (pending) pending.need = undefined;
        continue;
      }
      const before = said.get(id) ?? (own === undefined || actor === undefined ? this.#find(id) : undefined);
      const text = own ?? before?.text;
      // Without a text the record is not there, which the engine will say.
      if (text !== undefined) said.set(id, { text, actor: actor === undefined ? before?.actor : actor });
      if (pending) pending.need = text === undefined ? undefined : { text: memoryText(said.get(id) as Said) };
    }
  }

  #move(id: string, direction: "up" | "down", to: Tier | undefined, options: ChangeOptions): void {
    this.#check();
    this.#step(() => {
      checkTier(to, "to");
      this.#push("move", id, options, to === undefined ? { direction } : { direction, to }, undefined);
    });
  }

  #push(type: string, id: string, options: ChangeOptions, more: Record<string, unknown>, need: VectorNeed): PendingOperation {
    checkFields(options, ["ifVersion"], "options");
    checkWhole(options.ifVersion, "ifVersion", 0);
    const condition = options.ifVersion === undefined ? {} : { ifVersion: options.ifVersion };
    const pending = { operation: { [type]: { id: toId(id, "id"), ...condition, ...more } }, need };
    this.pending.push(pending);
    return pending;
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
