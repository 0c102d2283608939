import { expect, test } from "vitest";

import { memoryPlace, memoryStorage } from "../../src/storage/memory.js";
import { storageConformance } from "../../src/testing/storage-conformance.js";

const conformance = storageConformance(async () => {
  const place = memoryPlace();
  return {
    open: () => memoryStorage({ place }),
    shareable: true,
    takeOver: async () => {
      place.owner = Symbol("another owner");
    },
  };
});

for (const { name, run } of conformance) test(`conformance: ${name}`, run);

const one = new Uint8Array([1]);

test("each call without a place is a new place", async () => {
  const first = memoryStorage();
  await first.write([{ type: "put", key: "a", bytes: one }]);
  expect(await memoryStorage().list("")).toEqual([]);
});

test("a snapshot and the place made of it are independent of the original", async () => {
  const place = memoryPlace();
  const storage = memoryStorage({ place });
  await storage.lock?.();
  await storage.write([
    { type: "append", key: "log", bytes: one },
    { type: "append", key: "log", bytes: one },
  ]);
  const snapshot = place.snapshot();
  const copy = memoryPlace(snapshot);
  snapshot.get("log")?.fill(9);
  await storage.write([{ type: "remove", key: "log" }]);

  expect(copy.owner).toBeUndefined();
  expect(copy.read("log")).toEqual(new Uint8Array([1, 1]));
  expect(snapshot.get("log")).toEqual(new Uint8Array([9, 9]));
  expect(place.keys()).toEqual([]);
});

test("a Node Buffer is copied, although its own slice shares memory", async () => {
  const storage = memoryStorage();
  const given = Buffer.from([1, 2]);
  await storage.write([{ type: "put", key: "a", bytes: given }]);
  given.fill(9);
  const read = await storage.read("a");
  expect(read).toEqual(new Uint8Array([1, 2]));
  expect(Object.getPrototypeOf(read)).toBe(Uint8Array.prototype);
});
