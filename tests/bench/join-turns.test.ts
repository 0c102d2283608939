// Turns joined to long items: what goes together, where evidence is then, and the vector of an item.

import { expect, it } from "vitest";
import { joinTurns, meanVector } from "../../bench/join-turns.mjs";

it("joins turns of one session, and moves evidence to the items that hold it", () => {
  const turn = (conv: string, id: string, session: number, caption?: string) => ({ conv, id, session, speaker: "Ada", date: "2026-01-01T00:00", text: id, ...(caption && { caption }) });
  const turns = [turn("a", "1", 1), turn("a", "2", 1, "a boat"), turn("a", "3", 1), turn("a", "4", 2), turn("b", "1", 2)];
  const questions = [{ conv: "a", qid: "q", question: "?", evidence: ["1", "2", "3"] }, { conv: "b", qid: "r", question: "?", evidence: ["1"] }];
  const joined = joinTurns({ turns, questions }, 2);
  expect(joined.turns.map(({ conv, text, rows }) => [conv, text, rows])).toEqual([
    ["a", "Ada: 1\nAda: 2 [image: a boat]\n", [0, 1]],
    ["a", "Ada: 3\n", [2]],
    ["a", "Ada: 4\n", [3]],
    ["b", "Ada: 1\n", [4]],
  ]);
  expect(joined.turns.some((item) => "session" in item || "speaker" in item)).toBe(false);
  expect(joined.questions.map(({ qid, evidence }: { qid: string; evidence: string[] }) => [qid, evidence])).toEqual([["q", ["item-0", "item-1"]], ["r", ["item-3"]]]);
});

it("takes the mean of directions", () => {
  expect([...(meanVector([Float32Array.of(2, 0), Float32Array.of(0, 0.5)]) ?? [])]).toEqual([1, 1]);
  expect(meanVector([undefined])).toBeUndefined();
});
