import { dollars } from "../core/price.ts";
import type { Scorer, Side } from "../core/route.ts";
import { cleanJson, cleanLine } from "./clean.ts";
import { count, duration } from "./format.ts";
import { tableText } from "./table.ts";

/** Which model a prompt would go to, and why. All but `model` and `why` are null where there is no route. */
export type RouteView = {
  score: number | null;
  model: string;
  scorer: Scorer | null;
  why: string;
  side: Side | null;
  threshold: number | null;
};

export function routeText({ model, side, score, scorer, why }: RouteView): string {
  const name = side === null ? cleanLine(model) : `${cleanLine(model)} (${side})`;
  const rows = [
    ["model", name],
    ...(scorer === null ? [] : [["scorer", scorer]]),
    ...(score === null ? [] : [["score", String(score)]]),
    ["why", cleanLine(why)],
  ];
  return tableText(rows);
}

export function routeJson({ score, model, scorer, why, side, threshold }: RouteView): string {
  return `${cleanJson({ score, model, scorer, why, side, threshold }, 2)}\n`;
}

type SideView = {
  requests: number;
  share: number;
  cost: number | null;
  median_ms: number | null;
  failed_checks: number;
  escalated: number;
};

/** What a route did so far. */
export type RouteStatsView = {
  agent: string;
  scorer: Scorer;
  threshold: number;
  requests: number;
  sides: Record<Side, SideView>;
  warning: { side: Side; threshold: number | null } | null;
};

export function routeStatsText(routes: readonly RouteStatsView[]): string {
  if (routes.length === 0) return "No route has decided anything\n";
  const head = ["AGENT", "SCORER", "SIDE", "REQUESTS", "SHARE", "COST", "MEDIAN TIME", "FAILED CHECKS"];
  const rows = routes.flatMap(({ agent, scorer, sides }) =>
    (["simple", "complex"] as const).map((side) => {
      const { requests, share, cost, median_ms: median, failed_checks: failed, escalated } = sides[side];
      const cells = [cleanLine(agent), scorer, side, String(requests), percent(share)];
      const told = escalated === 0 ? String(failed) : `${failed}, ${escalated} went on to complex`;
      return [
        ...cells,
        cost === null ? "unknown" : `$${dollars(cost)}`,
        median === null ? "-" : duration(median),
        told,
      ];
    }),
  );
  const warnings = routes.flatMap((route) => (route.warning === null ? [] : [warningText(route, route.warning)]));
  return `${tableText([head, ...rows])}${warnings.map((line) => `warning: ${line}\n`).join("")}`;
}

/** The same as data; a warning has its words, too. */
export function routeStatsJson(routes: readonly RouteStatsView[]): string {
  const told = routes.map(({ warning, ...route }) => ({
    ...route,
    warning: warning === null ? null : { ...warning, message: warningText(route, warning) },
  }));
  return `${cleanJson(told, 2)}\n`;
}

function warningText(
  { agent, requests, sides, threshold }: Omit<RouteStatsView, "warning">,
  warning: NonNullable<RouteStatsView["warning"]>,
): string {
  const got = `The ${warning.side} model of '${cleanLine(agent)}' got ${percent(sides[warning.side].share)} of ${count(requests, "request")}`;
  if (warning.threshold === null) return `${got}, and no threshold would part them: try 'scorer: features'`;
  return `${got}: 'threshold: ${warning.threshold}' would part them better than ${threshold}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
