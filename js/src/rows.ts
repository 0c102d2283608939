/**
 * Vectors whose rows stay in storage. Owns: reading what calls into the engine lack, and making them again. Does not own:
 * which rows these are, nor what was read (the engine).
 */

import { createError } from "./errors.js";
import { adapterError, VectorsUnread, type EngineHandle } from "./internal/bridge.js";
import { cutRanges } from "./storage/batch.js";
import type { ByteRange, Storage } from "./storage/types.js";

/** Objects that are read at a time. */
const AT_ONCE = 4;
/** The reading of what the engine has to do by itself. */
const CHORES = 0;

/** Runs a call into the engine that may need such rows. */
export type Call = <T>(use: (handle: EngineHandle) => T) => T | Promise<T>;

/** Ranges by key. */
type Wanted = ReadonlyMap<string, readonly ByteRange[]>;

/** Reads rows for calls. @internal */
export class Rows {
  readonly #call: <T>(use: (handle: EngineHandle) => T) => T;
  readonly #storage: Storage;
  readonly #idle: () => Promise<void>;
  #busy = false;

  /** `call` runs a call into the engine, if it may still be used; `idle` resolves when nothing is being written. */
  constructor(call: <T>(use: (handle: EngineHandle) => T) => T, storage: Storage, idle: () => Promise<void>) {
    this.#call = call;
    this.#storage = storage;
    this.#idle = idle;
  }

  /** Runs a call into the engine; at once, unless rows have to be read first: then again once they have been, and so on. */
  run<T>(call: () => T): T | Promise<T> {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof VectorsUnread)) throw error;
      return this.#again(error, call);
    }
  }

  async #again<T>(error: VectorsUnread, call: () => T): Promise<T> {
    for (let unread = error; ; ) {
      const resume = await this.fetch(unread);
      try {
        resume();
        return call();
      } catch (thrown) {
        if (!(thrown instanceof VectorsUnread)) throw thrown;
        unread = thrown;
      }
    }
  }

  /** Reads what a call lacked. Resolves to what has to be called right before it is made again. */
  async fetch({ reading }: VectorsUnread): Promise<() => void> {
    try {
      let moved = false;
      for (;;) {
        const wanted = this.#wanted(reading);
        if (wanted.size === 0) break;
        for (const there of await this.#read(reading, wanted)) moved ||= !there;
      }
      // What was on its way to another object has arrived there then.
      if (moved) await this.#idle();
    } catch (failure) {
      if (reading !== CHORES) this.#call((handle) => handle.dropReading(reading));
      throw failure;
    }
    return () => this.#call((handle) => handle.resume(reading));
  }

  /** Reads what the engine lacks for what it has to do by itself, if anything. What fails is told when somebody waits for it. */
  serve(): void {
    if (this.#busy || this.#wanted(CHORES).size === 0) return;
    this.#busy = true;
    this.fetch(new VectorsUnread(CHORES))
      .catch(() => undefined)
      .finally(() => {
        this.#busy = false;
      });
  }

  #wanted(reading: number): Wanted {
    const flat = this.#call((handle) => handle.wanted(reading) as (string | number)[]);
    const wanted = new Map<string, ByteRange[]>();
    for (let at = 0; at < flat.length; at += 3) {
      const [key, offset, length] = flat.slice(at, at + 3) as [string, number, number];
      const ranges = wanted.get(key) ?? [];
      ranges.push({ offset, length });
      wanted.set(key, ranges);
    }
    return wanted;
  }

  /** Hands the engine what is wanted, a few objects at a time. Resolves to whether each was where it was looked for. */
  async #read(reading: number, wanted: Wanted): Promise<boolean[]> {
    const there: boolean[] = [];
    const left = wanted.entries();
    const reader = async (): Promise<void> => {
      for (const [key, ranges] of left) {
        const found = await this.#ranges(key, ranges);
        for (const [index, { offset, length }] of ranges.entries()) {
          there.push(this.#call((handle) => handle.supply(reading, key, offset, length, found?.[index])));
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, reader));
    return there;
  }

  async #ranges(key: string, ranges: readonly ByteRange[]): Promise<readonly Uint8Array[] | undefined> {
    try {
      if (this.#storage.readRanges) return checked(await this.#storage.readRanges(key, ranges), key, ranges);
      const bytes = await this.#storage.read(key);
      return bytes && cutRanges(bytes, ranges);
    } catch (thrown) {
      throw adapterError(thrown);
    }
  }
}

/** What an adapter has answered, refused if it has not the shape that was asked for. */
function checked(found: unknown, key: string, ranges: readonly ByteRange[]): readonly Uint8Array[] | undefined {
  if (found === undefined) return undefined;
  if (Array.isArray(found) && found.length === ranges.length && found.every((bytes) => bytes instanceof Uint8Array)) return found as Uint8Array[];
  throw createError("storage-failed", `the storage adapter failed: readRanges did not answer an array of ${ranges.length} Uint8Arrays, one for each range`, { details: { key, method: "readRanges" } });
}
