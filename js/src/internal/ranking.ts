/**
 * What users choose about ranking, in the engine's form: presets, fusion, weights. What the numbers may be is judged by
 * the engine.
 */

import type { Fusion, Preset, RecallOptions, SignalWeights } from "../types.js";
import { checkFields, checkNumber, invalid, toMillis } from "./convert.js";

/** The weights by default, in the order in which the engine takes them. */
const balanced: Required<SignalWeights> = {
  context: 0.7, session: 0.2, actor: 0.1, time: 0.5, form: 0.3, answer: 0.25, recency: 0, importance: 0, retention: 0,
};

const none = Object.fromEntries(Object.keys(balanced).map((name) => [name, 0])) as unknown as Required<SignalWeights>;

const presets: Record<Preset, { readonly fusion: Fusion; readonly weights: Required<SignalWeights> }> = {
  balanced: { fusion: "weighted", weights: balanced },
  semantic: { fusion: { method: "weighted", dense: 0.8, keyword: 0.2 }, weights: balanced },
  keyword: { fusion: { method: "weighted", dense: 0.2, keyword: 0.8 }, weights: balanced },
  temporal: { fusion: "weighted", weights: { ...balanced, time: 1, answer: 0.4, recency: 0.2 } },
  searches: { fusion: "weighted", weights: none },
};

/** The engine's form of everything about ranking that a recall can choose. */
export function toRanking({ preset = "balanced", fusion, weights = {}, diversity, now }: RecallOptions): Record<string, unknown> {
  const settings = Object.hasOwn(presets, preset) ? presets[preset] : undefined;
  if (!settings) throw invalid("preset", `must be one of ${Object.keys(presets).join(", ")}`);
  checkFields(weights, Object.keys(balanced), "weights");
  for (const [name, weight] of Object.entries(weights)) {
    checkNumber(weight, `weights/${name}`);
    if (weight !== undefined && !(weight >= 0 && weight <= 1)) throw invalid(`weights/${name}`, "must be between 0 and 1");
  }
  checkNumber(diversity, "diversity");
  const own = Object.entries(settings.weights).map(([name, weight]) => weights[name as keyof SignalWeights] ?? weight);
  return { fusion: toFusion(fusion ?? settings.fusion), weights: own, diversity, reference: now === undefined ? undefined : toMillis(now, "now") };
}

/** The methods in the order of their numbers, with the names of their settings. */
const methods = { weighted: ["dense", "keyword"], rrf: ["k"], max: ["dense", "keyword"], borda: ["dense", "keyword"] } as const;

/** What "weighted" by name is to the engine, which then chooses the weights: one more than the methods above. */
const balancedFusion = [Object.keys(methods).length, 0, 0];

/** The engine's form of a fusion: the number of its method, then its settings. */
function toFusion(fusion: Fusion): number[] {
  const method = (typeof fusion === "string" ? fusion : (fusion as { method?: unknown } | null)?.method) as keyof typeof methods;
  if (!Object.hasOwn(methods, method)) throw invalid("fusion", `must be ${Object.keys(methods).join(", ")}, or an object with one of these as its method`);
  if (fusion === "weighted") return balancedFusion;
  const { method: _, ...settings } = typeof fusion !== "string" ? fusion : method === "rrf" ? { method, k: 60 } : { method, dense: 0.5, keyword: 0.5 };
  checkFields(settings, methods[method], "fusion");
  const numbers = methods[method].map((name) => {
    const setting = (settings as Record<string, unknown>)[name];
    if (setting === undefined) throw invalid(`fusion/${name}`, "is missing");
    checkNumber(setting, `fusion/${name}`);
    return setting as number;
  });
  return [Object.keys(methods).indexOf(method), ...numbers, 0].slice(0, 3);
}
