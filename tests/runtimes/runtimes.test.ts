// The same memory opens everywhere: what Node wrote is read, with the same ids and scores to the last bit, and written
// on by Bun, Deno, workerd and a browser. A runtime that is missing fails the test.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { chromium as chromiumPath } from "../../scripts/chromium.mjs";
import { pack, unpack } from "./conversation.mjs";

// Each test starts several processes.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

type Packed = Record<string, string>;

interface Answer {
  readonly qid: string;
  readonly hits: readonly { readonly id: string; readonly score: number; readonly source: string }[];
}

interface Carried {
  readonly answers: Answer[];
  readonly written: Packed;
  readonly grown: Packed;
  readonly id: string;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const host = join(root, "tests", "runtimes", "host.mjs");
const data = join(root, "examples", "data", "allotment");
const lines = (name: string): any[] => readFileSync(join(data, `${name}.jsonl`), "utf8").trim().split("\n").map((line) => JSON.parse(line));
const turns = lines("turns");
const questions: { qid: string; evidence: string[]; category_name: string }[] = lines("questions");
const bin = (name: string): string => join(root, "node_modules", ".bin", name);

const commands = {
  node: [process.execPath],
  bun: [bin("bun"), "run"],
  deno: [bin("deno"), "run", "--no-prompt", "--allow-read", "--allow-write", "--no-config", "--no-lock"],
} as const;
type Runtime = keyof typeof commands;
const others: readonly Runtime[] = ["bun", "deno"];

/** Runs the host script in a runtime. */
function run<T>(runtime: Runtime, ...args: string[]): T {
  const [command, ...before] = commands[runtime];
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };
  const printed = execFileSync(command, [...before, host, ...args], { cwd: scratch, encoding: "utf8", env, timeout: 60_000 });
  const said = JSON.parse(printed) as { runtime: string; result: T };
  expect(said.runtime).toBe(runtime);
  return said.result;
}

/** The objects in a folder: its files without those of the lock. */
function objectsIn(folder: string): Packed {
  const keys = readdirSync(folder).filter((name) => !name.includes(".")).sort();
  return pack(new Map(keys.map((key) => [key, readFileSync(join(folder, key))])));
}

function copyOf(folder: string, name: string): string {
  const copy = join(scratch, name);
  cpSync(folder, copy, { recursive: true });
  return copy;
}

/** A folder with these objects. */
function folderOf(objects: Packed, name: string): string {
  const folder = join(scratch, name);
  mkdirSync(folder);
  for (const [key, bytes] of unpack(objects)) writeFileSync(join(folder, key), bytes);
  return folder;
}

let scratch: string;
/** The folder that Node wrote. */
let original: string;
/** What Node answers from it. */
let expected: Answer[];

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "stratamem-runtimes-"));
  original = join(scratch, "original");
  run("node", "write", original, data);
  expected = run("node", "ask", original, data);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it("Node's own answers are worth comparing", () => {
  expect(expected.map(({ qid }) => qid)).toEqual(questions.map(({ qid }) => qid));
  expect(expected.every(({ hits }) => hits.length === 10)).toBe(true);
  const found = questions.filter(({ evidence }, index) => evidence.some((id) => expected[index]?.hits.some(({ source }) => source === id)));
  expect(found.length).toBeGreaterThan(questions.length / 2);
  expect(Object.keys(objectsIn(original)).map((key) => key.split("-")[0])).toEqual(expect.arrayContaining(["log", "manifest", "segment"]));
});

describe.each(others)("%s", (runtime) => {
  it("answers as Node does from the folder that Node wrote", () => {
    const folder = copyOf(original, `${runtime}-reads`);
    expect(run(runtime, "ask", folder, data)).toEqual(expected);
    expect(objectsIn(folder)).toEqual(objectsIn(original));
  });

  it("writes the bytes that Node writes", () => {
    const folder = join(scratch, `${runtime}-writes`);
    run(runtime, "write", folder, data);
    expect(objectsIn(folder)).toEqual(objectsIn(original));
  });
});

it("a folder that Bun and then Deno added to holds both additions in Node, and answers the same in all three", () => {
  const folder = copyOf(original, "shared");
  const added = others.map((runtime) => ({ runtime, id: run<string>(runtime, "add", folder, runtime) }));
  const found = herons(folder);
  expect(found).toEqual(expect.arrayContaining(added));
  expect(found.length).toBe(2);
  const answers = run<Answer[]>("node", "ask", folder, data);
  for (const runtime of others) expect(run(runtime, "ask", folder, data)).toEqual(answers);
});

/** The additions that Node finds in a folder. */
function herons(folder: string): { runtime: string; id: string }[] {
  const asked = join(scratch, "heron");
  mkdirSync(asked, { recursive: true });
  writeFileSync(join(asked, "questions.jsonl"), JSON.stringify({ qid: "heron", question: "who has seen the heron again?" }));
  const [answer] = run<Answer[]>("node", "ask", folder, asked);
  const additions = answer?.hits.filter(({ source }) => !/^D\d/.test(source)) ?? [];
  return additions.map(({ source, id }) => ({ runtime: source, id }));
}

/** Checks what a runtime without folders came to. */
function expectCarried(runtime: string, carried: Carried): void {
  expect(carried.answers).toEqual(expected);
  expect(carried.written).toEqual(objectsIn(original));
  expect(herons(folderOf(carried.grown, `${runtime}-grown`))).toEqual([{ runtime, id: carried.id }]);
}

describe("workerd", () => {
  it("answers as Node does from the objects that Node wrote, writes the same bytes, and Node finds what it added", async () => {
    const miniflare = new Miniflare({
      modules: true,
      scriptPath: join(root, "tests", "runtimes", "worker.mjs"),
      modulesRoot: root,
      modulesRules: [
        { type: "ESModule", include: ["**/*.js", "**/*.mjs"] },
        { type: "CompiledWasm", include: ["**/*.wasm"] },
      ],
      ...{ compatibilityDate: "2026-04-01", host: "127.0.0.1", cf: false },
    });
    try {
      const input = { objects: objectsIn(original), turns, questions, runtime: "workerd" };
      const response = await miniflare.dispatchFetch("http://worker/", { method: "POST", body: JSON.stringify(input) });
      expect(response.status, response.ok ? "" : await response.clone().text()).toBe(200);
      expectCarried("workerd", (await response.json()) as Carried);
    } finally {
      await miniflare.dispose();
    }
  });
});

describe("Chromium", () => {
  it("answers as Node does from the objects that Node wrote, writes the same bytes, and Node finds what it added", async () => {
    const types: Record<string, string> = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
    const served = /^\/(dist|tests\/runtimes)\/[\w./-]+$/;
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://page");
      if (pathname === "/") {
        response.writeHead(200, { "content-type": "text/html" }).end(`<!doctype html><script type="module" src="/tests/runtimes/page.mjs"></script>`);
        return;
      }
      try {
        if (!served.test(pathname)) throw new Error("not for the page");
        const body = readFileSync(join(root, pathname));
        response.writeHead(200, { "content-type": types[extname(pathname)] ?? "application/octet-stream" }).end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const browser = await chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] });
    try {
      const page = await browser.newPage();
      const trouble: string[] = [];
      page.on("pageerror", (error) => trouble.push(error.message));
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { waitUntil: "load" });
      expect(trouble).toEqual([]);
      const input = { objects: objectsIn(original), turns, questions, runtime: "chromium" };
      const carried = await page.evaluate((given) => (globalThis as unknown as { carry(input: object): Promise<Carried> }).carry(given), input);
      expectCarried("chromium", carried);
    } finally {
      await browser.close();
      server.close();
    }
  });
});
