// Makes everything that the package ships, in dist/:
//   dist/esm, dist/cjs   the TypeScript sources, once as ES modules and once as CommonJS, with their types
//   dist/assets          the engine and the models, as plain files and as modules that carry them in base64
//
// The engine is compiled by scripts/wasm.mjs.

import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { buildSync, transformSync } from "esbuild";
import { notices } from "./notices.mjs";
import { root, run } from "./toolchain.mjs";
import { compileCrate, filesUnder } from "./wasm.mjs";

const cache = join(root, ".build");
const dist = join(root, "dist");
/** Where dist/ is put together: it appears whole or not at all. */
const staged = join(cache, "dist");
const sources = join(root, "js", "src");
const assets = join(root, "js", "assets");
const generated = join(sources, "internal", "generated");
const models = ["static-128", "static-256"];

/** Puts the generated glue beside the sources, where TypeScript finds it. */
function placeGlue(engine) {
  rmSync(generated, { recursive: true, force: true });
  mkdirSync(generated, { recursive: true });
  cpSync(join(engine, "engine.js"), join(generated, "engine.js"));
  cpSync(join(engine, "engine.d.ts"), join(generated, "engine.d.ts"));
}

function placeAsset(from, name, moduleName) {
  const bytes = readFileSync(from);
  writeFileSync(join(assets, name), bytes);
  placeModule(moduleName, bytes.toString("base64"), "The file of the same name in base64.");
}

/** A module that carries a text. */
function placeModule(name, text, what) {
  writeFileSync(join(assets, `${name}.js`), `export default ${JSON.stringify(text)};\n`);
  writeFileSync(join(assets, `${name}.d.ts`), `/** ${what} */\ndeclare const text: string;\nexport default text;\n`);
}

/** The script of the Worker as one text, for hosts in which it has no file. */
function placeWorker() {
  const entryPoints = [join(staged, "esm", "worker", "main.js")];
  const { outputFiles } = buildSync({ entryPoints, bundle: true, write: false, format: "iife", target: "es2022", minify: true });
  placeModule("worker", outputFiles[0].text, "The script of the Worker.");
}

function compile() {
  run(join(root, "node_modules", ".bin", "tsc"), ["-p", "js", "--outDir", join(staged, "esm")]);
  const esm = join(staged, "esm");
  const glue = join("internal", "generated");
  cpSync(join(generated), join(esm, glue), { recursive: true });
  const cjs = join(staged, "cjs");
  // The hosts of these read ES modules only.
  const esmOnly = /^(browser|workerd|edge|main)\./;
  for (const file of filesUnder(esm, (name) => /\.(js|d\.ts)$/.test(name) && !esmOnly.test(name))) {
    const target = join(cjs, relative(esm, file));
    mkdirSync(join(target, ".."), { recursive: true });
    const text = readFileSync(file, "utf8");
    // import() stays as it is: assets are ES modules for both.
    const options = { format: "cjs", platform: "node", target: "node20", supported: { "dynamic-import": true } };
    writeFileSync(target, file.endsWith(".d.ts") ? text : transformSync(text, options).code);
  }
  writeFileSync(join(cjs, "package.json"), `{ "type": "commonjs" }\n`);
}

const engine = compileCrate("crates/wasm", ["crates/core"], "engine");
placeGlue(engine);
rmSync(staged, { recursive: true, force: true });
mkdirSync(assets, { recursive: true });
placeAsset(join(engine, "engine_bg.wasm"), "engine.wasm", "engine");
for (const model of models) placeAsset(join(root, "models", `${model}.bin`), `${model}.bin`, model);
cpSync(join(root, "models", "NOTICE"), join(assets, "NOTICE"));
writeFileSync(join(assets, "THIRD-PARTY.txt"), notices());
// TypeScript wants to know of it before there is one.
placeModule("worker", "", "The script of the Worker.");
compile();
placeWorker();
cpSync(assets, join(staged, "assets"), { recursive: true });
rmSync(dist, { recursive: true, force: true });
renameSync(staged, dist);
const size = statSync(join(dist, "assets", "engine.wasm")).size;
console.log(`built dist/ (engine ${(size / 1024).toFixed(0)} KiB)`);
