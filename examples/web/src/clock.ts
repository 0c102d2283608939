/**
 * The clock the memory runs by: the real one, moved ahead by as much as you like. How far is kept beside the memory,
 * because a memory should never see time go back.
 */

const key = "stratamem-example-ahead";

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

let ahead = 0;

/** What `openMemory` is given as `now`. */
export const now = (): number => Date.now() + ahead;

/** Reads how far ahead the memory is, which another tab may have changed. */
export function readClock(): void {
  ahead = Number(localStorage.getItem(key)) || 0;
}

/** How far the clock is ahead of the real one, in milliseconds. */
export const aheadBy = (): number => ahead;

/** Moves the clock ahead. */
export function advance(milliseconds: number): void {
  ahead += milliseconds;
  localStorage.setItem(key, String(ahead));
}

/** Back to real time, for a memory that starts over. */
export function resetClock(): void {
  ahead = 0;
  localStorage.removeItem(key);
}
