// An origin that may store no more. In a browser of its own: deleted databases of other tests blur what is counted.

import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { running } from "./running.js";
import { openWorkbench } from "./workbench.js";

const here = running();

function textsOf(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { openMemory, indexedDb } = window.workbench;
    const memory = await openMemory({ storage: indexedDb("full"), embedder: false });
    const texts: string[] = [];
    for await (const { text } of memory.list()) texts.push(text);
    await memory.close();
    return texts;
  });
}

it("is told by its code, loses nothing acknowledged, and can be recovered from", async () => {
  const page = await openWorkbench(here.chrome, here.server.origin);
  const devtools = await here.chrome.context.newCDPSession(page);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: here.server.origin, quotaSize: 6_000_000 });
  const fill = await page.evaluate(async () => {
    const { openMemory, indexedDb, MemoryError } = window.workbench;
    const memory = await openMemory({ storage: indexedDb("full"), embedder: false });
    const failures: string[] = [];
    memory.on("storage-failed", ({ error }) => failures.push((error as InstanceType<typeof MemoryError>).code));
    const acknowledged: string[] = [];
    let code = "";
    for (let index = 0; index < 200 && code === ""; index += 1) {
      // Text that no compression of the browser makes small.
      const noise = crypto.getRandomValues(new Uint8Array(60_000)).reduce((text, byte) => text + byte.toString(36), "");
      const text = `note ${index} ${noise}`;
      await memory.add(text).then(
        () => acknowledged.push(text.slice(0, 20)),
        (error) => {
          code = error instanceof MemoryError ? error.code : String(error);
        },
      );
    }
    const later = await memory.add("one more").then(() => "added", (error) => error.code);
    const closing = await memory.close().then(() => "closed", (error) => error.code);
    return { acknowledged, code, failures, later, closing };
  });
  expect(fill.code).toBe("quota-exceeded");
  expect(fill.failures).toEqual(["quota-exceeded"]);
  expect(fill.later).toBe("engine-poisoned");
  expect(fill.acknowledged.length).toBeGreaterThan(5);
  expect(fill.closing).toBe("closed");

  // What is there can be read while the disk is still full.
  const kept = await textsOf(page);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: here.server.origin });
  expect(kept.map((text) => text.slice(0, 20))).toEqual(fill.acknowledged);
  const again = await page.evaluate(async () => {
    const { openMemory, indexedDb } = window.workbench;
    const memory = await openMemory({ storage: indexedDb("full"), embedder: false });
    const id = await memory.add("there is room again");
    const record = await memory.get(id);
    await memory.close();
    return record?.text;
  });
  expect(again).toBe("there is room again");
}, 30_000);
