// The example page as a person uses it, from its production build.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { launch, makeProfile, type Chrome } from "./chrome.js";
import { pages, serve, type FileServer } from "./server.js";

vi.setConfig({ testTimeout: 30_000 });

const example = fileURLToPath(new URL("../../examples/web", import.meta.url));
const site = mkdtempSync(join(tmpdir(), "stratamem-example-"));
const profile = makeProfile();
const question = "What is the code of the shed's padlock?";

let chrome: Chrome;
let server: FileServer;
let requests: string[];

beforeAll(async () => {
  await build({ root: example, configFile: join(example, "vite.config.ts"), logLevel: "error", build: { outDir: site, emptyOutDir: true } });
  chrome = await launch(profile.folder);
  chrome.context.setDefaultTimeout(10_000);
  chrome.context.on("request", (request) => requests.push(request.url()));
}, 60_000);

beforeEach(async () => {
  requests = [];
  // A port of its own is an origin of its own: each test starts with an empty browser.
  server = await serve({ site, page: pages });
});

afterEach(async () => {
  for (const page of chrome.context.pages().slice(1)) await page.close();
  await server.stop();
  expect(chrome.trouble.splice(0)).toEqual([]);
  expect(requests.filter((url) => !url.startsWith(server.origin) && !/^(data|blob):/.test(url))).toEqual([]);
});

afterAll(async () => {
  await chrome?.close();
  profile.remove();
  rmSync(site, { recursive: true, force: true });
});

const inState = (page: Page, state: string) => page.waitForSelector(`main[data-state="${state}"]`);

/** Presses the first button of this name. */
const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).first().click();

async function openExample(): Promise<Page> {
  const page = await chrome.open(`${server.origin}/site/`);
  await inState(page, "open");
  return page;
}

async function load(page: Page): Promise<void> {
  await press(page, "Load the conversation");
  await page.waitForFunction(() => document.querySelectorAll(".grain").length === 228);
  await page.waitForSelector("#loading", { state: "hidden" });
}

/** Asks by typing and Enter, and answers what is shown of each hit: text, score and reason. */
async function ask(page: Page, text: string): Promise<string[]> {
  await page.getByRole("searchbox", { name: "Question" }).fill(text);
  await page.getByRole("searchbox", { name: "Question" }).press("Enter");
  await page.waitForFunction(() => document.querySelector("#answer-status")?.textContent);
  const hits = await page.locator("#hits .record").all();
  return Promise.all(
    hits.map(async (hit) => {
      const part = (name: string) => hit.locator(name).first().innerText();
      return [await part(".text"), await part(".score strong"), await part(".why summary")].join(" | ");
    }),
  );
}

/** How many memories each layer says it holds. */
async function tiers(page: Page): Promise<number[]> {
  const counts = await page.locator("[data-count]").allInnerTexts();
  return counts.map((text) => Number(/^\d+/.exec(text)?.[0]));
}

const untilTiers = async (page: Page, expected: readonly number[]) => expect.poll(() => tiers(page), { timeout: 5_000 }).toEqual(expected);

async function add(page: Page, text: string, expires = "never"): Promise<void> {
  // Browsers slow tabs in the background down.
  await page.bringToFront();
  await page.getByRole("textbox", { name: "What to remember" }).fill(text);
  await page.getByLabel("Expires").selectOption({ label: expires });
  await press(page, "Remember");
  await page.waitForFunction(() => (document.querySelector("#add-text") as HTMLTextAreaElement).value === "");
}

it("emits the engine and the models as files of their own", () => {
  const names = readdirSync(join(site, "assets"));
  for (const pattern of [/^engine-.*\.wasm$/, /^static-128-.*\.bin$/, /^turns-.*\.jsonl$/]) {
    expect(names.filter((name) => pattern.test(name))).toHaveLength(1);
  }
});

it("loads the conversation, answers, and answers the same after a reload", async () => {
  const page = await openExample();
  expect(await page.locator("#welcome").isVisible()).toBe(true);
  await load(page);
  expect(await tiers(page)).toEqual([24, 96, 108]);
  const before = await ask(page, question);
  expect(before).toHaveLength(5);
  expect(before.slice(0, 2).join()).toContain("2958");
  expect(before.slice(0, 2).join()).toContain("4170");
  expect(before[0]).toMatch(/\| \d\.\d\d \| meaning #\d+ \(cosine 0\.\d\d\) · words #\d+ \(.*padlock.*\)$/);
  expect(await page.locator(".grain.found").count()).toBe(5);

  await page.reload();
  await inState(page, "open");
  expect(await page.locator("#welcome").isVisible()).toBe(false);
  expect(await tiers(page)).toEqual([24, 96, 108]);
  expect(await ask(page, question)).toEqual(before);
  // The first asking was counted, and the count was kept.
  expect(await page.locator("#hits .facts").first().innerText()).toContain("recalled 1×");
});

it("keeps what was added and drops what was forgotten", async () => {
  const page = await openExample();
  await add(page, "The heron nests behind the weir");
  await add(page, "The kettle whistles in F sharp");
  await untilTiers(page, [2, 0, 0]);
  const [heron] = await ask(page, "where does the heron nest?");
  expect(heron).toContain("behind the weir");
  await page.locator("#hits .record").filter({ hasText: "heron" }).getByRole("button", { name: "Forget" }).click();
  await untilTiers(page, [1, 0, 0]);
  await page.reload();
  await inState(page, "open");
  expect(await tiers(page)).toEqual([1, 0, 0]);
  expect((await ask(page, "where does the heron nest?")).join()).not.toContain("weir");
  expect((await ask(page, "which note does the kettle whistle?")).join()).toContain("F sharp");
});

it("shows memories sinking and expiring as the clock moves, but not pinned ones", async () => {
  const page = await openExample();
  await add(page, "A note for the next ten minutes", "in 10 minutes");
  await add(page, "The gate sticks in wet weather");
  await add(page, "The pump needs priming");
  await page.locator(".layer.working .grain").nth(2).click();
  await page.locator("#chosen").getByRole("button", { name: "Pin" }).click();
  await page.waitForSelector(".grain.pinned");
  await press(page, "+10 minutes");
  await untilTiers(page, [2, 0, 0]);
  await press(page, "+1 hour");
  await untilTiers(page, [1, 1, 0]);
  await press(page, "+31 days");
  await untilTiers(page, [1, 0, 1]);
  const told = [
    "1 memory expired",
    "1 memory Working → Intermediate: its time there was up",
    "1 memory Intermediate → Long-term: its time there was up",
  ];
  await expect.poll(() => page.locator("#activity li > span").allInnerTexts()).toEqual(expect.arrayContaining(told));

  await page.locator("#chosen").getByRole("button", { name: "Promote" }).click();
  await untilTiers(page, [0, 1, 1]);
  // The clock stays ahead, so that the memory never sees time go back.
  await page.reload();
  await inState(page, "open");
  expect(await page.locator("#ahead").innerText()).toBe("31 days ahead");
  expect(await tiers(page)).toEqual([0, 1, 1]);
});

it("exports a file that brings everything back after starting over", async () => {
  const page = await openExample();
  await load(page);
  const before = await ask(page, question);
  const downloading = page.waitForEvent("download");
  await press(page, "Export");
  const file = join(profile.folder, "export.jsonl");
  await (await downloading).saveAs(file);
  expect(readFileSync(file, "utf8").trim().split("\n")).toHaveLength(229);

  await press(page, "Start over");
  await page.getByRole("dialog").getByRole("button", { name: "Keep them" }).click();
  expect(await tiers(page)).toEqual([24, 96, 108]);
  await press(page, "Start over");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await untilTiers(page, [0, 0, 0]);
  expect(await page.locator("#welcome").isVisible()).toBe(true);

  await page.locator("#import").setInputFiles(file);
  await untilTiers(page, [24, 96, 108]);
  expect(await ask(page, question)).toEqual(before);
  await page.locator("#import").setInputFiles({ name: "bad.jsonl", mimeType: "application/x-ndjson", buffer: Buffer.from('{"stratamem":1}\n{"id":4}\n') });
  await page.waitForSelector(".notice.bad");
  expect(await page.locator(".notice.bad").innerText()).toContain("line 2");
});

it("waits in a second tab, and takes over when the first one closes", async () => {
  const first = await openExample();
  await add(first, "The ladder is in the lane");
  const second = await chrome.open(`${server.origin}/site/`);
  await inState(second, "waiting");
  expect(await second.getByRole("heading", { name: "Open in another tab" }).isVisible()).toBe(true);
  await add(first, "The paint is under the stairs");
  await first.close();
  await inState(second, "open");
  expect(await tiers(second)).toEqual([2, 0, 0]);
});

it("hands the memory over when the other tab asks, and takes it back", async () => {
  const first = await openExample();
  const second = await chrome.open(`${server.origin}/site/`);
  await inState(second, "waiting");
  await first.bringToFront();
  await press(first, "+1 day");
  await press(second, "Use it here instead");
  await inState(second, "open");
  await inState(first, "waiting");
  // The clock that the other tab moved.
  expect(await second.locator("#ahead").innerText()).toBe("24 hours ahead");
  await add(second, "Written in the second tab");
  await press(first, "Use it here instead");
  await inState(first, "open");
  await inState(second, "waiting");
  expect(await tiers(first)).toEqual([1, 0, 0]);
});

it("says so when the browser has no space left, keeps what was typed, and goes on after reopening", async () => {
  const page = await openExample();
  await add(page, "Safe already");
  await page.evaluate(() => {
    const { put } = IDBObjectStore.prototype;
    Object.assign(window, { makeSpace: () => Object.assign(IDBObjectStore.prototype, { put }) });
    IDBObjectStore.prototype.put = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  });
  await page.getByRole("textbox", { name: "What to remember" }).fill("Not stored");
  await press(page, "Remember");
  await inState(page, "failed");
  expect(await page.locator("#failed-code").innerText()).toBe("quota-exceeded");
  await page.evaluate(() => (window as unknown as { makeSpace(): void }).makeSpace());
  await press(page, "Open it again");
  await inState(page, "open");
  expect(await tiers(page)).toEqual([1, 0, 0]);
  expect(await page.getByRole("textbox", { name: "What to remember" }).inputValue()).toBe("Not stored");
  await press(page, "Remember");
  await untilTiers(page, [2, 0, 0]);
});

it("leaves a damaged memory alone until told to delete it", async () => {
  const page = await openExample();
  await add(page, "One");
  await add(page, "Two");
  await page.goto(`${server.origin}/page/blank.html`);
  await page.evaluate(async () => {
    const answer = <T>(request: IDBRequest<T>) => new Promise<T>((resolve) => (request.onsuccess = () => resolve(request.result)));
    const database = await answer(indexedDB.open("stratamem-example"));
    const store = database.transaction("bytes", "readwrite").objectStore("bytes");
    for (const key of await answer(store.getAllKeys())) {
      const bytes = (await answer(store.get(key))) as Uint8Array;
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff;
      await answer(store.put(bytes, key));
    }
    database.close();
  });
  await page.goto(`${server.origin}/site/`);
  await inState(page, "failed");
  expect(await page.locator("#failed-code").innerText()).toBe("corrupt-data");
  await press(page, "Delete it and start over");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await inState(page, "open");
  expect(await tiers(page)).toEqual([0, 0, 0]);
});

it("can be used with the keyboard alone", async () => {
  const page = await openExample();
  await add(page, "First by keyboard");
  await add(page, "Second by keyboard");
  await page.locator('.grain[tabindex="0"]').focus();
  expect(await page.locator('.grain[tabindex="0"]').count()).toBe(1);
  await page.keyboard.press("End");
  expect(await page.locator("#peek").innerText()).toContain("Second by keyboard");
  await page.keyboard.press("ArrowLeft");
  expect(await page.locator("#peek").innerText()).toContain("First by keyboard");
  await page.keyboard.press("Enter");
  expect(await page.locator("#chosen .text").innerText()).toBe("First by keyboard");
});

it("fits a phone without scrolling sideways", async () => {
  const page = await openExample();
  await page.setViewportSize({ width: 360, height: 740 });
  await load(page);
  await ask(page, question);
  await page.locator(".why summary").first().click();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
});
