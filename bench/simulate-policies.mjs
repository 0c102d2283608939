// The policies that `npm run simulate` compares, and budgets. A policy is an EngineConfig in which a tier, a kind or the
// total may have a `share`: its part of the budget, of bytes or of items. Every policy is given the same budget.

import { readFileSync } from "node:fs";

const HOUR = 3_600_000;
const TIERS = ["working", "intermediate", "longTerm"];

/** One tier with one order of leaving: what caches do. */
const flat = (evict) => ({ defaultTier: "long-term", longTerm: { share: 1, ...(evict && { evict }) } });

export const policies = {
  default: {
    about: "three tiers with the default rules, times to live and orders of leaving",
    // Room that a tier does not use is lost to the others, and it is out of the last one that records are lost.
    config: { working: { ttl: HOUR, share: 0.01 }, intermediate: { ttl: 30 * 24 * HOUR, share: 0.04 }, longTerm: { share: 0.95 } },
  },
  total: {
    about: "three tiers with the default rules and times to live, and one budget over all of them",
    config: { working: { ttl: HOUR }, intermediate: { ttl: 30 * 24 * HOUR }, total: { share: 1 } },
  },
  flat: { about: "no tiers, but the default order of leaving (low-worth)", config: flat() },
  none: {
    about: "no tiers and no policy: once it is full, nothing more comes in",
    config: { defaultTier: "long-term", longTerm: { share: 1, onLimit: "reject" } },
  },
  lru: { about: "no tiers; longest unused leaves first", config: flat("lru") },
  lfu: { about: "no tiers; least often used leaves first", config: flat("lfu") },
  fifo: { about: "no tiers; oldest leaves first", config: flat("fifo") },
  "low-importance": { about: "no tiers; least important leaves first", config: flat("low-importance") },
  "low-activation": { about: "no tiers; least retained leaves first", config: flat("low-activation") },
};

/** A policy by its name, or read from a file of JSON that holds an EngineConfig. */
export function policyOf(name) {
  if (policies[name]) return { name, ...policies[name] };
  if (!name.endsWith(".json")) throw new Error(`unknown policy ${name}: ${Object.keys(policies).join(", ")} or a file of JSON`);
  const config = JSON.parse(readFileSync(name, "utf8"));
  const shares = TIERS.reduce((sum, tier) => sum + (config[tier]?.share ?? 0), 0);
  if ((config.total?.share ?? 0) > 1) throw new Error(`${name}: the share of the total is more than the budget`);
  if (config.total?.share === undefined && shares > 1 + 1e-9) throw new Error(`${name}: the tiers' shares add up to ${shares}, more than the budget`);
  return { name: name.replace(/^.*[\\/]|\.json$/g, ""), about: name, config };
}

/** A budget as a person writes it: `500` items, `400KiB`, `2MiB`, or `25%` of the bytes that all facts take. */
export function parseBudget(text) {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(|%|[KM]iB)$/.exec(text) ?? [];
  const amount = Number(number);
  if (!(amount > 0) || (unit === "%" && amount > 100)) {
    throw new Error(`budget ${text}: a number of items, of KiB or MiB, or up to 100%, as in 500, 400KiB, 25%`);
  }
  if (unit === "") return { items: Math.round(amount) };
  if (unit === "%") return { share: amount / 100 };
  return { bytes: Math.round(amount * (unit === "KiB" ? 1 << 10 : 1 << 20)) };
}

/** The configuration that keeps a policy within `budget`, which is { items } or { bytes }. */
export function within(config, budget) {
  const limit = (share) =>
    budget.items === undefined ? { maxBytes: Math.max(1, Math.floor(share * budget.bytes)) } : { maxItems: Math.max(1, Math.floor(share * budget.items)) };
  const limited = ({ share, ...settings }) => ({ ...settings, ...(share && limit(share)) });
  const all = (settings) => Object.fromEntries(Object.entries(settings).map(([name, given]) => [name, limited(given)]));
  const parts = [...TIERS, "total"].filter((part) => config[part]);
  return { ...config, ...Object.fromEntries(parts.map((part) => [part, limited(config[part])])), ...(config.kinds && { kinds: all(config.kinds) }) };
}
