// Opening reads ahead: several objects at a time, whichever comes first, and never many.

import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { openMemory } from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage, type MemoryPlace } from "../../dist/esm/storage/memory.js";
import type { Storage } from "../../dist/esm/storage/types.js";

const config = { sealBytes: 4_096, consolidation: { duplicates: false } } as const;

/** A place with many segments, and logs. */
async function filled(records: number): Promise<MemoryPlace> {
  const place = memoryPlace();
  const memory = await openMemory({ storage: memoryStorage({ place }), embedder: false, config });
  for (let at = 0; at < records; at += 1) await memory.add(`note ${at} ${"of some length ".repeat(20)}`, { vector: [Math.cos(at / 100), Math.sin(at / 100)] });
  await memory.close();
  return place;
}

/** The place, as an adapter whose reads take `turns(n)` turns of the event loop, the n-th of them; and how many went on at a time. */
function slow(place: MemoryPlace, turns: (read: number) => number): { storage: Storage; most: () => number; read: () => number } {
  const inner = memoryStorage({ place });
  let [reads, open, most] = [0, 0, 0];
  const storage: Storage = {
    name: "slow",
    list: (prefix) => inner.list(prefix),
    write: (batch) => inner.write(batch),
    close: () => inner.close(),
    async read(key) {
      const waits = turns(reads++);
      most = Math.max(most, ++open);
      for (let turn = 0; turn < waits; turn += 1) await setImmediate();
      open -= 1;
      return inner.read(key);
    },
  };
  return { storage, most: () => most, read: () => reads };
}

it("reads a few objects at a time, and takes them up in their order", async () => {
  const place = await filled(200);
  const objects = place.keys().length;
  expect(objects).toBeGreaterThan(8);
  for (const turns of [() => 3, (read: number) => 12 - (read % 12), (read: number) => (read * 7) % 5]) {
    const { storage, most, read } = slow(place, turns);
    const memory = await openMemory({ storage, embedder: false, config });
    expect((await memory.stats()).records).toBe(200);
    expect((await memory.recall("", { vector: [Math.cos(1.99), Math.sin(1.99)], limit: 1, touch: false })).map(({ text }) => text.split(" ", 2))).toEqual([["note", "199"]]);
    expect(read()).toBe(objects);
    expect(most()).toBe(4);
    await memory.close();
  }
});

it("ends with the first object that is damaged, while others are being read", async () => {
  const place = await filled(200);
  const segments = place.keys().filter((key) => key.startsWith("segment-"));
  const damaged = segments.at(-2) as string;
  const bytes = place.read(damaged) as Uint8Array;
  bytes.set([(bytes.at(-100) as number) ^ 1], bytes.length - 100);
  place.apply([{ type: "put", key: damaged, bytes }]);
  const { storage } = slow(place, (read) => 12 - (read % 12));
  await expect(openMemory({ storage, embedder: false, config })).rejects.toMatchObject({ code: "corrupt-data", details: { object: damaged } });
});

it("ends with the first read that fails, whichever fails before it or after", async () => {
  const place = await filled(200);
  const inner = memoryStorage({ place });
  let reads = 0;
  let ended = 0;
  const storage: Storage = {
    name: "failing",
    list: (prefix) => inner.list(prefix),
    write: (batch) => inner.write(batch),
    close: () => inner.close(),
    async read(key) {
      const read = (reads += 1);
      if (read < 4) return inner.read(key);
      for (let turn = 0; turn < [6, 1, 12, 9][read % 4]!; turn += 1) await setImmediate();
      ended += 1;
      throw new Error(`read ${read}`);
    },
  };
  await expect(openMemory({ storage, embedder: false, config })).rejects.toMatchObject({ code: "storage-failed", message: expect.stringContaining("read 4") });
  // Nobody waits for the others any more, and nothing comes of it that they fail.
  await expect.poll(() => ended).toBe(reads - 3);
  expect(reads).toBe(7);
});
