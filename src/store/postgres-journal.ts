import type { DurableEvent, Stamped } from "../core/event.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Journal, NewRun, ResumedRun, WholeRun } from "../core/store.ts";
import { CallReader, type Call } from "./ledger.ts";
import type { Link, Value } from "./postgres.ts";
import { readRecalled, readRun, runEvents } from "./postgres-reads.ts";

/** Does one act at a time, and turns what it throws into a failure. */
export type Write = <T>(act: () => Promise<Result<T>>) => Promise<Result<T>>;

/** An event, or an event with its call: one statement, so that both are there or neither. */
const event = "INSERT INTO rein_events (run, seq, time, type, agent_id, event)";
const values = "$1::bigint, $2::integer, $3::bigint, $4::text, $5::text, $6::text";
/** It is on disk when the statement returns, and with it all that came before. */
const onDisk = "set_config('synchronous_commit', 'on', true) = 'on'";
const written = {
  normal: `${event} VALUES (${values})`,
  flush: `${event} SELECT ${values} WHERE ${onDisk}`,
};
const call = `INSERT INTO rein_calls SELECT $1::bigint, $2::integer, $3::bigint, $7::text, $8::text, $9::text, $10::text, $11::text,
  $12::bigint, $13::bigint, $14::bigint, $15::bigint, $16::bigint, $17::float8, $18::boolean, $19::boolean, $20::float8, $21::float8`;

/** Says which number it has. */
export async function insertRun(
  { query, owner }: Link,
  session: number | null,
  { id, agent, model, started }: Pick<WholeRun, "id" | "agent" | "model" | "started">,
): Promise<number> {
  const add = `INSERT INTO rein_runs (id, session, agent, model, started, owner)
    VALUES ($1::text, $2::bigint, $3::text, $4::text, $5::bigint, $6::text) RETURNING number::float8 AS number`;
  return (await query<{ number: number }>(add, [id, session, agent, model, started, owner]))[0]?.number ?? 0;
}

export async function appendEvent(
  { query }: Pick<Link, "query">,
  run: number,
  told: Stamped<DurableEvent>,
  made: Call | undefined,
  durability: "flush" | "normal",
): Promise<void> {
  const { seq, time, type, agent_id = null } = told;
  const row: Value[] = [run, seq, time, type, agent_id, JSON.stringify(told)];
  if (made === undefined) {
    await query(written[durability], row);
    return;
  }
  const asking = [made.kind, made.agent, made.agent_id, made.model, made.side];
  const tokens = [made.input, made.output, made.cached, made.cache_write, made.reasoning];
  const paid = [made.cost, made.notional, made.estimated, made.duration_ms, made.first_token_ms];
  await query(`WITH written AS (${written[durability]}) ${call}`, [...row, ...asking, ...tokens, ...paid]);
}

export function pgJournals(link: Link, write: Write) {
  const { query, take } = link;

  async function sessionId(name: string): Promise<number | undefined> {
    const [row] = await query<{ id: number }>("SELECT id::float8 AS id FROM rein_sessions WHERE name = $1::text", [
      name,
    ]);
    return row?.id;
  }

  /** Takes a session, which is made where it is missing; undefined when another run has it. */
  async function takeSession(name: string, created: number) {
    for (;;) {
      const add = "INSERT INTO rein_sessions (name, created) VALUES ($1::text, $2::bigint) ON CONFLICT DO NOTHING";
      await query(add, [name, created]);
      const session = await sessionId(name);
      const release = session === undefined ? undefined : await take(`session ${session}`);
      if (session === undefined || release === undefined) return undefined;
      // One that was removed meanwhile has another number when it is made anew.
      if ((await sessionId(name)) === session) return { session, release };
      await release();
    }
  }

  async function begin({ id, session: name, agent, model, time }: NewRun): Promise<Result<Journal>> {
    const taken = name === undefined ? undefined : await takeSession(name, time);
    if (name !== undefined && taken === undefined)
      return fail("exists", `Cannot continue session '${name}': another run is using it`);
    try {
      const insert = () => insertRun(link, taken?.session ?? null, { id, agent, model, started: time });
      // One that is in no session nobody else sees before it is ours.
      const alone = async () => {
        const number = await insert();
        return { number, release: await take(`run ${number}`) };
      };
      const { number, release } =
        taken === undefined ? await link.transaction(alone) : { number: await insert(), release: taken.release };
      return ok(await journal(number, taken?.session ?? null, release));
    } catch (error) {
      await taken?.release();
      throw error;
    }
  }

  async function resume(id: string): Promise<Result<ResumedRun>> {
    const found = await readRun(query, id);
    if (found === undefined) return fail("not_found", `There is no run '${id}'`);
    const { number, session, name } = found;
    const release = await take(session === null ? `run ${number}` : `session ${session}`);
    if (release === undefined) {
      const why = session === null ? "it still runs" : `another run is using its session '${name}'`;
      return fail("exists", `Cannot resume run '${id}': ${why}`);
    }
    try {
      const newest = "SELECT max(number)::float8 AS newest FROM rein_runs WHERE session = $1::bigint";
      if (session !== null && (await query<{ newest: number }>(newest, [session]))[0]?.newest !== number) {
        await release();
        return fail("changed", `Cannot resume run '${id}': its session '${name}' has newer runs`);
      }
      const events = await runEvents(query, number);
      return ok({ journal: await journal(number, session, release, events), session: name, events });
    } catch (error) {
      await release();
      throw error;
    }
  }

  async function journal(
    run: number,
    session: number | null,
    release: (() => Promise<void>) | undefined,
    before: DurableEvent[] = [],
  ): Promise<Journal> {
    const reader = new CallReader();
    for (const one of before) reader.read(one);
    const previous =
      "SELECT id FROM rein_runs WHERE session = $1::bigint AND number < $2::bigint ORDER BY number DESC LIMIT 1";
    const [earlier] = session === null ? [] : await query<{ id: string }>(previous, [session, run]);
    return {
      before: earlier?.id ?? null,
      append: (told, durability) =>
        write(async () => {
          await appendEvent(link, run, told, reader.read(told), durability);
          return ok(undefined);
        }),
      keep: (sha256, bytes) =>
        write(async () => {
          const kept = `WITH kept AS (INSERT INTO rein_attachments VALUES ($1::text, $2::bytea) ON CONFLICT DO NOTHING)
            INSERT INTO rein_uses VALUES ($1::text, $3::bigint) ON CONFLICT DO NOTHING`;
          await query(kept, [sha256, bytes, run]);
          return ok(undefined);
        }),
      recall: (wanted, agent, most) => write(async () => ok(await readRecalled(query, run, agent, wanted, most))),
      close: async () => {
        await write(async () => {
          await release?.();
          return ok(undefined);
        });
      },
    };
  }

  return { begin, resume };
}
