// @ts-check
// What the examples print. Colour only where a person is looking.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { styleText } from "node:util";

const lively = process.stdout.isTTY && !process.env.NO_COLOR;
const width = Math.min(Math.max(process.stdout.columns ?? 100, 60), 110);

/** @param {Parameters<typeof styleText>[0]} style @param {string} text */
export const paint = (style, text) => (lively ? styleText(style, text) : text);

/** @param {string} text */
export const title = (text) => console.log(`\n${paint("bold", text)}`);

/** @param {string} name @param {string} value */
export const fact = (name, value) => console.log(`  ${paint("gray", name.padEnd(12))} ${value}`);

/** @param {number} count */
export const number = (count) => count.toLocaleString("en-GB");

/** @param {number} ms */
export const duration = (ms) => (ms < 10 ? `${ms.toFixed(2)} ms` : ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** @param {number} bytes */
export const size = (bytes) => (bytes < 1024 ? `${bytes} B` : bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`);

/** A bar of `cells` characters. @param {number} share 0 to 1 @param {number} cells */
export const bar = (share, cells) => {
  const full = Math.round(Math.max(0, Math.min(1, share)) * cells);
  return `${paint("cyan", "█".repeat(full))}${paint("gray", "░".repeat(cells - full))}`;
};

/** Draws how far a job has come: in place for a person, once at the end for a file. @param {string} name @param {number} done @param {number} total */
export function progress(name, done, total) {
  const line = `  ${paint("gray", name.padEnd(12))} ${bar(done / total, 30)} ${number(done)} of ${number(total)}`;
  if (process.stdout.isTTY) process.stdout.write(`\r${line}${done === total ? "\n" : ""}`);
  else if (done === total) console.log(line);
}

/** @param {string} text @param {number} columns @param {string} indent */
function wrap(text, columns, indent) {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const last = /** @type {string} */ (lines.at(-1));
    if (last && last.length + word.length + 1 > columns) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines.join(`\n${indent}`);
}

/** Prints hits with where their scores come from. @param {readonly import("stratamem").Hit[]} hits */
export function showHits(hits) {
  for (const [index, hit] of hits.entries()) {
    const who = [hit.actor, new Date(hit.occurredAt).toISOString().slice(0, 10), hit.source].filter(Boolean).join(" · ");
    console.log(`  ${index + 1}. ${bar(hit.score, 10)} ${paint("bold", hit.score.toFixed(2))}  ${paint("gray", who)}`);
    console.log(`     ${wrap(hit.text, width - 6, "     ")}`);
    console.log(`     ${paint("gray", hit.why.summary)}`);
  }
  if (hits.length === 0) console.log(paint("gray", "  nothing found"));
}

/** Prints how full the tiers are. @param {import("stratamem").MemoryStats} stats */
export function showTiers({ records, tiers }) {
  for (const [tier, count] of Object.entries(tiers)) fact(tier, `${bar(records ? count / records : 0, 30)} ${number(count)}`);
}

/** Prints the files of a memory. @param {string} folder */
export function showFiles(folder) {
  for (const name of readdirSync(folder).sort()) fact(size(statSync(join(folder, name)).size), name);
}
