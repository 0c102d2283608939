// Draws what `npm run bench:peers` measured, as SVG: latency against recall for each size, and latency against the number
// of vectors. Drawings have a background and colours of their own for light and dark pages.
//
//   npm run bench:peers -- --vectors FILE --dimensions 384 --sizes 1000,10000,100000 --json > bench/results/peers.json
//   node bench/plots.mjs [--results bench/results/peers.json] [--to docs/plots]

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pointAt } from "./peers/tables.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({
  options: { results: { type: "string", default: here("results/peers.json") }, to: { type: "string", default: here("../docs/plots") } },
});
const { results, set } = JSON.parse(readFileSync(values.results, "utf8"));

/** Recall that the peers are compared at, in the drawing over numbers of vectors. */
const WANTED = 0.95;
const WIDTH = 760;
const HEIGHT = 440;
const FRAME = { left: 66, right: 566, top: 44, bottom: 384 };

/** The colours of Okabe and Ito, which can be told apart by most eyes on light and on dark. */
const colours = ["#0072b2", "#888888", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#a6761d", "#7570b3"];
const marks = [
  (x, y) => `<circle cx="${x}" cy="${y}" r="5"/>`,
  (x, y) => `<rect x="${x - 3.5}" y="${y - 3.5}" width="7" height="7"/>`,
  (x, y) => `<path d="M${x} ${y - 4.5}l4.5 8h-9z"/>`,
  (x, y) => `<path d="M${x} ${y - 5}l5 5l-5 5l-5 -5z"/>`,
];
/** Names keep their colour and mark in all drawings. */
const others = new Set(results.map(({ peer }) => peer).sort());
for (const own of ["stratamem", "stratamem-index", "plain"]) others.delete(own);
const names = ["stratamem", "plain", ...others];
/** How the measured peers are drawn: the index alone as hollow marks of the whole. */
const looks = {
  stratamem: { name: "stratamem", label: "stratamem" },
  "stratamem-index": { name: "stratamem", label: "its index alone", hollow: true },
  ...Object.fromEntries(names.slice(1).map((name) => [name, { name, label: name }])),
  plain: { name: "plain", label: "plain scan in JavaScript" },
};
const styleOf = (name) => {
  const at = names.indexOf(name);
  return { colour: colours[at % colours.length], mark: marks[at % marks.length], width: name === "stratamem" ? 3 : 1.5 };
};

const style = `
  svg { --paper: #ffffff; --ink: #1f2328; --faint: #d0d7de; }
  @media (prefers-color-scheme: dark) { svg { --paper: #161b22; --ink: #e6edf3; --faint: #3d444d; } }
  .paper { fill: var(--paper); } text { fill: var(--ink); font: 13px system-ui, sans-serif; }
  .title { font-size: 15px; font-weight: 600; } .grid { stroke: var(--faint); stroke-width: 1; } .line { fill: none; }`;

const round = (value) => Math.round(value * 10) / 10;
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

/**
 * A drawing with two axes. An axis is `{ label, ticks: [[value, text]], place }`, where `place` gives 0 to 1; a series is
 * `{ name, label, points: [[x, y]] }`, with `hollow` points.
 */
function drawing({ title, x, y, series }) {
  const across = (value) => round(FRAME.left + x.place(value) * (FRAME.right - FRAME.left));
  const up = (value) => round(FRAME.bottom - y.place(value) * (FRAME.bottom - FRAME.top));
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">`,
    `<style>${style}\n</style>`,
    `<rect class="paper" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    `<text class="title" x="${FRAME.left}" y="26">${escaped(title)}</text>`,
  ];
  for (const [value, text] of x.ticks) {
    parts.push(`<path class="grid" d="M${across(value)} ${FRAME.top}V${FRAME.bottom}"/>`);
    parts.push(`<text x="${across(value)}" y="${FRAME.bottom + 18}" text-anchor="middle">${text}</text>`);
  }
  for (const [value, text] of y.ticks) {
    parts.push(`<path class="grid" d="M${FRAME.left} ${up(value)}H${FRAME.right}"/>`);
    parts.push(`<text x="${FRAME.left - 8}" y="${up(value) + 4}" text-anchor="end">${text}</text>`);
  }
  const middle = (FRAME.top + FRAME.bottom) / 2;
  parts.push(`<text x="${(FRAME.left + FRAME.right) / 2}" y="${FRAME.bottom + 42}" text-anchor="middle">${escaped(x.label)}</text>`);
  parts.push(`<text transform="translate(18 ${middle}) rotate(-90)" text-anchor="middle">${escaped(y.label)}</text>`);
  for (const [index, { name, label, points, hollow }] of series.entries()) {
    const { colour, mark, width } = styleOf(name);
    const places = points.map(([a, b]) => [across(a), up(b)]);
    const ink = hollow ? `fill="none" stroke="${colour}" stroke-width="2"` : `fill="${colour}"`;
    if (places.length > 1) {
      parts.push(`<polyline class="line" stroke="${colour}" stroke-width="${width}" points="${places.map((place) => place.join(",")).join(" ")}"/>`);
    }
    parts.push(`<g ${ink}>${places.map(([a, b]) => mark(a, b)).join("")}</g>`);
    const row = FRAME.top + 8 + index * 22;
    parts.push(`<g ${ink}>${mark(FRAME.right + 22, row)}</g><text x="${FRAME.right + 34}" y="${row + 4}">${escaped(label)}</text>`);
  }
  return `${[...parts, "</svg>"].join("\n")}\n`;
}

/** A logarithmic axis that holds all the values, with a tick at each power of ten and, where there are few, between. */
function logarithmic(label, numbers, textOf) {
  const low = Math.min(...numbers) / 1.15;
  const high = Math.max(...numbers) * 1.15;
  const steps = high / low > 300 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const step of steps) {
      const value = step * 10 ** power;
      if (value >= low && value <= high) ticks.push([value, textOf(value)]);
    }
  }
  return { label, ticks, place: (value) => Math.log(value / low) / Math.log(high / low) };
}

const plainNumber = (value) => String(Number(value.toPrecision(2)));
const grouped = (value) => value.toLocaleString("en-GB");

/** Recall on a scale that is wider the nearer it comes to 1: the logarithm of what is missed, at least 0.0005. */
const recallAxis = {
  label: "recall@10, the share of the truly nearest ten that was found",
  ticks: [0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999].map((recall) => [recall, String(recall)]).concat([[1, "1"]]),
  place: (recall) => Math.log(0.3 / Math.max(1 - recall, 0.0005)) / Math.log(0.3 / 0.0005),
};

mkdirSync(values.to, { recursive: true });
const write = (name, svg) => writeFileSync(join(values.to, name), svg);

for (const count of new Set(results.map((result) => result.count))) {
  const measured = results.filter((result) => result.count === count && result.points);
  const series = Object.keys(looks).flatMap((name) => {
    const points = measured.find(({ peer }) => peer === name)?.points.filter(({ recall }) => recall >= 0.7).map(({ recall, p50 }) => [recall, p50]);
    if (!points?.length) return [];
    return [{ ...looks[name], points: points.sort((a, b) => a[0] - b[0]) }];
  });
  const numbers = series.flatMap(({ points }) => points.map(([, p50]) => p50)).filter((value) => value > 0);
  write(`recall-${count}.svg`, drawing({ title: `Latency against recall, ${grouped(count)} vectors`, x: recallAxis, y: logarithmic("median latency, ms", numbers, plainNumber), series }));
}

const series = Object.keys(looks).flatMap((name) => {
  const points = results.filter(({ peer }) => peer === name).flatMap((result) => {
    const point = pointAt(result, WANTED);
    return point ? [[result.count, point.p50]] : [];
  });
  return points.length ? [{ ...looks[name], points: points.sort((a, b) => a[0] - b[0]) }] : [];
});
const counts = series.flatMap(({ points }) => points.map(([count]) => count));
const times = series.flatMap(({ points }) => points.map(([, p50]) => p50));
write("vectors.svg", drawing({
  title: `Latency against the number of vectors, recall of at least ${WANTED}`,
  x: { ...logarithmic("vectors", counts, grouped), ticks: [...new Set(counts)].sort((a, b) => a - b).map((count) => [count, grouped(count)]) },
  y: logarithmic("median latency, ms", times, plainNumber),
  series,
}));
console.error(`drawn from ${set}: ${values.to}`);
