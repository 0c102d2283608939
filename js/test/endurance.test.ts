// What long use leaves behind. `npm run soak` is the long form.

import { afterAll, expect, it } from "vitest";
import { openMemory } from "../../dist/esm/entry/inline.js";

const heaps: WebAssembly.Memory[] = [];
const { instantiate } = WebAssembly;
// The engine starts with the first memory, so what it is given is seen from here.
WebAssembly.instantiate = (async (...given: Parameters<typeof instantiate>) => {
  const made = (await instantiate(...given)) as unknown as WebAssembly.WebAssemblyInstantiatedSource | WebAssembly.Instance;
  heaps.push(("instance" in made ? made.instance : made).exports["memory"] as WebAssembly.Memory);
  return made;
}) as typeof instantiate;

afterAll(() => {
  WebAssembly.instantiate = instantiate;
});

it("takes no more memory for records that come and go, however many there were", async () => {
  const standing = 200;
  let state = 9;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const record = (): { text: string; vector: number[] } => ({
    text: Array.from({ length: 3 + Math.floor(random() * 20) }, () => `word${Math.floor(random() * 2_000)}`).join(" "),
    vector: Array.from({ length: 64 }, () => random() - 0.5),
  });
  // Ids and moments as in every other run: what is allocated depends on them.
  let moment = 1_767_225_600_000;
  const memory = await openMemory({ embedder: false, seed: 1, now: () => (moment += 1) });
  const ids = await memory.addMany(Array.from({ length: standing }, record));
  const cycles = async (count: number): Promise<number> => {
    for (let cycle = 0; cycle < count; cycle += 1) {
      const at = Math.floor(random() * standing);
      const { text, vector } = record();
      const id = await memory.add(text, { vector });
      await memory.forget(ids[at] as string);
      ids[at] = id;
      // As much as there is, so that what happens does not depend on the time that it takes.
      if (cycle % 500 === 0) await memory.maintain({ budgetMs: Infinity });
    }
    // Of the small ones of the test runner, none is the engine's.
    return Math.max(...heaps.map(({ buffer }) => buffer.byteLength / 65_536));
  };
  // By then tables and lists have come to their full size.
  const early = await cycles(12_000);
  expect(await cycles(18_000)).toBe(early);
  expect((await memory.stats()).records).toBe(standing);
  await memory.close();
}, 60_000);
