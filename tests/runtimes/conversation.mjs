// What each runtime does with the example conversation. Uses the package and nothing else of the runtime.

const start = Date.UTC(2025, 11, 1);
const batch = 50;

/** What makes two runs the same: the seed, and a clock that only the caller moves. */
function fixed(storage, clock) {
  return { storage, seed: 7, now: () => clock.now, config: { sealBytes: 65_536, working: { maxItems: 50 } } };
}

/** Writes the turns into a new memory, with some reads in between. */
export async function write({ openMemory }, storage, turns) {
  const clock = { now: start };
  const memory = await openMemory(fixed(storage, clock));
  for (let at = 0; at < turns.length; at += batch) {
    clock.now += 1_000;
    const memories = turns.slice(at, at + batch).map(({ id, text, speaker, date, session }) => ({
      ...{ text, actor: speaker, occurredAt: `${date}Z`, source: id },
      ...{ scope: { session: String(session) }, metadata: { words: text.split(" ").length } },
    }));
    await memory.addMany(memories);
    await memory.recall(memories[0].text, { limit: 3 });
  }
  clock.now += 1_000;
  await memory.maintain();
  await memory.close();
}

/** Asks everything. Changes nothing. */
export async function ask({ openMemory }, storage, questions) {
  const memory = await openMemory(fixed(storage, { now: start + 3_600_000 }));
  const answers = [];
  for (const { qid, question } of questions) {
    const hits = await memory.recall(question, { limit: 10, touch: false });
    answers.push({ qid, hits: hits.map(({ id, score, source }) => ({ id, score, source })) });
  }
  await memory.close();
  return answers;
}

/** Adds one record, names itself in it, and answers its id. */
export async function add({ openMemory }, storage, runtime) {
  const memory = await openMemory(fixed(storage, { now: start + 1_800_000 }));
  const id = await memory.add(`The heron was seen again, by ${runtime}`, { source: runtime, tags: ["heron"] });
  await memory.close();
  return id;
}

/** Everything in the storage of a runtime that has no folders: what the objects answer, and what it writes itself. */
export async function carry(host, { objects, turns, questions, runtime }) {
  const { memoryPlace, memoryStorage } = host;
  const answers = await ask(host, memoryStorage({ place: memoryPlace(unpack(objects)) }), questions);
  const own = memoryPlace();
  await write(host, memoryStorage({ place: own }), turns);
  const grown = memoryPlace(unpack(objects));
  const id = await add(host, memoryStorage({ place: grown }), runtime);
  return { answers, written: pack(own.snapshot()), grown: pack(grown.snapshot()), id };
}

/** Objects in a form that any channel carries. */
export function pack(objects) {
  const text = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return Object.fromEntries([...objects].map(([key, bytes]) => [key, btoa(text(bytes))]));
}

/** The opposite of {@link pack}. */
export function unpack(packed) {
  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Map(Object.entries(packed).map(([key, text]) => [key, bytes(text)]));
}
