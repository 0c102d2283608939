// Whatever the documents show as code must be true: the README's programs run, the examples in doc comments compile.

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { bin, makeScratch, root, type Scratch } from "./scratch.js";

// Each test starts other programs.
vi.setConfig({ testTimeout: 60_000 });

let scratch: Scratch;
beforeAll(() => {
  scratch = makeScratch();
}, 60_000);
afterAll(() => scratch?.remove());

/** Parts that users cannot import. */
const internal = /generated|^internal|^storage\/batch\.ts$/;

/** What examples may use without saying where it comes from, where they are compiled. */
const known: Record<string, string> = {
  memory: `declare const memory: import("stratamem").Memory;`,
  record: `declare const record: import("stratamem").MemoryRecord;`,
  id: "declare const id: string;",
  outdated: "declare const outdated: string;",
  texts: "declare const texts: readonly string[];",
  extract: `declare const extract: import("stratamem/embedders/transformers-js").FeatureExtractionLike;`,
  openAiCompatible: `import { openAiCompatible } from "stratamem/embedders/openai-compatible";`,
  cohere: `import { cohere } from "stratamem/embedders/cohere";`,
  ollama: `import { ollama } from "stratamem/embedders/ollama";`,
  transformersJs: `import { transformersJs } from "stratamem/embedders/transformers-js";`,
  withRetry: `import { withRetry } from "stratamem/embedders/resilience";`,
  withRateLimit: `import { withRateLimit } from "stratamem/embedders/resilience";`,
  withCircuitBreaker: `import { withCircuitBreaker } from "stratamem/embedders/resilience";`,
  withFallback: `import { withFallback } from "stratamem/embedders/resilience";`,
  callMyModel: "declare function callMyModel(texts: readonly string[]): Promise<number[][]>;",
  inner: `declare const inner: import("stratamem").Storage;`,
  storage: `declare const storage: import("stratamem/testing").FaultStorage;`,
  writes: `declare const writes: readonly import("stratamem/testing").RecordedWrite[];`,
  place: `declare const place: import("stratamem/storage/memory").MemoryPlace;`,
  make: `declare const make: () => Promise<import("stratamem/testing").StorageFixture>;`,
  workload: `declare function workload(storage: import("stratamem").Storage): Promise<void>;`,
  check: `declare function check(storage: import("stratamem").Storage): Promise<void>;`,
  myModel: "declare function myModel(prompt: string): Promise<string>;",
  test: "declare function test(name: string, run: () => unknown): void;",
  file: "declare const file: { write(text: string): void };",
  readFile: `import { readFile } from "node:fs/promises";`,
  mkdtemp: `import { mkdtemp } from "node:fs/promises";`,
  rm: `import { rm } from "node:fs/promises";`,
  join: `import { join } from "node:path";`,
  tmpdir: `import { tmpdir } from "node:os";`,
  nodeFs: `import { nodeFs } from "stratamem/storage/node-fs";`,
  memoryStorage: `import { memoryStorage } from "stratamem/storage/memory";`,
  indexedDb: `import { indexedDb } from "stratamem/storage/indexeddb";`,
  memoryPlace: `import { memoryPlace } from "stratamem/storage/memory";`,
  faultStorage: `import { faultStorage } from "stratamem/testing";`,
  fakeEmbedder: `import { fakeEmbedder } from "stratamem/testing";`,
  manualClock: `import { manualClock } from "stratamem/testing";`,
  gate: "declare const gate: Promise<void>;",
  nthWrite: `import { nthWrite } from "stratamem/testing";`,
  replay: `import { replay } from "stratamem/testing";`,
  storageConformance: `import { storageConformance } from "stratamem/testing";`,
  runStorageConformance: `import { runStorageConformance } from "stratamem/testing";`,
  createError: `import { createError } from "stratamem";`,
  openMemory: `import { openMemory } from "stratamem";`,
  estimateTokens: `import { estimateTokens } from "stratamem";`,
  estimate: `import { estimate } from "stratamem";`,
  keepMaintained: `import { keepMaintained } from "stratamem";`,
  staticEmbedder: `import { staticEmbedder } from "stratamem";`,
  MemoryError: `import { MemoryError } from "stratamem";`,
  Filter: `import type { Filter } from "stratamem";`,
  Embedder: `import type { Embedder } from "stratamem";`,
  Summarize: `import type { Summarize } from "stratamem";`,
  Storage: `import type { Storage } from "stratamem";`,
};

interface Example {
  readonly name: string;
  readonly code: string;
}

/** The page whose adapter is built and put through the conformance suite from block to block. */
const adapters = "docs/STORAGE.md";

/** The examples in the doc comments of a file. */
function examplesOf(file: string): Example[] {
  const found: Example[] = [];
  for (const [comment] of readFileSync(file, "utf8").matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    const lines = comment.slice(3, -2).split("\n").map((line) => line.replace(/^\s*\* ?/, "").trimEnd());
    for (const part of lines.join("\n").split(/^@/m)) {
      if (part.startsWith("example")) found.push({ name: relative(root, file), code: part.slice("example".length).replaceAll("```ts", "").replaceAll("```", "").trim() });
    }
  }
  return found;
}

function blocksOf(file: string): Example[] {
  const found = [...readFileSync(join(root, file), "utf8").matchAll(/^```ts\n([\s\S]*?)^```/gm)];
  return found.map(([, code], index) => ({ name: `${file}, block ${index + 1}`, code: code as string }));
}

/** The blocks of a page on which each builds on those before it. */
function wholeOf(file: string): Example {
  return { name: file, code: blocksOf(file).map(({ code }) => code).join("\n") };
}

/** An example as a module of its own: its imports, what it takes for granted, its body in a function. */
function asModule({ name, code }: Example): string {
  const imports = code.match(/^import .*$/gm) ?? [];
  const body = code.replace(/^import .*$/gm, "").trim();
  const declared = new Set([...code.matchAll(/\b(?:const|let|function|class)\s+(?:\[\s*)?(?:\{\s*)?(\w+)/g)].map(([, one]) => one));
  const taken = Object.entries(known).filter(([word]) => new RegExp(`(?<![.\\w"'/])${word}\\b(?!["':])`).test(body) && !declared.has(word) && !imports.some((line) => new RegExp(`\\b${word}\\b`).test(line)));
  const exported = /^export /m.test(body);
  return [`// ${name}`, ...imports, ...taken.map(([, line]) => line), exported ? body : `export async function example() {\n${body}\n}`].join("\n");
}

/** An example of the guide as a program of its own, with a memory and a record in it if it takes them for granted. */
function asProgram(code: string): string {
  const takes = (word: string): boolean => new RegExp(`\\b${word}\\b`).test(code) && !code.includes(`const ${word} =`);
  const record = `const id = await memory.add("The beans need water");\n`;
  const opened = `import { openMemory as openOne } from "stratamem";\nconst memory = await openOne();\n${takes("id") ? record : ""}`;
  return (takes("memory") ? opened : "") + code;
}

const tsconfig = {
  compilerOptions: {
    ...{ target: "ES2022", module: "NodeNext", moduleResolution: "NodeNext", strict: true, noEmit: true, skipLibCheck: true },
    ...{ lib: ["ES2022", "ESNext.Disposable", "DOM", "DOM.AsyncIterable"], types: ["node"], typeRoots: [join(root, "node_modules", "@types")] },
  },
};

describe("documents", () => {
  it("show code that compiles", () => {
    const sources = readdirSync(join(root, "js/src"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts") && !internal.test(name));
    const pages = ["README.md", ...readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];
    const blocks = pages.flatMap((name) => (name === adapters ? wholeOf(name) : blocksOf(name)));
    const examples = [...sources.flatMap((name) => examplesOf(join(root, "js/src", name))), ...blocks];
    expect(examples.length).toBeGreaterThan(20);
    for (const [index, example] of examples.entries()) scratch.write(`examples/${String(index).padStart(3, "0")}.mts`, asModule(example));
    scratch.write("examples.json", JSON.stringify({ ...tsconfig, include: ["examples"] }));
    scratch.run(bin("tsc"), "-p", "examples.json");
  });

  const readme = blocksOf("README.md").filter(({ code }) => code.includes("openMemory(") && !code.includes("indexedDb"));
  const guide = ["docs/GUIDE.md", "docs/QUERIES.md", "docs/EMBEDDERS.md", "docs/CONTEXT.md"].flatMap(blocksOf).map(({ name, code }) => ({ name, code: asProgram(code) }));
  it.each([...readme, ...guide, wholeOf(adapters)])("$name runs", ({ code }) => {
    scratch.write("program.mts", code);
    scratch.run(bin("esbuild"), "program.mts", "--outfile=program.mjs", "--format=esm", "--target=node20", "--log-level=error");
    const printed = scratch.run("node", "program.mjs").trim().split("\n");
    // What a line says it prints behind a console.log, it prints.
    const claims = [...code.matchAll(/^.*console\.log\(.*\/\/ (.*)$/gm)].map(([, claim]) => claim);
    expect(printed).toEqual(expect.arrayContaining(claims));
  });

  it("has programs in the README and in the guide", () => {
    expect(readme.length).toBeGreaterThanOrEqual(1);
    expect(guide.length).toBeGreaterThan(20);
  });

  it("name every file of the code on the map, in its folder, and none that is not there", () => {
    const [, map = ""] = readFileSync(join(root, "docs/ARCHITECTURE.md"), "utf8").split("\n## Folders\n");
    const named = (map.split("\n## ")[0] as string).split("\n### ").flatMap((section) => {
      const folder = /^`(.+)`\n/.exec(section)?.[1];
      const files = [...section.matchAll(/^- (`[^:]+):/gm)].flatMap(([, names]) => (names as string).split(", "));
      return folder === undefined ? [] : files.map((name) => `${folder}/${name.replaceAll("`", "")}`);
    });
    const filesOf = (folder: string, ending: string): string[] =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(ending) && !/(^|\/)(generated|evaluation)\//.test(name)).map((name) => `${folder}/${name}`);
    const there = [...filesOf("crates/core/src", ".rs"), ...filesOf("crates/wasm/src", ".rs"), ...filesOf("js/src", ".ts")];
    expect(there.filter((name) => !named.includes(name) && !name.endsWith("/mod.rs"))).toEqual([]);
    expect(named.filter((name, index) => !there.includes(name) || named.indexOf(name) !== index)).toEqual([]);
  });

  it("name every page and every folder of tests in CONTRIBUTING", () => {
    const layout = readFileSync(join(root, "CONTRIBUTING.md"), "utf8").split("## Layout")[1]?.split("\n\n")[1] ?? "";
    const pages = readdirSync(join(root, "docs")).map((name) => name.replace(/\.md$/, ""));
    const folders = readdirSync(join(root, "tests"), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
    expect([...pages, ...folders].filter((name) => !new RegExp(`\\b${name}\\b`).test(layout))).toEqual([]);
  });

  it("only point at files that exist", () => {
    const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];
    const broken: string[] = [];
    for (const page of pages) {
      for (const [, target] of readFileSync(join(root, page), "utf8").matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)) {
        try {
          readFileSync(join(root, page, "..", target as string));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EISDIR") broken.push(`${page} → ${target}`);
        }
      }
    }
    expect(broken).toEqual([]);
  });
});
