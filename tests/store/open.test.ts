import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findStore, openStore } from "../../src/store/open.ts";

const base = mkdtempSync(join(tmpdir(), "rein-open-"));
afterAll(() => rmSync(base, { recursive: true }));
let folders = 0;

/** A fresh place for a journal, its folder not made yet. */
const place = () => join(base, `${folders++}`, "rein", "rein.db");

async function opened(location: string) {
  const store = await openStore(location);
  if (!store.ok) throw new Error(store.error.message);
  return store.value;
}

async function refusal(location: string): Promise<string> {
  const store = await openStore(location);
  return store.ok ? "opened" : store.error.message.replaceAll(location, "FILE");
}

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const writer = (...args: string[]) => Bun.spawn([process.execPath, join(import.meta.dir, "writer.ts"), ...args]);

test("folder and files are private, also under a permissive umask", async () => {
  const location = place();
  const umask = process.umask(0);
  try {
    const store = await opened(location);
    await store.begin({ id: "r", session: "s", agent: "a", model: "m", time: 1 });
    expect(mode(join(location, ".."))).toBe("700");
    expect(mode(`${location}-locks`)).toBe("700");
    for (const path of [location, `${location}-wal`, `${location}-shm`, `${location}-locks/session-1`]) {
      expect(`${path} ${mode(path)}`).toBe(`${path} 600`);
    }
    await store.close();
  } finally {
    process.umask(umask);
  }
});

test("files that others could read are made private again", async () => {
  const location = place();
  await (await opened(location)).close();
  chmodSync(location, 0o644);
  const store = await opened(location);
  await store.begin({ id: "r", agent: "a", model: "m", time: 1 });
  for (const path of [location, `${location}-wal`, `${location}-shm`]) expect(mode(path)).toBe("600");
  await store.close();
});

test("a file of a newer version is refused by its number and left as it is", async () => {
  const location = place();
  await (await opened(location)).close();
  const db = new Database(location);
  db.run("PRAGMA user_version = 6");
  db.close();
  const before = readFileSync(location);
  expect(await refusal(location)).toBe(
    "Cannot open the journal 'FILE': it was written by a newer version of rein (format 6; this one reads 5)",
  );
  expect(readFileSync(location).equals(before)).toBe(true);
});

test("a file of the version before is brought up to date, with all that is in it", async () => {
  const location = place();
  const store = await opened(location);
  const begun = await store.begin({ id: "r1", session: "s", agent: "a", model: "m", time: 1 });
  if (begun.ok) await begun.value.close();
  await store.close();
  const db = new Database(location);
  db.run(
    "DROP TABLE removed; DROP TABLE uses; DROP TABLE done; DROP INDEX routes; DROP TABLE calls; DROP TABLE attachments; PRAGMA user_version = 1",
  );
  db.close();
  // Two processes may find it at once.
  const both = await Promise.all([opened(location), opened(location)]);
  for (const one of both) {
    expect(await one.sessions()).toMatchObject({ ok: true, value: [{ name: "s" }] });
    expect(await one.attachment("x")).toEqual({ ok: true, value: undefined });
    await one.close();
  }
});

test("a file that is no database, or another program's, is refused and left as it is", async () => {
  const location = place();
  mkdirSync(join(location, ".."), { recursive: true });
  writeFileSync(location, "hello ".repeat(1000));
  expect(await refusal(location)).toBe("Cannot open the journal 'FILE': file is not a database");
  expect(readFileSync(location, "utf8")).toBe("hello ".repeat(1000));
  rmSync(location);
  const db = new Database(location);
  db.run("CREATE TABLE theirs (x)");
  db.close();
  const before = readFileSync(location);
  expect(await refusal(location)).toBe("Cannot open the journal 'FILE': it is a database of another program");
  expect(readFileSync(location).equals(before)).toBe(true);
});

test("a journal that is damaged inside fails when it is read, with its name", async () => {
  const location = place();
  await (await opened(location)).close();
  const bytes = readFileSync(location);
  bytes.fill(0xff, 4096);
  writeFileSync(location, bytes);
  const store = await openStore(location);
  const failure = store.ok ? await store.value.sessions() : store;
  expect(failure).toMatchObject({ ok: false, error: { message: expect.stringContaining(location) } });
});

test("a folder where the file should be, and a file where its folder should be, are failures", async () => {
  const location = place();
  mkdirSync(location, { recursive: true });
  expect(await refusal(location)).toBe("Cannot open the journal 'FILE': it is a folder");
  const inFile = join(base, "file", "rein.db");
  writeFileSync(join(base, "file"), "");
  expect(await refusal(inFile)).toStartWith("Cannot open the journal 'FILE': ");
});

test("a folder or a file that may not be written is a failure at once", async () => {
  const location = place();
  await (await opened(location)).close();
  // Root may write everywhere: the child gives that up first.
  const code = `
    if (process.geteuid() === 0) process.seteuid(65534);
    const { openStore } = await import(${JSON.stringify(join(import.meta.dir, "../../src/store/open.ts"))});
    for (const path of process.argv.slice(1)) {
      const store = await openStore(path);
      console.log(store.ok ? "opened" : store.error.message.replaceAll(path, "FILE"));
    }`;
  chmodSync(base, 0o755);
  const folder = join(location, "..");
  chmodSync(join(folder, ".."), 0o755);
  chmodSync(location, 0o444);
  chmodSync(folder, 0o555);
  const child = Bun.spawn([process.execPath, "-e", code, location, join(folder, "new.db")], { stderr: "inherit" });
  const lines = (await child.stdout.text()).trim().split("\n");
  chmodSync(folder, 0o755);
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toStartWith("Cannot open the journal 'FILE': ");
});

test("a full disk is a failure of the append, not an exception", async () => {
  const location = place();
  await (await opened(location)).close();
  const limited = ["bash", "-c", 'trap "" XFSZ; ulimit -f 200; exec "$@"', "bash", process.execPath];
  const child = Bun.spawn([...limited, join(import.meta.dir, "writer.ts"), location, "r", "2000"], { stderr: "pipe" });
  expect(await child.stdout.text()).toStartWith(`Cannot write the journal '${location}': `);
  expect(await child.stderr.text()).toBe("");
});

test("processes that start at once on a missing file all write their runs", async () => {
  const location = place();
  const ids = ["a", "b", "c", "d"];
  const children = ids.map((id) => writer(location, id, "50"));
  for (const child of children) expect(await child.stdout.text()).toBe("written\n");
  const store = await opened(location);
  for (const id of ids) {
    const events = await store.session(id);
    expect(events.ok && events.value?.length).toBe(50);
  }
  await store.close();
});

test("a session is held across processes, and free after its run was killed", async () => {
  const location = place();
  const child = writer(location, "first", "3", "s");
  const reader = child.stdout.getReader();
  await reader.read();
  const store = await opened(location);
  const begin = (id: string) => store.begin({ id, session: "s", agent: "a", model: "m", time: 2 });
  expect(await begin("second")).toMatchObject({
    ok: false,
    error: { message: "Cannot continue session 's': another run is using it" },
  });
  child.kill("SIGKILL");
  await child.exited;
  expect((await begin("second")).ok).toBe(true);
  // What the killed run had written is all there.
  const events = await store.session("first");
  expect(events.ok && events.value?.length).toBe(3);
  await store.close();
});

test("closing leaves one file with everything in it", async () => {
  const location = place();
  const store = await opened(location);
  const journal = await store.begin({ id: "r", agent: "a", model: "m", time: 1 });
  if (!journal.ok) throw new Error(journal.error.message);
  await journal.value.append({ seq: 0, time: 1, type: "user", text: "x" }, "normal");
  await store.close();
  expect(await Bun.file(`${location}-wal`).exists()).toBe(false);
  const again = await opened(location);
  expect(await again.session("r")).toEqual({ ok: true, value: [{ seq: 0, time: 1, type: "user", text: "x" }] });
  await again.close();
});

test("a file that a process was killed on before there was anything in it is made whole", async () => {
  const path = place();
  mkdirSync(join(path, ".."), { recursive: true });
  const db = new Database(path);
  db.run("PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
  db.close();
  expect(statSync(path).size).toBeGreaterThan(0);
  const opened = await openStore(path);
  if (!opened.ok) throw new Error(opened.error.message);
  expect(await opened.value.last()).toEqual({ ok: true, value: undefined });
  await opened.value.close();
});

test("a file that a process was killed on while it made it is an empty journal", async () => {
  const [making, left] = [place(), place()];
  for (const path of [making, left]) mkdirSync(join(path, ".."), { recursive: true });
  const db = new Database(making);
  // More than the cache holds, so that a part is in the file before it is committed.
  db.run("PRAGMA cache_size = 1; BEGIN; CREATE TABLE half (bytes BLOB)");
  for (let row = 0; row < 100; row++) db.run("INSERT INTO half VALUES (zeroblob(1000))");
  for (const end of ["", "-journal"]) copyFileSync(making + end, left + end);
  db.close();
  const found = await findStore(left);
  if (!found.ok) throw new Error(found.error.message);
  expect(await found.value.sessions()).toEqual({ ok: true, value: [] });
  await found.value.close();
});

test("what is removed gives its space back to the disk", async () => {
  const location = place();
  const store = await opened(location);
  for (const id of ["r1", "r2"]) {
    const journal = await store.begin({ id, agent: "a", model: "m", time: 1 });
    if (!journal.ok) throw new Error(journal.error.message);
    await journal.value.append({ seq: 0, time: 1, type: "user", text: "x".repeat(2_000_000) }, "normal");
    await journal.value.keep(id, new Uint8Array(3_000_000));
    await journal.value.close();
  }
  expect(await store.remove({ kind: "run", name: "r1" })).toMatchObject({ ok: true });
  expect(await store.prune({ now: 1e12, age: 0, bytes: 1e9 })).toMatchObject({ ok: true, value: { runs: 1 } });
  await store.close();
  expect(statSync(location).size).toBeLessThan(200_000);
});
