// Seeded workloads for `npm run simulate`: which facts an agent is told and when it needs them again, over simulated
// days. Knows nothing of memories and policies. A workload is { name, seed, days, parameters, facts, events }; a fact
// has a text, a question and perhaps an importance; an event is { at, tells: fact } or { at, needs: fact }, with `at`
// in milliseconds from the start.
//
// zipf    Every fact has a popularity for good, and needs are independent draws: the independent reference model, with
//         the exponent that YCSB takes for its Zipfian requests (Cooper et al., SoCC 2010).
// bursts  Topics are hot for some days, dormant for long, and sometimes return: bursts after Kleinberg (KDD 2002),
//         heavy-tailed pauses after Barabási (Nature 2005).
// drift   As zipf, but every day some facts trade their popularity with others.

export const DAY = 86_400_000;

/** The published parameters. Counts are for 90 days and grow with the days. */
const COMMON = { facts: 2_000, needsPerDay: 300, exponent: 0.99, knownAtStart: 0.5 };
const SETTINGS = {
  zipf: COMMON,
  bursts: {
    ...COMMON, knownAtStart: undefined, topics: 40, hotDays: 4, pauseDays: 6, pauseTail: 1.1, returns: 0.7, background: 0.15,
  },
  drift: { ...COMMON, movesPerDay: 0.03 },
};

export const workloadNames = Object.keys(SETTINGS);

/** Numbers from 0 to 1, the same for the same seed and name (mulberry32). */
export function randomFrom(seed, name = "") {
  let state = seed >>> 0;
  for (const letter of name) state = (Math.imul(state ^ letter.charCodeAt(0), 0x9e37_79b1) ^ (state >>> 15)) >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws ranks from 0 on, rank r with a probability in proportion to (r + 1)^-exponent. */
export function zipfSampler(count, exponent, random) {
  const sums = new Float64Array(count);
  let total = 0;
  for (let rank = 0; rank < count; rank += 1) sums[rank] = total += (rank + 1) ** -exponent;
  return () => {
    const wanted = random() * total;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

function shuffled(count, random) {
  const list = Array.from({ length: count }, (_, index) => index);
  for (let at = count - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [list[at], list[other]] = [list[other], list[at]];
  }
  return list;
}

const SYLLABLES = ["ba", "den", "fi", "gor", "hal", "ki", "lum", "mer", "no", "pel", "ra", "sto", "tiv", "ul", "wen", "zar"];
const THINGS = ["address", "birthday", "deadline", "invoice", "key", "meeting", "parcel", "password hint", "plan", "preference"];
const DETAILS = [
  "as agreed on the phone", "until further notice", "which the others do not know yet", "after the last one fell through",
  "because the first choice was taken", "and a reminder two days before", "in the usual place", "if the weather allows it",
];

/** A name of its own for each index: four syllables are the index in base 16. */
const nameOf = (index) => [12, 8, 4, 0].map((shift) => SYLLABLES[(index >> shift) & 15]).join("");

/** A sentence about something with a name of its own; lengths differ as those of notes do. */
function factOf(index, random) {
  const thing = THINGS[Math.floor(random() * THINGS.length)];
  const name = nameOf(index);
  const details = shuffled(DETAILS.length, random).slice(0, Math.floor(random() * 5)).map((at) => DETAILS[at]);
  return { text: [`The ${thing} of ${name} is ${nameOf(Math.floor(random() * 65_536))}`, ...details].join(", "), question: `${thing} of ${name}` };
}

/**
 * A workload. `insight` (0 to 1) says how much the importance that is given with a fact tells about how often it will
 * be needed: 1 is its place in the order of need, 0 is noise; left out, no importance is given, as most callers do.
 *
 * @param {string} name
 * @param {{ days: number, seed: number, insight?: number }} options
 * @returns {{ name: string, seed: number, days: number, parameters: Record<string, number>,
 *   facts: { text: string, question: string, importance?: number }[],
 *   events: { at: number, tells?: number, needs?: number }[] }}
 */
export function makeWorkload(name, { days, seed, insight }) {
  const settings = SETTINGS[name];
  if (!settings) throw new Error(`unknown workload ${name}: ${workloadNames.join(", ")} or agent`);
  const parameters = { ...settings, facts: Math.max(50, Math.round((settings.facts * days) / 90)) };
  const random = (part) => randomFrom(seed, `${name}/${part}`);
  const words = random("words");
  const facts = Array.from({ length: parameters.facts }, (_, index) => factOf(index, words));
  const events = name === "bursts" ? bursts(parameters, days, random) : popularity(parameters, days, random);
  events.sort((a, b) => a.at - b.at || ("needs" in a) - ("needs" in b));
  if (insight !== undefined) giveImportance(facts, events, insight, random("importance"));
  return { name, seed, days, parameters: JSON.parse(JSON.stringify({ ...parameters, insight })), facts, events };
}

/** zipf, and drift if popularity moves. */
function popularity({ facts, needsPerDay, exponent, knownAtStart, movesPerDay = 0 }, days, random) {
  const known = Math.round(facts * knownAtStart);
  const arrivals = random("arrivals");
  const told = Array.from({ length: facts }, (_, fact) => (fact < known ? fact * 1_000 : arrivals() * days * DAY));
  const events = told.map((at, fact) => ({ at, tells: fact }));
  const order = shuffled(facts, random("popularity"));
  const moves = random("drift");
  const moments = random("moments");
  const rank = zipfSampler(facts, exponent, random("needs"));
  // The first needs come once the facts known at the start have been told.
  const start = known * 1_000;
  for (let day = 0; day < days; day += 1) {
    for (const at of times(day, needsPerDay, moments)) {
      if (at <= start) continue;
      let fact = order[rank()];
      while (told[fact] > at) fact = order[rank()];
      events.push({ at, needs: fact });
    }
    for (let move = 0; move < movesPerDay * facts; move += 1) {
      const [a, b] = [Math.floor(moves() * facts), Math.floor(moves() * facts)];
      [order[a], order[b]] = [order[b], order[a]];
    }
  }
  return events;
}

function bursts({ facts, needsPerDay, exponent, topics, hotDays, pauseDays, pauseTail, returns, background }, days, random) {
  const calendar = random("calendar");
  const exponential = (mean) => -mean * Math.log(1 - calendar());
  const periods = Array.from({ length: topics }, () => {
    const hot = [];
    let from = calendar() * days;
    while (from < days) {
      const until = from + 1 + exponential(hotDays - 1);
      hot.push([from, until]);
      if (calendar() >= returns) break;
      from = until + pauseDays * (1 - calendar()) ** (-1 / pauseTail);
    }
    return hot;
  });
  // The facts of a topic are told during its first hot days.
  const each = Math.floor(facts / topics);
  const arrivals = random("arrivals");
  const told = Array.from({ length: facts }, (_, fact) => {
    const [from, until] = periods[Math.floor(fact / each) % topics][0];
    return Math.min(from + arrivals() ** 2 * (until - from), days) * DAY;
  });
  const members = Array.from({ length: topics }, () => []);
  for (const fact of shuffled(facts, random("popularity"))) members[Math.floor(fact / each) % topics].push(fact);
  const events = told.map((at, fact) => ({ at, tells: fact }));
  const moments = random("moments");
  const draw = random("needs");
  const within = zipfSampler(Math.max(...members.map((list) => list.length)), exponent, draw);
  for (let day = 0; day < days; day += 1) {
    for (const at of times(day, needsPerDay, moments)) {
      const started = members.flatMap((list, topic) => (periods[topic][0][0] * DAY < at ? [topic] : []));
      const hot = started.filter((topic) => periods[topic].some(([from, until]) => from * DAY <= at && at < until * DAY));
      const choice = hot.length === 0 || draw() < background ? started : hot;
      if (choice.length === 0) continue;
      const own = members[choice[Math.floor(draw() * choice.length)]];
      if (!own.some((fact) => told[fact] < at)) continue;
      let fact = own[within()];
      while (!(told[fact] < at)) fact = own[within()];
      events.push({ at, needs: fact });
    }
  }
  return events;
}

/** Moments of one day, in order. */
function times(day, count, random) {
  return Array.from({ length: count }, () => (day + random()) * DAY).sort((a, b) => a - b);
}

function giveImportance(facts, events, insight, random) {
  const needed = new Float64Array(facts.length);
  for (const { needs } of events) if (needs !== undefined) needed[needs] += 1;
  const order = Array.from(needed.keys()).sort((a, b) => needed[a] - needed[b]);
  for (const [place, fact] of order.entries()) {
    const share = order.length > 1 ? place / (order.length - 1) : 1;
    facts[fact].importance = Number((insight * share + (1 - insight) * random()).toFixed(3));
  }
}

/**
 * What foresight would achieve: hits of a store of `budget` that always lets go what is needed again last, or never
 * (Belady's rule, IBM Systems Journal 1966). `sizes` says what each fact takes. With sizes that differ this is near the
 * best, not a strict bound.
 */
export function foresight({ events }, sizes, budget) {
  const next = new Float64Array(events.length).fill(Infinity);
  const soonest = new Map();
  for (let at = events.length - 1; at >= 0; at -= 1) {
    const fact = events[at].tells ?? events[at].needs;
    next[at] = soonest.get(fact) ?? Infinity;
    if ("needs" in events[at]) soonest.set(fact, at);
  }
  const kept = new Map();
  let held = 0;
  let [hits, needs] = [0, 0];
  for (const [at, event] of events.entries()) {
    const fact = event.tells ?? event.needs;
    if ("needs" in event) {
      needs += 1;
      if (kept.has(fact)) hits += 1;
    }
    if (!kept.has(fact)) held += sizes[fact];
    kept.set(fact, next[at]);
    while (held > budget) {
      let last;
      for (const [other, when] of kept) if (last === undefined || when > kept.get(last)) last = other;
      kept.delete(last);
      held -= sizes[last];
    }
  }
  return { hits, needs };
}
