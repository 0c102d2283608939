// Gathers the licences of the crates that are compiled into the engine, for the file that ships with it.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./toolchain.mjs";

const cargo = (...args) => execFileSync("cargo", args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });

/** The notices as one text: each licence once, under the crates it belongs to. */
export function notices() {
  const tree = cargo("tree", "--locked", "-p", "stratamem-wasm", "--target", "wasm32-unknown-unknown", "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}");
  const used = new Set(tree.split("\n").map((line) => line.split(" ").slice(0, 2).join(" ").replace(/ v/, " ")).filter(Boolean));
  const { packages } = JSON.parse(cargo("metadata", "--format-version", "1", "--locked", "--filter-platform", "wasm32-unknown-unknown"));
  const crates = packages.filter(({ name, version, source }) => source && used.has(`${name} ${version}`));
  const texts = new Map();
  for (const { name, version, license, manifest_path } of crates.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const folder = dirname(manifest_path);
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
    for (const file of files) {
      const text = readFileSync(join(folder, file), "utf8").trim();
      const owners = texts.get(text) ?? [];
      texts.set(text, [...owners, `${name} ${version} (${license})`]);
    }
    if (files.length === 0) texts.set(`Licence: ${license}. The crate ships no licence file.`, [...(texts.get(`Licence: ${license}. The crate ships no licence file.`) ?? []), `${name} ${version}`]);
  }
  const line = "-".repeat(80);
  const parts = [...texts].map(([text, owners]) => `${line}\n${owners.join("\n")}\n${line}\n\n${text}\n`);
  return `The engine (engine.wasm, engine.js) contains the following works of others, besides the standard library of\nRust (MIT or Apache-2.0).\n\n${parts.join("\n")}`;
}
