// The package in Firefox: its engine, its embedder, its IndexedDB. Firefox is shown a page that reports; it is not driven.

import { expect, it } from "vitest";
import { findFirefox, showInFirefox } from "../../scripts/firefox.mjs";
import { servePackage } from "./server.js";

/** What `page/report.js` sends. */
interface Report {
  readonly agent: string;
  readonly error?: string;
  readonly locks?: { readonly cases: number; readonly failures: readonly string[] };
  readonly lease?: { readonly cases: number; readonly failures: readonly string[] };
  readonly reopened?: { readonly records: number; readonly best?: string };
}

const firefox = findFirefox();
const how = "no Firefox found: install firefox-esr, or set FIREFOX_PATH";

it.skipIf(!firefox)(`works in Firefox${firefox ? "" : ` (${how})`}`, async () => {
  let told: (report: Report) => void = () => undefined;
  const report = new Promise<Report>((resolve) => (told = resolve));
  const server = await servePackage((message) => told(message as Report));
  const shown = showInFirefox(firefox as string, `${server.origin}/page/report.html`);
  try {
    const { agent, error, locks, lease, reopened } = await report;
    expect(error).toBeUndefined();
    expect(agent).toContain("Firefox/");
    expect(locks?.failures).toEqual([]);
    expect(lease?.failures).toEqual([]);
    expect(Math.min(locks?.cases ?? 0, lease?.cases ?? 0)).toBeGreaterThan(30);
    expect(reopened).toEqual({ records: 3, best: "The spare key hangs behind the clock" });
  } finally {
    await shown.close();
    await server.stop();
  }
}, 120_000);
