/** For workerd (Cloudflare Workers): the engine is a compiled module of the bundle, for bytes may not be compiled there. */

import engine from "../../assets/engine.wasm";
import { inlineModel } from "../internal/inline-model.js";
import { bind, type Bound } from "../open.js";

export * from "../index.js";

const bound: Bound = bind({
  loadEngine: () => engine,
  loadModel: inlineModel,
});

/** See {@link Bound.openMemory}. */
export const openMemory: Bound["openMemory"] = bound.openMemory;
/** See {@link Bound.staticEmbedder}. */
export const staticEmbedder: Bound["staticEmbedder"] = bound.staticEmbedder;
/** See {@link Bound.estimate}. */
export const estimate: Bound["estimate"] = bound.estimate;
/** See {@link Bound.versions}. */
export const versions: Bound["versions"] = bound.versions;
