// The sentences whose vectors the vector benches search: documentation in `node_modules` and in the sources that cargo has
// fetched. What is there depends on the machine; its order does not.
//
//   node bench/sentences.mjs [--count 100200] > sentences.txt      one sentence a line

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { randomFrom } from "./vectors.mjs";

/** Sentences of the documents and comments under a folder. */
function* sentencesOf(folder) {
  if (!existsSync(folder)) return;
  const files = readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(md|d\.ts|rs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  for (const file of files) {
    let text = readFileSync(file, "utf8");
    if (file.endsWith(".d.ts")) text = [...text.matchAll(/\/\*\*([\s\S]*?)\*\//g)].map(([, body]) => body.replace(/^\s*\* ?/gm, "")).join("\n\n");
    else if (file.endsWith(".rs")) text = text.split("\n").map((line) => /^\s*\/\/[/!] ?(.*)$/.exec(line)?.[1] ?? "").join("\n");
    for (const piece of text.replace(/```[\s\S]*?```/g, "").split(/\n\s*\n|(?<=[.!?])\s+(?=[A-Z])|\n[-*#]\s/)) {
      const sentence = piece.replace(/\s+/g, " ").trim();
      if (sentence.length >= 30 && sentence.length <= 400 && (sentence.match(/[a-z]{3,}/gi) ?? []).length >= 5) yield sentence;
    }
  }
}

/** `count` different sentences, or as many as there are, in an order without meaning. */
export function sentences(count) {
  const cargo = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry", "src");
  const found = new Set();
  for (const folder of [fileURLToPath(new URL("../node_modules", import.meta.url)), cargo]) {
    for (const sentence of sentencesOf(folder)) {
      if (found.size >= count) break;
      found.add(sentence);
    }
  }
  const list = [...found];
  const random = randomFrom(1);
  for (let i = list.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { count: { type: "string", default: "100200" } } });
  process.stdout.write(`${sentences(Number(values.count)).join("\n")}\n`);
}
