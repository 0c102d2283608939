/** What the memory holds and what it takes up. */

import type { MemoryStats, OpenReport } from "stratamem";
import { byId, make } from "./dom.ts";
import { bytes, number } from "./words.ts";

/** Shows the figures of a memory. */
export function showFigures({ records, space, engine }: MemoryStats, opened: OpenReport): void {
  const rows: [string, string][] = [["Memories", number(records)]];
  if (engine) {
    rows.push(
      ["Vectors", space ? `${number(engine.vectors)} × ${space.dimensions}` : "0"],
      ["Distinct terms", number(engine.terms)],
      ["Text", bytes(engine.textBytes)],
      ["Vectors in memory", bytes(engine.vectorBytes)],
      ["Keyword index", bytes(engine.keywordBytes)],
      ["Log", bytes(engine.logBytes)],
      ["Segments", `${number(engine.segments)}, ${bytes(engine.segmentBytes)}`],
      ["Commits", number(engine.commits)],
    );
  }
  rows.push(["At opening", opened.created ? "made new" : `${number(opened.records)} found`]);
  byId("figures").replaceChildren(...rows.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}
