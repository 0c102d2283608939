// What several test files need of a memory.

import type { Memory, MemoryEvents } from "../../dist/esm/entry/inline.js";

/** What the memory tells of from now on, event by event. */
export function heard<N extends keyof MemoryEvents>(memory: Memory, name: N): MemoryEvents[N][] {
  const events: MemoryEvents[N][] = [];
  memory.on(name, (event) => events.push(event));
  return events;
}
