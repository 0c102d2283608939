// What several test files need of a memory.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { MemoryError, type Memory, type MemoryEvents } from "../../dist/esm/entry/inline.js";

/** What the memory tells of from now on, event by event. */
export function heard<N extends keyof MemoryEvents>(memory: Memory, name: N): MemoryEvents[N][] {
  const events: MemoryEvents[N][] = [];
  memory.on(name, (event) => events.push(event));
  return events;
}

/** The error that `promise` rejects with, which has to be one of the package's own. */
export async function refusal(promise: Promise<unknown>): Promise<MemoryError> {
  const error: unknown = await promise.then(
    (value) => new Error(`nothing was thrown, the answer was ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof MemoryError)) throw error;
  expect(error.message).not.toBe("");
  return error;
}

/** The ids of all records, in order. */
export async function idsOf(memory: Memory): Promise<string[]> {
  const ids: string[] = [];
  for await (const record of memory.list()) ids.push(record.id);
  return ids;
}

/** A new folder that goes when the test has ended. */
export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "stratamem-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}
