// Where the vectors of the benches come from: files of floats, and numbers from a seed.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Numbers from 0 to 1, the same in every run. */
export function randomFrom(seed) {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** Brings the `width` numbers from `at` on to length 1. */
export function normalise(flat, at, width) {
  let square = 0;
  for (let i = at; i < at + width; i += 1) square += flat[i] * flat[i];
  const length = Math.sqrt(square) || 1;
  for (let i = at; i < at + width; i += 1) flat[i] /= length;
}

/** The first `count` rows of a file of little-endian floats, row after row, or all that there are. */
export function readVectors(path, width, count = Infinity) {
  const file = openSync(path, "r");
  try {
    const rows = Math.min(count, Math.floor(fstatSync(file).size / 4 / width));
    const flat = new Float32Array(rows * width);
    const bytes = new Uint8Array(flat.buffer);
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(file, bytes, at, Math.min(bytes.length - at, 1 << 26), at);
      if (read === 0) throw new Error(`${path} ended after ${at} of ${bytes.length} bytes`);
      at += read;
    }
    return flat;
  } finally {
    closeSync(file);
  }
}
