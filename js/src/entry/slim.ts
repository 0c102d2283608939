/** For hosts and bundlers that none of the other entries fits: the assets are supplied by the caller. */

import { createError } from "../errors.js";
import type { Host } from "../internal/host.js";
import { bind, type Bound } from "../open.js";

export * from "../index.js";

/** Where the assets of the package come from. */
export interface Assets {
  /** The engine, `stratamem/engine.wasm`: its bytes, its URL, a response or a compiled module. */
  readonly engine: Awaited<ReturnType<Host["loadEngine"]>> | (() => ReturnType<Host["loadEngine"]>);
  /** The bytes of a built-in model, `stratamem/models/static-128.bin`. Needed only if the built-in embedder is used. */
  readonly model?: (name: "static-128" | "static-256") => Uint8Array | Promise<Uint8Array>;
}

let assets: Assets | undefined;

/**
 * Says where the assets are. To be called once, before the first `openMemory` of this entry.
 *
 * @example
 * import { openMemory, provideAssets } from "stratamem/slim";
 * provideAssets({
 *   engine: () => fetch("/static/engine.wasm"),
 *   model: async (name) => new Uint8Array(await (await fetch(`/static/${name}.bin`)).arrayBuffer()),
 * });
 */
export function provideAssets(given: Assets): void {
  assets = given;
}

const bound: Bound = bind({
  loadEngine: () => {
    if (!assets) throw createError("invalid-argument", "call provideAssets before openMemory of stratamem/slim", { details: { field: "engine" } });
    return typeof assets.engine === "function" ? assets.engine() : assets.engine;
  },
  loadModel: async (name) => {
    if (!assets?.model) throw new Error("provideAssets was given no model; give one, or open with another embedder");
    return assets.model(name);
  },
});

/** See {@link Bound.openMemory}. */
export const openMemory: Bound["openMemory"] = bound.openMemory;
/** See {@link Bound.staticEmbedder}. */
export const staticEmbedder: Bound["staticEmbedder"] = bound.staticEmbedder;
/** See {@link Bound.estimate}. */
export const estimate: Bound["estimate"] = bound.estimate;
/** See {@link Bound.versions}. */
export const versions: Bound["versions"] = bound.versions;
