import { describe, expect, it } from "vitest";
import { copyMerged, handOver } from "../../../dist/esm/storage/batch.js";
import type { StorageOperation } from "../../../dist/esm/storage/types.js";

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);
const batch = (): StorageOperation[] => [
  { type: "append", key: "log", bytes: bytes(1) },
  { type: "append", key: "log", bytes: bytes(2, 3) },
  { type: "append", key: "other", bytes: bytes(4) },
  { type: "put", key: "segment", bytes: bytes(5) },
  { type: "remove", key: "log" },
];
const merged = [
  { type: "append", key: "log", bytes: bytes(1, 2, 3) },
  { type: "append", key: "other", bytes: bytes(4) },
  { type: "put", key: "segment", bytes: bytes(5) },
  { type: "remove", key: "log" },
];
const held = (operations: readonly StorageOperation[], key: string): unknown => {
  const found = operations.find((operation) => operation.key === key && operation.type !== "remove");
  return (found as { bytes: Uint8Array }).bytes;
};

describe("a batch as an adapter takes it", () => {
  it("is a copy, with appends joined", () => {
    const given = batch();
    const taken = copyMerged(given);
    expect(taken).toEqual(merged);
    for (const key of ["log", "other", "segment"]) expect(held(taken, key)).not.toBe(held(given, key));
  });

  it("is taken as it is if it was handed over, with appends joined", () => {
    const given = batch();
    const taken = copyMerged(handOver(given));
    expect(taken).toEqual(merged);
    for (const key of ["other", "segment"]) expect(held(taken, key)).toBe(held(given, key));
    // What was handed over once is no sign for another batch with the same operations.
    expect(held(copyMerged([...given]), "segment")).not.toBe(held(given, "segment"));
  });
});
