// What tests find in a page of `page/index.html`: the package, as `window.workbench`.

import type { Page } from "playwright-core";
import type { Chrome } from "./chrome.js";

/** The package in the page. */
export type Workbench = typeof import("stratamem") &
  Pick<typeof import("stratamem/storage/indexeddb"), "indexedDb"> &
  Pick<typeof import("stratamem/testing"), "runStorageConformance">;

declare global {
  interface Window {
    workbench: Workbench;
  }
}

/** A new tab with the package in it. */
export async function openWorkbench(chrome: Chrome, origin: string): Promise<Page> {
  const page = await chrome.open(`${origin}/page/`);
  await page.waitForFunction(() => "workbench" in window);
  return page;
}
