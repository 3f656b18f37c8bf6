import type { Database } from "bun:sqlite";
import type { RouteRow } from "../core/store.ts";

/** What finds the decisions without reading all events. */
export const routesIndex = "CREATE INDEX routes ON events (run) WHERE type = 'route'";

const decisions = `
  SELECT route.run, route.time, route.event ->> '$.agent_id' AS agent_id, started.event ->> '$.agent' AS agent,
    route.event ->> '$.side' AS side, route.event ->> '$.scorer' AS scorer, route.event ->> '$.score' AS score,
    route.event ->> '$.threshold' AS threshold,
    ended.event ->> '$.result.cost' AS cost, ended.time - route.time AS ms,
    coalesce(ended.event ->> '$.result.outcome' = 'unfit', 0)
      OR EXISTS (SELECT 1 FROM events AS judged WHERE judged.run = route.run AND judged.type = 'check'
        AND judged.event ->> '$.ok' = 0 AND judged.event ->> '$.agent_id' IS route.event ->> '$.agent_id') AS failed,
    EXISTS (SELECT 1 FROM events AS moved WHERE moved.run = route.run AND moved.type = 'escalate'
      AND moved.event ->> '$.agent_id' IS route.event ->> '$.agent_id') AS escalated
  FROM events AS route
  LEFT JOIN events AS started ON started.run = route.run AND started.seq = (
    SELECT min(seq) FROM events AS one WHERE one.run = route.run AND one.type = 'run_start'
      AND one.event ->> '$.agent_id' IS route.event ->> '$.agent_id')
  LEFT JOIN events AS ended ON ended.run = route.run AND ended.seq = (
    SELECT max(seq) FROM events AS one WHERE one.run = route.run AND one.type = 'run_end'
      AND one.event ->> '$.agent_id' IS route.event ->> '$.agent_id')
  WHERE route.type = 'route' AND route.time >= ?
  ORDER BY route.run, route.seq`;

type Row = Omit<RouteRow, "failed" | "escalated"> & { failed: number; escalated: number };

/** What routes have decided since a time, oldest first, and how the runs came out. */
export function readRoutes(db: Database, since: number): RouteRow[] {
  const statement = db.prepare<Row, [number]>(decisions);
  try {
    return statement.all(since).map(({ agent, side, scorer, score, threshold, cost, ms, failed, escalated }) => ({
      agent,
      side,
      scorer,
      score,
      threshold,
      cost,
      ms,
      failed: failed !== 0,
      escalated: escalated !== 0,
    }));
  } finally {
    statement.finalize();
  }
}
