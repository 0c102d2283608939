/** The form that adds a memory. */

import type { AddOptions, Memory } from "stratamem";
import { now } from "../clock.ts";
import { byId } from "./dom.ts";
import type { Act } from "./record.ts";

/** Makes the form work. */
export function setUpAdd(act: Act): void {
  const form = byId<HTMLFormElement>("add");
  const text = byId<HTMLTextAreaElement>("add-text");
  const importance = byId<HTMLInputElement>("add-importance");
  const showImportance = (): void => {
    byId("add-importance-value").textContent = Number(importance.value).toFixed(1);
  };
  importance.addEventListener("input", showImportance);
  form.addEventListener("reset", () => queueMicrotask(showImportance));
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const said = text.value.trim();
    if (said === "") return;
    act(async (memory: Memory) => {
      await memory.add(said, options());
      // What was typed stays until it is safe.
      form.reset();
      text.focus();
    }, "Remembered.");
  });

  function options(): AddOptions {
    const actor = byId<HTMLInputElement>("add-actor").value.trim();
    const expiry = byId<HTMLSelectElement>("add-expiry").value;
    return {
      kind: byId<HTMLSelectElement>("add-kind").value,
      importance: Number(importance.value),
      pinned: byId<HTMLInputElement>("add-pinned").checked,
      source: "this page",
      ...(actor && { actor }),
      ...(expiry && { expiresAt: now() + Number(expiry) }),
    };
  }
}
