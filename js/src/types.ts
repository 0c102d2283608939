/**
 * The shapes that users see, by subject. Owns nothing.
 */

export type * from "./types/config.js";
export type * from "./types/embedding.js";
export type * from "./types/events.js";
export type * from "./types/figures.js";
export type * from "./types/filters.js";
export type * from "./types/maintenance.js";
export type * from "./types/open.js";
export type * from "./types/policies.js";
export type * from "./types/recall.js";
export type * from "./types/records.js";
