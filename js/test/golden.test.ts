// The script of tests/golden through the built package: it writes the same bytes as natively, and what was stored long
// ago opens and answers. The interpreter's twin is crates/core/tests/golden.rs; both do the same in the same order.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  MemoryError, openMemory, versions,
  type EngineConfig, type Filter, type Memory, type MemoryPatch, type NewMemory, type OpenReport, type RecallOptions, type ReembedProgress,
  type Scope, type Storage, type Tier, type TrainingGoal, type Transition,
} from "../../dist/esm/entry/inline.js";
import { memoryPlace, memoryStorage } from "../../dist/esm/storage/memory.js";
import { nodeFs } from "../../dist/esm/storage/node-fs.js";

/** The sets that their scripts write today. Older sets are only read. */
const CURRENT = ["v1", "v1-reembed"];
/** How far a number may lie from the recorded one. */
const TOLERANCE = 1e-6;

type Objects = ReadonlyMap<string, Uint8Array>;

type Change =
  | { readonly op: "add"; readonly name: string; readonly memory: NewMemory }
  | { readonly op: "update"; readonly name: string; readonly patch: MemoryPatch; readonly ifVersion?: number }
  | { readonly op: "forget"; readonly name: string; readonly ifVersion?: number }
  | { readonly op: "reward"; readonly name: string; readonly value: number }
  | { readonly op: "promote" | "demote"; readonly name: string; readonly to?: Tier; readonly ifVersion?: number };

type Question = RecallOptions & { readonly query: string };

interface Step {
  readonly now: number;
  readonly view?: Scope;
  readonly refused?: string;
  readonly transaction?: readonly Change[];
  readonly recall?: Question;
  readonly get?: string;
  readonly forget?: { readonly filter: Filter };
  readonly maintain?: { readonly compact?: boolean };
  /** Without a goal, the training of the tier ends. */
  readonly train?: { readonly tier: Tier } & Partial<TrainingGoal>;
  /** A change of the model: batches of records get vectors of it, until so many have one. */
  readonly reembed?: { readonly model: string; readonly dimensions: number; readonly batch: number; readonly until: number };
}

interface Script {
  readonly seed: number;
  readonly config: EngineConfig;
  readonly sessions: readonly (readonly Step[])[];
  readonly views: readonly { readonly now: number; readonly view?: Scope; readonly filter?: Filter }[];
  readonly questions: readonly (Step & { readonly recall: Question })[];
}

const golden = fileURLToPath(new URL("../../tests/golden/", import.meta.url));
const sets = readdirSync(golden, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);

const scriptOf = (set: string): Script => JSON.parse(readFileSync(join(golden, set, "script.json"), "utf8"));
const answersOf = (set: string): { steps: unknown[] } => JSON.parse(readFileSync(join(golden, set, "answers.json"), "utf8"));

function objectsOf(set: string): Objects {
  const folder = join(golden, set, "objects");
  return new Map(readdirSync(folder).sort().map((key) => [key, new Uint8Array(readFileSync(join(folder, key)))]));
}

/** The clock of an opened memory, set by each step. */
interface Clock {
  now: number;
}

/** Opens a memory for a session. Where that changes the model, it has an embedder. */
async function open(script: Script, storage: Storage, clock: Clock, session: readonly Step[] = []): Promise<Memory> {
  const change = session.find(({ reembed }) => reembed)?.reembed;
  const embedder = change === undefined ? false : { model: change.model, dimensions: change.dimensions, embed: (texts: readonly string[]) => texts.map((text) => vectorOf(text, change.dimensions)) };
  return openMemory({ storage, seed: script.seed, now: () => clock.now, embedder, onModelChange: "reembed", config: script.config });
}

/** The vector of a text: how often each remainder of its characters divided by the number of components comes, and one. */
function vectorOf(text: string, dimensions: number): number[] {
  const vector = new Array<number>(dimensions).fill(1);
  for (const character of text) (vector[(character.codePointAt(0) as number) % dimensions] as number) += 1;
  return vector;
}

/** Runs all sessions on adapters that `storage` makes. Answers what each step came to. */
async function run(script: Script, storage: () => Storage): Promise<unknown[]> {
  const outcomes: unknown[] = [];
  const ids = new Map<string, string>();
  const clock = { now: 0 };
  for (const session of script.sessions) {
    const memory = await open(script, storage(), clock, session);
    outcomes.push({ opened: opened(memory.opened) });
    for (const step of session) {
      clock.now = step.now;
      const outcome = await take(step, memory.scope(step.view ?? {}), ids).catch((error: unknown) => {
        if (error instanceof MemoryError) return { refused: error.code };
        throw error;
      });
      expect((outcome as { refused?: string }).refused, JSON.stringify(step)).toBe(step.refused);
      outcomes.push(outcome);
    }
    await memory.close();
  }
  return outcomes;
}

async function take(step: Step, view: Memory, ids: Map<string, string>): Promise<object> {
  const { transaction, recall, get, forget, maintain, train, reembed } = step;
  const idOf = (name: string): string => ids.get(name) ?? `nothing is called ${name}`;
  if (transaction) {
    const touched: string[] = [];
    await view.transaction((tx) => {
      for (const change of transaction) {
        const { name } = change;
        const condition = "ifVersion" in change && change.ifVersion !== undefined ? { ifVersion: change.ifVersion } : {};
        if (change.op === "add") {
          const { text, ...options } = change.memory;
          ids.set(name, tx.add(text, options));
        } else if (change.op === "update") tx.update(idOf(name), change.patch, condition);
        else if (change.op === "forget") tx.forget(idOf(name), condition);
        else if (change.op === "reward") tx.reward(idOf(name), change.value);
        else tx[change.op](idOf(name), change.to, condition);
        touched.push(idOf(name));
      }
    });
    return { ids: touched };
  }
  if (recall) return ask(view, recall);
  if (get !== undefined) return { accessCount: (await view.get(idOf(get)))?.accessCount ?? null };
  if (forget) return { forgotten: await view.forget(forget) };
  if (train) {
    const { tier, ...goal } = train;
    if (Object.keys(goal).length > 0) return { training: await view.train(tier, goal as TrainingGoal) };
    await view.train(tier, null);
    return { training: null };
  }
  if (reembed) {
    const { batch, until } = reembed;
    let embedded = 0;
    const enough = new AbortController();
    const onProgress = ({ done }: ReembedProgress): void => {
      embedded = done;
      if (done >= until) enough.abort();
    };
    await view.reembed({ batch, onProgress, signal: enough.signal }).catch((error: unknown) => {
      if ((error as MemoryError).code !== "aborted") throw error;
    });
    return { embedded };
  }
  if (!maintain) throw new Error(`a step without an action: ${JSON.stringify(step)}`);
  // Summaries are asked for by the package; the script of the core knows nothing of them.
  const { more, next, summarized, ...report } = await view.maintain(maintain);
  expect(more).toBe(false);
  return { ...report, next: next ?? null };
}

async function ask(view: Memory, { query, ...options }: Question): Promise<object> {
  const hits = await view.recall(query, options);
  return { hits: hits.map(({ id, score }) => ({ id, score })) };
}

function opened({ tornBytes, leftovers, ...report }: OpenReport): object {
  expect({ tornBytes, leftovers }).toEqual({ tornBytes: 0, leftovers: [] });
  return report;
}

/** What a stored memory tells of itself. */
async function answers(script: Script, objects: Objects, steps: unknown[]): Promise<unknown> {
  const clock = { now: 0 };
  const memory = await open(script, memoryStorage({ place: memoryPlace(objects) }), clock);
  const views: object[] = [];
  for (const { now, view = {}, filter } of script.views) {
    clock.now = now;
    const scoped = memory.scope(view);
    const records: object[] = [];
    for await (const record of scoped.list(filter ? { filter } : {})) {
      const vector = await scoped.vector(record.id);
      const { moves, retention } = (await scoped.explainTransition(record.id)) as Transition;
      records.push({ ...record, moves, retention, ...(vector && { vector: [...vector] }) });
    }
    const { engine, ...stats } = await scoped.stats();
    // Estimates of main memory: not the same on every platform.
    const { vectorBytes: _vectors, keywordBytes: _keywords, columnBytes: _columns, ...figures } =
      engine ?? { vectorBytes: 0, keywordBytes: 0, columnBytes: 0 };
    views.push({ stats: engine ? { ...stats, engine: figures } : stats, records });
  }
  const questions: object[] = [];
  for (const { now, view = {}, recall } of script.questions) {
    clock.now = now;
    questions.push(await ask(memory.scope(view), { ...recall, touch: false }));
  }
  const report = opened(memory.opened);
  await memory.close();
  return { steps, opened: report, views, questions };
}

/** The paths at which two values differ, numbers within {@link TOLERANCE} apart. */
function differences(expected: unknown, found: unknown, path = ""): string[] {
  if (typeof expected === "number" && typeof found === "number") {
    return Math.abs(expected - found) <= TOLERANCE ? [] : [`${path}: ${expected} is now ${found}`];
  }
  if (typeof expected === "object" && typeof found === "object" && expected !== null && found !== null) {
    const names = Object.keys(expected).sort();
    if (Array.isArray(expected) === Array.isArray(found) && names.join("\n") === Object.keys(found).sort().join("\n")) {
      return names.flatMap((name) => differences((expected as never)[name], (found as never)[name], `${path}/${name}`));
    }
  }
  return expected === found ? [] : [`${path}: ${JSON.stringify(expected)} is now ${JSON.stringify(found)}`];
}

async function contentOf(storage: Storage): Promise<Objects> {
  const content = new Map<string, Uint8Array>();
  for (const key of await storage.list("")) content.set(key, (await storage.read(key)) as Uint8Array);
  await storage.close();
  return content;
}

function expectSameBytes(found: Objects, expected: Objects): void {
  expect([...found.keys()]).toEqual([...expected.keys()]);
  for (const [key, bytes] of expected) {
    expect(Buffer.compare(found.get(key) as Uint8Array, bytes), `the bytes of ${key}`).toBe(0);
  }
}

describe.each(CURRENT)("the golden script %s through the package", (set) => {
  it("is run for the format of this build", async () => {
    expect(set.split("-")[0]).toBe(`v${(await versions()).format}`);
  });

  it("writes the stored bytes into memory, and its steps come to the same", async () => {
    const script = scriptOf(set);
    const place = memoryPlace();
    const steps = await run(script, () => memoryStorage({ place }));
    expectSameBytes(place.snapshot(), objectsOf(set));
    expect(differences(answersOf(set), await answers(script, place.snapshot(), steps))).toEqual([]);
  });

  it("writes the stored bytes into a folder", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stratamem-golden-"));
    try {
      await run(scriptOf(set), () => nodeFs(folder));
      expectSameBytes(await contentOf(nodeFs(folder)), objectsOf(set));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe.each(sets)("the stored memory %s", (set) => {
  it("opens and answers as it did", async () => {
    const recorded = answersOf(set);
    // What the steps came to is known to whoever ran them.
    expect(differences(recorded, await answers(scriptOf(set), objectsOf(set), recorded.steps))).toEqual([]);
  });

  it("is left as it was by being read", async () => {
    const place = memoryPlace(objectsOf(set));
    const memory = await open(scriptOf(set), memoryStorage({ place }), { now: 0 });
    await memory.recall("boat", { touch: false });
    await memory.close();
    expectSameBytes(place.snapshot(), objectsOf(set));
  });
});
