/**
 * A clock that moves only when a test says so. Owns: one moment. Does not own: timers, or the host's clock.
 */

import { createError } from "../errors.js";
import type { Moment } from "../types.js";
import { toMillis } from "../internal/convert.js";

/** A clock in the hands of a test. */
export interface ManualClock {
  /** The moment, in milliseconds since 1970. Needs no `this`, so it can be given to `openMemory` as it is. */
  readonly now: () => number;
  /** Moves on by `ms` milliseconds, 0 or more, and answers the new moment. */
  advance(ms: number): number;
  /** Goes to a moment, later or earlier, and answers it. Clocks of real hosts go back now and then. */
  set(moment: Moment): number;
}

/**
 * A clock that stands at `start` until it is moved.
 *
 * @example
 * const clock = manualClock("2026-01-01T00:00:00Z");
 * const memory = await openMemory({ now: clock.now });
 * const id = await memory.add("the meeting is over at ten", { expiresAt: clock.now() + 60_000 });
 * clock.advance(60_000);
 * await memory.get(id); // undefined: it has expired
 */
export function manualClock(start: Moment = 0): ManualClock {
  let at = toMillis(start, "start");
  return {
    now: () => at,
    advance(ms) {
      if (!(ms >= 0) || !Number.isFinite(ms)) {
        throw createError("invalid-argument", "ms must be a number from 0 on; use set to go back", { details: { field: "ms" } });
      }
      at += Math.trunc(ms);
      return at;
    },
    set(moment) {
      at = toMillis(moment, "moment");
      return at;
    },
  };
}
