/**
 * Counting tokens: an estimate for those who give no tokenizer, and a watch over the answers of those who do.
 */

import { createError } from "../errors.js";
import type { CountTokens } from "./types.js";

/** Parts of a text that tokenizers treat alike, in the order of their costs below. */
const parts = /([\p{Script=Latin}\p{M}]+)|( ?\p{Nd}+)|(\p{Script=Cyrillic}+)|(\p{Script=Greek}+)|([\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Thai}])|([\p{L}\p{M}])|([!-/:-@[-`{-~]+)|(\n+|[^\S\n]{2,})|(\S)/gu;

/** An English word: one token, and a long one about two. */
const plain = /^[A-Za-z]?[a-z]*$/;

/** Tokens of each sort of part. */
const costs: readonly ((part: string) => number)[] = [
  (part) => (plain.test(part) ? Math.max(1, part.length / 4.5) : Math.max(1, part.length / 2)),
  (part) => Math.ceil(part.trimStart().length / 3) + (part.startsWith(" ") ? 1 : 0),
  (part) => Math.max(1, part.length / 1.75),
  (part) => part.length,
  () => 1.25,
  () => 2.25,
  // Rulers are one token; other punctuation is worth up to one a character.
  (part) => (new Set(part).size === 1 ? Math.ceil(part.length / 4) : part.length),
  () => 1,
  (part) => new TextEncoder().encode(part).length * 0.75,
];

/**
 * About how many tokens a text has, rather too many than too few: for budgets where no tokenizer is at hand.
 * `docs/CONTEXT.md` tells by how much it errs, script by script.
 *
 * @example
 * const tokens = estimateTokens("Ada prefers metric units"); // 5
 */
export function estimateTokens(text: string): number {
  let sum = 0;
  for (const [part, ...groups] of text.matchAll(parts)) {
    const sort = groups.findIndex((group) => group !== undefined);
    sum += (costs[sort] as (part: string) => number)(part);
  }
  return Math.ceil(sum);
}

/** The same counter, with its answers checked. */
export function watched(countTokens: CountTokens): CountTokens {
  return (text) => {
    let answer: unknown;
    try {
      answer = countTokens(text);
    } catch (cause) {
      throw createError("invalid-argument", `countTokens threw: ${cause instanceof Error ? cause.name : typeof cause}`, { cause, details: { field: "countTokens" } });
    }
    if (typeof answer === "number" && Number.isFinite(answer) && answer >= 0) return answer;
    const found = typeof answer === "object" && answer !== null && "then" in answer ? "a promise" : String(typeof answer === "number" ? answer : typeof answer);
    throw createError("invalid-argument", `countTokens answered ${found} instead of a finite number from 0 on`, { details: { field: "countTokens" } });
  };
}
