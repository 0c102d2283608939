// Questions of several parts: each part finds its own, explanations say which, and one may have it otherwise.

import { expect, it } from "vitest";
import { openMemory } from "../../dist/esm/entry/inline.js";

const keys = Array.from({ length: 12 }, (_, at) => `The key number ${at} of the shed hangs on hook ${at} by the door`);
const fair = "The summer fair is on the first Sunday of July";

it("finds what answers each part of a question", async () => {
  const memory = await openMemory({ seed: 4, now: () => 1_700_000_000_000 });
  await memory.addMany([...keys, fair, "Bo grows beans", "Ada grows leeks"]);
  const question = "Where do the keys of the shed hang? When is the fair?";
  const together = await memory.recall(question, { limit: 4, touch: false });
  const hit = together.find(({ text }) => text === fair);
  expect(hit?.why.part).toBe("When is the fair?");
  expect(together.filter(({ text }) => keys.includes(text)).length).toBeGreaterThan(0);
  expect(together.map(({ score }) => score)).toEqual(together.map(({ score }) => score).sort((a, b) => b - a));
  expect(new Set(together.map(({ id }) => id)).size).toBe(4);
  for (const { score, why } of together) expect(why.signals.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(score, 5);

  const alone = await memory.recall(question, { limit: 4, parts: false, touch: false });
  expect(alone.every(({ why }) => why.part === undefined)).toBe(true);
  const [single] = await memory.recall("When is the fair?", { touch: false });
  expect(single?.why.part).toBeUndefined();
  // Parts obey what is asked of the whole.
  expect((await memory.recall(question, { minScore: 0.99, touch: false })).every(({ score }) => score >= 0.99)).toBe(true);
  await expect(memory.recall(question, { parts: 1 as never })).rejects.toMatchObject({ details: { field: "parts" } });
});

it("takes a part without a name to be about those named before", async () => {
  const memory = await openMemory({ embedder: false, seed: 4, now: () => 1_700_000_000_000 });
  await memory.addMany([
    { text: "I grow leeks and beans", actor: "Ada" },
    { text: "I live by the old mill", actor: "Ada" },
    { text: "I live by the church", actor: "Bo" },
  ]);
  const hits = await memory.recall("What does Ada grow there? Where does she live?", { limit: 2 });
  expect(hits.map(({ text }) => text).sort()).toEqual(["I grow leeks and beans", "I live by the old mill"]);
});

it("puts what is more about the whole question first, of the best of each part", async () => {
  const texts = ["The ladder leans on the wall of the shed, where Bo put it", "Bo feeds the hens", "Cy paints"];
  const orders = [texts, [...texts].reverse()].map(async (added) => {
    const memory = await openMemory({ embedder: false, seed: 4, now: () => 1_700_000_000_000 });
    await memory.addMany(added);
    const hits = await memory.recall("Where is the ladder of the shed? Who feeds the hens?", { limit: 2, touch: false });
    expect(hits[0]?.score).toBe(hits[1]?.score);
    const [first] = await memory.recall("Where is the ladder of the shed? Who feeds the hens?", { limit: 2, touch: false, parts: false });
    expect(hits[0]?.text).toBe(first?.text);
    return hits.map(({ text }) => text);
  });
  const [one, other] = await Promise.all(orders);
  expect(one).toEqual(other);
});

it("orders together what the parts have found, whatever the limit", async () => {
  const memory = await openMemory({ embedder: false, seed: 4, now: () => 1_700_000_000_000 });
  await memory.addMany(["Ada has the key of the shed", "Bo has the key of the gate", "The fair was moved to May", "Oslo", "The fair, and who has the key"]);
  const question = "Who has the key? When is the fair?";
  const [first] = await memory.recall(question, { limit: 5, touch: false });
  for (const limit of [1, 2, 3]) expect((await memory.recall(question, { limit, touch: false }))[0]?.id).toBe(first?.id);
  // A reranker that counts alone decides alone.
  const worth = (text: string): number => (text.includes("moved") ? 5 : text.startsWith("Ada") ? 2 : 1);
  const hits = await memory.recall(question, { touch: false, rerank: { score: (_, candidates) => candidates.map(({ text }) => worth(text)) } });
  expect(hits.map(({ text }) => worth(text)).slice(0, 3)).toEqual([5, 2, 1]);
  for (const { score, why } of hits) expect(why.signals.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(score, 5);
});
