/** The page: opens the memory, keeps what is shown in step with it, and gives it up when another tab asks. */

import { type Memory, MemoryError, type MemoryRecord, MemoryUnavailableError, StorageError } from "stratamem";
import { advance, aheadBy, now } from "./clock.ts";
import { askForHandOver, clear, config, deleteDatabase, onHandOver, open } from "./memory.ts";
import { loadSample } from "./sample.ts";
import { watch } from "./view/activity.ts";
import { setUpAdd } from "./view/add.ts";
import { Ask } from "./view/ask.ts";
import { byId } from "./view/dom.ts";
import { setUpExchange } from "./view/exchange.ts";
import { showFigures } from "./view/figures.ts";
import { notice } from "./view/notice.ts";
import { type Act, recordCard } from "./view/record.ts";
import { Strata } from "./view/strata.ts";
import { explain, momentOf, span } from "./view/words.ts";

type State = "opening" | "waiting" | "failed" | "open";

/** Timers cannot be set further ahead. */
const longestTimer = 2 ** 31 - 1;

let memory: Memory | undefined;
let records: readonly MemoryRecord[] = [];
let chosen: string | undefined;
let loading = false;
let due = 0;

const act: Act = (change, done) => {
  const own = memory;
  if (!own) return;
  change(own).then(
    () => {
      if (done) notice(done);
    },
    (error: unknown) => failed(error, own),
  );
};

const strata = new Strata({ working: config.working.maxItems, intermediate: config.intermediate.maxItems }, choose);
const ask = new Ask(() => memory, act, (hits, counted) => {
  strata.light(hits.map((hit) => hit.id));
  // Counts of reads are stored with whatever is written next; this asks for it now.
  if (counted) act(() => maintain().then(refresh));
});

// Opening and closing --------------------------------------------------------------------------------------------------

async function start(): Promise<void> {
  show("opening");
  try {
    memory = await open(() => show("waiting"));
    watch(memory, () => void refresh().then(() => ask.refresh()));
    await maintain();
    await refresh();
    showClock();
    show("open");
    await ask.refresh();
  } catch (error) {
    giveUp("The memory could not be opened", error);
  }
}

async function stop(): Promise<void> {
  const closing = memory;
  memory = undefined;
  clearTimeout(due);
  // What could not be written was reported to whoever wanted it written.
  await closing?.close().catch(() => undefined);
}

/** Another tab wants the memory: it gets it, and this one stands in line. */
async function handOver(): Promise<void> {
  if (!memory) return;
  await stop();
  await start();
}

async function startOver(): Promise<void> {
  choose(undefined);
  if (memory) {
    return act(async (own) => {
      await clear(own);
      showClock();
      await refresh();
    }, "Everything was forgotten.");
  }
  try {
    await deleteDatabase();
    await start();
  } catch (error) {
    giveUp("The memory could not be deleted", error);
  }
}

/** Shows what went wrong with `own`: beside the work if that can go on, in its place if not. */
function failed(error: unknown, own: Memory): void {
  // Handed over or reopened meanwhile: whoever has it now is not concerned.
  if (own !== memory) return;
  if (error instanceof StorageError || error instanceof MemoryUnavailableError) giveUp("The memory had to stop", error);
  else notice(explain(error), "bad");
}

function giveUp(title: string, error: unknown): void {
  void stop();
  byId("failed-title").textContent = title;
  byId("failed-text").textContent = explain(error);
  byId("failed-code").textContent = error instanceof MemoryError ? error.code : String(error);
  show("failed");
}

function show(state: State): void {
  byId("page").dataset["state"] = state;
}

// Keeping in step ------------------------------------------------------------------------------------------------------

/** Reads everything again and shows it. */
async function refresh(): Promise<void> {
  const own = memory;
  if (!own) return;
  const all: MemoryRecord[] = [];
  try {
    for await (const record of own.list()) all.push(record);
    showFigures(await own.stats(), own.opened);
  } catch (error) {
    return failed(error, own);
  }
  records = all;
  strata.show(records);
  ask.offer(records);
  byId("welcome").hidden = records.length > 0 || loading;
  showChosen();
}

function choose(id: string | undefined): void {
  chosen = id;
  showChosen();
}

function showChosen(): void {
  const record = records.find(({ id }) => id === chosen);
  strata.mark(record?.id);
  byId("chosen").replaceChildren(...(record ? [recordCard(record, act)] : []));
}

/** Does what is due, and comes back when more will be. */
async function maintain(): Promise<void> {
  if (!memory) return;
  const { next } = await memory.maintain();
  clearTimeout(due);
  if (next !== undefined) due = window.setTimeout(() => act(maintain), Math.min(Math.max(0, next - now()), longestTimer));
}

function showClock(): void {
  byId("clock").textContent = momentOf(now());
  byId("ahead").hidden = aheadBy() === 0;
  byId("ahead").textContent = `${span(aheadBy())} ahead`;
}

// Controls -------------------------------------------------------------------------------------------------------------

async function load(target: Memory): Promise<void> {
  if (loading) return;
  loading = true;
  byId("welcome").hidden = true;
  byId("loading").hidden = false;
  const bar = byId<HTMLProgressElement>("progress");
  try {
    await loadSample(target, records, (done, total) => {
      bar.max = total;
      bar.value = done;
      byId("progress-label").textContent = `Remembering the conversation: ${done} of ${total}`;
    });
  } finally {
    loading = false;
    byId("loading").hidden = true;
    await refresh();
  }
}

async function sure(): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>("sure");
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "yes";
}

setUpAdd(act);
setUpExchange(act);
for (const id of ["load", "load-again"]) byId(id).addEventListener("click", () => act(load));
byId("compact").addEventListener("click", () =>
  act(async (target) => {
    await target.maintain({ compact: true });
    await refresh();
  }, "Storage was rewritten without anything forgotten."),
);
for (const id of ["erase", "failed-erase"]) {
  byId(id).addEventListener("click", () => void sure().then((yes) => (yes ? startOver() : undefined)));
}
byId("reopen").addEventListener("click", () => void start());
byId("take").addEventListener("click", askForHandOver);
onHandOver(() => void handOver());
for (const button of document.querySelectorAll<HTMLElement>("[data-ahead]")) {
  button.addEventListener("click", () => {
    advance(Number(button.dataset["ahead"]));
    showClock();
    act(async () => {
      await maintain();
      await refresh();
    });
  });
}
setInterval(showClock, 1_000);
showClock();
void start();
