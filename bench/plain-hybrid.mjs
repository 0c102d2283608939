// Hybrid search as a program without a library would do it: BM25 over a map of postings, the cosine of every vector in one
// Float32Array, reciprocal rank fusion. Answers positions. A baseline for measuring, with what is easy to do well done
// well: scores in a flat array, a bounded list of the best.

const STOP_WORDS = new Set(
  "a an and are as at be but by for if in into is it its no not of on or such that the their then there these they this to was were will with you your from can has have which when do does".split(" "),
);

function* words(text) {
  for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu)) if (!STOP_WORDS.has(word)) yield word;
}

/** The `limit` best positions, best first, of those that `positions` answers. */
function best(scores, positions, limit) {
  const found = [];
  for (const at of positions) {
    const score = scores[at];
    if (found.length === limit && score <= scores[found[limit - 1]]) continue;
    let low = 0;
    let high = found.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (scores[found[middle]] >= score) low = middle + 1;
      else high = middle;
    }
    found.splice(low, 0, at);
    if (found.length > limit) found.pop();
  }
  return found;
}

/** Positions from 0 to `count`, in order. */
function* upTo(count) {
  for (let at = 0; at < count; at += 1) yield at;
}

/** An index of texts and their vectors, which lie row after row in `flat`. */
export class PlainHybrid {
  /** Of each word where it occurs, and how often. */
  #postings = new Map();
  #lengths;
  #average;
  #flat;
  #width;

  constructor(texts, flat, width) {
    this.#flat = flat;
    this.#width = width;
    this.#lengths = new Float32Array(texts.length);
    for (const [at, text] of texts.entries()) {
      const counts = new Map();
      for (const word of words(text)) {
        counts.set(word, (counts.get(word) ?? 0) + 1);
        this.#lengths[at] += 1;
      }
      for (const [word, count] of counts) {
        const list = this.#postings.get(word) ?? { at: [], count: [] };
        list.at.push(at);
        list.count.push(count);
        this.#postings.set(word, list);
      }
    }
    this.#average = this.#lengths.reduce((sum, length) => sum + length, 0) / texts.length;
  }

  /** The best by BM25, k1 0.9 and b 0.4. */
  keyword(text, limit) {
    const count = this.#lengths.length;
    const scores = new Float32Array(count);
    const touched = [];
    for (const word of new Set(words(text))) {
      const list = this.#postings.get(word);
      if (!list) continue;
      const idf = Math.log(1 + (count - list.at.length + 0.5) / (list.at.length + 0.5));
      for (let index = 0; index < list.at.length; index += 1) {
        const at = list.at[index];
        const times = list.count[index];
        if (scores[at] === 0) touched.push(at);
        scores[at] += (idf * times * 1.9) / (times + 0.9 * (0.6 + (0.4 * this.#lengths[at]) / this.#average));
      }
    }
    return best(scores, touched, limit);
  }

  /** The nearest by cosine; all vectors have length 1. */
  dense(vector, limit) {
    const [flat, width, count] = [this.#flat, this.#width, this.#lengths.length];
    const scores = new Float32Array(count);
    for (let row = 0; row < count; row += 1) {
      let sum = 0;
      for (let at = 0, base = row * width; at < width; at += 1) sum += flat[base + at] * vector[at];
      scores[row] = sum;
    }
    return best(scores, upTo(count), limit);
  }

  /** Both, joined by 1 / (60 + rank). */
  hybrid(text, vector, limit, depth = 128) {
    const sums = new Map();
    for (const list of [this.dense(vector, depth), this.keyword(text, depth)]) {
      for (const [rank, at] of list.entries()) sums.set(at, (sums.get(at) ?? 0) + 1 / (61 + rank));
    }
    return [...sums].sort((a, b) => b[1] - a[1]).slice(0, limit).map(([at]) => at);
  }
}
