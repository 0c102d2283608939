// Graphs built in Workers of a real browser: from the script beside the entry, from the text in `inline`, and under a
// policy that allows no Workers at all.

import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { running } from "./running.js";

const here = running();

declare global {
  interface Window {
    entry: typeof import("stratamem");
  }
}

/** What becomes of a graph in a page with that entry of the package. */
async function build(page: Page, entry: string): Promise<{ by: string | undefined; failed: string | undefined; found: number }> {
  const source = `import * as entry from "/dist/esm/entry/${entry}.js"; window.entry = entry;`;
  await page.addScriptTag({ type: "module", content: source });
  await page.waitForFunction(() => "entry" in window);
  return page.evaluate(async () => {
    const { openMemory } = window.entry;
    const memory = await openMemory({ embedder: false });
    let failed: string | undefined;
    memory.on("worker-failed", ({ error }) => (failed = String(error)));
    const vector = (): Float32Array => Float32Array.from({ length: 32 }, () => Math.random() - 0.5);
    await memory.addMany(Array.from({ length: 1_200 }, (_, index) => ({ text: `r${index}`, vector: vector() })));
    const report = await memory.buildGraph();
    const found = (await memory.recall("", { vector: vector() })).length;
    await memory.close();
    return { by: report?.by, failed, found };
  });
}

describe("a graph in a browser", () => {
  it.each(["browser", "inline"])("is built in a Worker of the entry %s", async (entry) => {
    const page = await here.chrome.open(`${here.server.origin}/page/`);
    expect(await build(page, entry)).toEqual({ by: "worker", failed: undefined, found: 10 });
    await page.close();
  });

  it.each(["browser", "inline"])("is built by the page where its policy allows no Workers, in the entry %s", async (entry) => {
    const page = await here.chrome.open(`${here.server.origin}/page/`);
    await page.evaluate(() => {
      const meta = document.createElement("meta");
      Object.assign(meta, { httpEquiv: "Content-Security-Policy", content: "worker-src 'none'" });
      document.head.append(meta);
    });
    const { by, failed, found } = await build(page, entry);
    expect({ by, found }).toEqual({ by: "caller", found: 10 });
    expect(failed).toBeDefined();
    await page.close();
  });
});
