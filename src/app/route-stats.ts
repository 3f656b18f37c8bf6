import { sides, type RouteStats, type Side, type SideStats } from "../core/route.ts";
import type { RouteRow } from "../core/store.ts";

/** Fewer requests than these say nothing. */
const enough = 50;

/** A side that gets more than this makes the other one useless, or is useless itself. */
const nearlyAll = 0.9;

/** The decisions of each agent's route, by scorer. */
export function routeStats(rows: readonly RouteRow[]): RouteStats[] {
  const routes = Map.groupBy(rows, ({ agent, scorer }) => `${scorer} ${agent}`);
  return [...routes.values()].flatMap((decided): RouteStats[] => {
    const last = decided.at(-1);
    if (last === undefined) return [];
    const { agent, scorer, threshold } = last;
    const of = (side: Side) =>
      sideStats(
        decided.filter((row) => row.side === side),
        decided.length,
      );
    const stats = { simple: of("simple"), complex: of("complex") };
    const requests = decided.length;
    return [{ agent, scorer, threshold, requests, sides: stats, warning: warningFor(decided, stats) }];
  });
}

function sideStats(rows: readonly RouteRow[], all: number): SideStats {
  const costs = rows.flatMap(({ cost }) => (cost === null ? [] : [cost]));
  const times = rows.flatMap(({ ms }) => (ms === null ? [] : [ms])).toSorted((one, other) => one - other);
  const ended = rows.filter(({ ms }) => ms !== null).length;
  return {
    requests: rows.length,
    share: rows.length / all,
    cost: costs.length < ended ? null : costs.reduce((sum, cost) => sum + cost, 0),
    median_ms:
      times.length === 0 ? null : ((times[(times.length - 1) >> 1] ?? 0) + (times[times.length >> 1] ?? 0)) / 2,
    failed_checks: rows.filter(({ failed }) => failed).length,
    escalated: rows.filter(({ escalated }) => escalated).length,
  };
}

function warningFor(rows: readonly RouteRow[], stats: Record<Side, SideStats>): RouteStats["warning"] {
  const side = sides.find((one) => stats[one].share > nearlyAll);
  const scores = rows.flatMap(({ score }) => (score === null ? [] : [score]));
  // A cascade judges no prompts.
  if (side === undefined || rows.length < enough || scores.length < rows.length) return null;
  return { side, threshold: betterThreshold(scores) };
}

/**
 * The threshold that parts the scores best into two groups (Otsu's method: the variance between them is the largest), of those that
 * give neither side nearly all. Null where there is none: the scores say too little.
 */
export function betterThreshold(scores: readonly number[]): number | null {
  const sorted = scores.toSorted((one, other) => one - other);
  const total = sorted.reduce((sum, score) => sum + score, 0);
  const few = Math.ceil(sorted.length * (1 - nearlyAll) - 1e-9);
  let best: { threshold: number; variance: number } | undefined;
  let below = 0;
  for (const [index, score] of sorted.entries()) {
    below += score;
    const [simple, next] = [index + 1, sorted[index + 1]];
    const complex = sorted.length - simple;
    if (next === undefined || next === score || simple < few || complex < few) continue;
    const variance = simple * complex * ((total - below) / complex - below / simple) ** 2;
    if (best === undefined || variance > best.variance) best = { threshold: between(score, next), variance };
  }
  return best?.threshold ?? null;
}

/** The number of fewest digits that is not below `low` and below `high`. */
function between(low: number, high: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(((low + high) / 2).toFixed(digits));
    if (rounded >= low && rounded < high) return rounded;
  }
  return low;
}
