/** Numbers, times and names as people read them. */

import { MemoryError, type MoveReason, type Tier } from "stratamem";
import { day, hour, minute } from "../clock.ts";

export const tierNames: Readonly<Record<Tier, string>> = {
  working: "Working",
  intermediate: "Intermediate",
  "long-term": "Long-term",
};

export const reasonNames: Readonly<Record<MoveReason, string>> = {
  requested: "you asked",
  capacity: "the tier was full",
  ttl: "its time there was up",
  earned: "it had earned it",
  lapsed: "it no longer deserved its place",
  faded: "it had faded",
  "kind-limit": "there were too many of its kind",
  "total-limit": "the memory was full",
  merged: "another that said the same went into it",
};

const count = new Intl.NumberFormat("en-GB");

export const plural = (number: number, one: string, many: string): string => `${count.format(number)} ${number === 1 ? one : many}`;
export const memories = (number: number): string => plural(number, "memory", "memories");
export const number = (value: number): string => count.format(value);

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  return value < 1024 * 1024 ? `${(value / 1024).toFixed(1)} KiB` : `${(value / 1024 / 1024).toFixed(1)} MiB`;
}

export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** How long a span is, in its largest fitting unit. */
export function span(ms: number): string {
  if (ms >= 2 * day) return plural(Math.round(ms / day), "day", "days");
  if (ms >= hour) return plural(Math.round(ms / hour), "hour", "hours");
  return plural(Math.max(1, Math.round(ms / minute)), "minute", "minutes");
}

const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const moment = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

export const dateOf = (ms: number): string => date.format(ms);
export const momentOf = (ms: number): string => moment.format(ms);

/** What an error means for the person in front of the page. */
export function explain(error: unknown): string {
  if (!(error instanceof MemoryError)) return error instanceof Error ? error.message : String(error);
  switch (error.code) {
    case "quota-exceeded":
      return "The browser has no space left for this page, so the last change was not saved. Everything before it is safe.";
    case "storage-locked":
      return "Another tab took the memory over. Nothing that was saved is lost.";
    case "storage-failed":
    case "engine-poisoned":
      return "The browser could not store the last change. Everything before it is safe.";
    case "engine-panicked":
      return "The engine stopped on an internal error. Everything that was saved is safe.";
    case "corrupt-data":
      return "The stored memory is damaged and was left as it is.";
    case "format-too-new":
      return "A newer version of this page wrote the memory. It was left as it is: load that version to read it.";
    case "memory-closed":
      return "The memory is closed in this tab.";
    default:
      return error.message;
  }
}
