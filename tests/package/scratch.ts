// A project outside the repository in which the packed package is installed, as a user would have it.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** A command of a development package. */
export const bin = (name: string): string => join(root, "node_modules", ".bin", name);

/** The project: its folder, the packed file, and ways to use them. */
export interface Scratch {
  readonly folder: string;
  readonly tarball: string;
  /** Writes a file into the project. */
  write(name: string, text: string): string;
  /** Runs a command in the project and answers what it printed; a failure throws with all of it. */
  run(command: string, ...args: string[]): string;
  remove(): void;
}

/** Packs the package and installs it into a new project. */
export function makeScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), "stratamem-package-"));
  const run = (command: string, ...args: string[]): string => {
    try {
      return execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: "pipe", env: { ...process.env, NODE_PATH: "", NO_COLOR: "1" } });
    } catch (error) {
      const { stdout, stderr, message } = error as { stdout: string; stderr: string; message: string };
      throw new Error(`${message}\n${stdout}\n${stderr}`);
    }
  };
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  };
  execFileSync("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: root, stdio: "pipe" });
  const packed = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (!packed) throw new Error("npm pack made no file");
  write("package.json", JSON.stringify({ name: "scratch", private: true, type: "module" }));
  run("npm", "install", "--no-audit", "--no-fund", "--offline", `./${packed}`);
  return { folder, tarball: join(folder, packed), write, run, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
