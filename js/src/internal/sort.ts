/** Orders of records as users give them, in the engine's form. */

import type { Sort } from "../queries.js";
import { checkFields, invalid } from "./convert.js";

const fields: readonly string[] = ["id", "occurredAt", "recordedAt", "importance", "accessCount", "lastAccess", "expiresAt"];

/** The engine's form of an order, or undefined. */
export function toSort(sort: Sort | undefined): { readonly by: string; readonly descending: boolean } | undefined {
  if (sort === undefined) return undefined;
  if (typeof sort === "string") return { by: toField(sort, "sort"), descending: false };
  checkFields(sort, ["by", "order"], "sort");
  const { by, order = "ascending" } = sort;
  if (order !== "ascending" && order !== "descending") throw invalid("sort/order", 'must be "ascending" or "descending"');
  return { by: toField(by, "sort/by"), descending: order === "descending" };
}

function toField(field: unknown, path: string): string {
  if (typeof field !== "string" || !fields.includes(field)) throw invalid(path, `must be one of ${fields.join(", ")}`);
  return field;
}
