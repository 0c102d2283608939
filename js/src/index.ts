/**
 * The public surface that does not depend on the host: types, errors, classes. Each file in `entry/` adds
 * `openMemory` for its host.
 */

export type { Kept, Training, TrainingGoal, VectorEncoder } from "./encoders.js";
export { ContextBuilder } from "./context/builder.js";
export { Context } from "./context/context.js";
export { estimateTokens } from "./context/tokens.js";
export type * from "./context/types.js";
export type { Bound } from "./open.js";
export type { EmbedderLike, LangChainEmbeddingsLike } from "./embedders/types.js";
export type { EmbeddingCacheFigures, EmbeddingCacheOptions } from "./embedding-cache.js";
export {
  createError, EmbedderError, errorCodes, FormatError, MemoryError, MemoryUnavailableError, RecordError, StorageError,
  TransactionConflictError, ValidationError,
} from "./errors.js";
export type { ErrorCode, ErrorDetails } from "./errors.js";
export type { MemoryEventName } from "./events.js";
export type { Judges, OwnSignal, Reranker } from "./judges.js";
export { keepMaintained } from "./maintenance.js";
export type { KeepMaintainedOptions } from "./maintenance.js";
export { Memory } from "./memory.js";
export type * from "./queries.js";
export { MemoryQuery } from "./query.js";
export type { ReembedOptions, ReembedProgress, ReembedReport } from "./reembed.js";
export type { ByteRange, Storage, StorageLock, StorageOperation } from "./storage/types.js";
export { Transaction } from "./transaction.js";
export type * from "./types.js";
export type { WorkerLike } from "./worker/protocol.js";
