/**
 * What differs between hosts: where the engine's bytes and the models come from. Each entry supplies one.
 */

import type { WorkerLike } from "../worker/protocol.js";
import type { InitInput } from "./generated/engine.js";

/** Names of the built-in models. */
export type ModelName = "static-128" | "static-256";

/** A host's way to the package's assets. Nothing happens before a function is called. @internal */
export interface Host {
  /** The engine: bytes, a compiled module, or where to fetch it. */
  loadEngine(): InitInput | Promise<InitInput>;
  /** The bytes of a packed model. */
  loadModel(name: ModelName): Promise<Uint8Array>;
  /** Starts a Worker, where there are such. */
  startWorker?(): WorkerLike | Promise<WorkerLike>;
}

/** Decodes base64 by the fastest means the host has. @internal */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = Uint8Array as typeof Uint8Array & { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };
  if (native.fromBase64) return native.fromBase64(text);
  const { Buffer } = globalThis as { Buffer?: { from(text: string, encoding: "base64"): Uint8Array } };
  if (Buffer) return new Uint8Array(Buffer.from(text, "base64"));
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Fetches an asset of the package. */
export async function fetchBytes(url: URL): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`cannot fetch ${url}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}
