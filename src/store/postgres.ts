import { hostname } from "node:os";
import { fail, ok, type Result } from "../core/result.ts";
import type { Store } from "../core/store.ts";
import { pgJournals } from "./postgres-journal.ts";
import { addRuns, prune, remove } from "./postgres-manage.ts";
import * as reads from "./postgres-reads.ts";
import { migrations } from "./postgres-tables.ts";

/** What is sent to the server, and what comes back of it. */
export type Value = string | number | boolean | null | Uint8Array;
export type Query = <Row>(sql: string, values?: readonly Value[]) => Promise<Row[]>;

/** One connection, which all of a store is done on. */
export type Link = {
  query: Query;
  /** Whose runs are begun on it. */
  owner: string;
  /** All or nothing. */
  transaction<T>(act: () => Promise<T>): Promise<T>;
  /** Takes what a name stands for; undefined when another has it. The server gives it back when the connection ends, however it ends. */
  take(name: string): Promise<(() => Promise<void>) | undefined>;
};

/** How long a server that does not answer is waited for, where the URL does not say. */
const patienceSeconds = 10;

/**
 * Opens a journal in a PostgreSQL database and makes its tables where they are missing. For who only reads they are not made and not
 * changed, and where there are none there is no store. All options are the URL's own: `?sslmode=verify-full&sslrootcert=…`. `owner`: the
 * user and the machine.
 */
export async function openPostgres(
  url: string,
  reading: boolean,
  owner = `${process.geteuid?.() ?? ""}@${hostname()}`,
): Promise<Result<Store | undefined>> {
  const shown = shownUrl(url);
  if (shown === undefined)
    return fail("failed", "Cannot open the journal of REIN_STORE: it is not a URL that can be read");
  const name = `the journal '${shown}'`;
  const reason = (error: unknown) => withoutSecrets(url, error instanceof Error ? error.message : String(error));
  let sql: Bun.SQL | undefined;
  const close = async () => sql?.close({ timeout: 0 });
  try {
    // What must be on disk says so itself.
    const settings = { application_name: "rein", synchronous_commit: "off", tcp_keepalives_idle: "30" };
    const patience = /[?&]connect_timeout=/.test(url) ? {} : { connectionTimeout: patienceSeconds };
    sql = new Bun.SQL(url, { max: 1, connection: settings, ...patience });
    const link = linkOn(await sql.reserve(), owner);
    const wrong = await ready(link, reading);
    if (wrong === "empty") {
      await close();
      return ok(undefined);
    }
    if (wrong === undefined) return ok(store(link, name, reason, close));
    await close();
    return fail("failed", `Cannot open ${name}: ${wrong}`);
  } catch (error) {
    await close();
    return fail("failed", `Cannot open ${name}: ${reason(error)}`);
  }
}

/** The URL without what may be secret in it: its password and options. */
function shownUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return undefined;
  const user = url.username === "" ? "" : `${url.username}@`;
  return `${url.protocol}//${user}${url.host}${url.pathname}`;
}

/** No password, however it was given, is in what a driver or server says. */
function withoutSecrets(text: string, message: string): string {
  const url = URL.parse(text);
  const given = [url?.password, url?.searchParams.get("password"), url?.searchParams.get("sslpassword")];
  const secrets = given.flatMap((secret) => (secret ? [secret, decoded(secret)] : []));
  return [text, ...secrets].reduce((all, secret) => all.replaceAll(secret, "***"), message);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A lone % stands for itself.
  }
}

type Reserved = Awaited<ReturnType<Bun.SQL["reserve"]>>;

function linkOn(connection: Reserved, owner: string): Link {
  const held = new Set<string>();
  const query: Query = async (sql, values = []) => [...(await connection.unsafe(sql, [...values]))];
  return {
    query,
    owner,
    async transaction(act) {
      await query("BEGIN");
      try {
        const done = await act();
        await query("COMMIT");
        return done;
      } catch (error) {
        await query("ROLLBACK").catch(() => undefined); // Without a connection it is undone as well.
        throw error;
      }
    },
    async take(name) {
      // The server lets one connection have it several times. Other tables of the same database are another journal.
      if (held.has(name)) return undefined;
      const key = "hashtextextended('rein ' || current_schema() || ' ' || $1::text, 0)";
      const [row] = await query<{ got: boolean }>(`SELECT pg_try_advisory_lock(${key}) AS got`, [name]);
      if (row?.got !== true) return undefined;
      held.add(name);
      return async () => {
        if (held.delete(name)) await query(`SELECT pg_advisory_unlock(${key})`, [name]);
      };
    },
  };
}

/** Says what is wrong with the tables, or makes them what they are to be. */
async function ready(link: Link, reading: boolean): Promise<string | "empty" | undefined> {
  const version = await versionOf(link);
  const newer = (found: number) =>
    `it was written by a newer version of rein (format ${found}; this one reads ${migrations.length})`;
  if (version > migrations.length) return newer(version);
  if (version === migrations.length) return undefined;
  if (reading)
    return version === 0 ? "empty" : "it is of an earlier version of rein: the next run brings it up to date";
  // Of several processes at once one does it, and the others find it done: what a transaction sees of tables is as it begins.
  const lock = "hashtextextended('rein ' || current_schema() || ' migrate', 0)";
  await link.query(`SELECT pg_advisory_lock(${lock})`);
  try {
    return await link.transaction(async () => {
      const found = await versionOf(link);
      if (found > migrations.length) return newer(found);
      if (found === 0) await link.query("CREATE TABLE rein_version (version INTEGER NOT NULL)");
      if (found === 0) await link.query("INSERT INTO rein_version VALUES (0)");
      for (const step of migrations.slice(found)) for (const statement of step.split(";")) await link.query(statement);
      await link.query("UPDATE rein_version SET version = $1::integer", [migrations.length]);
      return undefined;
    });
  } finally {
    await link.query(`SELECT pg_advisory_unlock(${lock})`);
  }
}

async function versionOf({ query }: Link): Promise<number> {
  const [table] = await query<{ there: boolean }>("SELECT to_regclass('rein_version') IS NOT NULL AS there");
  if (table?.there !== true) return 0;
  return (await query<{ version: number }>("SELECT version FROM rein_version"))[0]?.version ?? 0;
}

function store(link: Link, name: string, reason: (error: unknown) => string, close: () => Promise<void>): Store {
  let last: Promise<unknown> = Promise.resolve();
  /** One act at a time: what belongs together on the one connection stays together. */
  function attempt<T>(action: string, act: () => Promise<Result<T>>): Promise<Result<T>> {
    const done = last.then(act).catch((error: unknown) => fail("failed", `Cannot ${action} ${name}: ${reason(error)}`));
    last = done;
    return done;
  }
  const read = <T>(act: (query: Query) => Promise<T>) => attempt("read", async () => ok(await act(link.query)));
  const write = <T>(act: () => Promise<Result<T>>) => attempt("write", act);
  const { begin, resume } = pgJournals(link, write);
  return {
    begin: (run) => write(() => begin(run)),
    resume: (id) => write(() => resume(id)),
    last: () => read((query) => reads.lastRun(query, link.owner)),
    findRun: (run) => read((query) => reads.findRun(query, run)),
    sessions: () => read(reads.readSessions),
    runs: (most) => read((query) => reads.readRuns(query, most)),
    match: (beginning, most) => read((query) => reads.matchNames(query, beginning, most)),
    session: (session) => read((query) => reads.readSession(query, session)),
    routes: (since) => read((query) => reads.readRoutes(query, since)),
    calls: (since) => read((query) => reads.readCalls(query, since)),
    attachment: (sha256) => read((query) => reads.readAttachment(query, sha256)),
    add: (session, runs, kept) => write(() => addRuns(link, session, runs, kept)),
    remove: (what) => write(() => remove(link, what)),
    prune: (rule) => write(async () => ok(await prune(link, rule))),
    close: async () => {
      await last;
      await close();
    },
  };
}
