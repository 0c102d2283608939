// Scoped views: what a view may see, and that there is no way around it.

import { describe, expect, it } from "vitest";
import { openMemory, type Memory, type Scope } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { fakeEmbedder } from "../../dist/esm/testing/index.js";
import { refusal } from "./support.js";

async function textsOf(memory: Memory): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of memory.list()) texts.push(text);
  return texts.sort();
}

/** Views of one memory as users "1" and "10", each with a secret of its own. */
async function neighbours(embedder: "static-128" | false = false): Promise<{ memory: Memory; one: Memory; ten: Memory; id: string; other: string }> {
  const memory = await openMemory({ embedder });
  const [one, ten] = [memory.scope({ user: "1" }), memory.scope({ user: "10" })];
  const id = await one.add("the secret of user one", { metadata: { topic: "secret" } });
  const other = await ten.add("the secret of user ten", { metadata: { topic: "secret" } });
  return { memory, one, ten, id, other };
}

describe("a view of one user", () => {
  it("does not have a graph built over what it does not see", async () => {
    const { memory, one } = await neighbours();
    expect(await refusal(one.buildGraph())).toMatchObject({ code: "invalid-argument", details: { field: "scope" } });
    await memory.close();
  });

  it("reads, lists, finds and counts its own records alone", async () => {
    const { memory, one, ten, id, other } = await neighbours("static-128");
    expect(await ten.get(id)).toBeUndefined();
    expect(await ten.vector(id)).toBeUndefined();
    expect(await textsOf(ten)).toEqual(["the secret of user ten"]);
    expect((await ten.recall("secret of user one", { limit: 100 })).map((hit) => hit.id)).toEqual([other]);
    expect((await ten.recall("secret", { filter: { $id: id } })).map((hit) => hit.id)).toEqual([]);
    expect((await ten.recall("one", { vector: (await one.vector(id)) as Float32Array })).map((hit) => hit.id)).toEqual([other]);
    const stats = await ten.stats();
    expect(stats).toMatchObject({ records: 1, tiers: { working: 1, intermediate: 0, "long-term": 0 } });
    // Figures about the whole memory would tell of the others.
    expect(stats).not.toHaveProperty("engine");
    expect(await memory.stats()).toMatchObject({ records: 2, engine: { vectors: 2 } });
    let lines = "";
    for await (const line of ten.export()) lines += line;
    expect(lines).not.toContain("user one");
    expect(lines).toContain("user ten");
    await memory.close();
  });

  it("leaves no trace of reading on what it cannot see", async () => {
    const { memory, ten, id } = await neighbours();
    await ten.get(id);
    await ten.recall("secret of user one");
    for await (const record of memory.scope({ user: "1" }).list()) expect(record.accessCount).toBe(0);
    await memory.close();
  });

  it("cannot change, move or remove what it does not see", async () => {
    const { memory, one, ten, id, other } = await neighbours();
    const before = await one.get(id);
    const attempts: (() => Promise<unknown>)[] = [
      () => ten.update(id, { text: "mine" }),
      () => ten.update(id, { tags: ["mine"] }, { ifVersion: 1 }),
      () => ten.update(id, { tags: ["mine"] }, { ifVersion: 2 }),
      () => ten.forget(id),
      () => ten.forget([other, id]),
      () => ten.promote(id, "long-term"),
      () => ten.transaction((tx) => tx.forget(id)),
      () => ten.transaction((tx) => (tx.add("mine"), tx.promote(id))),
      () => ten.transaction((tx) => (tx.update(other, { tags: ["x"] }), tx.update(id, { tags: ["x"] }))),
    ];
    for (const attempt of attempts) {
      const error = await refusal(attempt());
      // The same answer as for an id that never was: it does not tell that there is one.
      expect(error, attempt.toString()).toMatchObject({ code: "not-found", details: { id } });
    }
    expect(await ten.forget({ filter: { topic: "secret" } })).toBe(1);
    expect(await textsOf(memory)).toEqual(["the secret of user one"]);
    expect(await one.get(id)).toMatchObject({ text: before?.text, tier: "working", tags: [], version: 1 });
    await memory.close();
  });

  it("adds to its own scope, with further parts, and never to another's", async () => {
    const { memory, one, ten } = await neighbours();
    const id = await one.add("noted", { scope: { session: "s" } });
    expect(await memory.get(id)).toMatchObject({ scope: { user: "1", session: "s" } });
    const same = await one.add("the same", { scope: { user: "1" } });
    expect(await memory.get(same)).toMatchObject({ scope: { user: "1" } });
    const attempts: readonly (readonly [field: string, add: () => Promise<unknown>])[] = [
      ["scope/user", () => one.add("x", { scope: { user: "10" } })],
      ["operations/1/scope/user", () => one.addMany(["fine", { text: "x", scope: { user: "2" } }])],
      ["operations/0/scope/user", () => one.transaction((tx) => tx.add("x", { scope: { user: "" + 10, session: "s" } }))],
    ];
    for (const [field, add] of attempts) {
      const error = await refusal(add());
      expect(error).toMatchObject({ code: "invalid-argument", details: { field } });
      expect(error.message).toMatch(new RegExp(`^${field} `));
    }
    expect(await textsOf(ten)).toEqual(["the secret of user ten"]);
    expect(await textsOf(one)).toEqual(["noted", "the same", "the secret of user one"]);
    await memory.close();
  });

  it("does not learn of another's id by adding it", async () => {
    const { memory, ten, id } = await neighbours();
    const error = await refusal(ten.add("a guess", { id }));
    expect(error.code).toBe("already-exists");
    expect(error.message).not.toContain("secret");
    expect(await memory.get(id)).toMatchObject({ text: "the secret of user one", scope: { user: "1" } });
    await memory.close();
  });
});

describe("parts are compared exactly", () => {
  const cases: readonly (readonly [view: Scope, record: Scope, sees: boolean])[] = [
    [{ user: "1" }, { user: "1" }, true],
    [{ user: "1" }, { user: "10" }, false],
    [{ user: "10" }, { user: "1" }, false],
    [{ user: "ada" }, { user: "Ada" }, false],
    [{ user: "ada" }, { user: "ada " }, false],
    [{ user: "é" }, { user: "e\u0301" }, false],
    [{ user: "a%" }, { user: "ab" }, false],
    [{ user: "*" }, { user: "a" }, false],
    [{ user: "a/b" }, { user: "a", session: "b" }, false],
    [{ user: "1" }, { tenant: "1" }, false],
    [{ user: "1" }, { session: "1" }, false],
    [{ user: "1" }, {}, false],
    [{}, { user: "1" }, true],
    [{}, {}, true],
    [{ user: "1" }, { user: "1", session: "s" }, true],
    [{ user: "1", session: "s" }, { user: "1" }, false],
    [{ tenant: "t", user: "1" }, { tenant: "t", user: "1", agent: "a", session: "s" }, true],
    [{ tenant: "t", user: "1" }, { tenant: "u", user: "1" }, false],
    [{ user: "constructor" }, { user: "toString" }, false],
    [{ user: undefined as never, tenant: "t" }, { tenant: "t" }, true],
  ];

  it.each(cases)("a view of %j and a record of %j", async (view, scope, sees) => {
    const memory = await openMemory({ embedder: false });
    const id = await memory.add("findable", { scope });
    const viewed = memory.scope(view);
    expect([
      (await viewed.get(id)) !== undefined,
      (await textsOf(viewed)).length === 1,
      (await viewed.recall("findable")).length === 1,
      (await viewed.stats()).records === 1,
      (await viewed.update(id, { tags: ["x"] }).then(() => true, () => false)),
      (await viewed.forget(id).then(() => true, () => false)),
    ]).toEqual(new Array(6).fill(sees));
    await memory.close();
  });
});

describe("nested views", () => {
  it("narrow what is seen, step by step, and cannot widen it", async () => {
    const memory = await openMemory({ embedder: false });
    const tenant = memory.scope({ tenant: "t" });
    const user = tenant.scope({ user: "u" });
    const session = user.scope({ agent: "a", session: "s" });
    await memory.add("everyone's");
    await tenant.add("the tenant's");
    await user.add("the user's");
    const id = await session.add("the session's");
    await memory.scope({ user: "u" }).add("of the same user elsewhere");
    expect(await memory.get(id)).toMatchObject({ scope: { tenant: "t", user: "u", agent: "a", session: "s" } });
    expect(await textsOf(session)).toEqual(["the session's"]);
    expect(await textsOf(user)).toEqual(["the session's", "the user's"]);
    expect(await textsOf(tenant)).toEqual(["the session's", "the tenant's", "the user's"]);
    expect(await textsOf(memory)).toHaveLength(5);
    expect(await textsOf(user.scope({}))).toEqual(await textsOf(user));
    expect(await textsOf(user.scope({ user: "u" }))).toEqual(await textsOf(user));
    await memory.close();
  });

  it.each<[Scope, string]>([
    [{ tenant: "other" }, "scope/tenant"],
    [{ user: "other" }, "scope/user"],
    [{ user: "u", tenant: "T" }, "scope/tenant"],
    [{ user: "" }, "scope/user"],
    [{ users: "u" } as never, "scope/users"],
  ])("refuse what contradicts: %j", async (scope, field) => {
    const memory = await openMemory({ embedder: false });
    const view = memory.scope({ tenant: "t" }).scope({ user: "u" });
    const error = await refusal((async () => view.scope(scope))());
    expect(error).toMatchObject({ code: "invalid-argument", details: { field } });
    await memory.close();
  });
});

describe("a memory opened with a scope", () => {
  it("is a view itself, over the same bytes", async () => {
    const place = memoryPlace();
    const open = (scope?: Scope): Promise<Memory> => openMemory({ storage: memoryStorage({ place }), embedder: fakeEmbedder(), ...(scope && { scope }) });
    const one = await open({ user: "1" });
    const id = await one.add("mine");
    expect(await refusal((async () => one.scope({ user: "2" }))())).toMatchObject({ code: "invalid-argument" });
    await one.close();
    const ten = await open({ user: "10" });
    // Opening counts what is stored; the view shows none of it.
    expect(ten.opened.records).toBe(1);
    expect(await ten.stats()).toMatchObject({ records: 0 });
    expect(await ten.get(id)).toBeUndefined();
    await ten.close();
    const all = await open();
    expect(await textsOf(all)).toEqual(["mine"]);
    await all.close();
  });
});

describe("the rank of a view's records", () => {
  it("does not depend on what others have stored", async () => {
    const texts = ["the harbour opens at nine", "the harbour master is ill", "bread is baked at nine", "nothing of note"];
    const scored = async (crowd: number): Promise<unknown[]> => {
      const memory = await openMemory({ embedder: "static-128" });
      const view = memory.scope({ user: "1" });
      await view.addMany(texts);
      if (crowd > 0) await memory.scope({ user: "10" }).addMany(Array.from({ length: crowd }, (_, index) => `harbour ${index} opens at nine, says the harbour master`));
      const hits = await view.recall("when does the harbour open?", { limit: 10 });
      await memory.close();
      return hits.map(({ text, score }) => [text, Math.round(score * 1e4)]);
    };
    expect(await scored(50)).toEqual(await scored(0));
  });
});

describe("events", () => {
  it("of other scopes are not heard", async () => {
    const memory = await openMemory({ embedder: false });
    const ada = memory.scope({ user: "ada" });
    const heard: string[] = [];
    ada.on("memory-added", ({ id }) => heard.push(id));
    const own = await ada.add("hers");
    await memory.scope({ user: "bob" }).add("his");
    await memory.add("nobody's");
    expect(heard).toEqual([own]);
    await memory.close();
  });
});

describe("forgetting by a filter", () => {
  it("twice at once removes everything once", async () => {
    const memory = await openMemory({ embedder: false });
    await memory.addMany(["a", "b", "c"].map((text) => ({ text, metadata: { topic: "x" } })));
    const [first, second] = await Promise.all([memory.forget({ filter: { topic: "x" } }), memory.forget({ filter: { topic: "x" } })]);
    expect(first + second).toBe(3);
    expect((await memory.stats()).records).toBe(0);
    await memory.close();
  });
});

describe("a clock", () => {
  it("has to tell the time", async () => {
    for (const moment of [Number.NaN, Number.POSITIVE_INFINITY, new Date() as unknown as number]) {
      const memory = await openMemory({ embedder: false, now: () => moment });
      await expect(memory.add("x")).rejects.toMatchObject({ code: "invalid-argument", details: { field: "now" } });
    }
  });
});

describe("closing a view", () => {
  it("ends that view alone", async () => {
    const { memory, one, ten, id, other } = await neighbours();
    const session = one.scope({ session: "s" });
    const [heard, kept]: string[][] = [[], []];
    one.on("memory-updated", (event) => heard?.push(event.id));
    memory.on("memory-updated", (event) => kept?.push(event.id));
    const listing = one.list();
    await one.close();
    await one.close();
    const calls: readonly (() => Promise<unknown>)[] = [
      () => one.add("x"), () => one.addMany([]), () => one.get(id), () => one.update(id, {}), () => one.forget({ filter: {} }),
      () => one.recall("secret"), () => one.stats(), () => one.maintain(), () => one.transaction(() => 5), () => one.import(""),
      () => one.export().next(), () => listing.next(), () => one.explainTransition(id), () => one.analyze(), () => one.vector(id), () => one.precision(id),
      async () => one.space, async () => one.scope({ session: "s" }), async () => one.on("memory-added", () => undefined),
    ];
    for (const call of calls) expect(await refusal(call()), call.toString()).toMatchObject({ code: "memory-closed", message: expect.stringContaining("view") });
    await memory.update(id, { tags: ["seen"] });
    expect([heard, kept]).toEqual([[], [id]]);
    expect(await ten.get(other)).toMatchObject({ id: other });
    await session.add("a view of the view goes on");
    expect(await textsOf(memory)).toHaveLength(3);
    await memory.close();
  });

  it("happens with the memory's own close, and by await using", async () => {
    const memory = await openMemory({ embedder: false });
    const view = memory.scope({ user: "1" });
    {
      await using inner = memory.scope({ user: "2" });
      await inner.add("kept");
    }
    expect(await textsOf(memory)).toEqual(["kept"]);
    await memory.close();
    expect(await refusal(view.add("too late"))).toMatchObject({ code: "memory-closed" });
    await view.close();
  });

  it("of a memory opened with a scope closes the memory", async () => {
    const place = memoryPlace();
    const memory = await openMemory({ storage: memoryStorage({ place }), scope: { user: "1" }, embedder: false });
    await memory.close();
    expect(place.owner).toBeUndefined();
  });
});
