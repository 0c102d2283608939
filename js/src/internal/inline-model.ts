/** Models carried as modules, for hosts that read modules but no files. */

import { fromBase64, type ModelName } from "./host.js";

/** The bytes of a built-in model. Its module is loaded when it is first asked for. */
export async function inlineModel(name: ModelName): Promise<Uint8Array> {
  const asset = name === "static-256" ? await import("../../assets/static-256.js") : await import("../../assets/static-128.js");
  return fromBase64(asset.default);
}
