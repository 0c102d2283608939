// Compiles a crate to WebAssembly: by wasm-pack, shrunk by wasm-opt. What has been compiled from the same sources is taken
// as it is.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { root, run, toolchain } from "./toolchain.mjs";

/** The files in a folder and below it whose names are to be kept, sorted. */
export function filesUnder(folder, keep) {
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

/**
 * Compiles the crate in `folder`, which depends on those in `others`, into .build/NAME, unless its sources are those of the
 * last time. Answers that path: there are NAME.js and NAME_bg.wasm.
 */
export function compileCrate(folder, others, name) {
  const out = join(root, ".build", name);
  const stamp = join(out, "inputs.sha256");
  const inputs = [
    ...[folder, ...others].flatMap((crate) => filesUnder(join(root, crate), (file) => /\.(rs|toml)$/.test(file))),
    ...["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml"].map((file) => join(root, file)),
    join(root, "scripts", "wasm.mjs"),
  ];
  const hash = hashOf(inputs);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return out;
  const tools = toolchain();
  // Fetched first: the folders of the sources must be known for their paths to be left out.
  run("cargo", ["fetch", "--locked", "--quiet", "--target", "wasm32-unknown-unknown"]);
  const env = { ...tools, CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: rustFlags() };
  rmSync(out, { recursive: true, force: true });
  const options = ["--mode", "no-install", "--target", "web", "--no-pack", "--release"];
  run("wasm-pack", ["build", folder, ...options, "--out-dir", out, "--out-name", name], { env });
  const wasm = join(out, `${name}_bg.wasm`);
  const features = ["--enable-simd", "--enable-bulk-memory", "--enable-nontrapping-float-to-int", "--enable-sign-ext"];
  const more = ["--enable-mutable-globals", "--enable-reference-types", "--enable-multivalue"];
  run(join(root, "node_modules", ".bin", "wasm-opt"), [wasm, "-O3", ...features, ...more, "-o", wasm]);
  writeFileSync(stamp, hash);
  return out;
}
