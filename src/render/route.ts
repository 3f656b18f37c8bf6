import { dollars } from "../core/price.ts";
import type { ExplainedRoute, RouteStats } from "../core/route.ts";
import { cleanJson, cleanLine } from "./clean.ts";
import { count, duration } from "./format.ts";
import { tableText } from "./table.ts";

export function routeText({ model, side, score, scorer, why }: ExplainedRoute): string {
  const name = side === null ? cleanLine(model) : `${cleanLine(model)} (${side})`;
  const rows = [
    ["model", name],
    ...(scorer === null ? [] : [["scorer", scorer]]),
    ...(score === null ? [] : [["score", String(score)]]),
    ["why", cleanLine(why)],
  ];
  return tableText(rows);
}

export function routeJson({ score, model, scorer, why, side, threshold }: ExplainedRoute): string {
  return `${cleanJson({ score, model, scorer, why, side, threshold }, 2)}\n`;
}

export function routeStatsText(routes: readonly RouteStats[]): string {
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
export function routeStatsJson(routes: readonly RouteStats[]): string {
  const told = routes.map(({ warning, ...route }) => ({
    ...route,
    warning: warning === null ? null : { ...warning, message: warningText(route, warning) },
  }));
  return `${cleanJson(told, 2)}\n`;
}

function warningText(
  { agent, requests, sides, threshold }: Omit<RouteStats, "warning">,
  warning: NonNullable<RouteStats["warning"]>,
): string {
  const got = `The ${warning.side} model of '${cleanLine(agent)}' got ${percent(sides[warning.side].share)} of ${count(requests, "request")}`;
  if (warning.threshold === null) return `${got}, and no threshold would part them: try 'scorer: features'`;
  return `${got}: 'threshold: ${warning.threshold}' would part them better than ${threshold}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
