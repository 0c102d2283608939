/**
 * The first components of the vectors of a model that was trained for it. Owns the cut; whether a model bears it is for
 * its makers to say.
 */

import { isRow } from "../embedder.js";
import { invalid } from "../internal/convert.js";
import type { Embedder } from "../types.js";

/**
 * An embedder that keeps the first `dimensions` components of what `embedder` makes, for models whose first components say
 * the most: Kusupati et al., "Matryoshka representation learning", NeurIPS 2022. The engine brings them to length 1 again.
 *
 * @throws ValidationError `invalid-argument` naming `dimensions`, if the embedder is known to make fewer
 */
export function truncated(embedder: Embedder, dimensions: number): Embedder {
  const { model, maxBatch, dimensions: whole } = embedder;
  if (whole !== undefined && whole < dimensions) throw invalid("dimensions", `is ${dimensions}, but the vectors of ${model} have ${whole}`);
  return {
    model,
    dimensions,
    maxBatch,
    embed: async (texts, asked) => {
      const rows = await embedder.embed(texts, asked);
      if (!Array.isArray(rows)) return rows;
      // What is no vector, or not as long as the others, is left to be refused by whoever asked.
      const length = whole ?? rows.find(isRow)?.length;
      return rows.map((row) => (isRow(row) && row.length === length ? Array.prototype.slice.call(row, 0, dimensions) : row));
    },
  };
}
