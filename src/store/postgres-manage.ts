import { attachmentsIn } from "../core/kept.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Named, Pruned, PruneRule, WholeRun } from "../core/store.ts";
import { CallReader } from "./ledger.ts";
import { dailyRuns, dayMs } from "./manage.ts";
import { appendEvent, insertRun } from "./postgres-journal.ts";
import type { Link } from "./postgres.ts";
import { readRun } from "./postgres-reads.ts";

export async function addRuns(
  link: Link,
  session: string | null,
  runs: readonly WholeRun[],
  kept: ReadonlyMap<string, Uint8Array>,
): Promise<Result<void>> {
  const { query } = link;
  for (const { id } of runs)
    if ((await readRun(query, id)) !== undefined) return fail("exists", `There is a run '${id}' already`);
  const named = "SELECT 1 FROM rein_sessions WHERE name = $1::text";
  if (session !== null && (await query(named, [session])).length > 0)
    return fail("exists", `There is a session '${session}' already`);
  await link.transaction(async () => {
    for (const [sha256, bytes] of kept)
      await query("INSERT INTO rein_attachments VALUES ($1::text, $2::bytea) ON CONFLICT DO NOTHING", [sha256, bytes]);
    const add = "INSERT INTO rein_sessions (name, created) VALUES ($1::text, $2::bigint) RETURNING id::float8 AS id";
    const [made] = session === null ? [] : await query<{ id: number }>(add, [session, runs[0]?.started ?? 0]);
    for (const run of runs) await addRun(link, made?.id ?? null, run);
  });
  return ok(undefined);
}

async function addRun(link: Link, session: number | null, run: WholeRun): Promise<void> {
  const { query } = link;
  const number = await insertRun(link, session, run);
  const known = await query("SELECT 1 FROM rein_removed WHERE id = $1::text", [run.id]);
  const copy = run.copy || known.length > 0;
  const reader = new CallReader();
  for (const event of run.events) {
    const call = reader.read(event);
    await appendEvent(link, number, event, copy ? undefined : call, "flush");
    for (const sha256 of attachmentsIn(event))
      await query("INSERT INTO rein_uses VALUES ($1::text, $2::bigint) ON CONFLICT DO NOTHING", [sha256, number]);
  }
}

export async function remove(link: Link, { kind, name }: Named): Promise<Result<Pruned>> {
  const { query } = link;
  if (kind === "run") {
    const found = await readRun(query, name);
    if (found === undefined) return fail("not_found", `There is no run '${name}'`);
    if (found.session !== null)
      return fail("unsupported", `Cannot remove run '${name}': it is part of session '${found.name}'`);
    const gone = await removeFree(link, found.number);
    if (gone === undefined) return fail("exists", `Cannot remove run '${name}': it still runs`);
    return ok({ runs: 1, bytes: gone + (await sweep(link)) });
  }
  const sql = "SELECT id::float8 AS id FROM rein_sessions WHERE name = $1::text";
  const session = (await query<{ id: number }>(sql, [name]))[0]?.id;
  if (session === undefined) return fail("not_found", `There is no session '${name}'`);
  const release = await link.take(`session ${session}`);
  if (release === undefined) return fail("exists", `Cannot remove session '${name}': a run is using it`);
  try {
    const ofSession = "SELECT number::float8 AS number FROM rein_runs WHERE session = $1::bigint";
    const found = await query<{ number: number }>(ofSession, [session]);
    const bytes = await link.transaction(async () => {
      let sum = 0;
      for (const { number } of found) sum += await removeRun(link, number);
      await query("DELETE FROM rein_sessions WHERE id = $1::bigint", [session]);
      return sum;
    });
    return ok({ runs: found.length, bytes: bytes + (await sweep(link)) });
  } finally {
    await release();
  }
}

export async function prune(link: Link, { now, age, bytes: most, daily }: PruneRule): Promise<Pruned> {
  const { query } = link;
  const today = daily
    ? "WHERE $1::bigint - rein_done.time >= $2::bigint OR rein_done.time > $1::bigint"
    : "WHERE $2::bigint >= 0";
  const stamp = `INSERT INTO rein_done VALUES ('prune', $1::bigint) ON CONFLICT (what) DO UPDATE SET time = $1::bigint ${today}
    RETURNING what`;
  if ((await query(stamp, [now, dayMs])).length === 0) return { runs: 0, bytes: 0 };
  // Bytes as they were, not as the server has packed them.
  const sql = `SELECT number::float8 AS number,
      coalesce((SELECT time FROM rein_events WHERE run = number ORDER BY seq DESC LIMIT 1), started)::float8 AS updated,
      ((SELECT coalesce(sum(octet_length(event)), 0) FROM rein_events WHERE run = number) +
      (SELECT coalesce(sum(octet_length(bytes)), 0) FROM rein_attachments JOIN rein_uses USING (sha256) WHERE run = number)
      )::float8 AS size
    FROM rein_runs WHERE session IS NULL ORDER BY number DESC`;
  let together = 0;
  const found = await query<{ number: number; updated: number; size: number }>(sql);
  const old = found.filter(({ updated, size }) => {
    together += size;
    return updated < now - age || together > most;
  });
  let runs = 0;
  let bytes = 0;
  for (const { number } of old.toReversed().slice(0, daily ? dailyRuns : Infinity)) {
    const gone = await removeFree(link, number);
    if (gone === undefined) continue;
    runs++;
    bytes += gone;
  }
  return { runs, bytes: bytes + (await sweep(link)) };
}

async function removeFree(link: Link, number: number): Promise<number | undefined> {
  const release = await link.take(`run ${number}`);
  if (release === undefined) return undefined;
  try {
    return await link.transaction(() => removeRun(link, number));
  } finally {
    await release();
  }
}

/** Says how many bytes its events had. The ledger keeps the calls; no other run gets that number. */
async function removeRun({ query }: Link, number: number): Promise<number> {
  const sum = "SELECT coalesce(sum(octet_length(event)), 0)::float8 AS sum FROM rein_events WHERE run = $1::bigint";
  const [row] = await query<{ sum: number }>(sum, [number]);
  const keep = `INSERT INTO rein_removed SELECT number, id FROM rein_runs
    WHERE number = $1::bigint AND EXISTS (SELECT 1 FROM rein_calls WHERE run = $1::bigint)`;
  await query(keep, [number]);
  for (const table of ["rein_events", "rein_uses"])
    await query(`DELETE FROM ${table} WHERE run = $1::bigint`, [number]);
  await query("DELETE FROM rein_runs WHERE number = $1::bigint", [number]);
  return row?.sum ?? 0;
}

/** Removes what no run names any more, and says how many bytes it had. The server uses the space again. */
async function sweep({ query }: Link): Promise<number> {
  const sql = `WITH gone AS (
      DELETE FROM rein_attachments AS a WHERE NOT EXISTS (SELECT 1 FROM rein_uses WHERE sha256 = a.sha256)
      RETURNING octet_length(bytes) AS bytes
    ) SELECT coalesce(sum(bytes), 0)::float8 AS bytes FROM gone`;
  return (await query<{ bytes: number }>(sql))[0]?.bytes ?? 0;
}
