/**
 * The only importer of the generated code. Owns: loading the engine, turning what it throws into this package's
 * errors, and noticing that it has died. Nothing else in the package touches WebAssembly.
 */

import { createError, MemoryError, errorCodes, type ErrorCode, type ErrorDetails } from "../errors.js";
import init, { buildGraph, EngineHandle, StaticModelHandle, startTrace, type InitInput, versions as engineVersions } from "./generated/engine.js";
import type { Host } from "./host.js";

export { buildGraph, EngineHandle, StaticModelHandle };

/** A call into the engine needs vectors whose rows are in storage. Nobody but the package sees it. */
export class VectorsUnread extends Error {
  /** The number under which the engine says what to read. */
  readonly reading: number;

  constructor(reading: number) {
    super(`vectors have to be read first (${reading})`);
    this.reading = reading;
  }
}

let loading: Promise<void> | undefined;
let compiled: WebAssembly.Module | undefined;
/** Grows each time the engine dies: handles of an earlier life are dead. */
let life = 0;

/** Loads the engine, once. After a failure the next call tries again. @internal */
export async function loadEngine(host: Host): Promise<void> {
  loading ??= (async () => {
    compiled = await compile(await host.loadEngine());
    await init({ module_or_path: compiled });
  })();
  try {
    await loading;
  } catch (cause) {
    loading = undefined;
    if (cause instanceof MemoryError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw createError("engine-panicked", `the engine could not be loaded: ${message}`, { cause });
  }
}

/** The engine's module. Given to Workers, so that they need not compile it again. */
export function engineModule(): WebAssembly.Module {
  return compiled as WebAssembly.Module;
}

/** The module of what a host gives: the module itself, its bytes, or where to fetch it. */
async function compile(given: InitInput): Promise<WebAssembly.Module> {
  if (given instanceof WebAssembly.Module) return given;
  if (given instanceof ArrayBuffer || ArrayBuffer.isView(given)) return WebAssembly.compile(given);
  const response = typeof given === "string" || given instanceof URL || given instanceof Request ? await fetch(given) : given;
  if (!(response instanceof Response)) return WebAssembly.compile(response);
  if (!response.ok) throw new Error(`cannot fetch ${response.url}: ${response.status} ${response.statusText}`);
  const streams = typeof WebAssembly.compileStreaming === "function" && response.headers.get("content-type") === "application/wasm";
  return streams ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}

/** Starts the console bridge; the first level in an instance of the engine wins. */
export function trace(level: string): void {
  startTrace(level);
}

/** The identifiers of the build. */
export function versions(): { core: string; format: number; tokenizer: string } {
  const [core = "", format = "0", tokenizer = ""] = engineVersions();
  return { core, format: Number(format), tokenizer };
}

/** The life of the engine that a handle made now belongs to. */
export function currentLife(): number {
  return life;
}

/** The error that stands for whatever came out of the engine or an adapter called by it. */
export function toError(thrown: unknown): MemoryError {
  if (thrown instanceof MemoryError) return thrown;
  if (thrown instanceof WebAssembly.RuntimeError) {
    life += 1;
    return createError("engine-panicked", "the engine stopped on an internal error; open the memory again", { cause: thrown });
  }
  return adapterError(thrown);
}

/** The error that stands for whatever came out of an adapter. */
export function adapterError(thrown: unknown): MemoryError {
  if (thrown instanceof MemoryError) return thrown;
  const { code, message, details } = (thrown ?? {}) as { code?: string; message?: string; details?: ErrorDetails };
  if (code !== undefined && (errorCodes as readonly string[]).includes(code)) {
    return createError(code as ErrorCode, message ?? code, details ? { details } : {});
  }
  const text = message ?? String(thrown);
  return createError("storage-failed", `the storage adapter failed: ${text}`, { cause: thrown });
}

/** Runs a call into the engine of `born`, with its errors made this package's own. */
export function guard<T>(born: number, call: () => T): T {
  checkAlive(born);
  try {
    return call();
  } catch (thrown) {
    const { code, details } = (thrown ?? {}) as { code?: string; details?: { reading?: number } };
    throw code === "vectors-unread" ? new VectorsUnread(details?.reading ?? 0) : toError(thrown);
  }
}

/** Throws if the engine has died since `born`. */
export function checkAlive(born: number): void {
  if (born !== life) {
    throw createError("engine-panicked", "the engine stopped on an internal error; open the memory again");
  }
}
