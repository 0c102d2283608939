// The agent workload of `npm run simulate`: conversations in the format of `npm run eval`. What was said goes into a
// memory session by session, at its date; in every later session the agent asks about earlier ones, and once more,
// about everything, a month after the last. What was evicted is gone: nobody says it again.
//
// Which question comes up in a session is drawn with a popularity that is Zipf's (exponent 1) and fades with the
// square root of the days since its evidence: the need for what was learnt falls as a power of time (Anderson and
// Schooler, Psychological Science 1991).

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openMemory } from "stratamem";
import { manualClock } from "stratamem/testing";
import { score } from "./metrics.mjs";
import { sizesOf, tallyOf, TIERS } from "./simulate-run.mjs";
import { DAY, randomFrom } from "./workload.mjs";

const ASKED_PER_SESSION = 8;
const LAST_QUESTIONS_AFTER = 30 * DAY;

/** The conversations of a folder: sessions with their turns, and the questions that have evidence. */
export function readConversations(folder) {
  const read = (name) => {
    const file = join(folder, name);
    if (!existsSync(file)) throw new Error(`no ${name} in ${folder}`);
    return readFileSync(file, "utf8").split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
  };
  const turns = read("turns.jsonl");
  const questions = read("questions.jsonl");
  return [...new Set(turns.map((turn) => turn.conv))].map((name) => {
    const sessions = new Map();
    const own = turns.filter((turn) => turn.conv === name).map((turn) => ({ ...turn, at: Date.parse(`${turn.date}Z`) }));
    for (const turn of own) sessions.set(turn.session, [...(sessions.get(turn.session) ?? []), turn]);
    const said = new Map(own.map((turn) => [turn.id, turn]));
    return {
      name,
      sessions: [...sessions.values()].sort((a, b) => a[0].at - b[0].at),
      questions: questions
        .filter(({ conv, evidence }) => conv === name && evidence.length > 0)
        .map(({ qid, question, evidence }) => ({ qid, question, evidence, known: Math.max(...evidence.map((id) => said.get(id).at)) })),
    };
  });
}

/** What is asked when: per session the questions about earlier ones, then all of them. */
export function schedule({ name, sessions, questions }, seed) {
  const random = randomFrom(seed, `agent/${name}`);
  const order = questions.map((_, index) => ({ index, key: random() })).sort((a, b) => a.key - b.key);
  const popularity = new Float64Array(questions.length);
  for (const [rank, { index }] of order.entries()) popularity[index] = 1 / (rank + 1);
  const asked = sessions.map(([{ at }]) => {
    const left = new Map(questions.flatMap(({ known }, index) => (known < at ? [[index, popularity[index] / Math.sqrt((at - known) / DAY)]] : [])));
    const chosen = [];
    while (chosen.length < ASKED_PER_SESSION && left.size > 0) {
      let wanted = random() * [...left.values()].reduce((a, b) => a + b, 0);
      const drawn = [...left].find(([, weight]) => (wanted -= weight) < 0) ?? [...left].at(-1);
      left.delete(drawn[0]);
      chosen.push(questions[drawn[0]]);
    }
    return chosen;
  });
  return [...asked, questions];
}

const toMemory = ({ text, caption, speaker, at, session }) => ({
  text: caption ? `${text} [image: ${caption}]` : text, actor: speaker, occurredAt: at, scope: { session: String(session) },
});

/** Bytes and records that everything said in a conversation takes. */
export async function conversationSize({ sessions }, embedder) {
  const memory = await openMemory({ embedder, config: { defaultTier: "long-term" } });
  await memory.addMany(sessions.flat().map(toMemory));
  const { items, bytes } = await sizesOf(memory);
  await memory.close();
  return { items, bytes };
}

/** Runs one conversation. Answers, for the questions during it and for those at the end, recall@10 and what was left. */
export async function converse(conversation, seed, config, embedder) {
  const { sessions } = conversation;
  const clock = manualClock(sessions[0][0].at);
  const memory = await openMemory({ embedder, seed, now: clock.now, config });
  const tally = tallyOf(memory);
  const turnOf = new Map();
  const gone = new Set();
  const evicted = [];
  memory.on("memory-evicted", ({ id }) => evicted.push(id));
  const settle = async () => {
    await memory.maintain();
    for (const id of evicted.splice(0)) gone.add(turnOf.get(id));
  };
  const rows = { during: [], end: [] };
  const history = [];
  let refused = 0;
  const ask = async (questions, into) => {
    for (const { question, evidence } of questions) {
      clock.advance(60_000);
      const hits = await memory.recall(question, { limit: 10 });
      const metrics = score(new Set(evidence), hits.map((hit) => turnOf.get(hit.id)));
      into.push({ recall: metrics["recall@10"], kept: evidence.filter((id) => !gone.has(id)).length / evidence.length });
    }
  };
  const asked = schedule(conversation, seed);
  for (const [index, turns] of sessions.entries()) {
    clock.set(Math.max(clock.now(), turns[0].at));
    await settle();
    await ask(asked[index], rows.during);
    for (const turn of turns) {
      clock.advance(20_000);
      try {
        turnOf.set(await memory.add(turn.text, { ...toMemory(turn), text: undefined }), turn.id);
      } catch (error) {
        if (error.code !== "tier-full") throw error;
        refused += 1;
        gone.add(turn.id);
      }
      await settle();
    }
    history.push(await sizesOf(memory));
  }
  clock.advance(LAST_QUESTIONS_AFTER);
  await settle();
  await ask(asked.at(-1), rows.end);
  await memory.close();
  return { rows, history, refused, gone: gone.size, tally };
}

/**
 * Runs all conversations under one policy. `configOf` makes the configuration from what a conversation takes in full.
 */
export async function simulateAgent(conversations, seed, configOf, embedder) {
  const [during, end] = [[], []];
  const moves = new Map();
  const evictions = new Map();
  const add = (into, from) => from.forEach((count, key) => into.set(key, (into.get(key) ?? 0) + count));
  let [gone, refused, turns] = [0, 0, 0];
  let last;
  let peakShare = 0;
  for (const conversation of conversations) {
    const full = await conversationSize(conversation, embedder);
    const run = await converse(conversation, seed, configOf(full), embedder);
    during.push(...run.rows.during);
    end.push(...run.rows.end);
    add(moves, run.tally.moves);
    add(evictions, run.tally.evictions);
    gone += run.gone;
    refused += run.refused;
    turns += conversation.sessions.flat().length;
    peakShare = Math.max(peakShare, ...run.history.map(({ bytes }) => bytes / full.bytes));
    last = run.history;
  }
  const mean = (rows, key) => rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
  const summary = (rows) => ({ asked: rows.length, "recall@10": mean(rows, "recall"), kept: mean(rows, "kept") });
  return {
    turns, gone, refused, peakShare,
    all: summary([...during, ...end]), during: summary(during), end: summary(end),
    moves: Object.fromEntries(moves), evictions: Object.fromEntries(evictions),
    sessions: last.map(({ tiers }) => Object.fromEntries(TIERS.map((tier) => [tier, tiers[tier].items]))),
  };
}
