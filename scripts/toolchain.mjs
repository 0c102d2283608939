// Puts the tools of the build in place: the wasm target, wasm-pack and a matching wasm-bindgen. Both commands are
// compiled from crates.io, never downloaded as binaries, and kept in a cache that all checkouts share.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const WASM_PACK = "0.15.1";
const WASM_BINDGEN = "0.2.130";
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "stratamem-tools");

/** Runs a command and ends the process with its status if it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (error) {
    console.error(`cannot run ${command}: ${error.message}`);
    process.exit(1);
  }
  if (status !== 0) process.exit(status ?? 1);
}

function versionOf(command) {
  try {
    return execFileSync(command, ["--version"], { stdio: ["ignore", "pipe", "ignore"] }).toString().split(/\s+/)[1];
  } catch {
    return undefined;
  }
}

/** Installs what is missing and answers an environment in which the build finds its tools. */
export function toolchain() {
  if (versionOf("cargo") === undefined) {
    console.error("Rust is needed to build Stratamem from source: https://rustup.rs");
    process.exit(1);
  }
  const installed = spawnSync("rustup", ["target", "list", "--installed"], { cwd: root }).stdout?.toString() ?? "";
  if (!installed.includes("wasm32-unknown-unknown")) run("rustup", ["target", "add", "wasm32-unknown-unknown"]);

  const packRoot = join(cache, `wasm-pack-${WASM_PACK}`);
  const bindgenTarget = join(cache, `wasm-bindgen-${WASM_BINDGEN}`);
  const folders = [join(packRoot, "bin"), join(bindgenTarget, "release")];
  mkdirSync(cache, { recursive: true });
  if (!existsSync(join(packRoot, "bin", "wasm-pack")) && versionOf("wasm-pack") !== WASM_PACK) {
    console.log(`Compiling wasm-pack ${WASM_PACK} (once, about four minutes)`);
    run("cargo", ["install", "wasm-pack", "--version", WASM_PACK, "--locked", "--root", packRoot, "--quiet"]);
  }
  if (!existsSync(join(bindgenTarget, "release", "wasm-bindgen")) && versionOf("wasm-bindgen") !== WASM_BINDGEN) {
    console.log(`Compiling wasm-bindgen ${WASM_BINDGEN} (once, about two minutes)`);
    const manifest = join(root, "tools", "wasm-bindgen", "Cargo.toml");
    run("cargo", [
      ...["build", "--release", "--locked", "--quiet"],
      ...["--manifest-path", manifest, "--target-dir", bindgenTarget],
    ]);
  }
  return { ...process.env, PATH: [...folders, process.env.PATH ?? ""].join(delimiter) };
}
