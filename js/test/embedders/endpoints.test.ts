// Embedders behind HTTP: what is sent, what is made of the answer, and that nothing secret gets out.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { cohere } from "../../../dist/esm/embedders/cohere.js";
import { ollama } from "../../../dist/esm/embedders/ollama.js";
import { openAiCompatible, type OpenAiCompatibleOptions } from "../../../dist/esm/embedders/openai-compatible.js";
import { EmbedderError, MemoryError, openMemory, ValidationError, type Embedder } from "../../../dist/esm/entry/inline.js";

const key = "sk-very-secret-0123456789";

interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** A service that answers what it is told to, and notes what it was sent. */
function service(answer: (sent: Sent) => Response | Promise<Response>): { readonly sent: Sent[]; readonly fetch: typeof fetch } {
  const sent: Sent[] = [];
  return {
    sent,
    fetch: async (input, init) => {
      const { method = "", headers, body } = init ?? {};
      const request: Sent = { url: String(input), method, headers: new Headers(headers), body: JSON.parse(String(body)) as Record<string, unknown> };
      sent.push(request);
      return answer(request);
    },
  };
}

const json = (value: unknown, init?: ResponseInit): Response => new Response(JSON.stringify(value), init);

async function failure(promise: PromiseLike<unknown> | unknown): Promise<EmbedderError> {
  const error: unknown = await Promise.resolve(promise).then(() => undefined, (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EmbedderError);
  return error as EmbedderError;
}

const ask = async (embedder: Embedder, texts: readonly string[] = ["one", "two"], purpose: "query" | "memory" = "memory"): Promise<readonly ArrayLike<number>[]> => embedder.embed(texts, { purpose });

/** The three protocols, each with a good answer. */
const protocols = [
  {
    name: "openAiCompatible",
    make: (more: Partial<OpenAiCompatibleOptions>): Embedder => openAiCompatible({ model: "m", ...more }),
    home: "https://api.openai.com/v1/embeddings",
    path: "/embeddings",
    batch: 128,
    body: { model: "m", input: ["one", "two"], encoding_format: "float" },
    question: { model: "m", input: ["one", "two"], encoding_format: "float" },
    sized: { dimensions: 2 },
    answer: (rows: unknown[]) => ({ object: "list", data: rows.map((embedding, index) => ({ object: "embedding", index, embedding })) }),
  },
  {
    name: "cohere",
    make: (more: object): Embedder => cohere({ model: "m", ...more }),
    home: "https://api.cohere.com/v2/embed",
    path: "/v2/embed",
    batch: 96,
    body: { model: "m", texts: ["one", "two"], input_type: "search_document", embedding_types: ["float"], truncate: "END" },
    question: { model: "m", texts: ["one", "two"], input_type: "search_query", embedding_types: ["float"], truncate: "END" },
    sized: { output_dimension: 2 },
    answer: (rows: unknown[]) => ({ id: "x", texts: [], embeddings: { float: rows } }),
  },
  {
    name: "ollama",
    make: (more: object): Embedder => ollama({ model: "m", ...more }),
    home: "http://127.0.0.1:11434/api/embed",
    path: "/api/embed",
    batch: 64,
    body: { model: "m", input: ["one", "two"], truncate: true },
    question: { model: "m", input: ["one", "two"], truncate: true },
    sized: { dimensions: 2 },
    answer: (rows: unknown[]) => ({ model: "m", embeddings: rows, total_duration: 5 }),
  },
] as const;

describe.each(protocols)("$name", ({ make, home, path, batch, body, question, sized, answer }) => {
  it("asks as the protocol says, and tells questions from memories", async () => {
    const { fetch, sent } = service(() => json(answer([[1, 0], [0, 1]])));
    const embedder = make({ fetch, apiKey: key, headers: { "x-team": "blue" } });
    expect(embedder).toMatchObject({ model: "m", maxBatch: batch });
    expect(await ask(embedder)).toEqual([[1, 0], [0, 1]]);
    await ask(embedder, undefined, "query");
    const [first, second] = sent as [Sent, Sent];
    expect(first).toMatchObject({ url: home, method: "POST", body });
    expect(Object.keys(first.body)).toEqual(Object.keys(body));
    expect(second.body).toEqual(question);
    const fields: Record<string, string> = {};
    first.headers.forEach((value, name) => (fields[name] = value));
    expect(fields).toEqual({ authorization: `Bearer ${key}`, "content-type": "application/json", "x-team": "blue" });
  });

  it("asks another address, with the dimensions and the key of the moment, and without a key if there is none", async () => {
    const { fetch, sent } = service(() => json(answer([[1, 0], [0, 1]])));
    let turn = 0;
    const embedder = make({ fetch, baseUrl: "https://proxy.example/base/?version=3", dimensions: 2, maxBatch: 7, space: "shared", apiKey: async () => `key-${(turn += 1)}` });
    expect(embedder).toMatchObject({ model: "shared", dimensions: 2, maxBatch: 7 });
    await ask(embedder);
    await ask(embedder);
    expect(sent.map(({ url, headers }) => [url, headers.get("authorization")])).toEqual([1, 2].map((n) => [`https://proxy.example/base${path}?version=3`, `Bearer key-${n}`]));
    expect(sent[0]?.body).toMatchObject(sized);
    await ask(make({ fetch }));
    expect(sent[2]?.headers.has("authorization")).toBe(false);
  });

  it.each<[string, (rows: (rows: unknown[]) => unknown) => Response, RegExp]>([
    ["too few vectors", (rows) => json(rows([[1, 0]])), /1 vectors for 2 texts/],
    ["other dimensions", (rows) => json(rows([[1, 0], [1, 0, 0]])), /3 dimensions where 2/],
    ["no vectors", (rows) => json(rows(["AAAA", "AAAA"])), /not a vector/],
    ["another shape", () => json({ hello: 1 }), /without vectors/],
    ["no object", () => json(5), /not a JSON object/],
    ["no JSON", () => new Response(`<html>${key}</html>`), /not a JSON object/],
  ])("refuses an answer of %s", async (_name, respond, problem) => {
    const embedder = make({ fetch: service(() => respond(answer)).fetch, apiKey: key, dimensions: 2 });
    const error = await failure(ask(embedder));
    expect(error.message).toMatch(problem);
    expect(error).toMatchObject({ code: "embedder-failed", retryable: false, details: { model: "m" } });
    expect(JSON.stringify([error.message, error.details, String(error.stack), String(error.cause)])).not.toContain(key);
  });

  it.each([
    [401, { error: { code: "invalid_api_key", message: `wrong key ${key}` } }, false, "invalid_api_key"],
    [429, { error: { type: "rate_limit_exceeded" } }, true, "rate_limit_exceeded"],
    [429, { error: { code: "insufficient_quota" } }, false, "insufficient_quota"],
    [400, { error: `the text "one" is too long for ${key}` }, false, undefined],
    [400, { error: { code: key } }, false, undefined],
    [404, { error: "model not found" }, false, undefined],
    [408, {}, true, undefined],
    [500, {}, true, undefined],
    [501, {}, false, undefined],
    [503, {}, true, undefined],
  ] as const)("says of a refusal with %i what it knows, and not what was sent", async (status, refusal, retryable, reason) => {
    const { fetch } = service(() => json(refusal, { status, headers: { "retry-after": "2" } }));
    const error = await failure(ask(make({ fetch, apiKey: key })));
    expect(error).toMatchObject({ status, retryable, retryAfterMs: 2_000 });
    expect(error.details["reason"]).toBe(reason);
    expect(error.message).toContain(String(status));
    const told = JSON.stringify([error.message, error.toJSON(), String(error.stack)]);
    for (const secret of [key, "one", "two"]) expect(told).not.toContain(secret);
  });
});

describe("any of them", () => {
  const of = (more: Partial<OpenAiCompatibleOptions>): Embedder => openAiCompatible({ model: "m", ...more });

  it("puts vectors in the order of the texts, by their indexes", async () => {
    const items = (indexes: readonly unknown[]): Response => json({ data: indexes.map((index, at) => ({ index, embedding: [at] })) });
    const answers: [readonly unknown[], unknown][] = [[[2, 0, 1], [[1], [2], [0]]], [[undefined, undefined, undefined], [[0], [1], [2]]]];
    for (const [indexes, rows] of answers) expect(await ask(of({ fetch: service(() => items(indexes)).fetch }), ["a", "b", "c"])).toEqual(rows);
    for (const indexes of [[0, 0, 1], [1, 2, 3], [0, 1, undefined]]) {
      expect((await failure(ask(of({ fetch: service(() => items(indexes)).fetch }), ["a", "b", "c"]))).message).toMatch(/without vectors/);
    }
  });

  it("puts words before texts by purpose", async () => {
    const { fetch, sent } = service(() => json({ data: [{ embedding: [1] }] }));
    const embedder = of({ fetch, prefix: { query: "query: ", memory: "passage: " } });
    await ask(embedder, ["x"], "query");
    await ask(embedder, ["x"]);
    expect(sent.map(({ body }) => body["input"])).toEqual([["query: x"], ["passage: x"]]);
  });

  it.each([
    ["retry-after-ms", "1500", 1_500],
    ["retry-after", "0.25", 250],
    ["retry-after", "soon", undefined],
    ["retry-after", "", undefined],
    ["retry-after", "Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ])("reads how long to wait from %s: %s", async (name, value, millis) => {
    const error = await failure(ask(of({ fetch: service(() => json({}, { status: 429, headers: { [name]: value } })).fetch })));
    expect(error.retryAfterMs).toBe(millis);
  });

  it("reads a date to wait for", async () => {
    const until = new Date(Date.now() + 60_000).toUTCString();
    const { retryAfterMs = 0 } = await failure(ask(of({ fetch: service(() => json({}, { status: 503, headers: { "retry-after": until } })).fetch })));
    expect(retryAfterMs).toBeGreaterThan(50_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  it("says that a service is out of reach", async () => {
    const cause = Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } });
    const error = await failure(ask(of({ fetch: async () => Promise.reject(cause) })));
    expect(error).toMatchObject({ retryable: true, status: undefined, message: "the embedder m failed: api.openai.com could not be reached", cause });
  });

  it("gives a request up after its time, whether or not fetch listens", async () => {
    const deaf = of({ timeoutMs: 5, fetch: () => new Promise<Response>(() => undefined) });
    expect(await failure(ask(deaf))).toMatchObject({ retryable: true, message: "the embedder m failed: api.openai.com did not answer within 5 ms" });
  });

  it("ends with the signal of the caller", async () => {
    const controller = new AbortController();
    const heard: (AbortSignal | null | undefined)[] = [];
    const embedder = of({
      fetch: (_input, init) => {
        heard.push(init?.signal);
        controller.abort(new Error("enough"));
        return new Promise<Response>(() => undefined);
      },
    });
    const memory = await openMemory({ embedder });
    await expect(memory.recall("tea", { signal: controller.signal })).rejects.toMatchObject({ code: "aborted", cause: { message: "enough" } });
    expect(heard.map((signal) => signal?.aborted)).toEqual([true]);
    await memory.close();
    await expect(of({ fetch: async () => json({}) }).embed(["x"], { purpose: "query", signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
  });

  it.each<[string, object, string]>([
    ["no model", { model: "" }, "model"],
    ["an empty name", { space: "" }, "space"],
    ["an unknown field", { modle: "m" }, "modle"],
    ["no address", { baseUrl: `not ${key}` }, "baseUrl"],
    ["another protocol", { baseUrl: "file:///etc" }, "baseUrl"],
    ["a password in the address", { baseUrl: `https://user:${key}@host` }, "baseUrl"],
    ["a key with a line break", { apiKey: `${key}\n` }, "apiKey"],
    ["an empty key", { apiKey: "" }, "apiKey"],
    ["headers that cannot be sent", { headers: { "x-key": `${key}\nx: y` } }, "headers"],
    ["no fetch", { fetch: 5 }, "fetch"],
    ["no dimensions", { dimensions: 0 }, "dimensions"],
    ["a prefix of another name", { prefix: { document: "x" } }, "prefix/document"],
    ["a prefix that is no text", { prefix: { query: 1 } }, "prefix/query"],
  ])("refuses %s, naming the option alone", (_name, options, field) => {
    let error: unknown;
    try {
      of(options as Partial<OpenAiCompatibleOptions>);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toMatchObject({ details: { field } });
    expect(String((error as MemoryError).stack) + String((error as MemoryError).cause)).not.toContain(key);
  });

  it("refuses a key that a function answers if it cannot be sent, and options of the others", async () => {
    const error: unknown = await ask(of({ apiKey: () => `${key}\n`, fetch: async () => json({}) })).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ details: { field: "apiKey" } });
    expect(String((error as Error).stack)).not.toContain(key);
    expect(() => cohere({ model: "m", truncate: "MIDDLE" as never })).toThrow(expect.objectContaining({ details: { field: "truncate" } }));
    expect(() => ollama({ model: "m", truncate: "END" as never })).toThrow(expect.objectContaining({ details: { field: "truncate" } }));
  });
});

describe("over a real connection", () => {
  const servers: { close(): unknown }[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  it("a memory is filled and asked", async () => {
    const bodies: unknown[] = [];
    const server = createServer((request: IncomingMessage, response) => {
      let text = "";
      request.on("data", (part) => (text += String(part)));
      request.on("end", () => {
        const body = JSON.parse(text) as { input: string[] };
        bodies.push(body);
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ embeddings: body.input.map((input) => [input.includes("tea") ? 1 : 0, 1]) }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    servers.push(server);
    const { port } = server.address() as AddressInfo;
    const memory = await openMemory({ embedder: ollama({ model: "tiny", baseUrl: `http://127.0.0.1:${port}` }) });
    await memory.addMany(["the tea is green", "the boat is blue"]);
    const [best] = await memory.recall("tea", { fusion: { method: "weighted", dense: 1, keyword: 0 } });
    expect(best?.text).toBe("the tea is green");
    expect(memory.space).toEqual({ model: "tiny", dimensions: 2 });
    expect(bodies).toHaveLength(2);
    await memory.close();
    server.close();
    const gone = openMemory({ embedder: ollama({ model: "tiny", baseUrl: "http://127.0.0.1:1" }) });
    await expect((await gone).add("x")).rejects.toMatchObject({ code: "embedder-failed", details: { model: "tiny", retryable: true } });
  });
});

it("sends nothing to where an answer points", async () => {
  const asked: (RequestInit | undefined)[] = [];
  const fetch = async (_: URL | RequestInfo, init?: RequestInit): Promise<Response> => {
    asked.push(init);
    return new Response(null, { status: 307, headers: { location: "http://elsewhere.example/" } });
  };
  const error = await failure(ask(openAiCompatible({ baseUrl: "http://host.example/v1", model: "m", apiKey: key, fetch })));
  expect(asked).toHaveLength(1);
  expect(asked[0]?.redirect).toBe("manual");
  expect(error.message).toContain("another address");
  expect(error.details).toMatchObject({ status: 307, retryable: false });
});
