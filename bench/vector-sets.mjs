// The sets of vectors that the benches of the vector index search. Each answers up to `count` rows of length 1, one after the
// other, and their width; or nothing if it is made of a file that is not there. The last rows are for questions: those of a file
// stand at its end, those of other sets behind the largest number that is asked for.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { staticEmbedder } from "stratamem";
import { sentences } from "./sentences.mjs";
import { vectorOptions } from "./vector-file.mjs";
import { normalise, randomFrom, readVectors } from "./vectors.mjs";

/** Rows at the end that are questions. */
export const QUESTIONS = 200;

/** The options that say which sets, and how much of them, for `parseArgs`. */
export const setOptions = {
  sizes: { type: "string", default: "1000,10000,100000" },
  sets: { type: "string" },
  data: { type: "string" },
  ...vectorOptions,
};

/**
 * `static-128` and `static-256`: the built-in models over sentences of the documentation in `node_modules` and in the sources
 * that cargo has fetched. `minilm`: vectors of all-MiniLM-L6-v2 in the folder `data` (the format of `npm run eval`).
 * `clustered`: synthetic, 384 components. `file`: the rows of the file `vectors` of little-endian floats of length 1, row after row,
 * `dimensions` each. `mixtures`: the same, and behind them mixtures of four that lie near each other, as many as are asked for.
 * `most` is the largest number that will be asked for.
 */
export function vectorSets({ data, vectors, dimensions, most }) {
  let known;
  // Gathered once.
  const texts = (count) => (known ??= sentences(most)).slice(0, count);
  return {
    "static-128": (count) => embedded("static-128", texts(count)),
    "static-256": (count) => embedded("static-256", texts(count)),
    minilm: (count) => data && existsSync(data) && minilm(data, count),
    file: (count) => vectors && { flat: cut(readVectors(vectors, dimensions), dimensions, count), width: dimensions },
    mixtures: (count) => vectors && mixtures(readVectors(vectors, dimensions), dimensions, count),
    clustered,
  };
}

async function embedded(model, texts) {
  const embedder = await staticEmbedder(model);
  const rows = await embedder.embed(texts, { purpose: "memory" });
  const width = rows[0].length;
  const flat = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) flat.set(row, index * width);
  return { flat, width };
}

function minilm(folder, count) {
  const width = 384;
  const files = ["turns.spk", "turns.cap", "questions.noname"].map((name) => readFileSync(join(folder, `${name}.minilm384.i8.bin`)));
  const all = Float32Array.from(new Int8Array(Buffer.concat(files)));
  for (let at = 0; at < all.length; at += width) normalise(all, at, width);
  return { flat: cut(all, width, count), width };
}

/** The first rows and, at the end, the questions: as many of all as are asked for. */
function cut(all, width, count) {
  const rows = all.length / width;
  const kept = Math.min(count, rows);
  const flat = new Float32Array(kept * width);
  flat.set(all.subarray(0, (kept - QUESTIONS) * width));
  flat.set(all.subarray((rows - QUESTIONS) * width), (kept - QUESTIONS) * width);
  return flat;
}

function clustered(count) {
  const width = 384;
  const random = randomFrom(42);
  const normal = () => random() + random() + random() + random() - 2;
  const clusters = Math.max(16, Math.round(count / 100));
  const centres = Float32Array.from({ length: clusters * width }, normal);
  const flat = new Float32Array(count * width);
  for (let row = 0; row < count; row += 1) {
    const centre = Math.floor(random() * clusters) * width;
    for (let at = 0; at < width; at += 1) flat[row * width + at] = centres[centre + at] + 0.9 * normal();
    normalise(flat, row * width, width);
  }
  return { flat, width };
}

/** u + a (v - u) + b (w - x) with a of 0.15 to 0.5 and b of 0.3 to 0.6; u, v, w and x have the nearest pivot in common. */
function mixtures(real, width, count) {
  const random = randomFrom(43);
  const rows = real.length / width - QUESTIONS;
  const flat = new Float32Array(count * width);
  const made = count - QUESTIONS;
  flat.set(real.subarray(0, Math.min(rows, made) * width));
  flat.set(real.subarray(rows * width), made * width);
  const groups = grouped(real, width, rows, random);
  for (let row = rows; row < made; row += 1) {
    const u = Math.floor(random() * rows);
    const group = groups.members[groups.of[u]];
    const [v, w, x] = [0, 1, 2].map(() => group[Math.floor(random() * group.length)]);
    const [a, b] = [0.15 + 0.35 * random(), 0.3 + 0.3 * random()];
    for (let at = 0; at < width; at += 1) {
      const own = real[u * width + at];
      flat[row * width + at] = own + a * (real[v * width + at] - own) + b * (real[w * width + at] - real[x * width + at]);
    }
    normalise(flat, row * width, width);
  }
  return { flat, width };
}

/** The rows by the nearest of some rows drawn from among them. */
function grouped(real, width, rows, random) {
  const pivots = Array.from({ length: Math.ceil(rows / 100) }, () => Math.floor(random() * rows));
  const members = pivots.map(() => []);
  const of = new Uint32Array(rows);
  for (let row = 0; row < rows; row += 1) {
    let highest = -Infinity;
    for (const [group, pivot] of pivots.entries()) {
      let sum = 0;
      for (let at = 0; at < width; at += 1) sum += real[row * width + at] * real[pivot * width + at];
      if (sum > highest) [highest, of[row]] = [sum, group];
    }
    members[of[row]].push(row);
  }
  return { of, members };
}
