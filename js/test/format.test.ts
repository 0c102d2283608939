// The worked example of docs/FORMAT.md is what the package really writes.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openMemory } from "../../dist/esm/entry/inline.js";
import { nodeFs } from "../../dist/esm/storage/node-fs.js";

it("shows the bytes of its example as they are", async () => {
  const page = readFileSync(fileURLToPath(new URL("../../docs/FORMAT.md", import.meta.url)), "utf8");
  const shown = new Map<string, string>();
  for (const [, name, length, dump] of page.matchAll(/^`([a-z]+-\d{10})`, (\d+) bytes:\n\n```\n([\s\S]*?)```/gm)) {
    // The bytes stand in the first 28 columns, what they mean behind them.
    const hex = (dump as string).split("\n").map((line) => line.slice(0, 28).replaceAll(" ", "")).join("");
    expect(hex).toHaveLength(2 * Number(length));
    shown.set(name as string, hex);
  }

  const folder = mkdtempSync(join(tmpdir(), "stratamem-format-"));
  const memory = await openMemory({ storage: nodeFs(folder), embedder: false, seed: 1, now: () => 1_767_225_600_000 });
  await memory.add("Tea at four", { actor: "Ada", vector: [0, 1], metadata: { n: 2 } });
  await memory.maintain({ compact: true });
  await memory.recall("tea");
  await memory.close();
  const written = readdirSync(folder).filter((name) => !name.startsWith("lock")).map((name) => [name, readFileSync(join(folder, name)).toString("hex")] as const);
  rmSync(folder, { recursive: true });
  expect([...shown].sort()).toEqual(written.sort());
});
