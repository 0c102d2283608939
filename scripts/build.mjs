// Makes everything that the package ships, in dist/:
//   dist/esm, dist/cjs   the TypeScript sources, once as ES modules and once as CommonJS, with their types
//   dist/assets          the engine and the models, as plain files and as modules that carry them in base64
//
// The engine is compiled by wasm-pack and shrunk by wasm-opt. A step whose inputs have not changed is skipped.

import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { buildSync, transformSync } from "esbuild";
import { notices } from "./notices.mjs";
import { root, run, toolchain } from "./toolchain.mjs";

const cache = join(root, ".build");
const dist = join(root, "dist");
/** Where dist/ is put together: it appears whole or not at all. */
const staged = join(cache, "dist");
const sources = join(root, "js", "src");
const assets = join(root, "js", "assets");
const generated = join(sources, "internal", "generated");
const models = ["static-128", "static-256"];

function filesUnder(folder, keep) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && keep(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function hashOf(files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(relative(root, file)).update("\0").update(readFileSync(file));
  return hash.digest("hex");
}

/**
 * The flags of .cargo/config.toml, and no paths of this machine in the messages of panics. Functions are inlined up to a third
 * of the size that is usual: the engine is smaller by a twentieth for it, and no slower.
 */
function rustFlags() {
  const registry = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry", "src");
  const folders = existsSync(registry) ? readdirSync(registry).map((name) => join(registry, name)) : [];
  const remap = [...folders, root].map((folder) => `--remap-path-prefix=${folder}=.`);
  return ["-Ctarget-feature=+simd128", "-Cllvm-args=-inline-threshold=80", ...remap].join(" ");
}

/** Compiles the engine into .build/engine, unless its sources are those of the last time. */
function buildEngine() {
  const out = join(cache, "engine");
  const stamp = join(out, "inputs.sha256");
  const inputs = [
    ...["core", "wasm"].flatMap((crate) => filesUnder(join(root, "crates", crate), (name) => /\.(rs|toml)$/.test(name))),
    ...["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml"].map((name) => join(root, name)),
    join(root, "scripts", "build.mjs"),
  ];
  const hash = hashOf(inputs);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return out;
  const tools = toolchain();
  // Fetched first: the folders of the sources must be known for their paths to be left out.
  run("cargo", ["fetch", "--locked", "--quiet", "--target", "wasm32-unknown-unknown"]);
  const env = { ...tools, CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: rustFlags() };
  rmSync(out, { recursive: true, force: true });
  const options = ["--mode", "no-install", "--target", "web", "--no-pack", "--release"];
  run("wasm-pack", ["build", "crates/wasm", ...options, "--out-dir", out, "--out-name", "engine"], { env });
  const wasm = join(out, "engine_bg.wasm");
  const features = ["--enable-simd", "--enable-bulk-memory", "--enable-nontrapping-float-to-int", "--enable-sign-ext"];
  const more = ["--enable-mutable-globals", "--enable-reference-types", "--enable-multivalue"];
  run(join(root, "node_modules", ".bin", "wasm-opt"), [wasm, "-O3", ...features, ...more, "-o", wasm]);
  writeFileSync(stamp, hash);
  return out;
}

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

const engine = buildEngine();
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
