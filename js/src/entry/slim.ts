/** For hosts and bundlers that none of the other entries fits: the assets are supplied by the caller. */

import { createError } from "../errors.js";
import { checkFields, invalid } from "../internal/convert.js";
import type { Host } from "../internal/host.js";
import { bind, type Bound } from "../open.js";

export * from "../index.js";

/** What the engine can be made of: its URL, a response that brings it, its bytes, or the compiled module. */
export type EngineSource = string | URL | Request | Response | ArrayBuffer | ArrayBufferView | WebAssembly.Module;

/** Where the assets of the package come from. */
export interface Assets {
  /** The engine, `stratamem/engine.wasm`. */
  readonly engine: EngineSource | (() => EngineSource | Promise<EngineSource>);
  /** The bytes of a built-in model, `stratamem/models/static-128.bin`. Needed only if the built-in embedder is used. */
  readonly model?: ((name: "static-128" | "static-256") => Uint8Array | Promise<Uint8Array>) | undefined;
}

let assets: Assets | undefined;

/**
 * Says where the assets are. To be called once, before the first `openMemory` of this entry.
 *
 * @throws ValidationError if there is no engine, or the model is no function
 * @example
 * import { openMemory, provideAssets } from "stratamem/slim";
 * provideAssets({
 *   engine: () => fetch("/static/engine.wasm"),
 *   model: async (name) => new Uint8Array(await (await fetch(`/static/${name}.bin`)).arrayBuffer()),
 * });
 */
export function provideAssets(given: Assets): void {
  checkFields(given, ["engine", "model"], "assets");
  if (given.engine === undefined || given.engine === null) throw invalid("engine", "is missing");
  if (given.model !== undefined && typeof given.model !== "function") throw invalid("model", "must be a function");
  assets = given;
}

const bound: Bound = bind({
  loadEngine: () => {
    if (!assets) throw createError("invalid-argument", "call provideAssets before openMemory of stratamem/slim", { details: { field: "engine" } });
    const { engine } = assets;
    // Bytes may lie in shared memory for all that their type tells; a host that cannot take them says so.
    return (typeof engine === "function" ? engine() : engine) as ReturnType<Host["loadEngine"]>;
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
