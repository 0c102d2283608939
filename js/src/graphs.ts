/**
 * Graphs over the vectors, built where they hold nobody up: in a Worker. Owns: the Worker of one memory, the way of a job
 * there and of the graph back, and what becomes of failures. When one is due, and what it is, the engine knows.
 */

import { createError } from "./errors.js";
import { buildGraph, engineModule, type EngineHandle } from "./internal/bridge.js";
import { invalid } from "./internal/convert.js";
import { nextTurn } from "./internal/turn.js";
import type { GraphReport, MemoryEvents } from "./types.js";
import type { FromWorker, ToWorker, WorkerLike } from "./worker/protocol.js";

/** Starts a Worker. @internal */
export type StartWorker = () => WorkerLike | PromiseLike<WorkerLike>;

/** A job as the engine names it. */
interface Job {
  readonly number: number;
  readonly bytes: number;
  readonly vectors: number;
}

/** What came of a Worker: a graph, none for there are too few vectors, or one over vectors that are there no more. */
type Outcome = GraphReport | "outdated" | undefined;

/** Bytes that are copied in one turn. */
const PAGE = 1 << 20;
/** A Worker that says nothing for so long, twice in a row, in milliseconds, is taken for dead: while it builds, it says so every second. */
const SILENCE = 30_000;

/** The function that starts Workers, as the option says; none if there are to be none. @internal */
export function toStartWorker(workers: unknown, host: StartWorker | undefined): StartWorker | undefined {
  if (workers === undefined || workers === "auto") return host;
  if (workers === "never") return undefined;
  if (typeof workers !== "function") throw invalid("workers", 'must be "auto", "never" or a function that answers a Worker');
  return workers as StartWorker;
}

/** The graphs of one memory. @internal */
export class Graphs {
  readonly #start: StartWorker | undefined;
  readonly #call: <T>(use: (handle: EngineHandle) => T) => T;
  readonly #emit: <N extends "graph-built" | "worker-failed">(name: N, event: MemoryEvents[N]) => void;
  /** The graph that is being built in a Worker. */
  #building: Promise<Outcome> | undefined;
  /** The graph that was asked for, however it is built: all who ask meanwhile wait for the same one. */
  #asked: Promise<GraphReport | undefined> | undefined;
  #worker: WorkerLike | undefined;
  #end: ((error: Error) => void) | undefined;
  /** Whether a Worker has failed: none is started again without being asked for. */
  #failed = false;
  #isClosed = false;

  /** `call` runs a call into the engine, as long as it may be used. */
  constructor(start: StartWorker | undefined, call: <T>(use: (handle: EngineHandle) => T) => T, emit: <N extends "graph-built" | "worker-failed">(name: N, event: MemoryEvents[N]) => void) {
    this.#start = start;
    this.#call = call;
    this.#emit = emit;
  }

  /** Has a graph built if one is due, there are Workers and none is being built. Does not wait for it. */
  tend(): void {
    if (!this.#start || this.#isClosed || this.#failed || this.#building || this.#asked || !this.#call((handle) => handle.graphDue())) return;
    // Failures are told by an event, and a memory that was closed meanwhile is nobody's concern.
    this.#begin(this.#start).catch(() => {});
  }

  /** Has a graph built, or waits for the one that is being built. Without a Worker, or when it fails, it is built here. */
  build(): Promise<GraphReport | undefined> {
    this.#asked ??= this.#build().finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  /** Ends the Worker. Whoever waits for a graph is told that the memory is closed. */
  close(): void {
    this.#isClosed = true;
    this.#end?.(createError("memory-closed", "the memory was closed before its graph was built"));
  }

  async #build(): Promise<GraphReport | undefined> {
    while (this.#start) {
      try {
        const building = this.#building ?? this.#begin(this.#start);
        this.#hold(true);
        const outcome = await building;
        if (outcome !== "outdated") return outcome;
      } catch {
        // Told by an event; or the memory was closed, which is told now.
        this.#call(() => undefined);
        break;
      }
    }
    return this.#here();
  }

  #begin(start: StartWorker): Promise<Outcome> {
    const building = this.#inWorker(start).finally(() => {
      this.#building = undefined;
    });
    this.#building = building;
    return building;
  }

  /** Whether the process is to live for the Worker, where that is a matter. */
  #hold(isHeld: boolean): void {
    const worker = this.#worker as { ref?: () => void; unref?: () => void } | undefined;
    if (isHeld) worker?.ref?.();
    else worker?.unref?.();
  }

  async #inWorker(start: StartWorker): Promise<Outcome> {
    const began = performance.now();
    const job = this.#call((handle) => handle.beginGraph() as Job | undefined);
    if (!job) return undefined;
    let isOver = false;
    let watch: ReturnType<typeof watching> | undefined;
    try {
      const isBuilt = await new Promise<boolean>((resolve, reject) => {
        this.#end = (error) => {
          isOver = true;
          reject(error);
        };
        watch = watching(reject);
        this.#connect(start, job, resolve, reject, () => isOver, watch.heard).catch(reject);
      });
      if (!isBuilt || !(await this.#place(job))) return "outdated";
    } catch (error) {
      if (!isOver) {
        this.#failed = true;
        this.#emit("worker-failed", { error });
        this.#call((handle) => handle.dropGraphJob(job.number));
      }
      throw error;
    } finally {
      // A Worker that starts only now is ended at once.
      isOver = true;
      watch?.end();
      this.#end = undefined;
      const worker = this.#worker;
      this.#worker = undefined;
      await worker?.terminate();
    }
    return this.#told(job, began, "worker");
  }

  /**
   * Starts the Worker and answers what it says, until the graph is there, or the vectors that it is over are there no
   * more: they are of another model now, or were copied to where there are no dead ones.
   */
  async #connect(start: StartWorker, job: Job, done: (isThere: boolean) => void, fail: (error: unknown) => void, isOver: () => boolean, sign: () => void): Promise<void> {
    const worker = await start();
    if (isOver()) {
      await worker.terminate();
      return;
    }
    this.#worker = worker;
    const post = (message: ToWorker, transfer: ArrayBuffer[]): void => worker.postMessage(message, transfer);
    const answer = (message: FromWorker): void => {
      if (message.type === "failed") throw new Error(`the Worker could not build the graph: ${message.message}`);
      if (message.type === "building") return;
      if (message.type === "ready") post({ type: "job", engine: engineModule(), bytes: job.bytes }, []);
      else if (message.type === "more") {
        const page = this.#call((handle) => handle.graphPage(job.number, PAGE) as Uint8Array<ArrayBuffer> | undefined);
        if (page) post({ type: "page", page }, [page.buffer]);
        else done(false);
      } else if (!this.#call((handle) => handle.takeGraph(job.number, message.part, message.bytes))) done(false);
      else if (message.last) done(true);
    };
    const heard = (message: unknown): void => {
      if (isOver()) return;
      sign();
      try {
        if (!isFromWorker(message)) throw new Error("the Worker says what stratamem/worker never says: does it run another script?");
        answer(message);
      } catch (error) {
        fail(error);
      }
    };
    listen(worker, heard, fail);
    // Only now: to listen to a Worker of Node is to keep the process alive for it.
    this.#hold(this.#asked !== undefined);
  }

  /** Builds the graph in this thread, which does nothing else meanwhile. */
  async #here(): Promise<GraphReport | undefined> {
    const began = performance.now();
    const job = this.#call((handle) => handle.beginGraph() as Job | undefined);
    if (!job) return undefined;
    const bytes = new Uint8Array(job.bytes);
    for (let filled = 0; filled < bytes.length; ) {
      const page = this.#call((handle) => handle.graphPage(job.number, PAGE)) as Uint8Array;
      bytes.set(page, filled);
      filled += page.length;
    }
    const graph = this.#call(() => buildGraph(bytes));
    this.#call((handle) => handle.takeGraph(job.number, graph, graph.length));
    return (await this.#place(job)) ? this.#told(job, began, "caller") : this.#here();
  }

  /**
   * Puts a graph in place, each step in a turn of its own. Answers whether it could: between the steps the vectors that it is
   * over may go, as they may while it is being built.
   */
  async #place(job: Job): Promise<boolean> {
    // Taking no bytes tells whether the graph is still wanted.
    while (this.#call((handle) => handle.takeGraph(job.number, new Uint8Array(), 0))) {
      const isPlaced = this.#call((handle) => handle.placeGraph(job.number) as boolean | undefined);
      if (isPlaced === true) return true;
      if (isPlaced === false) throw new Error("what was built is no graph of this memory");
      await nextTurn();
    }
    return false;
  }

  #told({ vectors }: Job, began: number, by: GraphReport["by"]): GraphReport {
    const report: GraphReport = { vectors, ms: performance.now() - began, by };
    this.#emit("graph-built", report);
    return report;
  }
}

/** Calls `fail` when nothing was heard for so long that nobody can be there. */
function watching(fail: (error: unknown) => void): { heard(): void; end(): void } {
  let silent = 0;
  const timer = setInterval(() => {
    silent += 1;
    // Twice, for a machine that was asleep hears of the time that has passed first, and of its Workers then.
    if (silent >= 2) fail(createError("worker-silent", `the Worker has said nothing for ${(silent * SILENCE) / 1000} seconds, and is given up`, { details: { silentMs: silent * SILENCE } }));
  }, SILENCE);
  (timer as { unref?: () => void }).unref?.();
  return {
    heard: () => (silent = 0),
    end: () => clearInterval(timer),
  };
}

/** Whether the script of a Worker says such things: the user's own may run another one. */
function isFromWorker(said: unknown): said is FromWorker {
  const { type, part, bytes } = (said ?? {}) as { type?: unknown; part?: unknown; bytes?: unknown };
  return type === "ready" || type === "more" || type === "building" || type === "failed" || (type === "part" && part instanceof Uint8Array && typeof bytes === "number");
}

/** Hears what a Worker says, of either kind. */
function listen(worker: WorkerLike, heard: (message: unknown) => void, failed: (error: unknown) => void): void {
  const { on, addEventListener } = (worker ?? {}) as {
    on?: (event: string, listener: (value: unknown) => void) => void;
    addEventListener?: (event: string, listener: (event: { data?: unknown; error?: unknown; message?: string }) => void) => void;
  };
  if (typeof on === "function") {
    on.call(worker, "message", heard);
    for (const event of ["error", "messageerror"]) on.call(worker, event, failed);
    on.call(worker, "exit", () => failed(new Error("the Worker ended before the graph was built")));
  } else if (typeof addEventListener === "function") {
    addEventListener.call(worker, "message", ({ data }) => heard(data));
    for (const name of ["error", "messageerror"]) {
      addEventListener.call(worker, name, ({ error, message }) => failed(error ?? new Error(`the Worker failed: ${message || "its script could not be loaded"}`)));
    }
  } else throw invalid("workers", "must answer a Worker, which has postMessage, terminate, and on or addEventListener");
}
