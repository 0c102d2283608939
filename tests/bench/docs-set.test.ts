// The second evaluation set: its questions name sections that exist, pages are cut as is said, and the evaluation asks it.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { pages, readDocsSet, sectionsOf } from "../../bench/docs-set.mjs";

const main = fileURLToPath(new URL("../../bench/eval.mjs", import.meta.url));

describe("the set of the project's pages", () => {
  const { turns, questions } = readDocsSet();
  const sections = new Set(turns.map(({ id }) => id));

  it("has evidence that is there: rename it in bench/data/docs-questions.jsonl when a heading changes", () => {
    const missing = questions.flatMap(({ qid, evidence }) => evidence.filter((id: string) => !sections.has(id)).map((id: string) => `${qid}: ${id}`));
    expect(missing).toEqual([]);
    expect(questions.every(({ evidence }) => evidence.length > 0 && new Set(evidence).size === evidence.length)).toBe(true);
  });

  it("asks about all pages, each question once", () => {
    expect(new Set(questions.map(({ qid }) => qid)).size).toBe(questions.length);
    expect(new Set(questions.map(({ question }) => question)).size).toBe(questions.length);
    const asked = new Set(questions.flatMap(({ evidence }) => evidence.map((id: string) => id.split("#")[0])));
    expect(["README.md", "CONTRIBUTING.md", "docs/GUIDE.md", "docs/FORMAT.md"].every((page) => asked.has(page))).toBe(true);
    expect(pages().every((page) => [...sections].some((id) => id.startsWith(`${page}#`)))).toBe(true);
  });

  it("keeps all text but headings without any", () => {
    expect(turns.every(({ text }) => text.split("\n\n").length > 1 && text.trim() === text)).toBe(true);
    expect(turns.filter(({ id }) => id === "docs/ERRORS.md#codes")[0]?.text).toMatch(/^Codes\n\n\| code /);
  });
});

describe("sections", () => {
  it("begin at headings outside of code, with the anchors of GitHub", () => {
    const page = ["# One: a `thing`, [linked](x.md)", "", "first", "", "## Same", "```sh", "# no heading", "```", "## Empty", "## Same", "last"].join("\n");
    expect(sectionsOf(page)).toEqual([
      { anchor: "one-a-thing-linked", heading: "One: a `thing`, [linked](x.md)", body: "first" },
      { anchor: "same", heading: "Same", body: "```sh\n# no heading\n```" },
      { anchor: "same-1", heading: "Same", body: "last" },
    ]);
  });
});

it("npm run eval -- --docs asks every question", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "--docs", "--config", '{"bm25B":0.5}'], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const { turns, groups } = JSON.parse(stdout);
  const set = readDocsSet();
  expect(turns).toBe(set.turns.length);
  expect(groups.all.n).toBe(set.questions.length);
  expect(groups.all["recall@10"]).toBeGreaterThan(40);
  expect(spawnSync(process.execPath, [main, "--docs", "--embedder", "vectors:x"], { encoding: "utf8" }).status).toBe(2);
}, 60_000);
