import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { describe, expect, it, vi } from "vitest";
import { openMemory, type GraphReport, type Memory, type OpenOptions } from "../../dist/esm/entry/inline.js";
import init, { buildGraph, EngineHandle } from "../../dist/esm/internal/generated/engine.js";
import { memoryPlace, memoryStorage, type MemoryPlace } from "../../dist/esm/storage/memory.js";

const DIMENSIONS = 64;

/** Numbers that `crates/core/src/index/vector/graph_tests.rs` draws too. */
function drawing(state = 1): () => number {
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
}

const open = (place: MemoryPlace, options: OpenOptions = {}): Promise<Memory> =>
  openMemory({ storage: memoryStorage({ place }), embedder: false, ...options, config: { working: {}, intermediate: {}, ...options.config } });

async function filled(place: MemoryPlace, options: OpenOptions = {}): Promise<Memory> {
  const memory = await open(place, options);
  const draw = drawing(7);
  const vector = (): Float32Array => Float32Array.from({ length: DIMENSIONS }, () => draw() / 2 ** 32 - 0.5);
  for (let start = 0; start < 1_500; start += 500) {
    await memory.addMany(Array.from({ length: 500 }, (_, index) => ({ text: `r${start + index}`, vector: vector() })));
  }
  return memory;
}

const built = (memory: Memory): Promise<GraphReport> => new Promise((resolve) => memory.on("graph-built", resolve));
const failed = (memory: Memory): Promise<unknown> => new Promise((resolve) => memory.on("worker-failed", ({ error }) => resolve(error)));
const graph = async (memory: Memory): Promise<unknown> => (await memory.stats()).engine?.graph;
const keys = (place: MemoryPlace): string[] => place.keys().filter((key) => key.startsWith("graph-"));

/** What the package publishes as `stratamem/worker`. */
const script = new URL("../../dist/esm/worker/main.js", import.meta.url);

/** A Worker that runs some text. */
const running = (source: string) => (): Worker => new Worker(source, { eval: true });
const hello = 'const { parentPort } = require("node:worker_threads"); parentPort.postMessage({ type: "ready" });';

describe("a graph over the vectors", () => {
  it("is a function of its job, as natively", async () => {
    await init({ module_or_path: readFileSync(new URL("../../dist/assets/engine.wasm", import.meta.url)) });
    const job = new Uint8Array(12 + 16 * 2_000);
    new Uint32Array(job.buffer, 0, 3).set([1, 16, 2_000]);
    const draw = drawing();
    for (let at = 12; at < job.length; at += 1) job[at] = draw() >>> 24;
    // The same number stands in the test of the engine.
    expect(crc32(buildGraph(job))).toBe(3_267_823_736);
    expect(() => buildGraph(job.subarray(1))).toThrow(/^job is not what the engine gave/);
  });

  it("is built in a Worker when it is due, stored, and taken up again", async () => {
    const place = memoryPlace();
    const memory = await filled(place, { config: { graph: "always" } });
    const told = built(memory);
    await memory.maintain({ compact: true });
    // Changes meanwhile are seen at once, and count beside the graph.
    const vector = new Float32Array(DIMENSIONS).fill(1);
    const id = await memory.add("new", { vector });
    expect(await told).toMatchObject({ vectors: 1_500, by: "worker" });
    expect(await graph(memory)).toEqual({ built: 1_500, current: 1_500, beside: 1 });
    expect((await memory.recall("", { vector }))[0]?.id).toBe(id);
    await memory.maintain();
    expect(keys(place)).toHaveLength(1);
    await memory.close();
    const again = await open(place);
    expect(await graph(again)).toEqual({ built: 1_500, current: 1_500, beside: 1 });
    await again.close();
    const without = await open(place, { config: { graph: "never" } });
    expect(await graph(without)).toBeUndefined();
    await without.close();
  });

  it("is not built of itself in a small memory, nor where there are no Workers", async () => {
    for (const options of [{}, { workers: "never", config: { graph: "always" } }] as const) {
      const memory = await filled(memoryPlace(), options);
      await memory.maintain();
      expect(await graph(memory)).toBeUndefined();
      await memory.close();
    }
  });

  it("is built on demand, where there are no Workers in the thread that asks", async () => {
    const empty = await open(memoryPlace());
    expect(await empty.buildGraph()).toBeUndefined();
    await empty.close();
    for (const [workers, by] of [["auto", "worker"], ["never", "caller"]] as const) {
      const memory = await filled(memoryPlace(), { workers });
      const [first, second] = await Promise.all([memory.buildGraph(), by === "worker" ? memory.buildGraph() : undefined]);
      expect(first).toMatchObject({ vectors: 1_500, by });
      if (by === "worker") expect(second).toEqual(first);
      expect(await graph(memory)).toEqual({ built: 1_500, current: 1_500, beside: 0 });
      await memory.close();
    }
  });

  it("is built by a Worker of the caller's", async () => {
    const memory = await filled(memoryPlace(), { workers: () => new Worker(script) });
    expect(await memory.buildGraph()).toMatchObject({ by: "worker" });
    await memory.close();
  });

  it.each([
    ["throws when it starts", running("throw new Error('no')"), /no/],
    ["ends", running("process.exit(0)"), /ended before/],
    ["says that it cannot", running(`${hello} parentPort.postMessage({ type: "failed", message: "no" })`), /could not build the graph: no/],
    ["brings something else", running(`${hello} parentPort.postMessage({ type: "part", part: new Uint8Array(400), bytes: 400, last: true })`), /is no graph of this memory/],
    ["cannot be started", () => { throw new Error("refused"); }, /refused/],
    ["is none", () => ({}) as Worker, /workers must answer a Worker/],
    ["is nothing", () => null as unknown as Worker, /workers must answer a Worker/],
    ["says nothing", running(`${hello} parentPort.postMessage(undefined)`), /says what stratamem\/worker never says/],
    ["brings no bytes", running(`${hello} parentPort.postMessage({ type: "part", part: [1, 2], last: true })`), /says what stratamem\/worker never says/],
  ])("is missing if the Worker %s, and nothing else is", async (_, workers, expected) => {
    let started = 0;
    const memory = await filled(memoryPlace(), { config: { graph: "always" }, workers: () => ((started += 1), workers()) });
    const told = failed(memory);
    await memory.maintain();
    expect(String(((await told) as Error).message)).toMatch(expected);
    await memory.maintain();
    expect([started, await graph(memory)]).toEqual([1, undefined]);
    expect(await memory.recall("", { vector: new Float32Array(DIMENSIONS).fill(1) })).not.toEqual([]);
    // Asked for, it is built all the same.
    expect(await memory.buildGraph()).toMatchObject({ by: "caller" });
    await memory.close();
  });

  it("is given up when the memory is closed", async () => {
    let ended = 0;
    const workers = (): Worker => {
      const worker = running(hello)();
      worker.on("exit", () => (ended += 1));
      return worker;
    };
    const memory = await filled(memoryPlace(), { workers });
    const waiting = memory.buildGraph();
    await memory.close();
    await expect(waiting).rejects.toMatchObject({ code: "memory-closed" });
    await expect.poll(() => ended).toBe(1);
  });

  it("is no reason for maintenance to fail that was durable before the memory was closed", async () => {
    const storage = memoryStorage();
    const write = storage.write.bind(storage);
    storage.write = async (batch) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return write(batch);
    };
    const memory = await openMemory({ storage, embedder: false });
    const added = memory.add("something");
    const maintained = memory.maintain({ compact: true });
    // Both wait for storage.
    await new Promise((resolve) => setTimeout(resolve, 5));
    await memory.close();
    await added;
    expect(await maintained).toMatchObject({ more: false });
  });

  it("is built anew if the vectors were dropped meanwhile, and no failure", async () => {
    let started = 0;
    const place = memoryPlace();
    await (await filled(place)).close();
    const embedder = (model: string) => ({ model, embed: async (texts: readonly string[]) => texts.map((text) => Float32Array.from({ length: DIMENSIONS }, (_, at) => Math.sin(Number(text.slice(1)) * (at + 1)) + 0.01)) });
    const memory = await open(place, {
      embedder: embedder("another"),
      onModelChange: "reembed",
      config: { graph: "always" },
      // The first one says nothing before it is told to.
      workers: () => ((started += 1) === 1 ? (held = running(`const { parentPort } = require("node:worker_threads"); parentPort.on("message", () => parentPort.postMessage({ type: "more" }));`)()) : new Worker(script)),
    });
    let held: Worker | undefined;
    const errors: unknown[] = [];
    memory.on("worker-failed", ({ error }) => errors.push(error));
    await memory.maintain();
    await expect.poll(() => started).toBe(1);
    await memory.reembed();
    const asked = memory.buildGraph();
    held?.postMessage("go on");
    expect(await asked).toMatchObject({ vectors: 1_500, by: "worker" });
    expect([errors, started]).toEqual([[], 2]);
    await memory.close();
  });

  it("is no failure either if they are dropped while it is put in place", async () => {
    for (const workers of ["auto", "never"] as const) {
      const place = memoryPlace();
      await (await filled(place)).close();
      const embed = async (texts: readonly string[]): Promise<Float32Array[]> => texts.map((text) => Float32Array.from({ length: DIMENSIONS }, (_, at) => Math.sin(Number(text.slice(1)) * (at + 1)) + 0.01));
      const memory = await open(place, { embedder: { model: "another", embed }, onModelChange: "reembed", workers });
      const errors: unknown[] = [];
      memory.on("worker-failed", ({ error }) => errors.push(error));
      // Between two steps of putting it in place the vectors go.
      const { placeGraph } = EngineHandle.prototype;
      let steps = 0;
      let reembedded: Promise<unknown> | undefined;
      EngineHandle.prototype.placeGraph = function (job) {
        steps += 1;
        if (steps === 2) reembedded = memory.reembed();
        return placeGraph.call(this, job);
      };
      try {
        await memory.buildGraph();
      } finally {
        EngineHandle.prototype.placeGraph = placeGraph;
      }
      await reembedded;
      expect([steps > 2, errors]).toEqual([true, []]);
      expect(await memory.buildGraph()).toMatchObject({ vectors: 1_500, by: workers === "auto" ? "worker" : "caller" });
      await memory.close();
    }
  });

  it("ends a Worker that starts after it was given up", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      let start: (worker: Worker) => void = () => {};
      const memory = await filled(memoryPlace(), { workers: () => new Promise<Worker>((resolve) => (start = resolve)) });
      const told = failed(memory);
      const asked = memory.buildGraph();
      vi.advanceTimersByTime(60_000);
      expect(await told).toMatchObject({ code: "worker-silent" });
      expect(await asked).toMatchObject({ by: "caller" });
      const worker = new Worker(script);
      const ended = new Promise((resolve) => worker.on("exit", resolve));
      start(worker);
      await ended;
      await memory.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it("is built once for all who wait for it, also if the Worker fails", async () => {
    let [started, ended] = [0, 0];
    const workers = (): Worker => {
      const worker = running(started === 0 ? "setTimeout(() => process.exit(0), 50)" : `${hello} setTimeout(() => process.exit(0), 50)`)();
      worker.on("exit", () => (ended += 1));
      started += 1;
      return worker;
    };
    const memory = await filled(memoryPlace(), { config: { graph: "always" }, workers });
    let reports = 0;
    memory.on("graph-built", () => (reports += 1));
    await memory.maintain();
    const [first, second, third] = await Promise.all([memory.buildGraph(), memory.buildGraph(), memory.buildGraph()]);
    expect(first).toMatchObject({ vectors: 1_500, by: "caller" });
    expect([second, third, reports]).toEqual([first, first, 1]);
    await expect.poll(() => ended).toBe(started);
    await memory.close();
  });

  it.each([
    // So many that the graph is not there before the process has ended.
    ["the package's own", 6_000, '"auto"'],
    // Its script is CommonJS, whatever the program is: of a flag that says otherwise it would die.
    ["one that never answers", 1_000, `() => new Worker('const { parentPort } = require("node:worker_threads"); parentPort.on("message", () => {}); parentPort.postMessage({ type: "ready" });', { eval: true, execArgv: [] })`],
  ])("keeps no process alive that has nothing else to do: %s", async (_, count, workers) => {
    const url = (path: string): string => JSON.stringify(new URL(`../../dist/esm/${path}`, import.meta.url).href);
    const source = `
      import { Worker } from "node:worker_threads";
      import { openMemory } from ${url("entry/inline.js")};
      const workers = ${workers};
      const memory = await openMemory({ embedder: false, config: { graph: "always" }, workers });
      memory.on("graph-built", () => console.log("built"));
      memory.on("worker-failed", ({ error }) => console.log(error));
      const vector = () => Array.from({ length: 64 }, () => Math.random() - 0.5);
      await memory.addMany(Array.from({ length: ${count} }, (_, at) => ({ text: "r" + at, vector: vector() })));
      while ((await memory.maintain()).more);
      console.log("done");`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", source], { timeout: 50_000 });
    expect(stdout.trim()).toBe("done");
    // Long limits, for a machine that is busy: a process that ends is waited for no longer than it runs.
  }, 60_000);

  it("refuses other settings", async () => {
    await expect(openMemory({ workers: 2 as never })).rejects.toMatchObject({ details: { field: "workers" } });
    await expect(openMemory({ config: { graph: "sometimes" as never } })).rejects.toMatchObject({ details: { field: "graph" } });
  });
});

/** CRC-32 as in zlib. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
