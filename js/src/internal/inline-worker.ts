/**
 * A Worker made of a text that the package carries, for hosts and bundles in which it has no file of its own.
 */

import type { WorkerLike } from "../worker/protocol.js";

/** What this file uses of `node:worker_threads`. */
interface Threads {
  readonly Worker: new (source: string, options: { eval: true }) => WorkerLike;
}

/** Starts it: by `node:worker_threads` where there are such, and otherwise by a `Blob`. */
export async function inlineWorker(): Promise<WorkerLike> {
  const { default: source } = await import("../../assets/worker.js");
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  if (process?.versions?.node !== undefined) {
    // A name that bundlers for browsers do not look up.
    const name = "node:worker_threads";
    const { Worker } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as Threads;
    return new Worker(source, { eval: true });
  }
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  for (const event of ["message", "error"]) worker.addEventListener(event, () => URL.revokeObjectURL(url), { once: true });
  return worker;
}
