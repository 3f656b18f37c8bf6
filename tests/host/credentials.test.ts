import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/host/clock.ts";
import { credentialsFolder } from "../../src/host/credentials-folder.ts";
import { openCredentials } from "../../src/host/credentials.ts";
import type { Keychain } from "../../src/host/keychain.ts";
import { lock } from "../../src/store/lock.ts";
import { memoryKeychain, noKeychain } from "../helpers/keychain.ts";
import { failure, value } from "./harness.ts";

const root = mkdtempSync(join(tmpdir(), "rein-credentials-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const never = new AbortController().signal;

function open(name: string, keychain: Keychain = noKeychain, clock = systemClock) {
  const folder = join(root, name);
  const credentials = openCredentials({ folder, keychain, clock, lock: async () => (path) => lock(path, 0) });
  return { folder, ...credentials };
}

test("a file is for its owner only, whatever the umask and whoever left one there", async () => {
  const { folder, write, read } = open("private");
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(join(folder, "key.json.new"), "left by a crash", { mode: 0o666 });
  const before = process.umask(0);
  try {
    expect(value(await write("key", "one"))).toMatchObject({ kind: "file", path: join(folder, "key.json") });
    chmodSync(join(folder, "key.json"), 0o644);
    await write("key", "two");
  } finally {
    process.umask(before);
  }
  expect(statSync(join(folder, "key.json")).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["key.json"]);
  expect(value(await read("key"))).toBe("two");
});

test("what goes into the keychain takes the file's place", async () => {
  const { folder, write } = open("moved");
  await write("key", "in a file");
  const keychain = memoryKeychain();
  const later = open("moved", keychain);
  expect(value(await later.read("key"))).toBe("in a file");
  expect(value(await later.write("key", "safe"))).toEqual({ kind: "keychain" });
  expect(existsSync(join(folder, "key.json"))).toBe(false);
  expect(value(await later.read("key"))).toBe("safe");
});

test("what is removed is in neither place, as after a keychain that was unlocked too late", async () => {
  await open("both").write("key", "in a file");
  const keychain = memoryKeychain();
  keychain.entries.set("key", "safe");
  const { remove, read } = open("both", keychain);
  expect(value(await remove("key"))).toMatchObject({ kind: "file" });
  expect(value(await read("key"))).toBeUndefined();
  expect(keychain.entries.size).toBe(0);
});

test("what is not there is nothing, with and without a keychain", async () => {
  expect(value(await open("none").read("key"))).toBeUndefined();
  expect(value(await open("none", memoryKeychain()).read("key"))).toBeUndefined();
});

test("a keychain that does not answer is waited for once", async () => {
  let asked = 0;
  const silent = () => {
    asked++;
    return new Promise<never>(() => undefined);
  };
  const clock = { ...systemClock, sleep: async () => undefined };
  const { write, read } = open("silent", { get: silent, set: silent, delete: silent }, clock);
  expect(value(await write("key", "text"))).toMatchObject({ kind: "file", why: "the keychain does not answer" });
  expect(value(await read("key"))).toBe("text");
  expect(value(await read("other"))).toBeUndefined();
  expect(asked).toBe(1);
});

test("a lock is for one at a time, and who waits for it can be interrupted", async () => {
  const { lock: take } = open("locked");
  const release = value(await take("key", never));
  const stop = new AbortController();
  const waiting = take("key", stop.signal);
  stop.abort();
  expect(failure(await waiting)).toBe("cancelled: Cancelled");
  const next = take("key", never);
  release();
  value(await next)();
});

test("a folder that cannot be written is told of", async () => {
  writeFileSync(join(root, "a-file"), "");
  const { write } = open("a-file/below");
  expect(failure(await write("key", "text"))).toBe(
    `failed: Cannot write '${root}/a-file/below/key.json': a part of its path is not a folder`,
  );
});

test("the folder is where the XDG specification says", () => {
  expect(credentialsFolder({ XDG_DATA_HOME: "/data", HOME: "/home/me" })).toBe("/data/rein/credentials");
  expect(credentialsFolder({ XDG_DATA_HOME: "data", HOME: "/home/me" })).toBe("/home/me/.local/share/rein/credentials");
  expect(credentialsFolder({})).toBeUndefined();
});
