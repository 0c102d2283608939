// Embedders made of embedders: asked again, asked slowly, left alone, replaced. No test waits for a clock.

import { describe, expect, it } from "vitest";
import { withCircuitBreaker, withFallback, withRateLimit, withRetry, type EmbedderLike } from "../../../dist/esm/embedders/resilience.js";
import { createError, EmbedderError, openMemory, ValidationError, type Embedder } from "../../../dist/esm/entry/inline.js";
import { fakeEmbedder } from "../../../dist/esm/testing/index.js";

const busy = (more: object = {}): Error => createError("embedder-failed", "busy", { details: { model: "m", retryable: true, status: 503, ...more } });
const wrong = createError("embedder-failed", "wrong", { details: { model: "m", retryable: false, status: 400 } });

/** An embedder that fails with these errors in turn, and answers when there are no more. */
function failing(errors: readonly unknown[], model = "m"): Embedder & { readonly asked: () => number } {
  let asked = 0;
  return {
    model,
    dimensions: 1,
    maxBatch: 9,
    asked: () => asked,
    embed: async (texts) => {
      const error = errors[asked];
      asked += 1;
      if (error !== undefined) throw error;
      return texts.map((text) => [text.length]);
    },
  };
}

/** A clock that sleeping moves, and how long was slept. */
function slept(): { readonly waits: number[]; readonly now: () => number; sleep(millis: number): Promise<void>; forward(millis: number): void } {
  const waits: number[] = [];
  let at = 1_000;
  return {
    waits,
    now: () => at,
    sleep: async (millis) => {
      waits.push(millis);
      // Whatever can go on now goes on first.
      await new Promise(setImmediate);
      at += millis;
    },
    forward: (millis) => (at += millis),
  };
}

const ask = async (embedder: Embedder, signal?: AbortSignal): Promise<unknown> => embedder.embed(["four"], { purpose: "query", ...(signal && { signal }) });
const thrown = async (promise: Promise<unknown>): Promise<unknown> => promise.then((value) => expect.fail(`answered ${JSON.stringify(value)}`), (error: unknown) => error);

describe("withRetry", () => {
  it("asks again after a random share of a time that doubles up to a limit", async () => {
    const { waits, sleep } = slept();
    const inner = failing([busy(), busy(), busy(), busy(), busy()]);
    const shares = [0.5, 0.999, 0, 0.25, 0.5];
    const embedder = withRetry(inner, { attempts: 6, baseMs: 100, maxMs: 500, random: () => shares.shift() as number, sleep });
    expect(embedder).toMatchObject({ model: "m", dimensions: 1, maxBatch: 9 });
    expect(await ask(embedder)).toEqual([[4]]);
    expect(waits).toEqual([50, 199.8, 0, 125, 250]);
  });

  it("waits as long as the service asks, or not at all if that is too long", async () => {
    const { waits, sleep } = slept();
    const options = { baseMs: 100, maxMs: 5_000, random: () => 0.5, sleep };
    await ask(withRetry(failing([busy({ retryAfterMs: 4_000 }), busy({ retryAfterMs: 10 })]), options));
    expect(waits).toEqual([4_000, 100]);
    const patient = failing([busy({ retryAfterMs: 6_000 })]);
    expect(await thrown(ask(withRetry(patient, options)))).toMatchObject({ retryAfterMs: 6_000 });
    expect([patient.asked(), waits.length]).toEqual([1, 2]);
  });

  it("gives up after so many calls, with the last error", async () => {
    const last = busy({ reason: "last" });
    const inner = failing([busy(), busy(), last]);
    expect(await thrown(ask(withRetry(inner, { attempts: 3, sleep: slept().sleep })))).toBe(last);
    expect(inner.asked()).toBe(3);
  });

  it.each<[string, unknown, number]>([
    ["what is wrong with the call", wrong, 1],
    ["an error that says nothing", new Error("who knows"), 1],
    ["no error at all", "thrown", 1],
    ["an error of the AI SDK that may pass", Object.assign(new Error("overloaded"), { statusCode: 529, isRetryable: true }), 2],
    ["one that may not", Object.assign(new Error("unauthorised"), { statusCode: 401, isRetryable: false }), 1],
    ["the status of another client", Object.assign(new Error("too many"), { status: 429, headers: new Headers({ "retry-after": "0" }) }), 2],
    ["a broken connection", Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNRESET" } }), 2],
    ["a time limit", Object.assign(new Error("late"), { name: "TimeoutError" }), 2],
  ])("decides by what is thrown: %s", async (_name, error, asked) => {
    const inner = failing([error]);
    await ask(withRetry(inner, { sleep: slept().sleep })).catch(() => undefined);
    expect(inner.asked()).toBe(asked);
  });

  it("lets the user decide", async () => {
    const inner = failing([new Error("who knows"), wrong]);
    const seen: unknown[] = [];
    expect(await thrown(ask(withRetry(inner, { retryIf: (error) => seen.push(error) < 2, sleep: slept().sleep })))).toBe(wrong);
    expect(seen).toHaveLength(2);
  });

  it("ends when the call is aborted: while it waits, and while the embedder does", async () => {
    const controller = new AbortController();
    const inner = failing([busy(), busy()]);
    const waiting = withRetry(inner, { sleep: () => (controller.abort(new Error("enough")), new Promise(() => undefined)) });
    expect(await thrown(ask(waiting, controller.signal))).toMatchObject({ message: "enough" });
    expect(inner.asked()).toBe(1);
    const deaf = withRetry({ model: "m", embed: () => new Promise(() => undefined) });
    const second = new AbortController();
    const asking = thrown(ask(deaf, second.signal));
    second.abort(new Error("now"));
    expect(await asking).toMatchObject({ message: "now" });
    // With the host's own timer too.
    const third = new AbortController();
    const random = (): number => (queueMicrotask(() => third.abort(new Error("timer"))), 0.5);
    const timed = thrown(ask(withRetry(failing([busy()]), { baseMs: 1e6, maxMs: 1e6, random }), third.signal));
    expect(await timed).toMatchObject({ message: "timer" });
  });

  it("waits with the host's own timer", async () => {
    expect(await ask(withRetry(failing([busy()]), { baseMs: 1 }))).toEqual([[4]]);
  });

  it.each<[object, string]>([
    [{ attempts: 0 }, "attempts"], [{ baseMs: -1 }, "baseMs"], [{ maxMs: Number.NaN }, "maxMs"], [{ random: 1 }, "random"], [{ sleep: 1 }, "sleep"], [{ retryIf: true }, "retryIf"], [{ tries: 1 }, "tries"],
  ])("refuses %o", (options, field) => {
    expect(() => withRetry(failing([]), options)).toThrow(expect.objectContaining({ code: "invalid-argument", details: { field } }));
  });

  it("refuses a random that answers something else", async () => {
    expect(await thrown(ask(withRetry(failing([busy()]), { random: () => 1, sleep: slept().sleep })))).toMatchObject({ details: { field: "random" } });
  });
});

describe("withRateLimit", () => {
  it("lets no more calls begin in any stretch of time, in their order", async () => {
    const clock = slept();
    const begun: number[] = [];
    const inner: Embedder = { model: "m", embed: async (texts) => (begun.push(clock.now()), texts.map(() => [begun.length])) };
    const embedder = withRateLimit(inner, { calls: 3, perMs: 100, now: clock.now, sleep: clock.sleep });
    await Promise.all(Array.from({ length: 8 }, () => ask(embedder)));
    expect(begun).toEqual([1_000, 1_000, 1_000, 1_100, 1_100, 1_100, 1_200, 1_200]);
    clock.forward(50);
    await ask(embedder);
    clock.forward(60);
    expect(await ask(embedder)).toEqual([[10]]);
    expect(begun.slice(8)).toEqual([1_250, 1_310]);
  });

  it("lets no more calls be under way at once", async () => {
    let [inside, most] = [0, 0];
    const ends: (() => void)[] = [];
    const inner: Embedder = {
      model: "m",
      embed: async (texts) => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise<void>((resolve) => ends.push(resolve));
        inside -= 1;
        return texts.map(() => [1]);
      },
    };
    const embedder = withRateLimit(inner, { concurrent: 2 });
    const all = Promise.all(Array.from({ length: 5 }, () => ask(embedder)));
    for (let ended = 0; ended < 5; ended += 1) {
      await new Promise(setImmediate);
      ends[ended]?.();
    }
    await all;
    expect([most, inside]).toEqual([2, 0]);
  });

  it("gives a place back when a call fails", async () => {
    const embedder = withRateLimit(failing([busy(), busy()]), { concurrent: 1 });
    await expect(ask(embedder)).rejects.toThrow("busy");
    await expect(ask(embedder)).rejects.toThrow("busy");
    expect(await ask(embedder)).toEqual([[4]]);
  });

  it("lets an aborted call leave the queue, without a place taken", async () => {
    const clock = slept();
    let wake: () => void = () => undefined;
    const sleep = (millis: number): Promise<void> => new Promise((resolve) => (wake = () => resolve(clock.sleep(millis))));
    const inner = failing([]);
    const embedder = withRateLimit(inner, { calls: 1, perMs: 100, now: clock.now, sleep });
    await ask(embedder);
    const [first, second] = [new AbortController(), new AbortController()];
    const head = thrown(ask(embedder, first.signal));
    const behind = thrown(ask(embedder, second.signal));
    const last = ask(embedder);
    second.abort(new Error("behind"));
    expect(await behind).toMatchObject({ message: "behind" });
    first.abort(new Error("head"));
    expect(await head).toMatchObject({ message: "head" });
    await new Promise(setImmediate);
    wake();
    expect(await last).toEqual([[4]]);
    expect([inner.asked(), clock.waits]).toEqual([2, [100]]);
  });

  it("works with the host's own clock and timer", async () => {
    const embedder = withRateLimit(failing([]), { calls: 1, perMs: 5 });
    const before = performance.now();
    await Promise.all([ask(embedder), ask(embedder), ask(embedder)]);
    expect(performance.now() - before).toBeGreaterThan(8);
  });

  it.each<[object, string]>([[{}, "calls"], [{ calls: 0 }, "calls"], [{ calls: 1, perMs: 0 }, "perMs"], [{ concurrent: 0.5 }, "concurrent"], [{ calls: 1, now: 1 }, "now"], [{ calls: 1, rate: 1 }, "rate"]])("refuses %o", (options, field) => {
    expect(() => withRateLimit(failing([]), options)).toThrow(expect.objectContaining({ code: "invalid-argument", details: { field } }));
  });
});

describe("withCircuitBreaker", () => {
  it("leaves it alone after failures in a row, then lets one call decide", async () => {
    const clock = slept();
    const inner = failing([busy(), busy(), undefined, busy(), busy(), busy(), busy()]);
    const embedder = withCircuitBreaker(inner, { failures: 3, openMs: 100, now: clock.now });
    await thrown(ask(embedder));
    await thrown(ask(embedder));
    // An answer between them begins the count anew.
    await ask(embedder);
    for (let turn = 0; turn < 3; turn += 1) await thrown(ask(embedder));
    expect(inner.asked()).toBe(6);
    clock.forward(40);
    const error = await thrown(ask(embedder));
    expect(error).toBeInstanceOf(EmbedderError);
    expect(error).toMatchObject({ retryable: true, retryAfterMs: 60, details: { model: "m", reason: "circuit-open" } });
    expect(inner.asked()).toBe(6);
    clock.forward(60);
    // The trial fails: left alone again.
    expect(await thrown(ask(embedder))).toMatchObject({ message: "busy" });
    expect(await thrown(ask(embedder))).toMatchObject({ details: { reason: "circuit-open" } });
    clock.forward(100);
    expect(await ask(embedder)).toEqual([[4]]);
    expect(await ask(embedder)).toEqual([[4]]);
    expect(inner.asked()).toBe(9);
  });

  it("lets no second call through while one tries", async () => {
    const clock = slept();
    let answer: (rows: number[][]) => void = () => undefined;
    let asked = 0;
    const inner: Embedder = { model: "m", embed: () => ((asked += 1) === 1 ? Promise.reject(busy()) : new Promise((resolve) => (answer = resolve))) };
    const embedder = withCircuitBreaker(inner, { failures: 1, openMs: 10, now: clock.now });
    await thrown(ask(embedder));
    clock.forward(10);
    const trial = ask(embedder);
    expect(await thrown(ask(embedder))).toMatchObject({ details: { reason: "circuit-open" } });
    answer([[7]]);
    expect(await trial).toEqual([[7]]);
    expect(asked).toBe(2);
  });

  it("does not count what the call is to blame for, nor aborted calls", async () => {
    const refused = withCircuitBreaker(failing([busy(), wrong, busy(), wrong]), { failures: 2 });
    for (const message of ["busy", "wrong", "busy", "wrong"]) expect(await thrown(ask(refused))).toMatchObject({ message });
    expect(await ask(refused)).toEqual([[4]]);
    const controller = new AbortController();
    const aborted = withCircuitBreaker({ model: "m", embed: async () => (controller.abort(), Promise.reject(new Error("stopped"))) }, { failures: 1 });
    for (const _ of [1, 2]) expect(await thrown(ask(aborted, controller.signal))).toMatchObject({ message: "stopped" });
    const plain = withCircuitBreaker(failing([new Error("own")]), { failures: 1 });
    await thrown(ask(plain));
    expect(await thrown(ask(plain))).toMatchObject({ details: { reason: "circuit-open" } });
  });

  it.each<[object, string]>([[{ failures: 0 }, "failures"], [{ openMs: 0 }, "openMs"], [{ now: 0 }, "now"], [{ open: 1 }, "open"]])("refuses %o", (options, field) => {
    expect(() => withCircuitBreaker(failing([]), options)).toThrow(expect.objectContaining({ code: "invalid-argument", details: { field } }));
  });
});

describe("withFallback", () => {
  it("asks the next one where one fails, in their order", async () => {
    const [first, second, third] = [failing([busy(), undefined]), failing([wrong]), failing([])];
    const embedder = withFallback([first, second, third]);
    expect(await ask(embedder)).toEqual([Float32Array.of(4)]);
    expect([first, second, third].map((inner) => inner.asked())).toEqual([1, 1, 1]);
    await ask(embedder);
    expect([first, second, third].map((inner) => inner.asked())).toEqual([2, 1, 1]);
  });

  it.each<[string, unknown]>([["too few vectors", []], ["other dimensions", [[1, 2]]], ["no numbers", [["x"]]], ["no array", "x"]])("asks the next one where one answers %s", async (_name, answer) => {
    const odd: Embedder = { model: "m", embed: () => answer as number[][] };
    expect(await ask(withFallback([odd, failing([])]))).toEqual([Float32Array.of(4)]);
  });

  it("asks each in batches of its own size, and keeps texts without meaning", async () => {
    const sizes: number[][] = [];
    const inner = (maxBatch: number, fails: boolean): Embedder => {
      const own: number[] = [];
      sizes.push(own);
      return { model: "m", dimensions: 1, maxBatch, embed: async (texts) => (own.push(texts.length), fails ? Promise.reject(busy()) : texts.map((text) => [text === "" ? 0 : 1])) };
    };
    const embedder = withFallback([inner(5, true), inner(2, false)]);
    expect(embedder.maxBatch).toBe(5);
    expect(await embedder.embed(["a", "", "c", "d", "e"], { purpose: "memory" })).toEqual([1, 0, 1, 1, 1].map((n) => Float32Array.of(n)));
    expect(sizes).toEqual([[5], [2, 2, 1]]);
  });

  it("fails when all do, and says whether that may pass", async () => {
    const errors = [wrong, busy()];
    const error = await thrown(ask(withFallback(errors.map((error) => failing([error])))));
    expect(error).toBeInstanceOf(EmbedderError);
    expect(error).toMatchObject({ retryable: true, message: "none of 2 embedders of m answered", cause: { errors } });
    expect(await thrown(ask(withFallback([failing([wrong])])))).toMatchObject({ retryable: false });
  });

  it("asks nobody else once the call is aborted", async () => {
    const controller = new AbortController();
    const second = failing([]);
    const first: Embedder = { model: "m", embed: async () => (controller.abort(), Promise.reject(new Error("stopped"))) };
    await thrown(ask(withFallback([first, second]), controller.signal));
    expect(second.asked()).toBe(0);
  });

  it("takes embedders of one space only", () => {
    const space = (model: string, dimensions?: number, maxBatch?: number): Embedder => ({ model, dimensions, maxBatch, embed: () => [] });
    expect(withFallback([space("a", undefined, 50), space("a", 3), space("a", undefined, 70)])).toMatchObject({ model: "a", dimensions: 3, maxBatch: 100 });
    const cases: [EmbedderLike[], object][] = [
      [[space("a", 3), space("b", 3)], { field: "embedders/1", expected: "a/3", found: "b/3" }],
      [[space("a", 3), space("a", 3), space("a", 4)], { field: "embedders/2", expected: "a/3", found: "a/4" }],
      [[space("a"), (texts) => texts.map(() => [1])], { field: "embedders/1", expected: "a", found: "custom" }],
    ];
    for (const [embedders, details] of cases) {
      let error: unknown;
      try {
        withFallback(embedders);
      } catch (refusal) {
        error = refusal;
      }
      expect(error).toBeInstanceOf(ValidationError);
      expect(error).toMatchObject({ code: "space-mismatch", details });
    }
    expect(() => withFallback([])).toThrow(expect.objectContaining({ details: { field: "embedders" } }));
  });
});

describe("together", () => {
  it("keep a memory going over a service that fails now and then", async () => {
    const clock = slept();
    const flaky = fakeEmbedder({ model: "shared", dimensions: 8, failOn: ({ index }) => index % 3 !== 2 && busy() });
    const spare = fakeEmbedder({ model: "shared", dimensions: 8 });
    const embedder = withFallback([withCircuitBreaker(withRetry(withRateLimit(flaky, { calls: 100, now: clock.now, sleep: clock.sleep }), { attempts: 2, sleep: clock.sleep }), { failures: 2, openMs: 1e6, now: clock.now }), spare]);
    const memory = await openMemory({ embedder });
    for (let n = 0; n < 12; n += 1) await memory.add(`note ${n} about tea`);
    expect((await memory.stats()).engine?.vectors).toBe(12);
    expect(flaky.calls.length).toBeGreaterThan(2);
    expect(spare.calls.length).toBeGreaterThan(0);
    await memory.close();
  });

  it("tell the memory's caller what the service said", async () => {
    const memory = await openMemory({ embedder: withRetry(failing([busy({ reason: "overloaded" })]), { attempts: 1 }) });
    const error = await thrown(memory.add("x"));
    expect(error).toBeInstanceOf(EmbedderError);
    expect(error).toMatchObject({ status: 503, retryable: true, details: { reason: "overloaded" } });
    await memory.close();
    const own = await openMemory({ embedder: async () => Promise.reject(Object.assign(new Error("slow down"), { status: 429, headers: { "retry-after": "3" } })) });
    expect(await thrown(own.add("x"))).toMatchObject({ message: "the embedder custom threw: slow down", status: 429, retryable: true, retryAfterMs: 3_000 });
    await own.close();
  });
});

it("a call that is aborted as its turn comes leaves its place to others", async () => {
  for (let ticks = 0; ticks < 12; ticks += 1) {
    const embedder = withRateLimit(failing([busy()]), { concurrent: 1 });
    const stop = new AbortController();
    const both = [ask(embedder, stop.signal), ask(embedder, stop.signal)].map((asked) => asked.catch(() => undefined));
    for (let tick = 0; tick < ticks; tick += 1) await undefined;
    stop.abort(new Error("enough"));
    await Promise.all(both);
    const late = new Promise((resolve) => setTimeout(resolve, 1_000, "hung"));
    expect(await Promise.race([ask(embedder).then(() => "asked", () => "asked"), late])).toBe("asked");
  }
});

it("a wait longer than a timer can be set for is kept", async () => {
  const embedder = withRateLimit(failing([]), { calls: 1, perMs: 30 * 24 * 3_600_000 });
  await ask(embedder);
  const stop = new AbortController();
  const second = ask(embedder, stop.signal).then(() => "asked", () => "aborted");
  setTimeout(() => stop.abort(), 50);
  expect(await second).toBe("aborted");
});
