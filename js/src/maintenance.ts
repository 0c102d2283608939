/**
 * Keeping a memory maintained while a program runs. Owns when to ask; what is due, the engine knows.
 */

import { checkFields, checkNumber, invalid } from "./internal/convert.js";
import type { Memory } from "./memory.js";

/** Options of {@link keepMaintained}. */
export interface KeepMaintainedOptions {
  /** Milliseconds one turn may take. Default: 5. */
  readonly budgetMs?: number;
  /** Longest time between two turns, in milliseconds. Default: one minute. */
  readonly every?: number;
  /** Called when a turn fails; the turns go on. Default: nothing, for a failed write is also told by an event. */
  readonly onError?: (error: unknown) => void;
}

/** Longest pause that timers know, in milliseconds: 24.8 days. */
const LONGEST = 2 ** 31 - 1;
/** Shortest pause when nothing is left to do now, and the pause after a write that passes a limit, in milliseconds. */
const SHORTEST = 100;

interface IdleHost {
  requestIdleCallback?(callback: () => void, options: { timeout: number }): number;
}

/**
 * Does what is due, again and again, in slices: at once while there is more, otherwise when something becomes due, a
 * tenth of a second after a write that leaves more than a limit allows, and every minute at the latest. Takes its turns
 * when the host is idle, where the host can tell (browsers). While a turn waits for `summarize`, there is no other. Does
 * not keep a process alive. Answers a function that ends it; closing the memory ends it too.
 *
 * In a host without timers of its own, such as an edge function, call `maintain` from its alarm and set the next alarm
 * to the `next` of the report.
 *
 * @example
 * const stop = keepMaintained(memory, { budgetMs: 5 });
 */
export function keepMaintained(memory: Memory, options: KeepMaintainedOptions = {}): () => void {
  checkFields(options, ["budgetMs", "every", "onError"], "options");
  const { budgetMs = 5, every = 60_000, onError } = options;
  checkNumber(budgetMs, "budgetMs");
  if (!(budgetMs >= 0)) throw invalid("budgetMs", "must be a number of milliseconds from 0 on");
  if (onError !== undefined && typeof onError !== "function") throw invalid("onError", "must be a function");
  if (typeof (memory as Memory | undefined)?.maintain !== "function") throw invalid("memory", "must be a memory");
  checkNumber(every, "every");
  if (every < 1 || every > LONGEST) throw invalid("every", `must be between 1 and ${LONGEST} ms`);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  /** Whether the timer runs, and for longer than a pause after a write. */
  let sleeps = false;
  /** Whether there was a write that passed a limit since the last turn began. */
  let strained = false;

  const later = (ms: number): void => {
    if (ended) return;
    sleeps = ms > SHORTEST;
    timer = setTimeout(whenIdle, ms);
    (timer as { unref?: () => void }).unref?.();
  };
  const wake = (): void => {
    strained = true;
    if (!sleeps) return;
    clearTimeout(timer);
    later(SHORTEST);
  };
  const end = (): void => {
    ended = true;
    clearTimeout(timer);
    memory.session.keepers.delete(wake);
  };
  const whenIdle = (): void => {
    sleeps = false;
    const host = globalThis as IdleHost;
    if (host.requestIdleCallback) host.requestIdleCallback(() => void turn(), { timeout: 1_000 });
    else void turn();
  };
  const turn = async (): Promise<void> => {
    if (ended) return;
    strained = false;
    let wait = every;
    try {
      const { more, next } = await memory.maintain({ budgetMs });
      if (more) wait = 0;
      else if (next !== undefined) wait = Math.min(every, Math.max(SHORTEST, next - memory.session.now()));
    } catch (error) {
      if ((error as { code?: unknown }).code === "memory-closed") end();
      else onError?.(error);
    }
    later(strained ? Math.min(wait, SHORTEST) : wait);
  };

  memory.session.keepers.add(wake);
  later(0);
  return end;
}
