// @ts-check
// Opens a memory that another process has made, and asks it.
//
//   node examples/node/ask.js FOLDER [QUESTION…]      without a question it reads them from the terminal

import { createInterface } from "node:readline/promises";
import { MemoryError, openMemory } from "stratamem";
import { nodeFs } from "stratamem/storage/node-fs";
import { duration, fact, number, paint, showHits, title } from "./show.js";

const [store, ...questions] = process.argv.slice(2);
if (!store) {
  console.error("usage: node ask.js FOLDER [QUESTION…]");
  process.exit(2);
}

try {
  const started = performance.now();
  const memory = await openMemory({ storage: nodeFs(store) });
  fact("opened", `${number(memory.opened.records)} memories in ${duration(performance.now() - started)}, engine and model included`);

  const answer = async (/** @type {string} */ question) => {
    const asked = performance.now();
    const hits = await memory.recall(question, { limit: 3 });
    const took = performance.now() - asked;
    title(`${question}  ${paint("gray", duration(took))}`);
    showHits(hits);
    const { pieces, tokens } = await memory.context(question).fit({ maxTokens: 500, touch: false });
    fact("for a prompt", `${pieces.length} memories in about ${number(tokens)} tokens`);
  };
  for (const question of questions) await answer(question);

  if (questions.length === 0 && process.stdin.isTTY) {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    terminal.on("SIGINT", () => terminal.close());
    process.stdout.write("\nAsk something, or press Ctrl-D to end.\n? ");
    for await (const line of terminal) {
      if (line.trim()) await answer(line);
      process.stdout.write("\n? ");
    }
  } else if (questions.length === 0) {
    fact("questions", 'none given; add --ask "your question"');
  }
  await memory.close();
} catch (error) {
  if (!(error instanceof MemoryError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exit(1);
}
