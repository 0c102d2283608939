// The Node example, as a person runs it.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const main = fileURLToPath(new URL("../../examples/node/main.js", import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stratamem-example-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
  return { status, out: stdout, err: stderr };
}

it("builds a memory of the conversation and answers from a second process", () => {
  const { status, out } = run("--store", join(folder, "sample"));
  expect(status).toBe(0);
  expect(out).toContain("228 of 228");
  expect(out).toMatch(/opened +228 memories/);
  // The old and the new code of the padlock are the two best answers to the first question.
  const [first] = out.split("What is the code of the shed's padlock?").slice(1);
  expect(first).toMatch(/1\. [█░]+ 0\.9\d [\s\S]*code is 2958[\s\S]*2\. [\s\S]*code 4170/);
  expect(out).toContain("meaning #1 (cosine");
});

it("reads notes of all sorts, and adds only what is new the next time", () => {
  const notes = join(folder, "notes");
  const store = join(folder, "own");
  mkdirSync(join(notes, "sub"), { recursive: true });
  writeFileSync(join(notes, "house.md"), "# House\n\nThe boiler is serviced every October\nby Kessel.\n\n## Garden\n- Prune the pear tree in winter\n");
  writeFileSync(join(notes, "sub", "family.txt"), "Grandma was born in Bergen.");
  writeFileSync(join(notes, "chat.jsonl"), `${JSON.stringify({ role: "user", content: "My flight leaves at noon", timestamp: "2026-01-02" })}\n`);
  writeFileSync(join(notes, "picture.png"), "not a note");
  const first = run(notes, "--store", store, "--ask", "when is the boiler checked?", "--ask", "where was grandma born");
  expect(first.status).toBe(0);
  expect(first.out).toContain("4 of 4");
  expect(first.out).toMatch(/house\.md:3\n +The boiler is serviced every October by Kessel\./);
  expect(first.out).toMatch(/sub\/family\.txt:1\n +Grandma was born in Bergen\./);
  writeFileSync(join(notes, "more.txt"), "The spare key is at number nine.");
  const second = run(notes, "--store", store, "--ask", "spare key");
  expect(second.out).toContain("4 memories of earlier runs; 1 new");
  expect(second.out).toMatch(/opened +5 memories/);
});

it("says what is wrong with its input", () => {
  const missing = run(join(folder, "nothing"));
  expect(missing.status).toBe(1);
  expect(missing.err).toContain("There is nothing at");
  const broken = join(folder, "broken.jsonl");
  writeFileSync(broken, `{"text": "fine"}\n{oops\n`);
  const { status, err } = run(broken, "--store", join(folder, "broken"));
  expect(status).toBe(1);
  expect(err).toContain("broken.jsonl:2 is not JSON");
});
