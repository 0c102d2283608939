/** What the memory tells about: its events, newest first, those of one kind and moment on one line. */

import type { Memory } from "stratamem";
import { now } from "../clock.ts";
import { byId, make } from "./dom.ts";
import { bytes, memories, reasonNames, tierNames } from "./words.ts";

/** Lines kept. */
const most = 40;
const time = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** Listens to a memory and calls `onChange` once after each burst of events. */
export function watch(memory: Memory, onChange: () => void): void {
  const pending = new Map<string, { count: number; style: string }>();
  let drawing = false;
  const tell = (words: string, style: string): void => {
    const line = pending.get(words) ?? { count: 0, style };
    line.count += 1;
    pending.set(words, line);
    if (drawing) return;
    drawing = true;
    // Not an animation frame: those stop while the tab is in the background.
    setTimeout(() => {
      drawing = false;
      draw(pending);
      pending.clear();
      onChange();
    }, 16);
  };
  memory.on("memory-added", ({ tier }) => tell(`added to ${tierNames[tier]}`, tier));
  memory.on("memory-updated", () => tell("changed", "plain"));
  memory.on("memory-forgotten", () => tell("forgotten", "gone"));
  memory.on("memory-promoted", ({ from, to, reason }) => tell(`${tierNames[from]} → ${tierNames[to]}: ${reasonNames[reason]}`, to));
  memory.on("memory-demoted", ({ from, to, reason }) => tell(`${tierNames[from]} → ${tierNames[to]}: ${reasonNames[reason]}`, to));
  memory.on("memory-expired", () => tell("expired", "gone"));
  memory.on("memory-evicted", ({ tier, reason }) => tell(`evicted from ${tierNames[tier]}: ${reasonNames[reason]}`, "gone"));
  memory.on("segment-sealed", ({ records, bytes: size }) => tell(`sealed into a segment of ${bytes(size)} (${memories(records)})`, "seal"));
}

function draw(lines: ReadonlyMap<string, { count: number; style: string }>): void {
  const list = byId("activity");
  for (const [words, { count, style }] of lines) {
    const text = style === "seal" ? words[0]?.toUpperCase() + words.slice(1) : `${memories(count)} ${words}`;
    list.prepend(make("li", { class: style }, make("span", {}, text), make("time", {}, time.format(now()))));
  }
  while (list.childElementCount > most) list.lastElementChild?.remove();
  byId("activity-empty").hidden = true;
}
