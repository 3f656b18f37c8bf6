import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Result } from "../../src/core/result.ts";
import { findCalls, findStore, openStore } from "../../src/store/open.ts";

// What becomes of a journal that cannot be written, or only be read in part: it is left as it is, and read as far as it can be.

const base = mkdtempSync(join(tmpdir(), "rein-broken-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let folders = 0;

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

/** A journal with a session of 200 events and one that was begun. */
async function made(): Promise<string> {
  const location = join(base, `${folders++}`, "rein.db");
  const store = value(await openStore(location));
  for (const session of ["first", "second"]) {
    const journal = value(await store.begin({ id: session, session, agent: "a", model: "m", time: 1 }));
    for (let seq = 0; seq < (session === "first" ? 200 : 1); seq++)
      value(await journal.append({ seq, time: 1, type: "user", text: "x".repeat(500) }, "normal"));
    await journal.close();
  }
  await store.close();
  return location;
}

/** What reading it comes to: the sessions that are found, or what is said, with the file's name left out. */
async function reading(location: string): Promise<string[] | string> {
  const store = await findStore(location);
  if (!store.ok) return store.error.message.replaceAll(location, "FILE");
  try {
    const found = await store.value.sessions();
    return found.ok ? found.value.flatMap(({ name }) => name ?? []) : found.error.message.replaceAll(location, "FILE");
  } finally {
    await store.value.close();
  }
}

const writing = async (location: string) => {
  const store = await openStore(location);
  return store.ok ? "opened" : store.error.message.replaceAll(location, "FILE");
};

test("a file that is cut anywhere is told of by its name or read, never changed, and never a crash", async () => {
  const location = await made();
  const whole = readFileSync(location);
  for (let size = 1; size < whole.length; size += 3001) {
    const cut = join(base, "cut.db");
    writeFileSync(cut, whole);
    truncateSync(cut, size);
    const before = readFileSync(cut);
    const found = await reading(cut);
    if (typeof found === "string")
      expect(found).toMatch(
        /^Cannot read the journal 'FILE': (database disk image is malformed|file is not a database)$/,
      );
    const calls = await findCalls(cut, 0);
    if (!calls.ok) expect(calls.error.message).toStartWith(`Cannot read the journal '${cut}': `);
    const store = await openStore(cut);
    if (store.ok) {
      const begun = await store.value.begin({ id: "r", session: "new", agent: "a", model: "m", time: 1 });
      if (!begun.ok) expect(begun.error.message).toContain("malformed");
      await store.value.close();
    } else {
      expect(store.error.message).toStartWith(`Cannot open the journal '${cut}': `);
      expect(readFileSync(cut).equals(before)).toBe(true);
    }
    for (const file of readdirSync(base).filter((name) => name.startsWith("cut.db")))
      rmSync(join(base, file), { recursive: true });
  }
});

test("one of a newer version is neither read nor written, and left as it is", async () => {
  const location = await made();
  const db = new Database(location);
  db.run("PRAGMA user_version = 99");
  db.close();
  const before = readFileSync(location);
  const newer = "it was written by a newer version of rein (format 99; this one reads 5)";
  expect(await reading(location)).toBe(`Cannot read the journal 'FILE': ${newer}`);
  expect(await writing(location)).toBe(`Cannot open the journal 'FILE': ${newer}`);
  expect(readFileSync(location).equals(before)).toBe(true);
});

test("one that another process has locked is waited for and then told of", async () => {
  const location = await made();
  const other = new Database(location);
  other.run("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  // The wait is the file's own: shorter here than for a person.
  const code = `
    import { findStore, openStore } from ${JSON.stringify(join(import.meta.dir, "../../src/store/open.ts"))};
    for (const open of [findStore, openStore]) {
      const store = await open(process.argv[1], 50);
      const found = store.ok ? await store.value.sessions() : store;
      console.log(found.ok ? found.value.length : found.error.message);
    }`;
  const child = Bun.spawn([process.execPath, "-e", code, location], { stderr: "inherit" });
  const lines = (await child.stdout.text()).trim().split("\n");
  other.run("ROLLBACK");
  other.close();
  expect(lines).toEqual([
    `Cannot read the journal '${location}': another process has locked it`,
    `Cannot open the journal '${location}': another process has locked it`,
  ]);
  expect(await reading(location)).toEqual(["second", "first"]);
});

test("a folder in its place, and a place that is no path, are told of", async () => {
  const location = join(base, "folder.db");
  mkdirSync(location);
  expect(await reading(location)).toBe("Cannot read the journal 'FILE': it is a folder");
  expect(await writing(location)).toBe("Cannot open the journal 'FILE': it is a folder");
  const nowhere = "Cannot open the journal: REIN_STORE is neither a 'postgres://' URL nor an absolute path";
  expect(await reading("mysql://ada:secret@host/db")).toBe(nowhere);
  expect(await writing("journal.db")).toBe(nowhere);
});

test("one that may only be read is read, with what its log has and in an earlier version too; nothing is made beside it", async () => {
  const location = await made();
  const older = join(base, "older", "rein.db");
  mkdirSync(dirname(older));
  copyFileSync(location, older);
  const db = new Database(older);
  db.run("DROP TABLE removed; DROP TABLE uses; DROP TABLE done; PRAGMA user_version = 4");
  db.close();
  for (const suffix of ["-wal", "-shm"]) rmSync(older + suffix, { force: true });
  // Root may write everywhere: the child gives that up first.
  const code = `
    if (process.geteuid() === 0) process.seteuid(65534);
    const { findStore, openStore } = await import(${JSON.stringify(join(import.meta.dir, "../../src/store/open.ts"))});
    for (const path of process.argv.slice(1)) {
      const store = await findStore(path);
      const found = store.ok ? await store.value.sessions() : store;
      console.log(found.ok ? found.value.map(({ name }) => name).join() : found.error.message);
      console.log((await openStore(path)).ok);
    }`;
  chmodSync(base, 0o755);
  for (const file of [location, older]) {
    chmodSync(file, 0o444);
    chmodSync(dirname(file), 0o555);
  }
  const child = Bun.spawn([process.execPath, "-e", code, location, older], { stderr: "inherit" });
  const lines = (await child.stdout.text()).trim().split("\n");
  for (const file of [location, older]) chmodSync(dirname(file), 0o755);
  expect(lines).toEqual(["second,first", "false", "second,first", "false"]);
  expect(existsSync(`${older}-wal`)).toBe(false);
});

test("what a killed process had not moved into the file yet is read", async () => {
  const location = await made();
  const store = value(await openStore(location));
  const journal = value(await store.begin({ id: "r", session: "third", agent: "a", model: "m", time: 1 }));
  value(await journal.append({ seq: 0, time: 1, type: "user", text: "x" }, "normal"));
  const copy = join(base, "killed.db");
  for (const suffix of ["", "-wal"]) copyFileSync(location + suffix, copy + suffix);
  await store.close();
  expect(await reading(copy)).toContain("third");
});

test("a place that cannot be looked at is not one where nothing is", async () => {
  const file = join(base, "file");
  writeFileSync(file, "");
  expect(await reading(join(file, "rein.db"))).toStartWith("Cannot read the journal 'FILE': ENOTDIR");
  expect(await reading(join(base, "nothing", "rein.db"))).toEqual([]);
});
