/** Short messages at the foot of the page, spoken by screen readers. */

import { byId, make } from "./dom.ts";

const shownMs = 6_000;

/** Shows a message for a few seconds. */
export function notice(text: string, tone: "plain" | "bad" = "plain"): void {
  const line = make("p", { class: `notice ${tone}`, role: tone === "bad" ? "alert" : "status" }, text);
  byId("notices").replaceChildren(line);
  setTimeout(() => line.remove(), shownMs);
}
