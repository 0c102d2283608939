/**
 * Words before texts, which some models were trained with. Owns their check and their place.
 */

import { checkFields, toText } from "../internal/convert.js";
import type { EmbedOptions } from "../types.js";
import type { Prefixes } from "./types.js";

/** Throws unless `prefix` is missing or holds texts by purpose. */
export function checkPrefixes(prefix: Prefixes | undefined): void {
  if (prefix === undefined) return;
  checkFields(prefix, ["query", "memory"], "prefix");
  for (const purpose of ["query", "memory"] as const) if (prefix[purpose] !== undefined) toText(prefix[purpose], `prefix/${purpose}`);
}

/** The texts, each behind the words for its purpose. */
export function prefixed(texts: readonly string[], purpose: EmbedOptions["purpose"], prefix: Prefixes | undefined): string[] {
  const words = prefix?.[purpose] ?? "";
  return texts.map((text) => words + text);
}
