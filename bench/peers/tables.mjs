// The results of the peers as text.

/** The recalls that latencies are compared at. */
export const RECALLS = [0.95, 0.99];

/** The fastest point of a result that finds at least `recall`, if there is one. */
export function pointAt(result, recall) {
  return result.points?.filter((point) => point.recall >= recall).sort((a, b) => a.p50 - b.p50)[0];
}

const cell = (point) => (point ? `${point.p50.toFixed(3)} (${point.recall.toFixed(3)}, ${point.setting})` : "not reached");
const number = (value, digits = 1) => (value === undefined ? "-" : value.toFixed(digits));

/** One table for each size, in Markdown. */
export function tables({ results }) {
  const sizes = [...new Set(results.map(({ count }) => count))];
  return sizes.map((size) => {
    const head = ["peer", "kind", ...RECALLS.map((recall) => `p50 ms at ${recall}`), "of plain", "build s", "insert ms", "save ms", "load ms", "grown MB"];
    const lines = results.filter(({ count }) => count === size).map((result) => {
      const name = `${result.peer}${result.version ? ` ${result.version}` : ""}`;
      if (!result.points) return [name, result.kind ?? "-", result.skipped ?? result.failed];
      const points = RECALLS.map((recall) => pointAt(result, recall));
      const best = points[0];
      return [
        name, result.kind, ...points.map(cell), number(best && best.p50 / result.plain, 4), number(result.build.seconds), number(result.insert.p50, 3),
        number(result.stored?.save), number(result.stored?.load), number(result.memory.grown, 0),
      ];
    });
    const rows = [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
    return `${size} vectors\n\n${rows}\n`;
  }).join("\n");
}
