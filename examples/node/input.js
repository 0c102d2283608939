// @ts-check
// Turns what a person has lying about into memories: JSON lines of a chat, Markdown, plain text, or a folder of these.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, extname, join, relative } from "node:path";

/** @typedef {import("stratamem").NewMemory & { source: string }} SourcedMemory */

const readable = new Set([".jsonl", ".ndjson", ".md", ".markdown", ".txt"]);

/**
 * Reads a file or a folder. Every memory names where it came from in `source`, which is unique.
 *
 * @param {string} path
 * @returns {SourcedMemory[]}
 */
export function readInput(path) {
  if (!statSync(path).isDirectory()) return readOne(path, basename(path));
  const names = readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => readable.has(extname(name).toLowerCase()) && !/(^|[\\/])(\.|node_modules[\\/])/.test(name))
    .sort();
  return names.flatMap((name) => readOne(join(path, name), relative(path, join(path, name))));
}

/** @param {string} file @param {string} name @returns {SourcedMemory[]} */
function readOne(file, name) {
  const text = readFileSync(file, "utf8");
  const extension = extname(file).toLowerCase();
  if (extension === ".jsonl" || extension === ".ndjson") return fromLines(text, name);
  return fromProse(text, name, statSync(file).mtime);
}

/**
 * One memory a line. Known names: `text` or `content`; `speaker`, `actor` or `role`; `date`, `occurredAt` or
 * `timestamp`; `session`; `importance`; `tags`.
 *
 * @param {string} text @param {string} name @returns {SourcedMemory[]}
 */
function fromLines(text, name) {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const source = `${name}:${index + 1}`;
    let value;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw new Error(`${source} is not JSON: ${/** @type {Error} */ (error).message}`);
    }
    const said = value.text ?? value.content;
    if (typeof said !== "string") throw new Error(`${source} has no "text" or "content"`);
    const actor = value.speaker ?? value.actor ?? value.role;
    const occurredAt = value.date ?? value.occurredAt ?? value.timestamp;
    return [
      {
        text: said,
        source,
        ...(actor && { actor: String(actor) }),
        ...(occurredAt && { occurredAt: toMoment(occurredAt) }),
        ...(value.session !== undefined && { scope: { session: String(value.session) } }),
        ...(value.importance !== undefined && { importance: value.importance }),
        ...(value.tags && { tags: value.tags }),
      },
    ];
  });
}

/** Times without a zone are taken as UTC, so that the same file gives the same memory everywhere. */
/** @param {string | number} value */
function toMoment(value) {
  return typeof value === "string" && /T\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(value) ? `${value}Z` : value;
}

/**
 * One memory a paragraph or list item, with the headings above it in its metadata.
 *
 * @param {string} text @param {string} name @param {Date} modified @returns {SourcedMemory[]}
 */
function fromProse(text, name, modified) {
  /** @type {SourcedMemory[]} */
  const found = [];
  /** @type {string[]} */
  let headings = [];
  /** @type {string[]} */
  let block = [];
  let start = 0;
  const end = () => {
    const said = block.join(" ").trim();
    block = [];
    if (said === "") return;
    const heading = headings.filter(Boolean).join(" › ");
    const metadata = { file: name, ...(heading && { heading }) };
    found.push({ text: said, source: `${name}:${start}`, kind: "semantic", occurredAt: modified, metadata });
  };
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const title = /^(#{1,6})\s+(.*)$/.exec(line);
    const item = /^\s*([-*+]|\d+[.)])\s+(.*)$/.exec(line);
    if (title || item || line.trim() === "") end();
    if (title) headings = [...headings.slice(0, /** @type {string} */ (title[1]).length - 1), /** @type {string} */ (title[2])];
    if (title || line.trim() === "") continue;
    if (block.length === 0) start = index + 1;
    block.push(item ? /** @type {string} */ (item[2]) : line.trim());
  }
  end();
  return found;
}
