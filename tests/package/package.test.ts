// The packed package, as a user gets it: its shape, its types, and its work in Node and in bundles.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromium as chromiumPath } from "../../scripts/chromium.mjs";
import { bin, makeScratch, root, type Scratch } from "./scratch.js";

let scratch: Scratch;
beforeAll(() => {
  scratch = makeScratch();
}, 60_000);
afterAll(() => scratch?.remove());

const installed = (): string => join(scratch.folder, "node_modules", "stratamem");

/** Uses a memory and prints one line. */
const use = `
const memory = await openMemory();
const id = await memory.add("Ada prefers metric units", { actor: "Ada", metadata: { topic: "units" } });
await memory.add("The harbour opens at nine");
const [best] = await memory.recall("which units should I use?", { filter: { topic: "units" } });
if (best.id !== id) throw new Error("recalled something else");
await memory.close();
const say = "recalled: " + best.text;
`;
const answer = "recalled: Ada prefers metric units";

describe("the packed files", () => {
  it("are the built ones, the licences and the documents, and nothing else", () => {
    const top = readdirSync(installed()).sort();
    expect(top).toEqual(["CHANGELOG.md", "CONTRIBUTING.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "dist", "docs", "examples", "models", "package.json"]);
    expect(readdirSync(join(installed(), "models")).sort()).toEqual(["LICENSE-APACHE", "NOTICE"]);
    const files = readdirSync(join(installed(), "dist"), { recursive: true, encoding: "utf8" });
    expect(files.filter((name) => statSync(join(installed(), "dist", name)).isFile() && !/\.(js|d\.ts|json|wasm|bin)$|NOTICE$|THIRD-PARTY\.txt$/.test(name))).toEqual([]);
  });

  it("hold what the README and the changes link to", () => {
    const missing: string[] = [];
    for (const page of ["README.md", "CHANGELOG.md"]) {
      const targets = [...readFileSync(join(installed(), page), "utf8").matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target]) => target as string);
      expect(targets).not.toEqual([]);
      missing.push(...targets.filter((target) => !existsSync(join(installed(), target))));
    }
    expect(missing).toEqual([]);
  });

  it("are taken from the repository that the package names, as its crates do", () => {
    const { repository, homepage, bugs } = JSON.parse(readFileSync(join(installed(), "package.json"), "utf8"));
    const [, url] = /^repository = "(.*)"$/m.exec(readFileSync(join(root, "Cargo.toml"), "utf8")) ?? [];
    expect({ repository, homepage, bugs }).toEqual({ repository: { type: "git", url: `git+${url}.git` }, homepage: `${url}#readme`, bugs: { url: `${url}/issues` } });
  });

  it("take as much room as the README says", () => {
    const [, packed, unpacked] = /(\d+\.\d) MB packed, (\d+\.\d) MB unpacked/.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
    const files = readdirSync(installed(), { recursive: true, encoding: "utf8" }).map((name) => statSync(join(installed(), name)));
    const bytes = files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
    expect(Math.abs(statSync(scratch.tarball).size / 1e6 - Number(packed))).toBeLessThanOrEqual(0.2);
    expect(Math.abs(bytes / 1e6 - Number(unpacked))).toBeLessThanOrEqual(0.3);
  });

  it("name the works of others that they contain", () => {
    const text = readFileSync(join(installed(), "dist/assets/THIRD-PARTY.txt"), "utf8");
    for (const name of ["wasm-bindgen", "unicode-normalization", "postcard", "rust-stemmers", "tracing-wasm"]) expect(text).toMatch(new RegExp(`^${name} \\d`, "m"));
    expect(text).toContain("Permission is hereby granted");
  });

  it("need no other package", () => {
    const manifest = JSON.parse(readFileSync(join(installed(), "package.json"), "utf8"));
    expect(manifest.dependencies).toBeUndefined();
    expect(readdirSync(join(scratch.folder, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["stratamem"]);
  });

  it("hold an engine that stays within its budget of 870 KB gzipped", () => {
    const packed = execFileSync("gzip", ["-9c", join(installed(), "dist/assets/engine.wasm")], { maxBuffer: 1 << 24 });
    expect(packed.length).toBeLessThanOrEqual(870_000);
  });

  it("pass publint", () => {
    expect(scratch.run(bin("publint"), installed(), "--strict")).toContain("All good!");
  });

  it("have types that resolve wherever their entry exists", { timeout: 60_000 }, () => {
    const files = ["./engine.wasm", "./worker", "./models/static-128.bin", "./models/static-256.bin"];
    scratch.run(bin("attw"), scratch.tarball, "--exclude-entrypoints", ...files);
  });
});

describe("in Node", () => {
  it("works by import", () => {
    scratch.write("import.mjs", `import { openMemory } from "stratamem";\n${use}\nconsole.log(say);`);
    expect(scratch.run("node", "import.mjs").trim()).toBe(answer);
  });

  it("works by require", () => {
    scratch.write("require.cjs", `const { openMemory } = require("stratamem");\n(async () => {\n${use}\nconsole.log(say);\n})();`);
    expect(scratch.run("node", "require.cjs").trim()).toBe(answer);
  });

  it("recognises its errors across both", () => {
    scratch.write(
      "both.mjs",
      `import { createRequire } from "node:module";
       import { ValidationError } from "stratamem";
       const { openMemory, MemoryError } = createRequire(import.meta.url)("stratamem");
       const memory = await openMemory({ embedder: false });
       const error = await memory.add("").catch((thrown) => thrown);
       console.log(error instanceof ValidationError, error instanceof MemoryError, error.code);`,
    );
    expect(scratch.run("node", "both.mjs").trim()).toBe("true true invalid-argument");
  });

  it("keeps a memory in a folder, by every subpath", () => {
    scratch.write(
      "folder.mjs",
      `import { createRequire } from "node:module";
       import { openMemory } from "stratamem/inline";
       import { nodeFs } from "stratamem/storage/node-fs";
       import "stratamem/storage/memory"; import "stratamem/storage/indexeddb"; import "stratamem/testing";
       for (const part of ["openai-compatible", "cohere", "ollama", "transformers-js", "resilience"]) {
         const [imported, required] = [await import("stratamem/embedders/" + part), createRequire(import.meta.url)("stratamem/embedders/" + part)];
         const names = Object.keys(required).filter((name) => typeof required[name] === "function");
         if (names.length === 0 || names.some((name) => typeof imported[name] !== "function")) throw new Error(part);
       }
       for (const round of [1, 2]) {
         const memory = await openMemory({ storage: nodeFs("./agent-memory") });
         await memory.add("note " + round);
         console.log((await memory.stats()).records);
         await memory.close();
       }`,
    );
    expect(scratch.run("node", "folder.mjs").trim().split("\n")).toEqual(["1", "2"]);
  });

  it("takes its assets from the caller in the slim entry", () => {
    scratch.write(
      "slim.mjs",
      `import { readFileSync } from "node:fs";
       import { openMemory, provideAssets } from "stratamem/slim";
       const bytes = (name) => readFileSync(new URL(import.meta.resolve("stratamem/" + name)));
       const early = await openMemory().catch((error) => error);
       if (early.details.field !== "engine") throw early;
       provideAssets({ engine: () => new WebAssembly.Module(bytes("engine.wasm")), model: (name) => bytes("models/" + name + ".bin") });
       ${use}
       console.log(say);`,
    );
    expect(scratch.run("node", "slim.mjs").trim()).toBe(answer);
  });
});

// Each of these runs the type-checker.
describe("for TypeScript", { timeout: 60_000 }, () => {
  const program = `
    import { openMemory, MemoryError, type Embedder, type Filter, type Hit, type Storage } from "stratamem";
    import { cohere } from "stratamem/embedders/cohere";
    import { ollama } from "stratamem/embedders/ollama";
    import { openAiCompatible } from "stratamem/embedders/openai-compatible";
    import { withCircuitBreaker, withFallback, withRateLimit, withRetry } from "stratamem/embedders/resilience";
    import { transformersJs } from "stratamem/embedders/transformers-js";
    import { nodeFs } from "stratamem/storage/node-fs";
    import { indexedDb } from "stratamem/storage/indexeddb";
    import { memoryStorage } from "stratamem/storage/memory";
    import { storageConformance } from "stratamem/testing";
    import { provideAssets } from "stratamem/slim";
    export async function main(): Promise<Hit | undefined> {
      const storage: Storage = Math.random() > 2 ? indexedDb("x") : Math.random() > 2 ? memoryStorage() : nodeFs("./m");
      const services: readonly Embedder[] = [cohere({ model: "m" }), withRateLimit(ollama({ model: "m" }), { calls: 1 }), withRetry(openAiCompatible({ model: "m" }))];
      const model = transformersJs(async (texts) => ({ data: new Float32Array(4 * texts.length), dims: [texts.length, 4] }), { model: "m" });
      // @ts-expect-error an embedder is not a number
      withCircuitBreaker(5);
      await openMemory({ embedder: withFallback([...services, model]), onModelChange: "reembed", embeddingCache: { texts: "all" } });
      await using memory = await openMemory({ storage, embedder: async (texts) => texts.map(() => new Float32Array(4)) });
      const filter: Filter = { topic: "units", $importance: { $gte: 0.5 } };
      interface Note { topic: string; parts?: readonly Note[] }
      const note: Note = { topic: "units" };
      const id: string = await memory.add("text", { metadata: note, importance: undefined });
      // @ts-expect-error what JSON cannot say is refused
      await memory.add("text", { metadata: { say: () => "hello" } });
      // @ts-expect-error a misspelt option is refused
      await memory.add("text", { importnce: 1 });
      for await (const record of memory.list({ filter })) console.log(record.id === id);
      try { return (await memory.recall("x", { filter }))[0]; }
      catch (error) { if (error instanceof MemoryError && error.code === "aborted") return undefined; throw error; }
    }
    void storageConformance; void provideAssets;`;
  const settings = (module: string, resolution: string) => ({
    compilerOptions: {
      ...{ target: "ES2022", module, moduleResolution: resolution, strict: true, exactOptionalPropertyTypes: true, noEmit: true },
      ...{ lib: ["ES2022", "ESNext.Disposable", "DOM"], types: ["node"], typeRoots: [join(root, "node_modules", "@types")] },
    },
  });
  it.each([
    ["NodeNext", "NodeNext", "use.mts"],
    ["NodeNext", "NodeNext", "use.cts"],
    ["ESNext", "Bundler", "use.ts"],
    ["CommonJS", "node10", "use.ts"],
  ])("type-checks with %s and %s in %s", (module, resolution, file) => {
    scratch.write(file, program);
    scratch.write(`${file}.json`, JSON.stringify({ ...settings(module, resolution), files: [file] }));
    scratch.run(bin("tsc"), "-p", `${file}.json`);
  });

  const hosted = `
    import { openMemory } from "stratamem";
    import { nodeFs } from "stratamem/storage/node-fs";
    import "stratamem/inline"; import "stratamem/storage/memory"; import "stratamem/testing";
    void openMemory({ storage: nodeFs("./m") });`;
  const whole = `${hosted}\nimport "stratamem/slim"; import "stratamem/storage/indexeddb";`;
  it.each([
    ["the types of Node alone", ["node"], ["ES2022"], hosted],
    ["the types of browsers alone", [], ["ES2022", "DOM"], whole],
    ["both", ["node"], ["ES2022", "DOM"], whole],
  ])("has declarations that are whole with %s", (_name, types, lib, text) => {
    const { compilerOptions } = settings("NodeNext", "NodeNext");
    scratch.write("whole.mts", text);
    scratch.write("whole.json", JSON.stringify({ compilerOptions: { ...compilerOptions, types, lib, skipLibCheck: false }, files: ["whole.mts"] }));
    scratch.run(bin("tsc"), "-p", "whole.json");
  });

  it("has no declaration that is broken, nor one of what is internal to a class", () => {
    const { compilerOptions } = settings("NodeNext", "NodeNext");
    scratch.write("every.json", JSON.stringify({ compilerOptions: { ...compilerOptions, skipLibCheck: false }, include: [join(installed(), "dist")], exclude: [] }));
    scratch.run(bin("tsc"), "-p", "every.json");
    const declared = readdirSync(join(installed(), "dist"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".d.ts"));
    expect(declared.filter((name) => readFileSync(join(installed(), "dist", name), "utf8").includes("@internal"))).toEqual([]);
  });
});

/** Has a graph built as well, and says by whom. */
const graph = `
const vectors = await openMemory({ embedder: false });
await vectors.addMany(Array.from({ length: 1_000 }, (_, at) => ({ text: "r" + at, vector: Array.from({ length: 16 }, (_, component) => Math.sin(at * 17 + component * component)) })));
const { by } = await vectors.buildGraph();
await vectors.close();
const tell = say + ", a graph by the " + by;
`;
const told = `${answer}, a graph by the worker`;

describe("in a bundle", () => {
  it.each([
    ["esm", "mjs", ""],
    ["cjs", "cjs", ""],
  ])("works when esbuild bundles it for Node as %s", (format, extension) => {
    const body = `import { openMemory } from "stratamem";\n(async () => {\n${use}\n${graph}\nconsole.log(tell);\n})();`;
    scratch.write("bundle-source.mjs", body);
    const out = `bundled/node.${extension}`;
    scratch.run(bin("esbuild"), "bundle-source.mjs", "--bundle", "--platform=node", `--format=${format}`, `--outfile=${out}`, "--log-level=error");
    // The bundle stands alone.
    scratch.write(`elsewhere/node.${extension}`, readFileSync(join(scratch.folder, out), "utf8"));
    expect(scratch.run("node", `elsewhere/node.${extension}`).trim()).toBe(told);
  });

  describe("for browsers", () => {
    let browser: Browser;
    let server: Server;
    let origin: string;
    const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
    beforeAll(async () => {
      server = createServer((request, response) => {
        const path = join(scratch.folder, new URL(request.url ?? "/", "http://local").pathname);
        try {
          const body = readFileSync(path);
          response.writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" }).end(body);
        } catch {
          response.writeHead(404).end();
        }
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      browser = await chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] });
    }, 60_000);
    afterAll(async () => {
      await browser?.close();
      server?.close();
    });

    const show = `${use}\n${graph}\ndocument.title = tell;`;
    async function titleOf(path: string): Promise<string> {
      const page = await browser.newPage();
      const trouble: string[] = [];
      page.on("pageerror", (error) => trouble.push(error.message));
      page.on("response", (response) => response.status() >= 400 && !response.url().endsWith("favicon.ico") && trouble.push(`${response.status()} ${response.url()}`));
      await page.goto(`${origin}/${path}`);
      await page.waitForFunction(() => document.title.startsWith("recalled"), undefined, { timeout: 20_000 }).catch(() => undefined);
      const title = await page.title();
      await page.close();
      expect(trouble).toEqual([]);
      return title;
    }

    it("works when Vite bundles it", async () => {
      scratch.write("vite/index.html", `<!doctype html><title>…</title><script type="module" src="./main.js"></script>`);
      scratch.write("vite/main.js", `import { openMemory } from "stratamem";\n${show}`);
      scratch.run(bin("vite"), "build", "vite", "--base", "./", "--outDir", "dist", "--logLevel", "error", "--minify", "esbuild", "--target", "esnext");
      const assets = readdirSync(join(scratch.folder, "vite/dist/assets"));
      expect(assets.filter((name) => name.endsWith(".wasm"))).toHaveLength(1);
      expect(await titleOf("vite/dist/index.html")).toBe(told);
    });

    it("works when esbuild bundles its inline entry", async () => {
      scratch.write("esbuild/main.mjs", `import { openMemory } from "stratamem/inline";\n${show}`);
      scratch.write("esbuild/index.html", `<!doctype html><title>…</title><script type="module" src="./bundle.js"></script>`);
      const options = ["--platform=browser", "--format=esm", "--outfile=esbuild/bundle.js", "--log-level=error"];
      scratch.run(bin("esbuild"), "esbuild/main.mjs", "--bundle", ...options);
      expect(await titleOf("esbuild/index.html")).toBe(told);
    });

    it("works from the files as they are, without a bundler", async () => {
      const map = JSON.stringify({ imports: { stratamem: "./node_modules/stratamem/dist/esm/entry/browser.js" } });
      scratch.write("plain.html", `<!doctype html><title>…</title><script type="importmap">${map}</script><script type="module">import { openMemory } from "stratamem";\n${show}</script>`);
      expect(await titleOf("plain.html")).toBe(told);
    });
  });
});
