/** For browsers: the assets are files beside this one, which bundlers find and copy. */

import { fetchBytes } from "../internal/host.js";
import { bind, type Bound } from "../open.js";

export * from "../index.js";

const bound: Bound = bind({
  loadEngine: () => new URL("../../assets/engine.wasm", import.meta.url),
  loadModel: (name) =>
    fetchBytes(name === "static-256" ? new URL("../../assets/static-256.bin", import.meta.url) : new URL("../../assets/static-128.bin", import.meta.url)),
  startWorker: () => new Worker(new URL("../worker/main.js", import.meta.url), { type: "module" }),
});

/** See {@link Bound.openMemory}. */
export const openMemory: Bound["openMemory"] = bound.openMemory;
/** See {@link Bound.staticEmbedder}. */
export const staticEmbedder: Bound["staticEmbedder"] = bound.staticEmbedder;
/** See {@link Bound.estimate}. */
export const estimate: Bound["estimate"] = bound.estimate;
/** See {@link Bound.versions}. */
export const versions: Bound["versions"] = bound.versions;
