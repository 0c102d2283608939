// Measures what a record takes in the engine's memory, beside what `estimate` says.
//
//   npm run bench:memory [-- --counts 10000,100000] [--json]
//
// Each case runs in a process of its own, since the memory of WebAssembly never shrinks. What grows while the records
// are added is divided by their number: records, indexes, slack of the allocator, and what growing left unused. What it
// grows by when storage is compacted afterwards stands beside it.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { heapBytes } from "./heap.mjs";
import { estimate, openMemory } from "stratamem";

const { values } = parseArgs({
  options: {
    counts: { type: "string", default: "10000,100000" },
    json: { type: "boolean", default: false },
    case: { type: "string" },
  },
});

/** Records added in one call. */
const BATCH = 100;

/** `count` texts of about `bytes` bytes: runs of words of the example conversation, each from another place on. */
function texts(count, bytes) {
  const turns = readFileSync(new URL("../examples/data/allotment/turns.jsonl", import.meta.url), "utf8").trim().split("\n");
  const words = turns.flatMap((line) => JSON.parse(line).text.split(" "));
  let state = 7;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return Array.from({ length: count }, () => {
    let text = "";
    while (text.length < bytes) {
      const from = Math.floor(random() * words.length);
      text += `${text && " "}${words.slice(from, from + 8).join(" ")}`;
    }
    return text.slice(0, bytes);
  });
}

/** A unit vector. */
function vector(dimensions, seed) {
  let state = seed + 1;
  const raw = Float32Array.from({ length: dimensions }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1);
  const length = Math.hypot(...raw);
  return raw.map((value) => value / length);
}

/** Adds the records, and answers how the memory of the engine grew. */
async function measure({ count, dimensions, textBytes }) {
  const memory = await openMemory({ embedder: false });
  await memory.add("the first one", dimensions ? { vector: vector(dimensions, 0) } : {});
  const before = heapBytes();
  const all = texts(count, textBytes);
  for (let at = 0; at < count; at += BATCH) {
    await memory.addMany(all.slice(at, at + BATCH).map((text, index) => (dimensions ? { text, vector: vector(dimensions, at + index) } : { text })));
  }
  const grown = heapBytes() - before;
  const { engine } = await memory.stats();
  const counted = Object.values(engine.tiers).reduce((sum, { bytes }) => sum + bytes, 0);
  await memory.maintain({ compact: true });
  const compacted = (await memory.stats()).engine;
  const stored = compacted.logBytes + compacted.segmentBytes;
  const compacting = heapBytes() - before - grown;
  const { memory: estimated, storage } = await estimate({ count, dimensions, textBytes });
  await memory.close();
  return { count, dimensions, textBytes, grown, counted, estimated, stored, storage, compacting };
}

if (values.case) {
  console.log(JSON.stringify(await measure(JSON.parse(values.case))));
} else {
  const results = [];
  for (const count of values.counts.split(",").map(Number)) {
    for (const [dimensions, textBytes] of [[0, 100], [0, 400], [128, 100], [128, 400], [384, 400]]) {
      const one = JSON.stringify({ count, dimensions, textBytes });
      results.push(JSON.parse(execFileSync(process.execPath, [fileURLToPath(import.meta.url), "--case", one], { encoding: "utf8" })));
    }
  }
  if (values.json) console.log(JSON.stringify(results, null, 2));
  else {
    console.log("records  dimensions  bytes of text | bytes a record: grown  counted  estimated  stored  compacting | estimated/grown  storage/stored");
    for (const { count, dimensions, textBytes, grown, counted, estimated, stored, storage, compacting } of results) {
      const each = (bytes) => String(Math.round(bytes / count)).padStart(7);
      const share = (part, whole) => (part / whole).toFixed(2);
      console.log(
        `${String(count).padStart(7)}  ${String(dimensions).padStart(10)}  ${String(textBytes).padStart(13)} | ${each(grown).padStart(21)} ${each(counted).padStart(8)} ${each(estimated).padStart(10)} ${each(stored)} ${each(compacting).padStart(11)} | ${share(estimated, grown).padStart(15)}  ${share(storage, stored).padStart(14)}`,
      );
    }
  }
}
