// The file of vectors that a bench searches: the one it was given, or one it makes.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { staticEmbedder } from "stratamem";
import { sentences } from "./sentences.mjs";

/** The options that say which file, for `parseArgs`. */
export const vectorOptions = { vectors: { type: "string" }, dimensions: { type: "string", default: "384" } };

/**
 * The file of --vectors and --dimensions; without one, a file of `count` vectors of sentences by the built-in model
 * static-256, which `remove` deletes.
 */
export async function vectorFile({ vectors, dimensions }, count) {
  if (vectors) return { path: vectors, width: Number(dimensions), set: basename(vectors), remove() {} };
  const rows = await (await staticEmbedder("static-256")).embed(sentences(count), { purpose: "memory" });
  const width = rows[0].length;
  const flat = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) flat.set(row, index * width);
  const folder = mkdtempSync(join(tmpdir(), "stratamem-vectors-"));
  const path = join(folder, `static-${width}.f32`);
  writeFileSync(path, flat);
  return { path, width, set: basename(path), remove: () => rmSync(folder, { recursive: true }) };
}
