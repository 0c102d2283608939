// Measures search by vector in a page of real browsers, beside a plain scan in the same page.
//
//   npm run bench:browser [-- --vectors FILE --dimensions 384] [--sizes 1000,10000,100000] [--browsers chromium,firefox]
//                         [--passes 3] [--json]
//
// FILE as for `npm run bench:peers`; without one, sentences by the built-in model static-256. A browser that is not
// installed is named and left out. The page sends its figures back, so that no driver is needed.

import { spawn } from "node:child_process";
import { createReadStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findChromium } from "../../scripts/chromium.mjs";
import { findFirefox, showInFirefox } from "../../scripts/firefox.mjs";
import { vectorFile, vectorOptions } from "../vector-file.mjs";

const { values } = parseArgs({
  options: {
    ...vectorOptions,
    sizes: { type: "string", default: "1000,10000,100000" },
    browsers: { type: "string", default: "chromium,firefox" },
    passes: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
  },
});
const QUESTIONS = 200;
/** A page that says nothing for so long has failed. */
const SILENCE_MS = 300_000;

const root = fileURLToPath(new URL("../..", import.meta.url));
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const isolated = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

function showInChromium(executable, url) {
  const folder = mkdtempSync(join(tmpdir(), "stratamem-chromium-"));
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const child = spawn(executable, [...flags, `--user-data-dir=${folder}`, url], { stdio: "ignore", detached: true });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  return {
    async close() {
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
}

const browsers = {
  chromium: { find: findChromium, show: showInChromium },
  firefox: { find: findFirefox, show: showInFirefox },
};

const data = await vectorFile(values, Math.max(...values.sizes.split(",").map(Number)) + QUESTIONS);
const job = { width: data.width, sizes: values.sizes.split(",").map(Number), questions: QUESTIONS, passes: Number(values.passes) };
let heard = () => {};
const server = createServer(async (request, response) => {
  const path = new URL(request.url, "http://local").pathname;
  if (request.method === "POST") {
    const parts = [];
    for await (const part of request) parts.push(part);
    response.writeHead(204).end();
    heard(JSON.parse(Buffer.concat(parts).toString()));
    return;
  }
  if (path === "/job") return response.writeHead(200, { "content-type": "application/json", ...isolated }).end(JSON.stringify(job));
  if (path === "/vectors") {
    response.writeHead(200, { "content-length": statSync(data.path).size, ...isolated });
    return createReadStream(data.path).pipe(response);
  }
  const file = /^\/(dist|bench)\//.test(path) ? join(root, normalize(path)) : "/nowhere";
  return readFile(file).then(
    (body) => response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream", ...isolated }).end(body),
    () => response.writeHead(404).end(),
  );
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const url = `http://127.0.0.1:${server.address().port}/bench/browser/page.html`;

/** Shows the page, and answers what it measured; a page that fails or falls silent is an error. */
async function measured(name, executable) {
  const shown = browsers[name].show(executable, url);
  const results = [];
  try {
    return await new Promise((resolve, reject) => {
      let timer;
      const wait = () => {
        clearTimeout(timer);
        timer = setTimeout(() => reject(new Error(`nothing came from ${name} for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
      };
      wait();
      heard = ({ result, error, done, agent }) => {
        wait();
        if (result) results.push(result);
        if (result) console.error(`${name}, ${result.count} vectors`);
        if (!error && !done) return;
        clearTimeout(timer);
        if (error) reject(new Error(`${name}: ${error}`));
        else resolve({ browser: name, agent, results });
      };
    });
  } finally {
    await shown.close();
  }
}

const reports = [];
let failed = false;
for (const name of values.browsers.split(",")) {
  const executable = browsers[name]?.find();
  if (!executable) {
    console.error(`${name}: left out, it is not installed`);
    continue;
  }
  try {
    reports.push(await measured(name, executable));
  } catch (error) {
    console.error(error.message);
    failed = true;
  }
}
server.close();
server.closeAllConnections();
data.remove();

if (values.json) console.log(JSON.stringify({ set: data.set, ...job, reports }, null, 1));
else {
  const ms = (value) => value.toFixed(3);
  console.log("| browser | vectors | way | recall@10 | p50 ms | p95 ms | plain ms | of plain | outside ms | added, us each | open ms |");
  console.log("|---|---|---|---|---|---|---|---|---|---|---|");
  for (const { browser, results } of reports) {
    for (const { count, ways, plain, outside, each, open } of results) {
      for (const { way, recall, p50, p95 } of ways) {
        const cells = [browser, count, way, recall.toFixed(4), ms(p50), ms(p95), ms(plain), ms(p50 / plain), ms(outside), each.toFixed(1), open.toFixed(0)];
        console.log(`| ${cells.join(" | ")} |`);
      }
    }
  }
}
if (failed) process.exitCode = 1;
