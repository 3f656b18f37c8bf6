import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Result } from "../../src/core/result.ts";
import { openPostgres } from "../../src/store/postgres.ts";
import { findCalls, findStore, openStore } from "../../src/store/open.ts";
import { password, postgresFolder, startPostgres } from "../helpers/postgres.ts";

const folder = postgresFolder();
const server = folder === undefined ? undefined : await startPostgres(folder, { tls: true });
afterAll(() => server?.stop());
const database = (how?: { password: true }) => server?.database(how) ?? "";

const writer = (...args: string[]) => Bun.spawn([process.execPath, join(import.meta.dir, "writer.ts"), ...args]);

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

async function sql(url: string, ...statements: string[]): Promise<void> {
  const db = new Bun.SQL(url, { max: 1 });
  for (const statement of statements) await db.unsafe(statement);
  await db.close();
}

const message = async (url: string) => {
  const store = await openStore(url);
  return store.ok ? "opened" : store.error.message;
};

describe.skipIf(server === undefined)("a journal in PostgreSQL", () => {
  test("processes that start at once on an empty database all write their runs", async () => {
    const url = database();
    const ids = ["a", "b", "c", "d"];
    const children = ids.map((id) => writer(url, id, "50"));
    for (const child of children) expect(await child.stdout.text()).toBe("written\n");
    const store = value(await openStore(url));
    for (const id of ids) expect(value(await store.session(id))).toHaveLength(50);
    await store.close();
  });

  test("a session is held across processes, and free after its run was killed; nothing that was written is lost", async () => {
    const url = database();
    const child = writer(url, "first", "3", "s");
    await child.stdout.getReader().read();
    const store = value(await openStore(url));
    const begin = (id: string) => store.begin({ id, session: "s", agent: "a", model: "m", time: 2 });
    expect(await begin("second")).toMatchObject({
      ok: false,
      error: { code: "exists", message: "Cannot continue session 's': another run is using it" },
    });
    expect(await store.resume("first")).toMatchObject({ ok: false, error: { code: "exists" } });
    child.kill("SIGKILL");
    await child.exited;
    // The server has to notice.
    let begun = await begin("second");
    while (!begun.ok) begun = await begin("second");
    expect(value(await store.session("first"))).toHaveLength(3);
    await store.close();
  });

  test("a run whose connection was lost fails to write and says so, and another goes on with it", async () => {
    const url = database();
    const store = value(await openStore(url));
    const journal = value(await store.begin({ id: "r", agent: "a", model: "m", time: 1 }));
    value(await journal.append({ seq: 0, time: 1, type: "user", text: "x" }, "flush"));
    const others =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    await sql(url, others);
    const lost = await journal.append({ seq: 1, time: 1, type: "user", text: "y" }, "flush");
    expect(lost).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("Cannot write the journal 'postgres://ada@localhost:") },
    });
    await store.close();
    const again = value(await openStore(url));
    expect(value(await again.resume("r")).events).toHaveLength(1);
    await again.close();
  });

  test("what is told of a database names neither its password nor its options", async () => {
    const url = database({ password: true });
    expect(await message(url)).toBe("opened");
    const shown = `postgres://ada@127.0.0.1:${server?.port}`;
    const wrong = url.replace(encodeURIComponent(password), "another%20one");
    expect(await message(wrong)).toStartWith(`Cannot open the journal '${shown}/d`);
    expect(await message(wrong)).toContain('password authentication failed for user "ada"');
    const elsewhere = [
      `${url.slice(0, url.lastIndexOf("/"))}/nowhere?sslpassword=hidden`,
      url.replace(`:${server?.port}`, ":1"),
      `postgres://ada:${encodeURIComponent(password)}@[bad/x`,
      `mysql://ada:${encodeURIComponent(password)}@localhost/x`,
    ];
    for (const one of elsewhere) {
      const told = await message(one);
      expect(told).toStartWith("Cannot open the journal");
      for (const secret of [password, encodeURIComponent(password), "hidden"]) expect(told).not.toContain(secret);
    }
  });

  test("TLS is as the URL says: a certificate is verified where it is asked for", async () => {
    const url = database({ password: true });
    expect(await message(`${url}?sslmode=require`)).toBe("opened");
    const verified = `${url}?sslmode=verify-full`;
    expect(await message(verified)).toStartWith("Cannot open the journal");
    const known = `${verified}&sslrootcert=${server?.certificate}`;
    expect(await message(known)).toStartWith("Cannot open the journal");
    // It is of that name.
    expect(await message(known.replace("127.0.0.1", "localhost"))).toBe("opened");
  });

  test("tables of a newer version are refused and left; of an empty database nothing is made to read it", async () => {
    const url = database();
    expect(value(await findCalls(url, 0))).toEqual([]);
    const empty = value(await findStore(url));
    expect(value(await empty.sessions())).toEqual([]);
    await empty.close();
    await expect(sql(url, "SELECT * FROM rein_version")).rejects.toThrow("does not exist");
    await value(await openStore(url)).close();
    await sql(url, "UPDATE rein_version SET version = 9");
    const newer = "it was written by a newer version of rein (format 9; this one reads 2)";
    expect(await message(url)).toEndWith(newer);
    expect(await findStore(url)).toMatchObject({ ok: false, error: { message: expect.stringContaining(newer) } });
  });

  test("what ran last is the newest run that the user has begun, or added, on the machine", async () => {
    const url = database();
    const opened = async (owner: string) => value(await openPostgres(url, false, owner));
    const [ada, bob] = [await opened("1000@desk"), await opened("1000@shelf")];
    const run = (id: string, session?: string) => ({
      id,
      agent: "a",
      model: "m",
      time: 1,
      ...(session === undefined ? {} : { session }),
    });
    if (ada === undefined || bob === undefined) throw new Error("A store that may be written is made");
    expect(value(await ada.last())).toBeUndefined();
    for (const id of ["a1", "a2"]) await value(await ada.begin(run(id, "talk"))).close();
    await value(await bob.begin(run("b1"))).close();
    expect(value(await ada.last())).toEqual({ run: "a2", session: "talk" });
    expect(value(await bob.last())).toEqual({ run: "b1", session: null });
    // What is named is found, whoever has begun it.
    expect(value(await ada.findRun("b1"))).toBe("b1");
    value(await ada.add(null, [{ id: "c1", agent: "a", model: "m", started: 1, events: [], copy: false }], new Map()));
    expect(value(await ada.last())).toEqual({ run: "c1", session: null });
    await ada.close();
    await bob.close();
  });

  test("tables of an earlier version are brought up to date by who writes, and of their runs none is anybody's last", async () => {
    const url = database();
    const store = value(await openStore(url));
    await value(await store.begin({ id: "old", agent: "a", model: "m", time: 1 })).close();
    await store.close();
    await sql(url, "ALTER TABLE rein_runs DROP COLUMN owner", "UPDATE rein_version SET version = 1");
    expect(await findStore(url)).toMatchObject({
      error: {
        message: expect.stringContaining("it is of an earlier version of rein: the next run brings it up to date"),
      },
    });
    const again = value(await openStore(url));
    expect(value(await again.last())).toBeUndefined();
    expect(value(await again.findRun("old"))).toBe("old");
    await value(await again.begin({ id: "new", agent: "a", model: "m", time: 1 })).close();
    expect(value(await again.last())).toEqual({ run: "new", session: null });
    await again.close();
  });

  test("a database that may only be read is read, and a run in it is a failure at once", async () => {
    const url = database();
    const store = value(await openStore(url));
    value(await store.begin({ id: "r", session: "s", agent: "a", model: "m", time: 1 }));
    await store.close();
    await sql(url, `ALTER DATABASE ${/\/(d\d+)\?/.exec(url)?.[1]} SET default_transaction_read_only = on`);
    const reader = value(await findStore(url));
    expect(value(await reader.sessions())).toMatchObject([{ name: "s" }]);
    await reader.close();
    const closed = value(await openStore(url));
    expect(await closed.begin({ id: "r2", agent: "a", model: "m", time: 1 })).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("read-only transaction") },
    });
    await closed.close();
  });

  test("journals in several schemas of one database know nothing of each other", async () => {
    const url = database();
    await sql(url, "CREATE SCHEMA one", "CREATE SCHEMA two");
    const [one, two] = [
      value(await openStore(`${url}&search_path=one`)),
      value(await openStore(`${url}&search_path=two`)),
    ];
    for (const store of [one, two])
      value(await store.begin({ id: "r", session: "s", agent: "a", model: "m", time: 1 }));
    await one.close();
    await two.close();
  });
});
