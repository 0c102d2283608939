// The simulator runs, keeps to its budget, repeats itself, and its workloads are what they are said to be.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConversations, schedule } from "../../bench/simulate-agent.mjs";
import { parseBudget, within } from "../../bench/simulate-policies.mjs";
import { DAY, foresight, makeWorkload, randomFrom, workloadNames, zipfSampler } from "../../bench/workload.mjs";

const main = fileURLToPath(new URL("../../bench/simulate.mjs", import.meta.url));
const example = fileURLToPath(new URL("../../examples/data/allotment", import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stratamem-simulate-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8", cwd: folder });
  return { status, out: stdout, err: stderr };
}

function json(...args: string[]) {
  const { status, out, err } = run(...args, "--json");
  expect(err).toBe("");
  expect(status).toBe(0);
  return JSON.parse(out);
}

describe("workloads", () => {
  it.each(workloadNames)("%s needs only what was told, and is the same for the same seed", (name) => {
    const workload = makeWorkload(name, { days: 20, seed: 3 });
    expect(makeWorkload(name, { days: 20, seed: 3 })).toEqual(workload);
    expect(makeWorkload(name, { days: 20, seed: 4 }).events).not.toEqual(workload.events);
    const told = new Set<number>();
    let before = 0;
    for (const { at, tells, needs } of workload.events) {
      expect(at).toBeGreaterThanOrEqual(before);
      before = at;
      if (tells !== undefined) told.add(tells);
      else expect(told.has(needs as number)).toBe(true);
    }
    expect(told.size).toBe(workload.facts.length);
    expect(new Set(workload.facts.map(({ question }: { question: string }) => question.split(" ").at(-1))).size).toBe(workload.facts.length);
  });

  it("draws ranks with Zipf's frequencies", () => {
    const draw = zipfSampler(100, 0.99, randomFrom(1));
    const counts = new Array<number>(100).fill(0);
    for (let at = 0; at < 100_000; at += 1) {
      const rank = draw();
      counts[rank] = (counts[rank] as number) + 1;
    }
    const total = Array.from({ length: 100 }, (_, rank) => (rank + 1) ** -0.99).reduce((a, b) => a + b, 0);
    for (const rank of [0, 1, 9]) {
      const expected = (100_000 * (rank + 1) ** -0.99) / total;
      expect(Math.abs((counts[rank] as number) - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
  });

  it("bursts come back to the same facts within days; zipf needs them all the time", () => {
    const days = (name: string): number => {
      const seen = new Map<number, Set<number>>();
      for (const { at, needs } of makeWorkload(name, { days: 60, seed: 1 }).events) {
        if (needs !== undefined) seen.set(needs, (seen.get(needs) ?? new Set()).add(Math.floor(at / DAY)));
      }
      return Math.max(...[...seen.values()].map((own) => own.size));
    };
    expect(days("zipf")).toBeGreaterThan(50);
    expect(days("bursts")).toBeLessThan(45);
  });

  it("moves popularity in drift alone", () => {
    const favourites = (name: string, from: number): Set<number> => {
      const counts = new Map<number, number>();
      for (const { at, needs } of makeWorkload(name, { days: 60, seed: 1 }).events) {
        if (needs !== undefined && at >= from * DAY && at < (from + 10) * DAY) counts.set(needs, (counts.get(needs) ?? 0) + 1);
      }
      return new Set([...counts].sort((a, b) => b[1] - a[1]).slice(0, 10).map(([fact]) => fact));
    };
    const common = (name: string): number => [...favourites(name, 10)].filter((fact) => favourites(name, 50).has(fact)).length;
    expect(common("zipf")).toBeGreaterThanOrEqual(6);
    expect(common("drift")).toBeLessThanOrEqual(5);
  });

  it("gives importance that tells as much as it is said to", () => {
    const agreement = (insight: number): number => {
      const { facts, events } = makeWorkload("zipf", { days: 20, seed: 1, insight });
      const needed = new Array<number>(facts.length).fill(0);
      for (const { needs } of events) if (needs !== undefined) needed[needs] = (needed[needs] ?? 0) + 1;
      const order = facts.map((_: unknown, fact: number) => fact).sort((a: number, b: number) => (needed[b] as number) - (needed[a] as number));
      const mean = (list: number[]): number => list.reduce((sum, fact) => sum + (facts[fact]?.importance as number), 0) / list.length;
      return mean(order.slice(0, facts.length / 4)) - mean(order.slice((3 * facts.length) / 4));
    };
    expect(agreement(1)).toBeGreaterThan(0.7);
    expect(Math.abs(agreement(0))).toBeLessThan(0.15);
  });

  it("foresight keeps what is needed soonest", () => {
    // Room for two of three: a and b are told, c comes and is needed once; b is needed last, so it goes.
    const events = [{ at: 0, tells: 0 }, { at: 1, tells: 1 }, { at: 2, tells: 2 }, { at: 3, needs: 0 }, { at: 4, needs: 2 }, { at: 5, needs: 0 }, { at: 6, needs: 1 }];
    expect(foresight({ events }, [1, 1, 1], 2)).toEqual({ hits: 3, needs: 4 });
    expect(foresight({ events }, [1, 1, 1], 3)).toEqual({ hits: 4, needs: 4 });
    expect(foresight({ events }, [1, 1, 1], 1)).toEqual({ hits: 2, needs: 4 });
  });

  it("the agent is asked only about earlier sessions, and at the end about everything", () => {
    const conversations = readConversations(example);
    expect(conversations).toHaveLength(1);
    const conversation = conversations[0] as (typeof conversations)[number];
    const { sessions, questions } = conversation;
    const asked = schedule(conversation, 1);
    expect(asked).toHaveLength(sessions.length + 1);
    expect(asked.at(-1)).toEqual(questions);
    for (const [index, chosen] of asked.slice(0, -1).entries()) {
      for (const { known } of chosen) expect(known).toBeLessThan(sessions[index][0].at);
      expect(new Set(chosen).size).toBe(chosen.length);
    }
    expect(asked.slice(0, -1).flat().length).toBeGreaterThan(60);
    expect(schedule(conversation, 2)).not.toEqual(asked);
  });
});

describe("budgets", () => {
  it("are read as people write them, and divided among tiers", () => {
    expect(parseBudget("500")).toEqual({ items: 500 });
    expect(parseBudget("400KiB")).toEqual({ bytes: 409_600 });
    expect(parseBudget("1.5MiB")).toEqual({ bytes: 1_572_864 });
    expect(parseBudget("25%")).toEqual({ share: 0.25 });
    for (const bad of ["", "0", "-5", "101%", "10KB", "much"]) expect(() => parseBudget(bad)).toThrow("budget");
    const config = { working: { share: 0.1, ttl: 5 }, longTerm: { share: 0.9 } };
    expect(within(config, { bytes: 1_000 })).toEqual({ working: { ttl: 5, maxBytes: 100 }, longTerm: { maxBytes: 900 } });
    expect(within(config, { items: 50 })).toEqual({ working: { ttl: 5, maxItems: 5 }, longTerm: { maxItems: 45 } });
  });
});

describe("npm run simulate", () => {
  it("runs the default policy within its budget and accounts for every need", () => {
    const result = json("--days", "12", "--budget", "20%");
    expect(result.peak.bytes).toBeLessThanOrEqual(result.budget.bytes);
    expect(result.peak.bytes).toBeGreaterThan(0.8 * result.budget.bytes);
    expect(result.days).toHaveLength(12);
    const sum = (list: { needs: number; hits: number }[], key: "needs" | "hits"): number => list.reduce((total, one) => total + one[key], 0);
    for (const list of [result.days, result.gaps]) {
      expect(sum(list, "needs")).toBe(result.needs);
      expect(sum(list, "hits")).toBe(result.hits);
    }
    expect(result.hitRate).toBeGreaterThan(0.5);
    expect(result.hitRate).toBeLessThan(result.foresight);
    // Everything told again after a miss was once forgotten; what is evicted was told.
    const evicted = Object.values(result.evictions as Record<string, number>).reduce((a, b) => a + b, 0);
    expect(evicted).toBe(result.forgotten.count);
    expect(result.needs - result.hits).toBeLessThanOrEqual(evicted);
    expect(json("--days", "12", "--budget", "20%")).toEqual(result);
  });

  it("finds everything without pressure, by id and by question", () => {
    for (const ask of ["get", "recall"]) {
      const result = json("--days", "4", "--budget", "100%", "--policy", "lru", "--ask", ask);
      expect(result.hitRate).toBe(1);
      expect(result.evictions).toEqual({});
    }
  });

  it("takes a policy from a file, and says what is wrong with it", () => {
    const file = join(folder, "mine.json");
    writeFileSync(file, JSON.stringify({ defaultTier: "long-term", longTerm: { share: 1, evict: ["fifo"] } }));
    const mine = json("--days", "6", "--policy", file);
    const fifo = json("--days", "6", "--policy", "fifo");
    expect(mine.evictions).toEqual(fifo.evictions);
    expect(mine.hitRate).toBe(fifo.hitRate);
    writeFileSync(file, JSON.stringify({ working: { share: 0.6 }, longTerm: { share: 0.6 } }));
    expect(run("--policy", file)).toMatchObject({ status: 2, out: "", err: expect.stringContaining("more than the budget") });
    expect(run("--policy", "best")).toMatchObject({ status: 2, err: expect.stringContaining("unknown policy best") });
    expect(run("--workload", "chaos", "--days", "2")).toMatchObject({ status: 2, err: expect.stringContaining("unknown workload chaos") });
  });

  it("compares policies on the same needs, foresight above all of them", () => {
    const { rows } = json("--compare", "default,lru,fifo,none", "--days", "12", "--seeds", "3", "--budget", "20%");
    const of = (name: string) => rows.find(({ policy }: { policy: string }) => policy === name).figures["hit rate"];
    for (const name of ["default", "lru", "fifo", "none"]) {
      expect(of(name).least).toBeLessThanOrEqual(of(name).median);
      expect(of(name).median).toBeLessThanOrEqual(of(name).most);
      expect(of(name).most).toBeLessThan(of("foresight").least);
    }
    expect(of("default")).toMatchObject({ ahead: 0, of: 3 });
    expect(of("fifo").ahead).toBe(3);
    expect(of("none").ahead).toBe(3);
    expect(of("lru").least).toBeGreaterThan(of("fifo").most);
  });

  it("runs the agent through the example conversation", () => {
    const args = ["--workload", "agent", "--embedder", "none"];
    const result = json(...args);
    expect(result.turns).toBe(228);
    expect(result.end.asked).toBe(60);
    expect(result.peakShare).toBeLessThanOrEqual(0.5);
    expect(result.gone).toBeGreaterThan(100);
    for (const part of [result.during, result.end, result.all]) {
      expect(part["recall@10"]).toBeGreaterThan(0);
      expect(part["recall@10"]).toBeLessThanOrEqual(part.kept);
      expect(part.kept).toBeLessThan(1);
    }
    const all = json(...args, "--budget", "100%", "--policy", "flat");
    expect(all.gone).toBe(0);
    expect(all.all.kept).toBe(1);
    expect(all.all["recall@10"]).toBeGreaterThan(result.all["recall@10"]);
  });

  it("prints what a person reads", () => {
    const { status, out } = run("--days", "6", "--budget", "20%");
    expect(status).toBe(0);
    expect(out).toMatch(/^found +[▁-█]{6} +\d+\.\d % of what was needed/m);
    expect(out).toMatch(/^long-term +[▁-█]{6} +\d+ records, \d+ KiB at the end/m);
    expect(out).toMatch(/^ {2}within a day +[█░]{24}/m);
    expect(out).toMatch(/^ {2}long-term: capacity, low-worth +[\d,]+/m);
    expect(out).toMatch(/missed \d+ times?, forgotten \d+: The /);
  });
});
