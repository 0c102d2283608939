// A browser with a profile of its own on disk.

import { mkdtempSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { chromium as chromiumPath } from "../../scripts/chromium.mjs";

/** A running browser. */
export interface Chrome {
  readonly context: BrowserContext;
  /** What any page logged as an error or a warning, or threw and nobody caught. */
  readonly trouble: string[];
  /** A new tab. */
  open(url: string): Promise<Page>;
  /** Ends the browser as a crash would, and answers once its process is gone. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** A new folder for a profile. */
export function makeProfile(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "stratamem-browser-"));
  // Processes of a browser that was just ended may still be writing.
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }) };
}

/** Starts a browser on a profile. */
export async function launch(profile: string): Promise<Chrome> {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    headless: true,
    acceptDownloads: true,
    viewport: { width: 1280, height: 900 },
    reducedMotion: "reduce",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const trouble: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") trouble.push(message.text());
  });
  context.on("weberror", (error) => trouble.push(String(error.error())));
  return {
    context,
    trouble,
    async open(url) {
      const page = await context.newPage();
      await page.goto(url);
      return page;
    },
    async kill() {
      // The link names the host and the process: `host-1234`.
      const pid = Number(readlinkSync(join(profile, "SingletonLock")).split("-").at(-1));
      const gone = new Promise((resolve) => context.once("close", resolve));
      process.kill(pid, "SIGKILL");
      await gone;
      for (const name of ["SingletonLock", "SingletonCookie", "SingletonSocket"]) rmSync(join(profile, name), { force: true });
    },
    close: () => context.close(),
  };
}
