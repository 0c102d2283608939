// Export and import: what leaves as lines of JSON comes back whole, or is refused with the line that is wrong.

import { describe, expect, it } from "vitest";
import { MemoryError, openMemory, ValidationError, type Memory, type MemoryRecord } from "../../dist/esm/entry/inline.js";
import { fakeEmbedder, faultStorage, manualClock, nthWrite } from "../../dist/esm/testing/index.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { refusal } from "./support.js";

const start = Date.parse("2026-03-01T12:00:00Z");

async function exported(memory: Memory): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of memory.export()) lines.push(line);
  return lines;
}

/** Records with their vectors, in order of creation. */
async function contentOf(memory: Memory): Promise<{ record: MemoryRecord; vector: Float32Array | undefined }[]> {
  const content: { record: MemoryRecord; vector: Float32Array | undefined }[] = [];
  for await (const record of memory.list()) content.push({ record, vector: await memory.vector(record.id) });
  return content;
}

/** A memory with records of many sorts, some read, changed and moved. */
async function lived(clock = manualClock(start)): Promise<Memory> {
  const memory = await openMemory({ embedder: fakeEmbedder({ dimensions: 5 }), now: clock.now });
  const [first, second, third] = (await memory.addMany([
    { text: "one", actor: "Ada", tags: ["x", "y"], metadata: { a: { b: [1, null, "é\n"] }, "": undefined as never }, importance: 0.25, source: "s", kind: "semantic" },
    { text: "two\nlines \u2028 and \"quotes\"", scope: { tenant: "t", user: "u" }, pinned: true, expiresAt: start + 1e9, occurredAt: -5 },
    "three",
    "?!",
    { text: "five", vector: [5, 0, 0, 0, 1], tier: "long-term" },
  ])) as [string, string, string];
  clock.advance(1_000);
  await memory.get(first);
  await memory.update(second, { tags: ["changed"] });
  await memory.promote(third, "long-term");
  await memory.recall("three");
  return memory;
}

describe("a round trip into a new memory", () => {
  it("keeps ids, times, tiers, counts, versions and vectors, without asking the embedder", async () => {
    const memory = await lived();
    const lines = await exported(memory);
    expect(lines).toHaveLength(6);
    expect(JSON.parse(lines[0] as string)).toEqual({ stratamem: 1, space: { model: "fake-5", dimensions: 5 } });
    expect(lines.every((line) => line.endsWith("\n") && line.indexOf("\n") === line.length - 1)).toBe(true);

    const embedder = fakeEmbedder({ dimensions: 5 });
    const copy = await openMemory({ embedder, now: manualClock(start + 9_999).now });
    expect(await copy.import(lines)).toEqual({ added: 5, replaced: 0, skipped: 0 });
    expect(await contentOf(copy)).toEqual(await contentOf(memory));
    expect(copy.space).toEqual(memory.space);
    // Only the text that means nothing to it has no vector to keep.
    expect(embedder.calls.flatMap(({ texts }) => texts).filter((text) => text !== "?!")).toEqual([]);
    expect(await exported(copy)).toEqual(lines);
    await memory.close();
    await copy.close();
  });

  it("keeps vectors where there is no embedder at all, with the name of their space", async () => {
    const memory = await lived();
    const copy = await openMemory({ embedder: false, now: manualClock(start + 9_999).now });
    await copy.import(await exported(memory));
    expect(await contentOf(copy)).toEqual(await contentOf(memory));
    expect(copy.space).toEqual({ model: "fake-5", dimensions: 5 });
    await memory.close();
    await copy.close();
  });

  it("takes the lines in any pieces: one text, single lines, torn chunks, CRLF and empty lines", async () => {
    const memory = await lived();
    const text = (await exported(memory)).join("");
    const content = await contentOf(memory);
    const chunks = function* (size: number): Generator<string> {
      for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
    };
    const stream = async function* (): AsyncGenerator<string> {
      yield* chunks(7);
    };
    const forms: (string | Iterable<string> | AsyncIterable<string>)[] = [
      text, chunks(1), chunks(100), stream(), text.replaceAll("\n", "\r\n"), text.replaceAll("\n", "\n\n"), text.slice(0, -1), memory.export(),
    ];
    for (const form of forms) {
      const copy = await openMemory({ embedder: fakeEmbedder({ dimensions: 5 }), now: manualClock(start + 9_999).now });
      expect(await copy.import(form)).toEqual({ added: 5, replaced: 0, skipped: 0 });
      expect(await contentOf(copy)).toEqual(content);
      await copy.close();
    }
    await memory.close();
  });

  it("works with two thousand records", async () => {
    const memory = await openMemory({ embedder: fakeEmbedder({ dimensions: 16 }) });
    const texts = Array.from({ length: 2_000 }, (_, index) => ({ text: `note ${index} about subject ${index % 17}`, metadata: { index }, tags: [`t${index % 5}`], importance: (index % 10) / 10 }));
    await memory.addMany(texts);
    const embedder = fakeEmbedder({ dimensions: 16 });
    const place = memoryPlace();
    const copy = await openMemory({ embedder, storage: memoryStorage({ place }) });
    expect(await copy.import(memory.export())).toEqual({ added: 2_000, replaced: 0, skipped: 0 });
    expect(embedder.calls).toEqual([]);
    await copy.close();
    const reopened = await openMemory({ embedder, storage: memoryStorage({ place }) });
    expect(await contentOf(reopened)).toEqual(await contentOf(memory));
    const query = { filter: { index: { $lt: 100 } }, limit: 20, touch: false } as const;
    const found = (hits: { id: string; score: number }[]): [string, number][] => hits.map(({ id, score }) => [id, score]);
    expect(found(await reopened.recall("subject 3", query))).toEqual(found(await memory.recall("subject 3", query)));
    await memory.close();
    await reopened.close();
  });

  it("keeps what a prototype's name names", async () => {
    const memory = await openMemory({ embedder: false });
    const id = await memory.add("x", { metadata: JSON.parse('{"__proto__":{"a":1},"b":null}') as never });
    const copy = await openMemory({ embedder: false });
    await copy.import(memory.export());
    expect(JSON.stringify((await copy.get(id))?.metadata)).toBe('{"__proto__":{"a":1},"b":null}');
    await memory.close();
    await copy.close();
  });
});

describe("another embedding space", () => {
  it("makes the vectors anew, from who and what", async () => {
    const memory = await lived();
    const embedder = fakeEmbedder({ dimensions: 7 });
    const copy = await openMemory({ embedder, now: manualClock(start + 9_999).now });
    await copy.import(memory.export());
    expect(copy.space).toEqual({ model: "fake-7", dimensions: 7 });
    expect(embedder.calls.map(({ texts, purpose }) => [purpose, texts])).toEqual([
      ["memory", ["Ada: one", "two\nlines \u2028 and \"quotes\"", "three", "?!", "five"]],
    ]);
    const [before, after] = [await contentOf(memory), await contentOf(copy)];
    expect(after.map(({ record }) => record)).toEqual(before.map(({ record }) => record));
    expect(after.map(({ vector }) => vector?.length)).toEqual([7, 7, 7, undefined, 7]);
    await memory.close();
    await copy.close();
  });

  it("of the same model but another length is another space", async () => {
    const memory = await lived();
    const copy = await openMemory({ embedder: fakeEmbedder({ model: "fake-5", dimensions: 6 }), now: manualClock(start + 9_999).now });
    await copy.import(memory.export());
    expect(copy.space).toEqual({ model: "fake-5", dimensions: 6 });
    await memory.close();
    await copy.close();
  });

  it("of the memory itself counts, once it has one", async () => {
    const memory = await lived();
    const place = memoryPlace();
    const first = await openMemory({ embedder: fakeEmbedder({ dimensions: 5 }), storage: memoryStorage({ place }), now: manualClock(start + 9_999).now });
    await first.add("already here");
    await first.close();
    const embedder = fakeEmbedder({ dimensions: 5 });
    const again = await openMemory({ embedder, storage: memoryStorage({ place }), now: manualClock(start + 9_999).now });
    await again.import(memory.export());
    expect(embedder.calls.flatMap(({ texts }) => texts)).toEqual(["?!"]);
    await memory.close();
    await again.close();
  });
});

describe("ids that exist", () => {
  const changed = (lines: string[], text: string): string[] => lines.map((line, index) => (index === 0 ? line : `${JSON.stringify({ ...(JSON.parse(line) as object), text })}\n`));

  it("are an error unless said otherwise, and then nothing of the batch is added", async () => {
    const memory = await lived();
    const lines = await exported(memory);
    const copy = await openMemory({ embedder: fakeEmbedder({ dimensions: 5 }), now: manualClock(start + 9_999).now });
    await copy.import([lines[0] as string, lines[3] as string]);
    const error = await refusal(copy.import(lines));
    expect(error).toMatchObject({ code: "already-exists", details: { id: (JSON.parse(lines[3] as string) as { id: string }).id } });
    expect(await copy.stats()).toMatchObject({ records: 1 });
    await memory.close();
    await copy.close();
  });

  it("are left as they are, or replaced, with history and vector", async () => {
    const memory = await lived();
    const lines = await exported(memory);
    const content = await contentOf(memory);
    expect(await memory.import(changed(lines, "changed"), { onConflict: "skip" })).toEqual({ added: 0, replaced: 0, skipped: 5 });
    expect(await contentOf(memory)).toEqual(content);

    const fewer = [lines[0] as string, lines[1] as string];
    expect(await memory.import(changed(fewer, "changed"), { onConflict: "replace" })).toEqual({ added: 0, replaced: 1, skipped: 0 });
    const { record } = content[0] as { record: MemoryRecord };
    expect(await contentOf(memory)).toEqual([{ ...content[0], record: { ...record, text: "changed" } }, ...content.slice(1)]);
    await memory.forget(record.id);
    expect(await memory.import(lines, { onConflict: "replace" })).toEqual({ added: 1, replaced: 4, skipped: 0 });
    expect(await contentOf(memory)).toEqual(content);
    await memory.close();
  });

  it("twice in one file follow the same rule", async () => {
    const memory = await lived();
    const lines = await exported(memory);
    const twice = [...lines, ...changed(lines, "later").slice(1)];
    const copy = async (onConflict: "error" | "skip" | "replace"): Promise<unknown> => {
      const target = await openMemory({ embedder: false, now: manualClock(start + 9_999).now });
      try {
        const report = await target.import(twice, { onConflict });
        return [report, (await contentOf(target))[0]?.record.text];
      } catch (error) {
        return (error as MemoryError).code;
      } finally {
        await target.close();
      }
    };
    expect(await copy("error")).toBe("already-exists");
    expect(await copy("skip")).toEqual([{ added: 5, replaced: 0, skipped: 5 }, "one"]);
    expect(await copy("replace")).toEqual([{ added: 5, replaced: 5, skipped: 0 }, "later"]);
    await memory.close();
  });

  it("records that have expired since are skipped", async () => {
    const memory = await lived();
    const copy = await openMemory({ embedder: false, now: manualClock(start + 2e9).now });
    expect(await copy.import(memory.export())).toEqual({ added: 4, replaced: 0, skipped: 1 });
    await memory.close();
    await copy.close();
  });
});

describe("broken lines", () => {
  const header = '{"stratamem":1,"space":{"model":"fake-2","dimensions":2}}\n';
  const good = (more: object = {}): string =>
    `${JSON.stringify({
      id: "01BX5ZZKBKACTAV9WEVGEMMVRZ", text: "x", kind: "episodic", tier: "working", tierSince: 1, scope: {}, occurredAt: 1, recordedAt: 1,
      importance: 0.5, tags: [], metadata: {}, accessCount: 0, pinned: false, version: 1, ...more,
    })}\n`;
  const other = good({ id: "01BX5ZZKBKACTAV9WEVGEMMVR0" });
  const zeros = btoa("\0".repeat(8));

  it("the good one is good", async () => {
    const memory = await openMemory({ embedder: false });
    expect(await memory.import([header, good({ vector: btoa("\0\0\x80\x3f\0\0\0\0") })])).toEqual({ added: 1, replaced: 0, skipped: 0 });
    expect([...((await memory.vector("01BX5ZZKBKACTAV9WEVGEMMVRZ")) ?? [])]).toEqual([1, 0]);
    await memory.close();
  });

  const cases: readonly (readonly [name: string, line: number, field: string, lines: string[]])[] = [
    ["that are no JSON", 3, "lines", [header, other, "{oops\n"]],
    ["cut short", 3, "lines", [header, other, good().slice(0, 40)]],
    ["that are no object", 2, "lines", [header, "[1]\n"]],
    ["without an id", 2, "lines", [header, good({ id: undefined })]],
    ["without a text", 2, "lines", [header, good({ text: undefined })]],
    ["without history", 3, "lines", [header, other, good({ recordedAt: undefined })]],
    ["with a version that is no number", 2, "lines", [header, good({ version: "1" })]],
    ["with a malformed id", 3, "id", [header, other, good({ id: "x" })]],
    ["with an unknown tier", 3, "tier", [header, other, good({ tier: "top" })]],
    ["with an unknown field", 2, "colour", [header, good({ colour: "red" })]],
    ["with importance out of range", 3, "importance", [header, other, good({ importance: 9 })]],
    ["with a blank text", 4, "text", [header, "\n", other, good({ text: " " })]],
    ["with metadata that is a text", 2, "metadata", [header, good({ metadata: "x" })]],
    ["with a vector that is no base64", 2, "lines", [header, good({ vector: "!!!!!!!!!!!=" })]],
    ["with a vector of another length", 2, "lines", [header, good({ vector: btoa("\0".repeat(12)) })]],
    ["with a vector that is a list", 2, "lines", [header, good({ vector: [1, 0] })]],
    ["with a vector of zeros", 3, "vector", [header, other, good({ vector: zeros })]],
    ["with a vector of NaN", 2, "vector/0", [header, good({ vector: btoa("\0\0\xc0\x7f\0\0\0\0") })]],
    ["with a header whose space is none", 1, "lines", ['{"stratamem":1,"space":{"model":"x"}}\n', other]],
  ];

  it.each(cases)("%s are named, and nothing of the batch is added", async (_name, line, field, lines) => {
    const memory = await openMemory({ embedder: false });
    const error = await refusal(memory.import(lines));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toMatchObject({ code: "invalid-argument", details: { line, field } });
    expect(error.message).toMatch(new RegExp(`^line ${line}\\b`));
    expect(await memory.stats()).toMatchObject({ records: 0 });
    await memory.add("still usable");
    await memory.close();
  });

  it("of a replacing import name the line too, though it takes two operations a record", async () => {
    const memory = await openMemory({ embedder: false });
    await memory.import([header, good(), other]);
    const error = await refusal(memory.import([header, good(), good({ id: "01BX5ZZKBKACTAV9WEVGEMMVR0", importance: -1 })], { onConflict: "replace" }));
    expect(error).toMatchObject({ code: "invalid-argument", details: { line: 3, field: "importance" } });
    expect(await memory.stats()).toMatchObject({ records: 2 });
    await memory.close();
  });

  it("of a newer export are refused as such", async () => {
    const memory = await openMemory({ embedder: false });
    const error = await refusal(memory.import(['{"stratamem":2}\n', good()]));
    expect(error).toMatchObject({ code: "format-too-new", details: { line: 1, found: 2, supported: 1 } });
    expect(await memory.stats()).toMatchObject({ records: 0 });
    await memory.close();
  });

  it("that hold bytes instead of text are refused", async () => {
    const memory = await openMemory({ embedder: false });
    expect(await refusal(memory.import([new Uint8Array([123]) as never]))).toMatchObject({ code: "invalid-argument", details: { field: "lines" } });
    await memory.close();
  });

  it("past the first five hundred leave those before, and skip takes up where it stopped", async () => {
    const memory = await openMemory({ embedder: fakeEmbedder({ dimensions: 4 }) });
    await memory.addMany(Array.from({ length: 600 }, (_, index) => `note ${index}`));
    const lines = await exported(memory);
    const copy = await openMemory({ embedder: fakeEmbedder({ dimensions: 4 }) });
    expect(await refusal(copy.import([...lines.slice(0, -1), "{oops\n"]))).toMatchObject({ details: { line: 601 } });
    expect(await copy.stats()).toMatchObject({ records: 500 });
    expect(await copy.import(lines, { onConflict: "skip" })).toEqual({ added: 100, replaced: 0, skipped: 500 });
    expect(await contentOf(copy)).toEqual(await contentOf(memory));
    await memory.close();
    await copy.close();
  });

  it("are not the only thing that can fail: storage, and the source itself", async () => {
    const place = memoryPlace();
    const memory = await openMemory({ embedder: false, storage: faultStorage(memoryStorage({ place }), nthWrite(0, { then: "fail" })) });
    expect(await refusal(memory.import([header, good()]))).toMatchObject({ code: "storage-failed" });
    await memory.close();
    expect(place.keys()).toEqual([]);
    const copy = await openMemory({ embedder: false });
    const broken = (async function* () {
      yield header;
      yield good();
      throw new Error("the connection was lost");
    })();
    await expect(copy.import(broken)).rejects.toThrow("the connection was lost");
    expect(await copy.stats()).toMatchObject({ records: 0 });
    await copy.close();
  });
});

describe("a scoped view", () => {
  it("exports what it sees, and imports into its scope", async () => {
    const memory = await openMemory({ embedder: fakeEmbedder({ dimensions: 5 }) });
    const [one, ten] = [memory.scope({ user: "1" }), memory.scope({ user: "10" })];
    const mine = await one.add("mine");
    await ten.add("not mine");
    await memory.add("nobody's");
    const lines = await exported(one);
    expect(lines.slice(1).map((line) => (JSON.parse(line) as { id: string }).id)).toEqual([mine]);

    const copy = await openMemory({ embedder: fakeEmbedder({ dimensions: 5 }) });
    await copy.scope({ tenant: "acme" }).import(lines);
    expect(await copy.get(mine)).toMatchObject({ text: "mine", scope: { tenant: "acme", user: "1" } });
    const error = await refusal(copy.scope({ user: "2" }).import(lines.map((line) => line.replace(mine, "01BX5ZZKBKACTAV9WEVGEMMVRZ"))));
    expect(error).toMatchObject({ code: "invalid-argument", details: { line: 2, field: "scope/user" } });
    expect(await copy.stats()).toMatchObject({ records: 1 });
    await memory.close();
    await copy.close();
  });

  it("cannot replace what it does not see", async () => {
    const memory = await openMemory({ embedder: false });
    const id = await memory.scope({ user: "1" }).add("mine");
    const lines = (await exported(memory)).map((line) => line.replace('"user":"1"', '"user":"2"').replace("mine", "theirs"));
    for (const onConflict of ["replace", "skip"] as const) {
      expect(await refusal(memory.scope({ user: "2" }).import(lines, { onConflict }))).toMatchObject({ code: "already-exists" });
    }
    expect(await memory.get(id)).toMatchObject({ text: "mine", scope: { user: "1" } });
    await memory.close();
  });
});

describe("an export during changes", () => {
  it("holds vectors of the space in its header alone", async () => {
    const place = memoryPlace();
    const small = { embedder: fakeEmbedder({ model: "small", dimensions: 8 }) };
    const before = await openMemory({ storage: memoryStorage({ place }), ...small });
    await before.addMany(["one", "two", "three", "four"]);
    const whole = await contentOf(before);
    await before.close();
    // Of the same length, so that only the name tells them apart.
    const embedder = fakeEmbedder({ model: "large", dimensions: 8 });
    const memory = await openMemory({ storage: memoryStorage({ place }), embedder, onModelChange: "reembed" });
    const lines: string[] = [];
    for await (const line of memory.export()) if (lines.push(line) === 3) await memory.reembed();
    const held = lines.slice(1).map((line) => JSON.parse(line) as { vector?: string; precision?: string });
    expect(held.map(({ vector }) => vector !== undefined)).toEqual([true, true, false, false]);
    const copy = await openMemory(small);
    await copy.import(lines);
    expect(await contentOf(copy)).toEqual(whole);
  });

  it("leaves out what was forgotten, and has each record as it is at its turn, with the vector of that", async () => {
    const memory = await openMemory({ embedder: fakeEmbedder() });
    const ids = await memory.addMany(["one", "two", "three", "four"]);
    const lines: string[] = [];
    for await (const line of memory.export()) {
      if (lines.push(line) !== 2) continue;
      await memory.forget(ids[1] as string);
      await memory.update(ids[2] as string, { text: "changed" });
    }
    expect(lines.slice(1).map((line) => (JSON.parse(line) as MemoryRecord).text)).toEqual(["one", "changed", "four"]);
    const copy = await openMemory({ embedder: fakeEmbedder() });
    await copy.import(lines);
    expect(await contentOf(copy)).toEqual(await contentOf(memory));
  });

  it("never has half of a change: text and vector are of one moment", async () => {
    const memory = await openMemory({ embedder: fakeEmbedder() });
    const [id] = (await memory.addMany(["one"])) as [string];
    const right = await contentOf(memory);
    const lines = memory.export();
    await lines.next();
    const change = memory.update(id, { text: "changed", vector: new Float32Array(64).fill(1) });
    const { value } = await lines.next();
    await change;
    const { text, vector } = JSON.parse(value as string) as { text: string; vector: string };
    const expected = text === "one" ? right[0]?.vector : await memory.vector(id);
    expect(Buffer.from(vector, "base64")).toEqual(Buffer.from((expected as Float32Array).slice().buffer));
  });
});
