// A browser that is killed while it writes.

import { afterAll, beforeAll, expect, it } from "vitest";
import { launch, makeProfile } from "./chrome.js";
import { servePackage, type FileServer } from "./server.js";
import { openWorkbench } from "./workbench.js";

const profile = makeProfile();
let server: FileServer;

beforeAll(async () => {
  server = await servePackage();
});

afterAll(async () => {
  await server?.stop();
  profile.remove();
});

it("has every acknowledged add after a relaunch, again and again", async () => {
  const acknowledged: string[] = [];
  for (const [round, acknowledgements] of [3, 40, 90].entries()) {
    const chrome = await launch(profile.folder);
    const page = await openWorkbench(chrome, server.origin);
    let heard = 0;
    const enough = new Promise<void>((resolve) => {
      void page.exposeFunction("acknowledge", (text: string) => {
        acknowledged.push(text);
        heard += 1;
        if (heard === acknowledgements) resolve();
      });
    });
    await page.waitForFunction(() => "acknowledge" in window);
    await page.evaluate(async (round) => {
      const { openMemory, indexedDb } = window.workbench;
      const acknowledge = (window as unknown as { acknowledge(text: string): Promise<void> }).acknowledge;
      // A small log, so that segments are sealed and the manifest is swapped while the browser may die.
      const memory = await openMemory({ storage: indexedDb("crashed", { waitMs: 5_000 }), config: { sealBytes: 4_096 } });
      const write = async (writer: number): Promise<void> => {
        for (let index = 0; ; index += 1) {
          const text = `round ${round}, writer ${writer}, note ${index}: ${"the tide comes in twice a day. ".repeat(index % 9)}`;
          await memory.add(text);
          void acknowledge(text);
          if (index % 10 === 9) await memory.maintain();
        }
      };
      // Writes go on until the browser is killed.
      for (const writer of [1, 2, 3]) void write(writer);
    }, round);
    await enough;
    await chrome.kill();
  }

  const chrome = await launch(profile.folder);
  const page = await openWorkbench(chrome, server.origin);
  const found = await page.evaluate(async () => {
    const { openMemory, indexedDb } = window.workbench;
    const memory = await openMemory({ storage: indexedDb("crashed", { waitMs: 5_000 }) });
    const texts: string[] = [];
    for await (const { text } of memory.list()) texts.push(text);
    const { engine } = await memory.stats();
    const [best] = await memory.recall("round 2, writer 1, note 0", { limit: 1 });
    await memory.add("after all that");
    await memory.close();
    return { texts, sealed: engine?.segments ?? 0, vectors: engine?.vectors, best: best?.text };
  });
  await chrome.close();

  const kept = new Set(found.texts);
  expect(acknowledged.filter((text) => !kept.has(text))).toEqual([]);
  expect(kept.size).toBe(found.texts.length);
  // Whole, or not there: each text is one that a writer made, and no note is there without those before it.
  for (const text of kept) {
    const [, head, index] = /^(round \d+, writer \d+, note )(\d+): (the tide comes in twice a day\. )*$/.exec(text) ?? [];
    expect(head, text).toBeDefined();
    if (Number(index) > 0) expect([...kept].some((other) => other.startsWith(`${head}${Number(index) - 1}: `)), text).toBe(true);
  }
  expect(found.vectors).toBe(found.texts.length);
  expect(found.sealed).toBeGreaterThan(0);
  expect(kept).toContain(found.best);
}, 60_000);
