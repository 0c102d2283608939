// Shows what a retention policy keeps and forgets over simulated days, or compares policies at an equal budget.
//
//   npm run simulate -- [--policy NAME|FILE.json] [--days 90] [--workload zipf|bursts|drift|agent]
//                       [--budget 25%|400KiB|500] [--seed 1] [--ask get|recall] [--insight 0..1]
//                       [--compare a,b,c [--seeds 5]] [--data DIR] [--embedder static-128|static-256|none] [--json]
//
// Policies: default, flat, none, lru, lfu, fifo, low-importance, low-activation, or a file that holds an EngineConfig
// (a tier may have a `share` of the budget, see docs/RETENTION.md). The workloads stand in workload.mjs and
// simulate-agent.mjs.

import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readConversations, simulateAgent } from "./simulate-agent.mjs";
import { parseBudget, policyOf, within } from "./simulate-policies.mjs";
import { compared, reportAgent, reportComparison, reportRun } from "./simulate-report.mjs";
import { factBytes, simulate } from "./simulate-run.mjs";
import { foresight, makeWorkload } from "./workload.mjs";

const EXAMPLE = fileURLToPath(new URL("../examples/data/allotment", import.meta.url));

const { values } = parseArgs({
  options: {
    policy: { type: "string", default: "default" },
    days: { type: "string", default: "90" },
    workload: { type: "string", default: "zipf" },
    budget: { type: "string" },
    seed: { type: "string", default: "1" },
    seeds: { type: "string", default: "5" },
    ask: { type: "string", default: "get" },
    insight: { type: "string" },
    compare: { type: "string" },
    data: { type: "string", default: EXAMPLE },
    embedder: { type: "string", default: "static-128" },
    json: { type: "boolean", default: false },
  },
});

function wrong(message) {
  console.error(message);
  process.exit(2);
}

function whole(name, least = 1) {
  const value = Number(values[name]);
  return Number.isInteger(value) && value >= least ? value : wrong(`--${name} must be a whole number from ${least} on`);
}

function attempt(job) {
  try {
    return job();
  } catch (error) {
    return wrong(error.message);
  }
}

const days = whole("days");
const seed = whole("seed", 0);
const seeds = values.compare ? Array.from({ length: whole("seeds") }, (_, index) => seed + index) : [seed];
const agent = values.workload === "agent";
const budgetText = values.budget ?? (agent ? "50%" : "25%");
const budget = attempt(() => parseBudget(budgetText));
const chosen = attempt(() => (values.compare ?? values.policy).split(",").map((name) => policyOf(name.trim())));
const insight = values.insight === undefined ? undefined : Number(values.insight);
if (insight !== undefined && !(insight >= 0 && insight <= 1)) wrong("--insight must be a number from 0 to 1");
if (!["get", "recall"].includes(values.ask)) wrong("--ask must be get or recall");
if (!["static-128", "static-256", "none"].includes(values.embedder)) wrong("--embedder must be static-128, static-256 or none");

const print = (text, data) => console.log(values.json ? JSON.stringify(data, null, 2) : text);

/** The budget in bytes or items, where it was given as a share of what everything takes. */
const absolute = ({ share, ...rest }, full) => (share === undefined ? rest : { bytes: Math.round(share * full.bytes) });

async function facts() {
  const results = Object.fromEntries([...chosen.map(({ name }) => [name, []]), ["foresight", []]]);
  for (const current of seeds) {
    const workload = attempt(() => makeWorkload(values.workload, { days, seed: current, ...(insight !== undefined && { insight }) }));
    const sizes = await factBytes(workload);
    const full = { bytes: sizes.reduce((a, b) => a + b, 0) };
    const limit = absolute(budget, full);
    const seen = foresight(workload, limit.items === undefined ? sizes : sizes.map(() => 1), limit.items ?? limit.bytes);
    for (const policy of chosen) {
      const run = await simulate(workload, within(policy.config, limit), { ask: values.ask });
      if (!values.compare) {
        const best = seen.hits / seen.needs;
        const { name, parameters } = workload;
        const data = { workload: name, seed, days, parameters, policy: policy.name, budget: limit, ask: values.ask, foresight: best, ...run };
        print(reportRun({ workload, policy, budget: limit, share: budget.share, ask: values.ask, run, foresight: best }), data);
        return;
      }
      results[policy.name].push({ "hit rate": run.hitRate });
    }
    results.foresight.push({ "hit rate": seen.hits / seen.needs });
  }
  show(results, `${values.workload}, ${days} days, needs by ${values.ask}${insight === undefined ? "" : `, insight ${insight}`}`);
}

async function conversations() {
  const read = attempt(() => readConversations(values.data));
  const embedder = values.embedder === "none" ? false : values.embedder;
  const results = Object.fromEntries([...chosen.map(({ name }) => [name, []]), ["no limit", []]]);
  for (const current of seeds) {
    for (const policy of chosen) {
      const run = await simulateAgent(read, current, (full) => within(policy.config, absolute(budget, full)), embedder);
      if (!values.compare) {
        const data = { workload: "agent", seed, policy: policy.name, budget: budgetText, ...run };
        print(reportAgent({ data: relative(process.cwd(), values.data), policy, budget: budgetText, seed, run }), data);
        return;
      }
      results[policy.name].push(agentFigures(run));
    }
    results["no limit"].push(agentFigures(await simulateAgent(read, current, () => ({ defaultTier: "long-term" }), embedder)));
  }
  show(results, `agent, ${relative(process.cwd(), values.data)}, ${values.embedder}`);
}

const agentFigures = ({ all, end }) => ({ "recall@10": all["recall@10"], "still remembered": all.kept, "recall@10 a month after": end["recall@10"] });

function show(results, title) {
  const rows = compared(results);
  const lines = [`budget ${budgetText}, seeds ${seeds[0]} to ${seeds.at(-1)}: median (least–most)`];
  print(reportComparison({ title, lines, rows }), { title, budget: budgetText, seeds, rows });
}

await (agent ? conversations() : facts());
