// The baseline of the vector benches. Runs in Node and in a page.

/**
 * The `limit` nearest of the first `count` rows of `flat`, by inner product, best first, as a program without a library
 * would find them. `allows` leaves rows out.
 */
export function plainScan(flat, width, count, query, limit, allows) {
  const best = [];
  const scores = [];
  for (let row = 0; row < count; row += 1) {
    if (allows && !allows(row)) continue;
    let sum = 0;
    for (let at = 0, base = row * width; at < width; at += 1) sum += flat[base + at] * query[at];
    if (best.length === limit && sum <= scores[limit - 1]) continue;
    let at = best.length;
    while (at > 0 && scores[at - 1] < sum) at -= 1;
    best.splice(at, 0, row);
    scores.splice(at, 0, sum);
    if (best.length > limit) {
      best.pop();
      scores.pop();
    }
  }
  return best;
}
