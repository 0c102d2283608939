// The second evaluation set: the pages of this project, cut into sections, and questions about them in data/docs-questions.jsonl.
//
// Long notes of one author, where chat is short turns of several: no actor, no session, one moment for all. A question
// names its evidence as PAGE#anchor, with the anchors that GitHub gives to headings.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A section of more characters than these is cut between paragraphs; each piece has the heading again. */
const LONGEST = 4_000;

/** The pages of the set, as paths from the root of the project. */
export function pages() {
  const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  return ["CONTRIBUTING.md", "README.md", ...docs.sort().map((name) => `docs/${name}`)];
}

/** The anchor of a heading, as GitHub makes it; `taken` counts those that were there before on the page. */
function anchorOf(heading, taken) {
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  const anchor = plain.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-");
  const before = taken.get(anchor) ?? 0;
  taken.set(anchor, before + 1);
  return before === 0 ? anchor : `${anchor}-${before}`;
}

/** The sections of a page in order, `{ anchor, heading, body }`; `#` within a fenced block begins none. */
export function sectionsOf(markdown) {
  const sections = [];
  const taken = new Map();
  let fenced = false;
  for (const line of markdown.split("\n")) {
    if (line.startsWith("```")) fenced = !fenced;
    const heading = fenced ? undefined : /^#{1,6} (.*)$/.exec(line)?.[1];
    if (heading !== undefined) sections.push({ anchor: anchorOf(heading, taken), heading, body: "" });
    else if (sections.length > 0) sections[sections.length - 1].body += `${line}\n`;
  }
  return sections.map((section) => ({ ...section, body: section.body.trim() })).filter(({ body }) => body !== "");
}

/** `body` in pieces of at most LONGEST characters, cut at blank lines outside of code; a longer paragraph stays whole. */
function piecesOf(body) {
  const pieces = [""];
  let fenced = false;
  for (const paragraph of body.split(/\n{2,}/)) {
    const last = pieces.length - 1;
    if (pieces[last] === "") pieces[last] = paragraph;
    else if (!fenced && pieces[last].length + paragraph.length > LONGEST) pieces.push(paragraph);
    else pieces[last] += `\n\n${paragraph}`;
    if ((paragraph.match(/^```/gm)?.length ?? 0) % 2 === 1) fenced = !fenced;
  }
  return pieces;
}

/** The set in the shape of turns.jsonl and questions.jsonl. Pieces of one section share its id. */
export function readDocsSet() {
  const turns = pages().flatMap((page) =>
    sectionsOf(readFileSync(join(root, page), "utf8")).flatMap(({ anchor, heading, body }) =>
      piecesOf(body).map((piece) => ({ conv: "docs", id: `${page}#${anchor}`, text: `${heading}\n\n${piece}`, date: "2026-01-01T00:00" })),
    ),
  );
  const lines = readFileSync(new URL("data/docs-questions.jsonl", import.meta.url), "utf8").split("\n").filter((line) => line.trim());
  const questions = lines.map((line) => ({ conv: "docs", ...JSON.parse(line) }));
  return { turns, questions };
}
