// A plain scan over one Float32Array in JavaScript: the baseline.

import { plainScan } from "../../plain-scan.mjs";

export const about = { package: "none", kind: "JavaScript", setting: "none", values: ["exact"] };

export function create(width, count, limit) {
  let flat = new Float32Array(count * width);
  let rows = 0;
  return {
    addMany(first, vectors) {
      rows = first + vectors.length;
      if (rows * width > flat.length) {
        const larger = new Float32Array(2 * rows * width);
        larger.set(flat);
        flat = larger;
      }
      for (const [index, vector] of vectors.entries()) flat.set(vector, (first + index) * width);
    },
    search: (vector) => plainScan(flat, width, rows, vector, limit),
  };
}
