/** The example conversation: two friends, one allotment, nine months, 228 turns. */

import type { Memory, MemoryRecord, NewMemory } from "stratamem";

interface Turn {
  readonly id: string;
  readonly session: number;
  readonly speaker: string;
  readonly date: string;
  readonly text: string;
}

/** Questions that the conversation answers. */
export const questions: readonly string[] = [
  "What is the code of the shed's padlock?",
  "Who handed over the key of the plot?",
  "When was Idris to stop using crutches, and when did he?",
  "How has the committee's meeting slot moved?",
  "When did the dog come home?",
];

/** Memories that one transaction adds. */
const batchSize = 12;

/** Fetches the conversation. `source` names the turn, so that none is added twice. */
export async function fetchSample(): Promise<(NewMemory & { source: string })[]> {
  const response = await fetch(new URL("../../data/allotment/turns.jsonl", import.meta.url));
  if (!response.ok) throw new Error(`the conversation could not be fetched: status ${response.status}`);
  const lines = (await response.text()).split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const turn = JSON.parse(line) as Turn;
    return {
      text: turn.text,
      actor: turn.speaker,
      occurredAt: `${turn.date}Z`,
      kind: "episodic",
      source: `allotment ${turn.id}`,
      metadata: { session: turn.session },
    };
  });
}

/** Adds what `known` does not have yet, batch by batch. */
export async function loadSample(
  memory: Memory,
  known: readonly MemoryRecord[],
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const sample = await fetchSample();
  const sources = new Set(known.map((record) => record.source));
  const missing = sample.filter(({ source }) => !sources.has(source));
  let done = sample.length - missing.length;
  for (let at = 0; at < missing.length; at += batchSize) {
    onProgress(done, sample.length);
    const batch = missing.slice(at, at + batchSize);
    await memory.addMany(batch);
    // Brings each tier back to its limit: the oldest and least important memories sink.
    await memory.maintain();
    done += batch.length;
    // Lets the browser draw. Not an animation frame: those stop while the tab is in the background.
    await new Promise((resolve) => setTimeout(resolve));
  }
  onProgress(done, sample.length);
}
