/** For hosts that read modules but no files: Node, Bun, Deno, bundles for them. The assets come as modules. */

import { fromBase64 } from "../internal/host.js";
import { inlineWorker } from "../internal/inline-worker.js";
import { inlineModel } from "../internal/inline-model.js";
import { bind, type Bound } from "../open.js";

export * from "../index.js";

const bound: Bound = bind({
  loadEngine: async () => fromBase64((await import("../../assets/engine.js")).default),
  loadModel: inlineModel,
  startWorker: inlineWorker,
});

/** See {@link Bound.openMemory}. */
export const openMemory: Bound["openMemory"] = bound.openMemory;
/** See {@link Bound.staticEmbedder}. */
export const staticEmbedder: Bound["staticEmbedder"] = bound.staticEmbedder;
/** See {@link Bound.estimate}. */
export const estimate: Bound["estimate"] = bound.estimate;
/** See {@link Bound.versions}. */
export const versions: Bound["versions"] = bound.versions;
