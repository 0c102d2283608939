// What `npm run simulate` prints: figures drawn in plain text. Computes nothing that a run did not measure.

import { TIERS } from "./simulate-run.mjs";

const LEVELS = "▁▂▃▄▅▆▇█";
const WIDTH = 60;

const number = (value) => Math.round(value).toLocaleString("en-US");
export const percent = (share) => (Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "–");
const kibi = (bytes) => `${number(bytes / 1024)} KiB`;
const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

/** A bar of `width` columns of which `share` is filled. */
const bar = (share, width = 24) => {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return "█".repeat(filled) + "░".repeat(width - filled);
};

/** A line of at most 60 columns, each the mean of its days, drawn between 0 and `top`, which is the most by default. */
function sparkline(values, top = Math.max(...values)) {
  const columns = Math.min(WIDTH, values.length);
  return Array.from({ length: columns }, (_, column) => {
    const part = values.slice(Math.floor((column * values.length) / columns), Math.floor(((column + 1) * values.length) / columns));
    const known = part.filter(Number.isFinite);
    if (known.length === 0) return " ";
    const mean = known.reduce((a, b) => a + b, 0) / known.length;
    return top > 0 ? LEVELS[Math.min(LEVELS.length - 1, Math.round((mean / top) * (LEVELS.length - 1)))] : LEVELS[0];
  }).join("");
}

const budgetText = ({ items, bytes }, share) => `${items === undefined ? kibi(bytes) : plural(items, "record")}${share ? ` (${percent(share)} of everything)` : ""}`;

function counts(title, map) {
  const rows = Object.entries(map).sort((a, b) => b[1] - a[1]);
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map(([name]) => name.length));
  return ["", title, ...rows.map(([name, count]) => `  ${name.padEnd(width)}  ${number(count).padStart(8)}`)];
}

/** One run of a workload of facts. */
export function reportRun({ workload, policy, budget, share, ask, run, foresight }) {
  const { days, parameters, seed } = workload;
  const settings = Object.entries(parameters).map(([name, value]) => `${name} ${value}`).join(", ");
  const lines = [
    `${workload.name} · ${days} days · ${plural(run.needs, "need")} by ${ask} · seed ${seed}`,
    `  ${settings}`,
    `policy ${policy.name}: ${policy.about}`,
    `budget ${budgetText(budget, share)}; at most ${number(run.peak.items)} records and ${kibi(run.peak.bytes)} were held`,
    "",
    `found        ${sparkline(run.days.map((day) => day.hits / day.needs), 1)}  ${percent(run.hitRate)} of what was needed (foresight: ${percent(foresight)})`,
  ];
  for (const tier of TIERS) {
    const { items, bytes } = run.days.at(-1).tiers[tier];
    const history = run.days.map((day) => day.tiers[tier].items);
    lines.push(`${tier.padEnd(12)} ${sparkline(history)}  ${plural(items, "record")}, ${kibi(bytes)} at the end; most ${number(Math.max(...history))}`);
  }
  lines.push("", "found, by how long ago it was last heard of");
  let before = "";
  for (const { name, needs, hits } of run.gaps) {
    const label = name === "longer" ? `over ${before}` : `within ${name}`;
    before = name;
    if (needs > 0) lines.push(`  ${label.padEnd(14)} ${bar(hits / needs)} ${percent(hits / needs).padStart(7)} of ${number(needs)}`);
  }
  lines.push(...counts("moves", run.moves), ...counts("evictions", run.evictions));
  const { count, facts, neverMissed, missedMost, rightly } = run.forgotten;
  if (count > 0) {
    lines.push("", "forgotten", `  ${plural(facts, "fact")}, ${plural(count, "time")} in all; ${number(neverMissed)} of them were never missed`);
    for (const { text, forgotten, regretted } of missedMost) lines.push(`  missed ${plural(regretted, "time")}, forgotten ${number(forgotten)}: ${text}`);
    for (const { text } of rightly) lines.push(`  never missed: ${text}`);
  }
  if (run.refused > 0) lines.push("", `refused because the memory was full: ${plural(run.refused, "time")}`);
  return lines.join("\n");
}

/** One run of the agent workload. */
export function reportAgent({ data, policy, budget, seed, run }) {
  const row = (name, { asked, "recall@10": recall, kept }) =>
    `  ${name.padEnd(20)} ${bar(recall)} ${percent(recall).padStart(7)} found in the first ten · ${percent(kept).padStart(7)} still remembered · ${plural(asked, "question")}`;
  return [
    `agent · ${data} · ${plural(run.turns, "turn")} · seed ${seed}`,
    `policy ${policy.name}: ${policy.about}`,
    `budget ${budget} of each conversation; at most ${percent(run.peakShare)} were held`,
    "",
    "evidence of what was asked",
    row("in later sessions", run.during),
    row("a month after", run.end),
    row("both", run.all),
    "",
    "records after each session of the last conversation",
    ...TIERS.map((tier) => {
      const history = run.sessions.map((session) => session[tier]);
      return `  ${tier.padEnd(12)} ${sparkline(history)}  ${plural(history.at(-1), "record")} at the end; most ${number(Math.max(...history))}`;
    }),
    ...counts("moves", run.moves),
    ...counts("evictions", run.evictions),
    "",
    `forgotten: ${number(run.gone)} of ${plural(run.turns, "turn")}${run.refused > 0 ? `, of which ${number(run.refused)} were refused because the memory was full` : ""}`,
  ].join("\n");
}

const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** Median, least and most of each figure of each policy, and how often the first policy was at least as good. */
export function compared(results) {
  const [[, first]] = Object.entries(results);
  return Object.entries(results).map(([policy, runs]) => ({
    policy,
    figures: Object.fromEntries(
      Object.keys(runs[0]).map((key) => {
        const values = runs.map((run) => run[key]);
        const ahead = values.filter((value, at) => first[at][key] > value).length;
        return [key, { median: median(values), least: Math.min(...values), most: Math.max(...values), ahead, of: values.length }];
      }),
    ),
  }));
}

/** The table of a comparison, as Markdown. */
export function reportComparison({ title, lines, rows }) {
  const keys = Object.keys(rows[0].figures);
  const [{ policy: first }] = rows;
  const cell = ({ median: middle, least, most }) => `${percent(middle)} (${(100 * least).toFixed(1)}–${(100 * most).toFixed(1)})`;
  const ahead = (row) => (row.policy === first ? "" : keys.map((key) => `${row.figures[key].ahead} of ${row.figures[key].of}`).join(", "));
  const table = [
    ["policy", ...keys, `seeds in which ${first} is ahead`],
    ...rows.map((row) => [row.policy, ...keys.map((key) => cell(row.figures[key])), ahead(row)]),
  ];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((text, column) => text.padEnd(widths[column])).join(" | ")} |`;
  return [title, ...lines, "", line(table[0]), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...table.slice(1).map(line)].join("\n");
}
