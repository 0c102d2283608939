/**
 * The error classes of the package. Owns: codes, classes and the brand that recognises them across copies of the
 * package. Does not own: the text of engine errors (it comes from the core) or retry policy.
 */

/** Every code an error of this package can carry. Codes are stable: they change only in a major version. */
export type ErrorCode =
  | "invalid-argument"
  | "dimension-mismatch"
  | "space-mismatch"
  | "not-found"
  | "consolidated"
  | "already-exists"
  | "transaction-conflict"
  | "tier-full"
  | "memory-full"
  | "memory-closed"
  | "engine-poisoned"
  | "engine-panicked"
  | "storage-failed"
  | "storage-locked"
  | "quota-exceeded"
  | "corrupt-data"
  | "format-too-new"
  | "format-too-old"
  | "embedder-failed"
  | "worker-silent"
  | "aborted";

/** Structured facts about an error: field names, ids, limits, offsets. Never the text of a memory. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** What an error is built from beside its message. */
export interface ErrorInit {
  readonly details?: ErrorDetails | undefined;
  readonly cause?: unknown;
}

const brand = Symbol.for("stratamem.error");

/**
 * Base class of every error this package throws.
 *
 * `instanceof` works across several copies of the package (ESM beside CommonJS, two versions in one tree): it looks
 * at a registered symbol, not at the prototype chain.
 *
 * @example
 * try {
 *   await memory.get("no such id");
 * } catch (error) {
 *   if (error instanceof MemoryError && error.code === "invalid-argument") console.log(error.details);
 * }
 */
export class MemoryError extends Error {
  /** Which error this is, for programs. */
  readonly code: ErrorCode;
  /** Structured facts: what was wrong, where, which limit. */
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, init: ErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = code;
    this.details = init.details ?? {};
    const lineage: string[] = [];
    for (let type: unknown = new.target; typeof type === "function" && type !== Error; ) {
      lineage.push((type as unknown as { className: string }).className);
      type = Object.getPrototypeOf(type) as unknown;
    }
    // Not enumerable, so that it shows up in no log. Names of the classes, most specific first.
    Object.defineProperty(this, brand, { value: lineage });
    this.name = lineage[0] ?? "MemoryError";
  }

  /** The name of this class, unchanged by minifiers. */
  static readonly className: string = "MemoryError";

  /** Whether `value` is an error of this class or of a subclass, from any copy of the package. */
  static isInstance<T extends abstract new (...args: never[]) => MemoryError>(
    this: T & { className: string },
    value: unknown,
  ): value is InstanceType<T> {
    const lineage = typeof value === "object" && value !== null ? (value as Record<symbol, unknown>)[brand] : undefined;
    return Array.isArray(lineage) && lineage.includes(this.className);
  }

  static override [Symbol.hasInstance](this: { className: string }, value: unknown): boolean {
    return MemoryError.isInstance.call(this as never, value);
  }

  /** A plain object for logs: name, code, message and details, never the stack or the cause. */
  toJSON(): { name: string; code: ErrorCode; message: string; details: ErrorDetails } {
    return { name: this.name, code: this.code, message: this.message, details: this.details };
  }
}

/** Bad input: `invalid-argument`, `dimension-mismatch`, `space-mismatch`. Nothing was changed. */
export class ValidationError extends MemoryError {
  static override readonly className: string = "ValidationError";
}

/**
 * The id names no record that this view may see (`not-found`), or one that went into another one (`consolidated`), or is
 * taken (`already-exists`), or a tier or the memory has no room for the record (`tier-full`, `memory-full`). Nothing was
 * changed.
 */
export class RecordError extends MemoryError {
  static override readonly className: string = "RecordError";
}

/**
 * A version precondition of a transaction did not hold, or others kept changing what its texts are made of
 * (`transaction-conflict`). Nothing was changed.
 */
export class TransactionConflictError extends MemoryError {
  static override readonly className: string = "TransactionConflictError";
}

/** The memory can no longer be used: `memory-closed`, `engine-poisoned`, `engine-panicked`. Open it again. */
export class MemoryUnavailableError extends MemoryError {
  static override readonly className: string = "MemoryUnavailableError";
}

/** The storage adapter failed: `storage-failed`, `storage-locked`, `quota-exceeded`. */
export class StorageError extends MemoryError {
  static override readonly className: string = "StorageError";
}

/** Stored bytes cannot be read: `corrupt-data`, `format-too-new`, `format-too-old`. They were left untouched. */
export class FormatError extends MemoryError {
  static override readonly className: string = "FormatError";
}

/** The embedder threw or answered with something unusable (`embedder-failed`). Nothing was changed. */
export class EmbedderError extends MemoryError {
  static override readonly className: string = "EmbedderError";

  /** The status with which a service refused, if it answered. */
  get status(): number | undefined {
    const { status } = this.details;
    return typeof status === "number" ? status : undefined;
  }

  /** Whether the same call may succeed later: the service was busy, out of reach or too slow. */
  get retryable(): boolean {
    return this.details["retryable"] === true;
  }

  /** Milliseconds that the service asked to wait before the next call, if it did. */
  get retryAfterMs(): number | undefined {
    const { retryAfterMs } = this.details;
    return typeof retryAfterMs === "number" ? retryAfterMs : undefined;
  }
}

type Constructor = new (code: ErrorCode, message: string, init?: ErrorInit) => MemoryError;

const classes: Readonly<Record<ErrorCode, Constructor>> = {
  "invalid-argument": ValidationError,
  "dimension-mismatch": ValidationError,
  "space-mismatch": ValidationError,
  "not-found": RecordError,
  consolidated: RecordError,
  "already-exists": RecordError,
  "transaction-conflict": TransactionConflictError,
  "tier-full": RecordError,
  "memory-full": RecordError,
  "memory-closed": MemoryUnavailableError,
  "engine-poisoned": MemoryUnavailableError,
  "engine-panicked": MemoryUnavailableError,
  "storage-failed": StorageError,
  "storage-locked": StorageError,
  "quota-exceeded": StorageError,
  "corrupt-data": FormatError,
  "format-too-new": FormatError,
  "format-too-old": FormatError,
  "embedder-failed": EmbedderError,
  "worker-silent": MemoryError,
  aborted: MemoryError,
};

/** All codes, in the order of the documentation. */
export const errorCodes: readonly ErrorCode[] = Object.keys(classes) as ErrorCode[];

/**
 * The error of the class that belongs to `code`.
 *
 * @example
 * throw createError("storage-failed", "the disk went away", { details: { key: "log-1" } });
 */
export function createError(code: ErrorCode, message: string, init?: ErrorInit): MemoryError {
  return new classes[code](code, message, init);
}
