/// <reference lib="esnext.disposable" preserve="true" />

/**
 * The facade that users hold. Owns: what a view may see, and waiting around each call into the engine. Does not own: the
 * lifetime of an opened memory (its session), what a call means (the engine) or how bytes are kept (the adapter).
 */

import { commit, commitOne } from "./commit.js";
import { ContextBuilder } from "./context/builder.js";
import type { Candidate, Passage } from "./context/draft.js";
import { createError, RecordError } from "./errors.js";
import type { Kept, Training, TrainingGoal } from "./encoders.js";
import { checkListening, type MemoryEventName } from "./events.js";
import { exportLines, importLines } from "./exchange.js";
import { EngineHandle } from "./internal/bridge.js";
import {
  checkFields, checkFlag, checkGoal, checkObject, checkTier, checkWhole, invalid, toFilter, toId, toScope, toText, withoutMissing,
} from "./internal/convert.js";
import { toSort } from "./internal/sort.js";
import type { Page, PageOptions, RecallQuery, RelatedOptions } from "./queries.js";
import { MemoryQuery } from "./query.js";
import { answer, MOST, prepare, type Asked, type Asker } from "./recall.js";
import { reembed, type ReembedOptions, type ReembedReport } from "./reembed.js";
import type { Session } from "./session.js";
import type { Transaction } from "./transaction.js";
import type {
  AddOptions, Analysis, ChangeOptions, EmbeddingSpace, Filter, GetOptions, GraphReport, Hit, ImportOptions, ImportReport, ListOptions,
  MaintainOptions, MaintenanceReport, MemoryEvents, MemoryPatch, MemoryRecord, MemoryStats, Metadata, NewMemory, OpenReport,
  RecallOptions, Scope, Tier, Transition,
} from "./types.js";

/** Records fetched at once by a listing. */
const PAGE = 256;

/**
 * A memory, or a scoped view of one. Made by `openMemory` and {@link Memory.scope}.
 *
 * @example
 * const memory = await openMemory();
 * await memory.add("Ada prefers metric units", { actor: "Ada" });
 * const [best] = await memory.recall("which units should I use?");
 * console.log(best?.text, best?.why.summary);
 * await memory.close();
 */
export class Memory {
  /** @internal */
  readonly session: Session;
  readonly #view: Scope;
  /** Whether this came from {@link Memory.scope}: closing it then ends nothing else. */
  readonly #derived: boolean;
  /** Take the listeners of this view away. */
  readonly #listening = new Set<() => void>();
  /** Whether this view was closed by itself. */
  #ended = false;
  /** What opening found. */
  readonly opened: OpenReport;

  /** @internal */
  constructor(session: Session, view: Scope, opened: OpenReport, derived = false) {
    this.session = session;
    this.#view = view;
    this.#derived = derived;
    this.opened = opened;
  }

  /**
   * Adds a record and resolves to its id, once it is durable. What is known already is not added twice: then this resolves
   * to the id of the record that says it (see `config.consolidation.repeats`).
   *
   * @throws ValidationError for bad input, EmbedderError, StorageError. Nothing was added then.
   * @example
   * const id = await memory.add("The demo is on Friday", { kind: "semantic", tags: ["work"] });
   */
  async add<M extends object = Metadata>(text: string, options: AddOptions<M> = {}): Promise<string> {
    const [id] = await commitOne(this.#asker, (tx) => {
      checkObject(options, "options");
      tx.addOne({ ...options, text });
    });
    return id as string;
  }

  /**
   * Adds many records at once, all or none, and resolves to their ids. Much faster than many single adds.
   *
   * @example
   * const ids = await memory.addMany([{ text: "one" }, { text: "two", importance: 0.9 }]);
   */
  async addMany(memories: readonly (NewMemory | string)[]): Promise<string[]> {
    if (!Array.isArray(memories)) throw invalid("memories", "must be an array");
    return commit(this.#asker, (tx) => {
      for (const memory of memories) tx.addOne(typeof memory === "string" ? { text: memory } : memory);
    });
  }

  /**
   * The record with this id, or `undefined` if this view sees none. Counts as a use, unless `touch` is false.
   *
   * @throws ValidationError if `id` has not the form of an id
   * @example
   * const record = await memory.get(id);
   */
  async get(id: string, options: GetOptions = {}): Promise<MemoryRecord | undefined> {
    checkFields(options, ["touch"], "options");
    checkFlag(options.touch, "touch");
    const { now } = this.session;
    const touch = options.touch ?? true;
    const found = this.#call((handle) => handle.get(this.#view, toId(id, "id"), now(), touch) as MemoryRecord | undefined);
    // A use can move a record to another tier.
    if (touch) {
      this.session.strain();
      this.session.queue.nudge();
    }
    return found;
  }

  /**
   * The unit vector of a record as far as it is kept, or `undefined` if it has none. {@link precision} says how exactly
   * that is.
   *
   * @example
   * const vector = await memory.vector(id); // Float32Array
   */
  async vector(id: string): Promise<Float32Array | undefined> {
    return this.#read((handle) => handle.vector(this.#view, toId(id, "id"), this.session.now()));
  }

  /**
   * How exactly the vector of a record is kept, or `undefined` if it has none.
   *
   * @example
   * const precision = await memory.precision(id); // "f32"
   */
  async precision(id: string): Promise<Kept | undefined> {
    return this.#call((handle) => handle.precision(this.#view, toId(id, "id"), this.session.now()) as Kept | undefined);
  }

  /**
   * Changes a record. What the patch leaves out stays as it is; an empty patch changes nothing, its version included.
   *
   * @throws RecordError `not-found`, TransactionConflictError
   * @example
   * await memory.update(id, { importance: 1, metadata: { ...record.metadata, checked: true } }, { ifVersion: record.version });
   */
  async update<M extends object = Metadata>(id: string, patch: MemoryPatch<M>, options: ChangeOptions = {}): Promise<void> {
    await commitOne(this.#asker, (tx) => tx.update(id, patch, options));
  }

  /**
   * Removes records: one, several, or all that pass a filter. Resolves to how many were removed. Ids that this view
   * does not see are an error, and then nothing is removed. An empty filter, `{ filter: {} }`, passes everything: it
   * removes all that this view sees, pinned records included. What went into another record by consolidation is taken out of
   * that, and a summary then says what is left.
   *
   * @example
   * await memory.forget(id);
   * await memory.forget({ filter: { topic: "obsolete" } });
   */
  async forget(target: string | readonly string[] | { readonly filter: Filter }, options: ChangeOptions = {}): Promise<number> {
    for (let before = ""; ; ) {
      const ids = this.#targets(target);
      const chosen = ids.join();
      try {
        const run = typeof target === "string" ? commitOne : commit;
        const removed = await run(this.#asker, (tx) => {
          for (const id of new Set(ids)) tx.forget(id, options);
        });
        return removed.length;
      } catch (error) {
        // What a filter chose may be gone by the time of the commit: then it chooses again.
        const gone = error instanceof RecordError && error.code === "not-found";
        if (!gone || typeof target === "string" || isList(target) || chosen === before) throw error;
        before = chosen;
      }
    }
  }

  /**
   * Moves a record to a more durable tier: the next one, or `to`. Nothing happens if it is in that tier already.
   *
   * @throws ValidationError naming `to` if that tier is less durable, or if there is none above
   * @example
   * await memory.promote(id, "long-term");
   */
  async promote(id: string, to?: Tier, options: ChangeOptions = {}): Promise<void> {
    await commitOne(this.#asker, (tx) => tx.promote(id, to, options));
  }

  /**
   * Moves a record to a less durable tier: the next one, or `to`. Nothing happens if it is in that tier already. It stays
   * there until it is used or a policy moves it.
   *
   * @throws ValidationError naming `to` if that tier is more durable, or if there is none below
   * @example
   * await memory.demote(id, "working");
   */
  async demote(id: string, to?: Tier, options: ChangeOptions = {}): Promise<void> {
    await commitOne(this.#asker, (tx) => tx.demote(id, to, options));
  }

  /**
   * Says how useful a record was for what it was recalled for: -1 (it misled) to 1 (it was what was needed). The mean
   * of its rewards is part of its importance.
   *
   * @throws RecordError `not-found`, TransactionConflictError
   * @example
   * await memory.reward(id, 1);
   */
  async reward(id: string, value: number, options: ChangeOptions = {}): Promise<void> {
    await commitOne(this.#asker, (tx) => tx.reward(id, value, options));
  }

  /**
   * Why a record is in its tier, what would move it, and how it has moved; `undefined` if this view sees no such
   * record. Does not count as a use.
   *
   * @example
   * console.log((await memory.explainTransition(id))?.summary);
   */
  async explainTransition(id: string): Promise<Transition | undefined> {
    return this.#call((handle) => handle.explainTransition(this.#view, toId(id, "id"), this.session.now()) as Transition | undefined);
  }

  /**
   * The records this view sees, in order of creation or as `sort` says. By creation, records added while it runs may appear;
   * in another order it goes through what was there when it began, as far as it is there still. Either way, a record that
   * is there throughout comes exactly once, whatever changes meanwhile; one that is gone before its turn does not come.
   *
   * @throws ValidationError naming the bad parameter
   * @example
   * for await (const record of memory.list({ filter: { $tier: "long-term" } })) console.log(record.text);
   */
  async *list(options: ListOptions = {}): AsyncGenerator<MemoryRecord, void, undefined> {
    checkFields(options, ["filter", "sort", "limit", "cursor"], "options");
    const filter = toFilter(options.filter);
    if (options.limit !== Number.POSITIVE_INFINITY) checkWhole(options.limit, "limit", 0);
    const sort = toSort(options.sort);
    const cursor = options.cursor === undefined ? undefined : toText(options.cursor, "cursor");
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (sort || cursor !== undefined) {
      const ids = this.#call((handle) => handle.order(this.#view, filter, sort, cursor, this.session.now()));
      for (let at = 0; at < ids.length && left > 0; at += PAGE) {
        const records = this.#call((handle) => handle.records(this.#view, filter, ids.slice(at, at + PAGE), this.session.now()) as MemoryRecord[]);
        for (const record of records) {
          if (left === 0) return;
          if (!this.#sees(record.id)) continue;
          left -= 1;
          yield record;
        }
      }
      return;
    }
    let after: string | undefined;
    while (left > 0) {
      const page = this.#page(filter, after, Math.min(PAGE, left));
      for (const record of page.records) {
        if (!this.#sees(record.id)) continue;
        left -= 1;
        yield record;
      }
      if (page.next === undefined) return;
      after = page.next;
    }
  }

  /**
   * A page of the records this view sees, with a cursor for the next one. A record whose place in the order stays what it is
   * comes on exactly one page, whatever is added, removed or changed between the pages; one that is moved from behind the
   * cursor to before it, or back, may come twice or not at all. {@link list} has no such exception.
   *
   * @throws ValidationError naming the bad parameter: `cursor` if it is of another listing
   * @example
   * const first = await memory.page({ sort: { by: "importance", order: "descending" }, limit: 20 });
   * const second = first.cursor && (await memory.page({ sort: { by: "importance", order: "descending" }, limit: 20, cursor: first.cursor }));
   */
  async page(options: PageOptions = {}): Promise<Page> {
    checkFields(options, ["filter", "sort", "limit", "cursor"], "options");
    const { limit = 100, cursor } = options;
    checkWhole(limit, "limit", 1, MOST);
    const given = cursor === undefined ? undefined : toText(cursor, "cursor");
    const [filter, sort] = [toFilter(options.filter), toSort(options.sort)];
    return this.#call((handle) => handle.page(this.#view, filter, sort, given, limit, this.session.now()) as Page);
  }

  /**
   * Finds what the memory knows about a question, best first.
   *
   * @throws ValidationError naming the bad parameter
   * @example
   * const hits = await memory.recall("which units?", { limit: 5, filter: { topic: "units" } });
   */
  async recall(query: string, options: RecallOptions = {}): Promise<Hit[]> {
    return (await this.#ask([{ text: query, options }], options?.signal))[0] as Hit[];
  }

  /**
   * Answers several questions at one moment, as {@link recall} would one after the other: their texts are embedded in one
   * call. `options` hold for every question that does not say otherwise.
   *
   * @throws ValidationError naming the question and the parameter, as `queries/2/limit`: then none is answered
   * @example
   * const [units, plans] = await memory.recallMany(["which units?", { query: "any plans?", limit: 3 }], { limit: 5 });
   */
  async recallMany(queries: readonly (string | RecallQuery)[], options: RecallOptions = {}): Promise<Hit[][]> {
    if (!Array.isArray(queries)) throw invalid("queries", "must be an array");
    checkObject(options, "options");
    const { signal, ...shared } = options;
    const questions = Array.from(queries, (asked: string | RecallQuery, index): Asked => {
      if (typeof asked === "string") return { text: asked, options: shared };
      checkObject(asked, `queries/${index}`);
      const { query, ...own } = asked;
      if ("signal" in own) throw invalid(`queries/${index}/signal`, "is not a field of a question: one signal is given for all");
      return { text: query, options: { ...shared, ...own } };
    });
    return questions.length === 0 ? [] : this.#ask(questions, signal, true);
  }

  /**
   * What is like a record, best first: by its vector, by the rarest of its words, and what stands beside it in its session.
   * Never itself.
   *
   * @throws RecordError `not-found`
   * @example
   * const alike = await memory.related(id, { limit: 5 });
   */
  async related(id: string, options: RelatedOptions = {}): Promise<Hit[]> {
    checkFields(options, ["limit", "filter", "preset", "fusion", "weights", "diversity", "minScore", "sort", "signals", "rerank", "touch", "signal"], "options");
    return (await this.#ask([{ text: "", options, like: toId(id, "id") }], options.signal))[0] as Hit[];
  }

  /**
   * Begins a question that is put together step by step: a {@link MemoryQuery} is awaited, or gone through with `for await`
   * beyond any limit.
   *
   * @example
   * const hits = await memory.query("kettle").where({ $tier: "long-term" }).limit(5);
   */
  query(text: string): MemoryQuery {
    return new MemoryQuery(this.#asker, text);
  }

  /**
   * Begins a context for a prompt: what the memory knows about a question, chosen and cut to a budget of tokens. See
   * {@link ContextBuilder} for what can be put in.
   *
   * @throws ValidationError if `question` is no text; `memory-closed`
   * @example
   * const context = await memory.context("Which units should I use?").fit({ maxTokens: 500 });
   * console.log(context.text);
   */
  context(question: string): ContextBuilder {
    this.#call(() => undefined);
    const { session } = this;
    return new ContextBuilder(toText(question, "question"), {
      recall: (asked, options) => this.recall(asked, options),
      gather: (request) => this.#call((handle) => handle.gather(this.#view, request, session.now()) as Candidate[]),
      split: (text, asked) => this.#call(() => EngineHandle.passages(text, asked) as Passage[]),
      use: (ids, shares) => {
        this.#call((handle) => handle.putToUse(this.#view, ids, shares, session.now()));
        session.strain();
        session.queue.nudge();
      },
      now: session.now,
    });
  }

  /**
   * Runs a function that collects changes, then makes them all or none. The function must not be asynchronous.
   * Resolves to what the function returned, once everything is durable.
   *
   * @throws TransactionConflictError when an `ifVersion` does not hold
   * @example
   * const id = await memory.transaction((tx) => {
   *   tx.forget(outdated);
   *   return tx.add("Ada moved to Oslo");
   * });
   */
  async transaction<T>(collect: (tx: Transaction) => T): Promise<T> {
    if (typeof collect !== "function") throw invalid("collect", "must be a function");
    let result: T | undefined;
    await commit(this.#asker, (tx) => {
      result = collect(tx);
      if (typeof (result as { then?: unknown } | undefined)?.then === "function") {
        // What it still does is refused by the transaction; that must not become an unhandled rejection.
        (result as PromiseLike<unknown>).then(undefined, () => undefined);
        throw createError("invalid-argument", "collect must not be asynchronous: a transaction ends when its function returns", { details: { field: "collect" } });
      }
    });
    return result as T;
  }

  /**
   * A view that sees only records of this scope, and whose records belong to it. It can neither read, search, count,
   * change nor remove anything else. Closing it ends the view alone; closing the memory ends all its views.
   *
   * Ids are unique over the whole memory: to add a record under an id that is taken in another scope is refused with
   * `already-exists`, which tells that it is taken. Let the memory make the ids where scopes belong to different people.
   *
   * @throws ValidationError if it contradicts the scope of this view; `memory-closed`
   * @example
   * const ada = memory.scope({ user: "ada" });
   */
  scope(scope: Scope): Memory {
    this.#call(() => undefined);
    const own: Record<string, string | undefined> = { ...this.#view };
    for (const [part, value] of Object.entries(toScope(scope))) {
      if (own[part] !== undefined && own[part] !== value) {
        throw createError("invalid-argument", `scope/${part} contradicts the scope of this view`, { details: { field: `scope/${part}` } });
      }
      own[part] = value as string | undefined;
    }
    return new Memory(this.session, own, this.opened, true);
  }

  /**
   * Figures about what this view sees.
   *
   * @example
   * const { records, tiers } = await memory.stats();
   */
  async stats(): Promise<MemoryStats> {
    const stats = this.#call((handle) => handle.stats(this.#view, this.session.now()) as MemoryStats);
    const { cache } = this.session;
    return stats.engine && cache ? { ...stats, engine: { ...stats.engine, embeddingCache: cache.figures() } } : stats;
  }

  /**
   * Looks at everything this view sees for what could be better: duplicates, what has faded, what was never used.
   *
   * @example
   * const { duplicates, faded } = await memory.analyze();
   */
  async analyze(): Promise<Analysis> {
    return this.#call((handle) => handle.analyze(this.#view, this.session.now()) as Analysis);
  }

  /**
   * Listens to what happens to the memory. Answers a function that ends it. Events come once durable. A scoped view
   * hears only of records that it sees: not of those that are gone, and not of the memory as a whole.
   *
   * @throws ValidationError for a name that is none; `memory-closed`
   * @example
   * const stop = memory.on("memory-promoted", ({ id, from, to }) => console.log(id, from, to));
   */
  on<N extends MemoryEventName>(name: N, listener: (event: MemoryEvents[N]) => void): () => void {
    checkListening(name, listener);
    this.#call(() => undefined);
    const heard = Object.keys(this.#view).length === 0 ? listener : (event: MemoryEvents[N]) => {
      if (this.#concerns(event)) listener(event);
    };
    const take = this.session.hub.on(name, heard);
    const stop = (): void => {
      take();
      this.#listening.delete(stop);
    };
    this.#listening.add(stop);
    return stop;
  }

  /**
   * Does what is due, for the whole memory: expiry, the tiers' limits, sealing and merging of storage.
   *
   * @example
   * const { next } = await memory.maintain({ budgetMs: 5 });
   */
  async maintain(options: MaintainOptions = {}): Promise<MaintenanceReport> {
    checkFields(options, ["budgetMs", "compact"], "options");
    const { budgetMs = Number.POSITIVE_INFINITY, compact = false } = options;
    if (typeof budgetMs !== "number" || !(budgetMs >= 0)) throw invalid("budgetMs", "must be a number of milliseconds from 0 on");
    checkFlag(compact, "compact");
    const now = this.session.now();
    const { policies, summaries } = this.session;
    const deadline = performance.now() + budgetMs;
    let total: MaintenanceReport | undefined;
    const begun = this.#read((handle) => {
      for (let again = true; again; ) {
        const own = policies?.run(handle, now, deadline);
        const step = handle.maintain(now, Math.max(0, deadline - performance.now()), compact) as MaintenanceReport;
        const more = step.more || own?.more === true;
        total = joined(total, { ...step, moved: step.moved + (own?.moved ?? 0), more });
        // Where those who were ranked have left, others may have come in; and a step that lacks vectors ends a call early.
        again = more ? step.more && budgetMs === Number.POSITIVE_INFINITY : own?.ranked === true && step.moved + step.evicted > 0;
        if (!more && !again) policies?.rest();
      }
      return total as MaintenanceReport;
    });
    const done = begun instanceof Promise ? await begun : begun;
    const spent = (): boolean => performance.now() >= deadline;
    const { summarized, more } = done.more ? { summarized: 0, more: true } : await summaries.run((use) => this.#read(use), now, spent);
    const made = more ? { encoded: 0, more } : await this.session.encoders.run((use) => this.#read(use), now, spent);
    const [ticket, next] = this.#call((handle) => [handle.ticket(), handle.nextDeadline()] as const);
    await this.session.queue.durable(ticket);
    if (!made.more) this.session.graphs.tend();
    const report = { ...done, coarsened: done.coarsened + made.encoded, summarized, more: made.more };
    return next === undefined ? report : { ...report, next: Math.max(next, now) };
  }

  /**
   * Has a graph over all vectors built now, and resolves when it is in place: what `maintain` does by itself when it is due.
   * In a Worker where there are such, else in this thread, which does nothing else for as long as it takes: minutes for 100,000
   * vectors. Recalls, changes and maintenance go on beside a Worker; one that falls silent for a minute is given up. Resolves to
   * undefined if there are too few vectors, where `total.maxBytes` leaves no room, and where vectors may stay in storage
   * (`residentVectorBytes`).
   *
   * @throws ValidationError naming `scope`, if this view sees a part of the memory only
   * @example
   * const report = await memory.buildGraph();
   */
  async buildGraph(): Promise<GraphReport | undefined> {
    this.#call(() => undefined);
    if (Object.keys(this.#view).length > 0) throw invalid("scope", "must be empty: a graph is over the whole memory, which a view of a part of it cannot ask for");
    return this.session.graphs.build();
  }

  /**
   * Fits a projection to the vectors of a tier, of the whole memory, and keeps its vectors projected from then on: those
   * that come at once, those that are there as `maintain` gets to them. The engine computes meanwhile, and nothing else:
   * some tenths of a second with 384 components. `null` ends it for vectors that come later. With an encoder of your own,
   * `maintain` asks that, and has it done with a batch before it goes on to the next (see {@link VectorEncoder}).
   *
   * @throws ValidationError naming `tier`, if it holds no vectors, `dimensions`, `keepVariance` or `encoder`; EmbedderError if an encoder
   * fails. Nothing has changed then.
   * @example
   * const { dimensions, ratio, recallLoss } = await memory.train("long-term", { keepVariance: 0.95 });
   */
  train(tier: Tier, goal: TrainingGoal): Promise<Training>;
  train(tier: Tier, goal: null): Promise<undefined>;
  async train(tier: Tier, goal: TrainingGoal | null): Promise<Training | undefined> {
    if (tier === undefined) throw invalid("tier", "is missing");
    checkTier(tier, "tier");
    if (goal !== null) checkGoal(goal);
    const now = this.session.now();
    const encoder = goal && "encoder" in goal ? goal.encoder : undefined;
    const training =
      encoder === undefined
        ? await this.#read((handle) => handle.train(tier, goal === null ? undefined : withoutMissing(goal), now) as Training | undefined)
        : await this.session.encoders.train((use) => this.#read(use), tier, encoder, now);
    await this.session.queue.durable(this.#call((handle) => handle.flush(now)));
    return training;
  }

  /**
   * Makes the vectors that are missing, batch by batch: of records that were added without one, and, after the memory was
   * opened with another embedder and `onModelChange: "reembed"`, of all records. With the first batch of a new model all
   * vectors of the old one go, so that the two are never compared; from then on the records that are done are found by
   * meaning, and all by their words. Until then, records are added without a vector and found by their words.
   *
   * Each batch is durable by itself. What was cut short, by a failure, an abort or a crash, goes on with the next call,
   * in this process or another one. Records can be added, changed and forgotten meanwhile.
   *
   * @throws EmbedderError, `aborted`, StorageError: batches that were told of stay done. ValidationError naming `scope` on a
   * view that does not see everything
   * @example
   * const memory = await openMemory({ storage: nodeFs("./agent-memory"), embedder: "static-256", onModelChange: "reembed" });
   * await memory.reembed({ onProgress: ({ done, total }) => console.log(`${done} of ${total}`) });
   */
  async reembed(options: ReembedOptions = {}): Promise<ReembedReport> {
    this.#call(() => undefined);
    if (Object.keys(this.#view).length > 0) throw invalid("scope", "must be empty: the whole memory is embedded anew, which a view of a part of it cannot ask for");
    return reembed(this.session, options);
  }

  /**
   * Everything this view sees as lines of JSON: a header, then one record a line, with vectors.
   *
   * @example
   * for await (const line of memory.export()) file.write(line);
   */
  export(): AsyncGenerator<string, void, undefined> {
    return exportLines(this);
  }

  /**
   * Adds what {@link Memory.export} gave. Ids, times, tiers and counts are kept; vectors of another embedding space
   * are made anew by this memory's embedder. Records that have expired since are skipped. What is wrong with a line
   * stops the import; up to 500 records at a time are added or none, those before stay.
   *
   * @throws ValidationError naming the line
   * @example
   * await memory.import(await readFile("memory.jsonl", "utf8"), { onConflict: "skip" });
   */
  import(lines: string | Iterable<string> | AsyncIterable<string>, options: ImportOptions = {}): Promise<ImportReport> {
    const { embedder, now } = this.session;
    return importLines(lines, options, {
      space: () => this.space ?? { model: embedder?.model, dimensions: embedder?.dimensions, metric: this.session.metric },
      now,
      exists: (id) => this.#sees(id),
      run: (collect) => commit(this.#asker, collect),
    });
  }

  /** The space of the vectors, once there is one. */
  get space(): EmbeddingSpace | undefined {
    return this.#call((handle) => handle.space() as EmbeddingSpace | undefined);
  }

  /**
   * Writes what is not yet written and gives storage up. Safe to call twice; every later call of anything else, on its
   * views too, is refused with `memory-closed`. A view that came from {@link Memory.scope} ends alone: it calls its
   * listeners no more, and the memory and its other views go on.
   */
  async close(): Promise<void> {
    if (!this.#derived) return this.session.close();
    this.#ended = true;
    for (const stop of this.#listening) stop();
  }

  /** Closes the memory, or ends the view, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Runs a call into the engine, if this view may still be used. */
  #call<T>(use: (handle: EngineHandle) => T): T {
    if (this.#ended) throw createError("memory-closed", "this view is closed; make another one with scope");
    return this.session.call(use);
  }

  /** The same for a call that may need vectors in storage: those are read then, and the call is made again. */
  #read<T>(use: (handle: EngineHandle) => T): T | Promise<T> {
    return this.session.rows.run(() => this.#call(use));
  }

  /** Whether an event is about a record that this view sees. */
  #concerns(event: object): boolean {
    const { id } = event as { id?: string };
    const { handle, now } = this.session;
    return id !== undefined && handle.sees(this.#view, id, now());
  }

  /** Whether the record is there now: a page may be older. */
  #sees(id: string): boolean {
    return this.#call((handle) => handle.sees(this.#view, id, this.session.now()));
  }

  #page(filter: unknown, after: string | undefined, limit: number): { records: MemoryRecord[]; next?: string } {
    const now = this.session.now();
    return this.#call((handle) => handle.list(this.#view, filter, after, limit, now) as { records: MemoryRecord[]; next?: string });
  }

  #targets(target: string | readonly string[] | { readonly filter: Filter }): readonly string[] {
    if (typeof target === "string") return [target];
    if (isList(target)) return target;
    if (typeof target !== "object" || target === null || target.filter === undefined) {
      throw invalid("target", "must be an id, an array of ids or an object with a filter");
    }
    checkFields(target, ["filter"], "target");
    return this.#select(target.filter);
  }

  #select(filter: Filter): string[] {
    const plain = toFilter(filter);
    const ids = this.#page(plain, undefined, 0xffff_ffff).records.map((record) => record.id);
    return [...ids, ...this.#call((handle) => handle.origins(this.#view, plain, this.session.now()))];
  }

  get #asker(): Asker {
    return { session: this.session, view: this.#view, call: (use) => this.#call(use), read: (use) => this.#read(use), givenSpace: (vector) => this.#givenSpace(vector) };
  }

  async #ask(questions: readonly Asked[], signal: AbortSignal | undefined, many = false): Promise<Hit[][]> {
    return answer(this.#asker, await prepare(this.#asker, questions, signal, many), signal, many);
  }

  /** The space that vectors made elsewhere are taken to be of: the embedder's, or the memory's own. */
  #givenSpace(vector: Float32Array): EmbeddingSpace {
    const { model: embedder } = this.session;
    const own = this.space;
    const model = embedder?.model ?? own?.model ?? "custom";
    const dimensions = embedder?.dimensions ?? (own?.model === model ? own.dimensions : vector.length);
    return { model, dimensions };
  }
}

/** What two rounds of one call did: all of both, and what the later one left. */
function joined(before: MaintenanceReport | undefined, after: MaintenanceReport): MaintenanceReport {
  const sums = Object.entries(before ?? {}).flatMap(([key, count]) => (typeof count === "number" ? [[key, count + Number(after[key as keyof MaintenanceReport])]] : []));
  return { ...after, ...Object.fromEntries(sums) };
}

function isList(target: readonly string[] | { readonly filter: Filter }): target is readonly string[] {
  return Array.isArray(target);
}
