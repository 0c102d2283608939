// What compiles and what does not. The claims are checked by the type-checker (`npm run check:types`).

import { describe, expect, expectTypeOf, it } from "vitest";
import {
  openMemory, type AddOptions, type ChangeOptions, type Comparison, type Filter, type Memory, type MemoryPatch, type MetadataValue, type NewMemory, type OpenOptions,
  type RecallOptions, type Tier,
} from "../../dist/esm/entry/inline.js";

interface Place {
  readonly city: string;
  readonly zip?: string;
}

/** Metadata of a user's own: an interface has no index signature. */
interface Ticket {
  readonly number: number;
  readonly open: boolean;
  readonly due: Date;
  readonly labels: readonly string[];
  readonly places: Place[];
  readonly parent?: Ticket | null;
}

const ticket: Ticket = { number: 7, open: true, due: new Date(0), labels: ["a"], places: [{ city: "Oslo" }], parent: null };

describe("metadata", () => {
  it("may be an interface of values that JSON can say", async () => {
    const memory = await openMemory({ embedder: false });
    const id = await memory.add("x", { metadata: ticket });
    const options: AddOptions = { metadata: ticket };
    const one: NewMemory = { text: "x", metadata: ticket };
    const typed: AddOptions<Ticket> = { metadata: ticket };
    await memory.add("x", options);
    await memory.add("x", typed);
    await memory.addMany([one, { text: "x", metadata: { topic: 1 } }, "x", { text: "x", metadata: ticket }]);
    await memory.update(id, { metadata: { ...ticket, number: 8 } });
    await memory.transaction((tx) => (tx.add("x", { metadata: ticket }), tx.update(id, { metadata: ticket })));
    const found = await memory.get(id);
    await memory.update(id, { metadata: { ...found?.metadata, seen: true } });
    if (found) await memory.add("x", { metadata: found.metadata });
    expect((await memory.recall("x", { filter: { "places.0": { $exists: false }, due: new Date(0), number: 7 } })).map((hit) => hit.id)).toContain(id);
    await memory.close();
  });

  it("is refused where it holds what JSON cannot say", () => {
    interface Live {
      readonly run: () => void;
    }
    const live: Live = { run: () => undefined };
    const calls = (memory: Memory): unknown[] => [
      // @ts-expect-error a function
      memory.add("x", { metadata: live }),
      // @ts-expect-error a map
      memory.add("x", { metadata: { a: new Map([[1, 2]]) } }),
      // @ts-expect-error a bigint, deep within
      memory.update("id", { metadata: { a: [{ b: 1n }] } }),
      // @ts-expect-error a text
      memory.add("x", { metadata: "a" }),
      // @ts-expect-error a misspelt option
      memory.add("x", { metdata: ticket }),
    ];
    expect(calls).toBeTypeOf("function");
  });

  it("is read as what JSON can say", () => {
    expectTypeOf<NonNullable<Awaited<ReturnType<Memory["get"]>>>["metadata"][string]>().toEqualTypeOf<MetadataValue>();
  });
});

describe("filters", () => {
  it("know the fields of a record, and leave the metadata open", () => {
    expectTypeOf<Filter["$occurredAt"]>().toEqualTypeOf<Comparison<number | Date | string> | undefined>();
    expectTypeOf<Filter["$importance"]>().toEqualTypeOf<Comparison<number> | undefined>();
    const filters: readonly Filter[] = [
      { $tier: "long-term", $kind: { $in: ["episodic", "recipe"] }, $tags: { $contains: "a" }, $pinned: true },
      { $occurredAt: { $gte: "2025-01-02", $lt: new Date() }, $lastAccess: { $exists: false }, "a.b": { $gt: 5 }, anything: [1, "a"] },
      { $not: { $or: [{ $version: 1 }, { topic: null }] } },
    ];
    // Inferred as a plain text, the tier still fits.
    const inferred = { $tier: "working" };
    const taken: Filter = inferred;
    // @ts-expect-error importance is a number
    const wrong: Filter = { $importance: { $gte: "high" } };
    // @ts-expect-error pinned is a flag
    const odd: Filter = { $pinned: "yes" };
    expect([filters.length, taken, wrong, odd]).toHaveLength(4);
  });
});

describe("optional members", () => {
  it("may be undefined, as they are with exactOptionalPropertyTypes", async () => {
    const add: AddOptions = { id: undefined, kind: undefined, tier: undefined, scope: { user: undefined }, actor: undefined, occurredAt: undefined, metadata: undefined, vector: undefined };
    const recall: RecallOptions = { limit: undefined, filter: { topic: undefined, $tier: undefined }, fusion: undefined, minScore: undefined, touch: undefined, signal: undefined, vector: undefined };
    const change: ChangeOptions = { ifVersion: undefined };
    const patch: MemoryPatch = { text: undefined, actor: undefined, metadata: undefined };
    const open: OpenOptions = {
      storage: undefined, embedder: false, scope: undefined, policies: { promote: { working: undefined }, evict: undefined }, now: undefined, seed: undefined, trace: undefined,
      config: { working: { maxItems: undefined, promote: { hybrid: { uses: undefined, age: 1, threshold: 1 } }, evict: undefined }, longTerm: undefined, kinds: undefined, importance: { given: undefined }, bm25B: undefined },
    };
    const memory = await openMemory(open);
    const id = await memory.add("x", add);
    await memory.update(id, patch, change);
    await memory.promote(id, undefined, change);
    expect(await memory.get(id, { touch: undefined })).toMatchObject({ id, tier: "intermediate" satisfies Tier, version: 1 });
    expect(await memory.recall("x", recall)).toHaveLength(1);
    await memory.maintain({ budgetMs: undefined, compact: undefined });
    await memory.import("", { onConflict: undefined });
    await memory.close();
  });
});
