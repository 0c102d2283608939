// IndexedDB as browsers really have it: with Web Locks, tabs and workers.

import type { Page } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { running } from "./running.js";
import { openWorkbench } from "./workbench.js";

const here = running();

afterEach(async () => {
  for (const page of here.chrome.context.pages().slice(1)) await page.close();
});

const tab = (): Promise<Page> => openWorkbench(here.chrome, here.server.origin);

/** The texts of a memory, in order of creation, read by a page that opens it and closes it again. */
function textsOf(page: Page, name: string): Promise<string[]> {
  return page.evaluate(async (name) => {
    const { openMemory, indexedDb } = window.workbench;
    const memory = await openMemory({ storage: indexedDb(name, { waitMs: 5_000 }), embedder: false });
    const texts: string[] = [];
    for await (const { text } of memory.list()) texts.push(text);
    await memory.close();
    return texts;
  }, name);
}

describe("the storage conformance suite", () => {
  it.each(["Web Locks", "a lease"])("passes with %s", async (kind) => {
    const page = await tab();
    const results = await page.evaluate(async (kind) => {
      const { indexedDb, runStorageConformance } = window.workbench;
      const options = kind === "a lease" ? ({ locks: false } as const) : {};
      let places = 0;
      const report = await runStorageConformance(async () => {
        places += 1;
        const name = `conformance ${kind} ${places}`;
        const fixture = {
          open: () => indexedDb(name, options),
          shareable: true,
          teardown: () =>
            new Promise<void>((resolve, reject) => {
              const request = indexedDB.deleteDatabase(name);
              request.onsuccess = () => resolve();
              request.onerror = () => reject(request.error);
            }),
        };
        const takeOver = async (): Promise<void> => {
          // What a browser does that takes a lock from a tab it holds for dead.
          await navigator.locks.request(`stratamem:${name}`, { steal: true }, () => undefined);
          const heir = indexedDb(name, { waitMs: 1_000 });
          await (await heir.lock?.())?.release();
          await heir.close();
        };
        return kind === "a lease" ? fixture : { ...fixture, takeOver };
      });
      return report.map(({ name, error }) => (error === undefined ? "passed" : `${name}: ${String(error)}`));
    }, kind);
    expect(results.length).toBeGreaterThan(30);
    expect(results.filter((result) => result !== "passed")).toEqual([]);
  }, 60_000);
});

describe("vectors in IndexedDB", () => {
  it("answer as those in memory", async () => {
    const page = await tab();
    const seen = await page.evaluate(async () => {
      const { openMemory, indexedDb } = window.workbench;
      let state = 3;
      const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
      const draw = (): Float32Array => Float32Array.from({ length: 64 }, next);
      const vectors = Array.from({ length: 1_800 }, draw);
      const questions = Array.from({ length: 5 }, draw);
      const answers: string[][][] = [];
      let stored: number | undefined;
      for (const resident of [10_000, undefined]) {
        const config = { defaultTier: "long-term", longTerm: { precision: "int8" }, residentVectorBytes: resident } as const;
        const open = () => openMemory({ storage: indexedDb(`vectors ${resident}`, { waitMs: 5_000 }), embedder: false, config });
        let memory = await open();
        await memory.addMany(vectors.map((vector, index) => ({ text: `note ${index}`, vector })));
        await memory.maintain({ compact: true });
        await memory.close();
        memory = await open();
        const hits = await Promise.all(questions.map((vector) => memory.recall("", { vector, touch: false, recall: "exact" })));
        answers.push(hits.map((some) => some.map(({ text }) => text)));
        stored ??= (await memory.stats()).engine?.paging?.vectors;
        await memory.close();
      }
      return { answers, stored };
    });
    expect(seen.stored).toBe(1_800);
    expect(seen.answers[0]).toEqual(seen.answers[1]);
    expect(seen.answers[0]?.[0]).toHaveLength(10);
  }, 60_000);
});

describe("a memory in a dedicated worker", () => {
  const texts = ["The ferry leaves at nine", "Ada prefers metric units", "The spare key hangs behind the clock"];

  it("keeps the page out, and is read by it once it has closed", async () => {
    const page = await tab();
    const seen = await page.evaluate(async (texts) => {
      const { openMemory, indexedDb } = window.workbench;
      const worker = new Worker("/page/writer.js", { type: "module" });
      const next = (): Promise<{ written?: string[] }> =>
        new Promise((resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
        });
      worker.postMessage({ name: "worker", texts, close: true });
      const { written } = await next();
      const early = await openMemory({ storage: indexedDb("worker") }).then(() => "opened", (error) => error.code);
      worker.postMessage({});
      await next();
      const memory = await openMemory({ storage: indexedDb("worker") });
      const [best] = await memory.recall("where is the key?");
      const { records } = memory.opened;
      await memory.close();
      return { early, records, best: best?.text, known: best !== undefined && written?.includes(best.id) };
    }, texts);
    expect(seen).toEqual({ early: "storage-locked", records: texts.length, best: texts[2], known: true });
  });

  it("leaves everything acknowledged when it is terminated", async () => {
    const page = await tab();
    await page.evaluate(async (texts) => {
      const worker = new Worker("/page/writer.js", { type: "module" });
      worker.postMessage({ name: "terminated", texts, close: false });
      await new Promise((resolve, reject) => {
        worker.onmessage = resolve;
        worker.onerror = ({ message }) => reject(new Error(message));
      });
      worker.terminate();
    }, texts);
    expect(await textsOf(page, "terminated")).toEqual(texts);
  });
});

describe("two tabs", () => {
  it("that contend keep every acknowledged add, exactly once", async () => {
    const tabs = await Promise.all([tab(), tab()]);
    const write = (page: Page, who: string) =>
      page.evaluate(async (who) => {
        const { openMemory, indexedDb, StorageError } = window.workbench;
        const acknowledged: string[] = [];
        let locked = 0;
        while (acknowledged.length < 20) {
          try {
            const memory = await openMemory({ storage: indexedDb("contended"), embedder: false });
            for (const part of ["a", "b"]) {
              const text = `${who} ${acknowledged.length} ${part}`;
              await memory.add(text);
              acknowledged.push(text);
            }
            await memory.close();
          } catch (error) {
            if (!(error instanceof StorageError) || error.code !== "storage-locked") throw error;
            locked += 1;
          }
          // The other one's turn.
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
        }
        return { acknowledged, locked };
      }, who);
    const [left, right] = await Promise.all([write(tabs[0], "left"), write(tabs[1], "right")]);
    const kept = await textsOf(tabs[0], "contended");
    expect([...kept].sort()).toEqual([...left.acknowledged, ...right.acknowledged].sort());
    expect(kept.filter((text) => text.startsWith("left"))).toEqual(left.acknowledged);
    // Otherwise the two never met, and nothing was shown.
    expect(left.locked + right.locked).toBeGreaterThan(0);
  });
});
