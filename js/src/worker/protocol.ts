/**
 * What a memory and its Worker say to each other. A Worker serves one job and is ended then: the memory of WebAssembly does
 * not shrink.
 */

/**
 * A Worker that runs `stratamem/worker`: one of the host's own kind, as in browsers, Deno and Bun, or one of
 * `node:worker_threads`.
 */
export interface WorkerLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  terminate(): unknown;
}

/** From the memory: the engine and the size of the job, then its bytes, as the Worker asks for them. @internal */
export type ToWorker =
  | { readonly type: "job"; readonly engine: WebAssembly.Module; readonly bytes: number }
  | { readonly type: "page"; readonly page: Uint8Array<ArrayBuffer> };

/**
 * From the Worker: that it has started, that it wants a page, that it is still building, parts of the graph, which has `bytes`
 * bytes in all, or why there is none. @internal
 */
export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "more" }
  | { readonly type: "building" }
  | { readonly type: "part"; readonly part: Uint8Array<ArrayBuffer>; readonly bytes: number; readonly last: boolean }
  | { readonly type: "failed"; readonly message: string };
