/** Refusals that name the place of what was refused: a question among several, a step of a builder. */

import { createError, MemoryError } from "../errors.js";

/** Runs a check; what it refuses is told with `path/` before the name of the field. */
export function within<T>(path: string | undefined, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (path === undefined || !(error instanceof MemoryError) || typeof error.details.field !== "string") throw error;
    const { code, message, details, cause } = error;
    throw createError(code, `${path}/${message}`, { details: { ...details, field: `${path}/${error.details.field}` }, cause });
  }
}
