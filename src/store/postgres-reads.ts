import type { DurableEvent, Stamped } from "../core/event.ts";
import type { RecallQuery, Recalled } from "../core/recall.ts";
import type { CallRow, Named, RouteRow, SessionSummary } from "../core/store.ts";
import type { Query } from "./postgres.ts";
import { shortestPrefix } from "./runs.ts";

type Event = Stamped<DurableEvent>;

function parsed({ event }: { event: string }): Event {
  return JSON.parse(event);
}

/** A run by its id, and the session that it is of. */
export async function readRun(query: Query, id: string) {
  type Row = { number: number; session: number | null; name: string | null };
  const sql = `SELECT number::float8 AS number, session::float8 AS session, name
    FROM rein_runs LEFT JOIN rein_sessions ON rein_sessions.id = session WHERE rein_runs.id = $1::text`;
  return (await query<Row>(sql, [id]))[0];
}

export async function runEvents(query: Query, run: number): Promise<Event[]> {
  const rows = await query<{ event: string }>("SELECT event FROM rein_events WHERE run = $1::bigint ORDER BY seq", [
    run,
  ]);
  return rows.map(parsed);
}

/** The newest run of an owner. */
export async function lastRun(query: Query, owner: string) {
  const sql = `SELECT rein_runs.id AS run, name AS session FROM rein_runs LEFT JOIN rein_sessions ON rein_sessions.id = session
    WHERE owner = $1::text ORDER BY number DESC LIMIT 1`;
  return (await query<{ run: string; session: string | null }>(sql, [owner]))[0];
}

export async function findRun(query: Query, name: string): Promise<string | undefined> {
  const one = async (sql: string, values: Array<string | number>) => (await query<{ id: string }>(sql, values))[0]?.id;
  const ofSession = `SELECT rein_runs.id FROM rein_runs JOIN rein_sessions ON rein_sessions.id = session
    WHERE name = $1::text ORDER BY number DESC LIMIT 1`;
  const exact = (await one("SELECT id FROM rein_runs WHERE id = $1::text", [name])) ?? (await one(ofSession, [name]));
  if (exact !== undefined) return exact;
  if (name.length < shortestPrefix) return undefined;
  const begins = await query<{ id: string }>("SELECT id FROM rein_runs WHERE starts_with(id, $1::text) LIMIT 2", [
    name,
  ]);
  return begins.length === 1 ? begins[0]?.id : undefined;
}

/** See `told` of the file's. The last event is read here: of a run that ended it has the outcome. */
const told = (name: string, created: string, own: string) => `
  SELECT ${name} AS name, newest.id AS run, newest.agent, newest.model, ${created}::float8 AS created,
    (SELECT count(*)::integer FROM rein_runs AS r WHERE ${own}) AS runs,
    (SELECT count(*)::integer FROM rein_runs AS r JOIN rein_events AS e ON e.run = r.number
      WHERE ${own} AND e.type = 'turn_end' AND e.agent_id IS NULL) AS turns,
    coalesce(tail.time, newest.started)::float8 AS updated,
    CASE WHEN tail.type = 'run_end' AND tail.agent_id IS NULL THEN tail.event END AS event,
    (SELECT CASE WHEN count(*) = count(cost) THEN coalesce(sum(cost), 0) END
      FROM rein_calls AS c JOIN rein_runs AS r ON r.number = c.run WHERE ${own}) AS cost`;

const tail = `LEFT JOIN LATERAL (SELECT * FROM rein_events WHERE run = newest.number ORDER BY seq DESC LIMIT 1) AS tail ON true`;

const ofSessions = `${told("s.name", "s.created", "r.session = s.id")}
  FROM rein_sessions AS s
  JOIN rein_runs AS newest ON newest.number = (SELECT max(number) FROM rein_runs WHERE session = s.id) ${tail}
  ORDER BY updated DESC, newest.number DESC`;

const ofRuns = `${told("NULL::text", "newest.started", "r.number = newest.number")}
  FROM rein_runs AS newest ${tail} WHERE newest.session IS NULL ORDER BY newest.number DESC LIMIT $1::integer`;

type Told = Omit<SessionSummary, "outcome"> & { event: string | null };

function summary({ event, ...shared }: Told): SessionSummary {
  const last = event === null ? undefined : parsed({ event });
  return { ...shared, outcome: last?.type === "run_end" ? last.result.outcome : null };
}

export async function readSessions(query: Query): Promise<SessionSummary[]> {
  return (await query<Told>(ofSessions)).map(summary);
}

export async function readRuns(query: Query, most: number): Promise<SessionSummary[]> {
  return (await query<Told>(ofRuns, [most])).map(summary);
}

export function matchNames(query: Query, beginning: string, most: number): Promise<Named[]> {
  const sql = `SELECT kind, name FROM (
      SELECT 'session' AS kind, name, (SELECT max(number) FROM rein_runs WHERE session = rein_sessions.id) AS number
        FROM rein_sessions
      UNION ALL SELECT 'run', id, number FROM rein_runs
    ) AS named WHERE number IS NOT NULL AND starts_with(name, $1::text)
    ORDER BY name = $1::text DESC, number DESC, kind DESC LIMIT $2::integer`;
  return query<Named>(sql, [beginning, most]);
}

export async function readSession(query: Query, name: string): Promise<Event[] | undefined> {
  const ofSession = `SELECT number::float8 AS number FROM rein_runs JOIN rein_sessions ON rein_sessions.id = session
    WHERE name = $1::text ORDER BY number`;
  let runs = await query<{ number: number }>(ofSession, [name]);
  if (runs.length === 0)
    runs = await query("SELECT number::float8 AS number FROM rein_runs WHERE id = $1::text", [name]);
  if (runs.length === 0) return undefined;
  const events: Event[] = [];
  for (const { number } of runs) for (const event of await runEvents(query, number)) events.push(event);
  return events;
}

export async function readAttachment(query: Query, sha256: string): Promise<Uint8Array | undefined> {
  const sql = "SELECT bytes FROM rein_attachments WHERE sha256 = $1::text";
  const [row] = await query<{ bytes: Uint8Array }>(sql, [sha256]);
  return row === undefined ? undefined : new Uint8Array(row.bytes);
}

export function readCalls(query: Query, since: number): Promise<CallRow[]> {
  const numbers = ["time", "input", "output", "cached", "cache_write", "reasoning"];
  const sql = `
    SELECT coalesce(r.id, gone.id) AS run, s.name AS session, c.agent, agent_id, c.model, side, kind,
      ${numbers.map((name) => `c.${name}::float8 AS ${name}`).join(", ")},
      cost, notional, estimated, duration_ms, first_token_ms
    FROM rein_calls AS c LEFT JOIN rein_runs AS r ON r.number = c.run LEFT JOIN rein_removed AS gone ON gone.number = c.run
      LEFT JOIN rein_sessions AS s ON s.id = r.session
    WHERE c.time >= $1::bigint ORDER BY c.time, c.run, c.seq`;
  return query<CallRow>(sql, [since]);
}

/** What routes have decided since a time: of the runs with such a decision all events that tell how it came out are read. */
export async function readRoutes(query: Query, since: number): Promise<RouteRow[]> {
  type Row = { run: number; event: string };
  const sql = `SELECT run::float8 AS run, event FROM rein_events
    WHERE type IN ('run_start', 'route', 'escalate', 'check', 'run_end')
      AND run IN (SELECT run FROM rein_events WHERE type = 'route' AND time >= $1::bigint)
    ORDER BY run, seq`;
  const rows = await query<Row>(sql, [since]);
  const byRun = Map.groupBy(rows, ({ run }) => run);
  return [...byRun.values()].flatMap((one) => decisions(one.map(parsed), since));
}

function decisions(events: Event[], since: number): RouteRow[] {
  return events.flatMap((route): RouteRow[] => {
    if (route.type !== "route" || route.time < since) return [];
    const own = events.filter(({ agent_id }) => agent_id === route.agent_id);
    const started = own.find((event) => event.type === "run_start");
    const ended = own.findLast((event) => event.type === "run_end");
    const { side, scorer, score, threshold } = route;
    const unfit = ended?.result.outcome === "unfit";
    return [
      {
        agent: started?.agent ?? "",
        side,
        scorer,
        score,
        threshold,
        cost: ended?.result.cost ?? null,
        ms: ended === undefined ? null : ended.time - route.time,
        failed: unfit || own.some((event) => event.type === "check" && !event.ok),
        escalated: own.some((event) => event.type === "escalate"),
      },
    ];
  });
}

/** So many events are looked at together. */
const page = 200;

/** What a run recalls, the newest first. The server cannot look into every text of JSON, so that this is done here, page by page. */
export async function readRecalled(
  query: Query,
  run: number,
  agent: string | null,
  wanted: RecallQuery,
  most: number,
): Promise<Recalled[]> {
  const sql = `SELECT run::float8 AS run, seq, event FROM rein_events JOIN rein_runs ON number = run
    WHERE (run = $1::bigint OR ($2::text IS NULL AND session = (SELECT session FROM rein_runs WHERE number = $1::bigint)))
      AND type IN ('user', 'turn_end', 'call_end') AND agent_id IS NOT DISTINCT FROM $2::text
      AND (run, seq) < ($3::bigint, $4::integer)
    ORDER BY run DESC, seq DESC LIMIT ${page}`;
  const found: Recalled[] = [];
  let before: { run: number; seq: number } | undefined = { run, seq: 2_147_483_647 };
  while (before !== undefined && found.length < most) {
    type Row = { run: number; seq: number; event: string };
    const rows: Row[] = await query<Row>(sql, [run, agent, before.run, before.seq]);
    for (const row of rows) {
      const event = parsed(row);
      if (isRecalled(event) && (await fits(query, event, wanted, row.run === run))) found.push(event);
    }
    before = rows.length < page ? undefined : rows.at(-1);
  }
  return found.slice(0, most);
}

function isRecalled(event: Event): event is Recalled {
  return event.type === "user" || event.type === "turn_end" || event.type === "call_end";
}

/** As the file's query has it. */
async function fits(query: Query, event: Recalled, wanted: RecallQuery, ofRun: boolean): Promise<boolean> {
  if ("call" in wanted) return event.type === "call_end" && event.id === wanted.call;
  if ("turn" in wanted) return ofRun && event.type !== "user" && event.turn === wanted.turn;
  // To look for something is no place where it stands.
  if (event.type === "call_end" && event.name === "context_recall") return false;
  if (event.type === "turn_end" && event.message.calls.some(({ name }) => name === "context_recall")) return false;
  const said =
    event.type === "user" ? event.text : event.type === "turn_end" ? JSON.stringify(event.message) : event.content;
  const words = wanted.text.toLowerCase();
  if (said.toLowerCase().includes(words)) return true;
  if (event.type !== "call_end" || event.whole === undefined) return false;
  // A result that is shown cut has its whole text beside it.
  const whole = await readAttachment(query, event.whole.sha256);
  return new TextDecoder().decode(whole).toLowerCase().includes(words);
}
