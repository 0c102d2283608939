/**
 * What `stratamem/embedders/resilience` publishes: embedders made of embedders, for services that fail.
 */

export { withCircuitBreaker } from "./circuit-breaker.js";
export type { CircuitBreakerOptions } from "./circuit-breaker.js";
export { withFallback } from "./fallback.js";
export { withRateLimit } from "./rate-limit.js";
export type { RateLimitOptions } from "./rate-limit.js";
export { withRetry } from "./retry.js";
export type { RetryOptions } from "./retry.js";
export type { EmbedderLike, LangChainEmbeddingsLike } from "./types.js";
