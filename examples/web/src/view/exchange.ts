/** Taking the memory out as a file, and bringing one in. */

import type { Memory } from "stratamem";
import { now } from "../clock.ts";
import { byId, make } from "./dom.ts";
import { notice } from "./notice.ts";
import type { Act } from "./record.ts";
import { memories } from "./words.ts";

/** Makes the two buttons work. */
export function setUpExchange(act: Act): void {
  byId("export").addEventListener("click", () => act(exportFile));
  const input = byId<HTMLInputElement>("import");
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    if (file) act((memory) => importFile(memory, file));
    // The same file can be chosen again.
    input.value = "";
  });
}

async function exportFile(memory: Memory): Promise<void> {
  const lines: string[] = [];
  for await (const line of memory.export()) lines.push(line);
  const url = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
  make("a", { href: url, download: `memory-${new Date(now()).toISOString().slice(0, 10)}.jsonl` }).click();
  // The browser needs the address until the download has begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  notice(`Exported ${memories(lines.length - 1)}, with their vectors.`);
}

async function importFile(memory: Memory, file: File): Promise<void> {
  const { added, skipped } = await memory.import(await file.text(), { onConflict: "skip" });
  await memory.maintain();
  notice(`Imported ${memories(added)}${skipped > 0 ? `; ${memories(skipped)} here already` : ""}.`);
}
