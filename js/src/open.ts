/**
 * Opening a memory. Each entry of the package binds this to its host.
 */

import { asEmbedder } from "./embedder.js";
import { checkEmbeddingCache } from "./embedding-cache.js";
import { truncated } from "./embedders/truncate.js";
import { checkEncoders } from "./encoders.js";
import { createError } from "./errors.js";
import { toStartWorker } from "./graphs.js";
import { currentLife, EngineHandle, loadEngine, StaticModelHandle, toError, trace, versions as engineVersions } from "./internal/bridge.js";
import { checkFields, checkObject, checkPrecision, checkWhole, invalid, toConfig, toScope } from "./internal/convert.js";
import type { Host, ModelName } from "./internal/host.js";
import { Memory } from "./memory.js";
import { isComparedBy, isOf, Session } from "./session.js";
import { checkPolicies } from "./policies.js";
import { memoryStorage } from "./storage/memory.js";
import type { Storage, StorageLock } from "./storage/types.js";
import type { Embedder, EmbeddingSpace, Estimate, Metric, OpenOptions, OpenReport, Precision, StaticEmbedder } from "./types.js";

/** What an entry offers once it is bound to its host. */
export interface Bound {
  /**
   * Opens a memory, or makes a new one. Closing it, or failing to open it, closes the storage adapter: make one adapter
   * for each opening.
   *
   * @throws StorageError (`storage-locked` when somebody else has it open), FormatError, ValidationError
   * @example
   * const memory = await openMemory({ storage: nodeFs("./agent-memory") });
   */
  openMemory(options?: OpenOptions): Promise<Memory>;
  /**
   * The built-in offline embedder on its own, for use elsewhere.
   *
   * @example
   * const embedder = await staticEmbedder("static-256");
   */
  staticEmbedder(model?: ModelName): Promise<StaticEmbedder>;
  /**
   * About how many bytes `count` records take, each with a vector of `dimensions` components (default 128; 0: none) in
   * `precision` (default `f32`) and `textBytes` bytes of text (default 200) in English.
   *
   * @example
   * const { memory, storage } = await estimate({ count: 100_000, dimensions: 384 });
   */
  estimate(size: {
    readonly count: number;
    readonly dimensions?: number | undefined;
    readonly precision?: Precision | undefined;
    readonly textBytes?: number | undefined;
  }): Promise<Estimate>;
  /** Identifiers of this build. Resolves once the engine is loaded. */
  versions(): Promise<{ readonly core: string; readonly format: number; readonly tokenizer: string }>;
}

/** Binds the package to a host. @internal */
export function bind(host: Host): Bound {
  const models = new Map<ModelName, Promise<StaticEmbedder>>();
  let life = currentLife();

  const staticEmbedder = async (name: ModelName = "static-128"): Promise<StaticEmbedder> => {
    if (name !== "static-128" && name !== "static-256") throw invalid("model", 'must be "static-128" or "static-256"');
    await loadEngine(host);
    if (life !== currentLife()) {
      models.clear();
      life = currentLife();
    }
    const loading = models.get(name) ?? loadStatic(host, name);
    models.set(name, loading);
    loading.catch(() => models.delete(name));
    return loading;
  };

  const openMemory = async (options: OpenOptions = {}): Promise<Memory> => {
    checkObject(options, "options");
    const { storage = memoryStorage(), now = Date.now, policies, encoders = [], summarize, onModelChange = "refuse", embeddingCache = {} } = options;
    checkStorage(storage);
    let lock: StorageLock | undefined;
    try {
      checkFields(options, ["storage", "embedder", "scope", "config", "now", "seed", "trace", "policies", "encoders", "summarize", "onModelChange", "embeddingCache", "dimensions", "workers"], "options");
      if (typeof now !== "function") throw invalid("now", "must be a function");
      if (summarize !== undefined && typeof summarize !== "function") throw invalid("summarize", "must be a function");
      if (onModelChange !== "refuse" && onModelChange !== "reembed") throw invalid("onModelChange", 'must be "refuse" or "reembed"');
      checkWhole(options.dimensions, "dimensions", 1, 8_192);
      if (options.dimensions !== undefined && options.embedder === false) throw invalid("dimensions", "needs an embedder");
      checkEmbeddingCache(embeddingCache);
      const seed = toSeed(options.seed);
      checkTrace(options.trace);
      const view = toScope(options.scope);
      if (policies !== undefined) checkPolicies(policies);
      checkEncoders(encoders);
      const startWorker = toStartWorker(options.workers, host.startWorker);
      const config = toConfig(options.config, policies?.evict);
      await loadEngine(host);
      if (options.trace !== undefined) trace(options.trace);
      lock = await storage.lock?.();
      const handle = await EngineHandle.open(storage, config, seed);
      try {
        const chosen = await choose(options.embedder, staticEmbedder);
        const embedder = chosen && options.dimensions !== undefined ? truncated(chosen, options.dimensions) : chosen;
        const metric = options.config?.metric;
        checkSpace(handle.space() as EmbeddingSpace | undefined, embedder, metric, onModelChange);
        return new Memory(new Session(handle, storage, lock, { embedder, embeddingCache, now: checkedClock(now), policies, encoders, summarize, metric, startWorker }), view, handle.report() as OpenReport);
      } catch (error) {
        handle.free();
        throw error;
      }
    } catch (thrown) {
      for (const giveUp of [() => lock?.release(), () => storage.close()]) {
        try {
          await giveUp();
        } catch {
          // What went wrong first is what the caller has to know.
        }
      }
      throw toError(thrown);
    }
  };

  return {
    openMemory,
    staticEmbedder,
    estimate: async (size) => {
      checkFields(size, ["count", "dimensions", "precision", "textBytes"], "size");
      const { count, dimensions = 128, precision = "f32", textBytes = 200 } = size;
      if (count === undefined) throw invalid("count", "is missing");
      checkWhole(count, "count", 0, Number.MAX_SAFE_INTEGER);
      for (const [field, value] of Object.entries({ dimensions, textBytes })) checkWhole(value, field, 0);
      checkPrecision(precision, "precision");
      await loadEngine(host);
      return EngineHandle.estimate(count, dimensions, precision, textBytes) as Estimate;
    },
    versions: async () => {
      await loadEngine(host);
      return engineVersions();
    },
  };
}

/** The clock, refusing what is no moment before anything is stored under it. */
function checkedClock(now: () => number): () => number {
  return () => {
    const moment: unknown = now();
    if (typeof moment !== "number" || !Number.isFinite(moment)) throw invalid("now", "must answer a finite number of milliseconds");
    return moment;
  };
}

function checkStorage(storage: Storage): void {
  for (const method of ["list", "read", "write", "close"] as const) {
    if (typeof (storage as Storage | null)?.[method] !== "function") {
      throw invalid("storage", `must be a storage adapter, but has no ${method}()`);
    }
  }
  if (storage.lock !== undefined && typeof storage.lock !== "function") throw invalid("storage/lock", "must be a function");
}

/** The 64 bits of a seed. */
function toSeed(seed: number | bigint | undefined): bigint | undefined {
  if (seed === undefined) return undefined;
  const number = Number(seed);
  // A number stands for its bits as a double; so does a bigint of the same value.
  if ((typeof seed === "number" || typeof seed === "bigint") && Number.isSafeInteger(number)) return new BigUint64Array(Float64Array.of(number).buffer)[0];
  if (typeof seed === "bigint" && (BigInt.asUintN(64, seed) === seed || BigInt.asIntN(64, seed) === seed)) return BigInt.asUintN(64, seed);
  throw invalid("seed", "must be a safe integer or a bigint of 64 bits");
}

function checkTrace(level: unknown): void {
  const levels = ["error", "warn", "info", "debug", "trace"];
  if (level !== undefined && !levels.includes(level as string)) throw invalid("trace", `must be one of ${levels.join(", ")}`);
}

async function choose(given: OpenOptions["embedder"], staticEmbedder: (name: ModelName) => Promise<Embedder>): Promise<Embedder | undefined> {
  if (given === false) return undefined;
  return given === undefined || given === "static-128" || given === "static-256" ? staticEmbedder(given ?? "static-128") : asEmbedder(given);
}

/** Throws if the vectors of a memory are of another space than those of its embedder, and none are to be made anew. */
function checkSpace(space: EmbeddingSpace | undefined, embedder: Embedder | undefined, metric: Metric | undefined, onModelChange: "refuse" | "reembed"): void {
  if (!space || (onModelChange === "reembed" && embedder)) return;
  if (!isComparedBy(space, metric)) {
    const expected = space.metric ?? "cosine";
    const message = `this memory compares vectors by ${expected}, but config/metric is ${metric}: leave it out, or open it with an embedder and onModelChange: "reembed", and embed it anew with reembed()`;
    throw createError("space-mismatch", message, { details: { field: "metric", expected, found: metric } });
  }
  if (!embedder || isOf(space, embedder)) return;
  const { model, dimensions } = embedder;
  const expected = `${space.model}/${space.dimensions}`;
  const found = dimensions === undefined ? model : `${model}/${dimensions}`;
  const message = `this memory holds vectors of ${expected}, but the embedder is ${found}: open it with that embedder, or with onModelChange: "reembed", and embed it anew with reembed()`;
  throw createError("space-mismatch", message, { details: { field: "embedder", expected, found } });
}

function readModel(bytes: Uint8Array): StaticModelHandle {
  try {
    return new StaticModelHandle(bytes);
  } catch (thrown) {
    throw toError(thrown);
  }
}

async function loadStatic(host: Host, name: ModelName): Promise<StaticEmbedder> {
  let bytes: Uint8Array;
  try {
    bytes = await host.loadModel(name);
  } catch (cause) {
    const message = `the model ${name} could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw createError("embedder-failed", message, { cause, details: { model: name } });
  }
  const model = readModel(bytes);
  const { model: spaceName, dimensions } = model.space() as EmbeddingSpace;
  return {
    model: spaceName,
    dimensions,
    maxBatch: 1_000,
    embed: (texts) => {
      const flat = model.embed([...texts]);
      return texts.map((_, index) => flat.subarray(index * dimensions, (index + 1) * dimensions));
    },
  };
}
