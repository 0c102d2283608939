// For browsers that are shown a page and not driven: tries what the package needs of a browser, and sends what came of it.

import { openMemory } from "/dist/esm/entry/browser.js";
import { indexedDb } from "/dist/esm/storage/indexeddb.js";
import { runStorageConformance } from "/dist/esm/testing/index.js";

const deleted = (name) =>
  new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });

/** What the conformance suite finds wrong with IndexedDB, and how many cases it tried. */
async function conformance(kind, options) {
  let places = 0;
  const report = await runStorageConformance(async () => {
    places += 1;
    const name = `conformance ${kind} ${places}`;
    return { open: () => indexedDb(name, options), shareable: true, teardown: () => deleted(name) };
  });
  return { cases: report.length, failures: report.filter(({ error }) => error !== undefined).map(({ name, error }) => `${name}: ${error}`) };
}

/** Adds with the built-in embedder, closes, opens again and asks. */
async function reopened() {
  const texts = ["The ferry leaves at nine", "Ada prefers metric units", "The spare key hangs behind the clock"];
  const first = await openMemory({ storage: indexedDb("report") });
  await first.addMany(texts);
  await first.close();
  const memory = await openMemory({ storage: indexedDb("report") });
  const [best] = await memory.recall("where is the key?");
  const { records } = memory.opened;
  await memory.close();
  return { records, best: best?.text };
}

const report = { agent: navigator.userAgent };
try {
  report.locks = await conformance("Web Locks", {});
  report.lease = await conformance("a lease", { locks: false });
  report.reopened = await reopened();
} catch (error) {
  report.error = `${error.name}: ${error.message}`;
}
await fetch("/heard", { method: "POST", body: JSON.stringify(report) });
