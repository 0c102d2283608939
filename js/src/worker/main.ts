/**
 * What runs in a Worker: it takes an engine and a job, builds a graph over vectors, and hands it back. It holds no memory
 * and knows no storage.
 */

import init, { buildGraph } from "../internal/generated/engine.js";
import type { FromWorker, ToWorker } from "./protocol.js";

/** Bytes of a part of the graph: what its reader copies in one turn. */
const PART = 1 << 20;

/** The way to whoever started the Worker. */
interface Port {
  postMessage(message: FromWorker, transfer?: ArrayBuffer[]): void;
  on?(event: "message", listener: (message: ToWorker) => void): void;
  addEventListener?(event: "message", listener: (event: { data: ToWorker }) => void): void;
}

/** That of `node:worker_threads`, or the Worker's own scope. */
function openPort(): Port {
  type Load = (name: string) => { parentPort: Port | null } | undefined;
  const { process, require } = globalThis as { process?: { getBuiltinModule?: Load }; require?: Load };
  // The second is for Node before 20.16, where the text of a Worker has it.
  const load = process?.getBuiltinModule ?? require;
  return load?.("node:worker_threads")?.parentPort ?? (globalThis as unknown as Port);
}

function serve(port: Port): void {
  let job = new Uint8Array(0);
  let filled = 0;
  const take = async (message: ToWorker): Promise<void> => {
    if (message.type === "job") {
      await init({ module_or_path: message.engine });
      job = new Uint8Array(message.bytes);
    } else {
      job.set(message.page, filled);
      filled += message.page.length;
    }
    if (filled < job.length) {
      port.postMessage({ type: "more" });
      return;
    }
    const graph = buildGraph(job, () => port.postMessage({ type: "building" }));
    for (let from = 0; from < graph.length; from += PART) {
      const part = graph.slice(from, from + PART);
      port.postMessage({ type: "part", part, bytes: graph.length, last: from + PART >= graph.length }, [part.buffer]);
    }
  };
  const receive = (message: ToWorker): void => {
    take(message).catch((error: unknown) => port.postMessage({ type: "failed", message: error instanceof Error ? error.message : String(error) }));
  };
  if (port.on) port.on("message", receive);
  else port.addEventListener?.("message", ({ data }) => receive(data));
  port.postMessage({ type: "ready" });
}

serve(openPort());
