// A memory in a folder, for Node, Bun and Deno:
//
//   host.mjs write FOLDER DATA       writes the conversation in DATA
//   host.mjs ask FOLDER DATA         asks the questions in DATA and prints the answers
//   host.mjs add FOLDER RUNTIME      adds a record of this runtime and prints its id

import { readFileSync } from "node:fs";
import process from "node:process";
import { openMemory } from "../../dist/esm/entry/inline.js";
import { nodeFs } from "../../dist/esm/storage/node-fs.js";
import { add, ask, write } from "./conversation.mjs";

const [command, folder, argument] = process.argv.slice(2);
const lines = (name) => readFileSync(`${argument}/${name}.jsonl`, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const storage = nodeFs(folder);
const commands = {
  write: () => write({ openMemory }, storage, lines("turns")),
  ask: () => ask({ openMemory }, storage, lines("questions")),
  add: () => add({ openMemory }, storage, argument),
};
const runtime = typeof Bun !== "undefined" ? "bun" : typeof Deno !== "undefined" ? "deno" : "node";
console.log(JSON.stringify({ runtime, result: await commands[command]() }));
