import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/host/clock.ts";
import { canonicalPath, readMachine } from "../../src/host/machine.ts";
import { failure, value } from "./harness.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "rein-test-")));
afterAll(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "a/b"), { recursive: true });
mkdirSync(join(folder, "c"));
symlinkSync("../c", join(folder, "a/up"));
symlinkSync(join(folder, "a/b"), join(folder, "deep"));
symlinkSync("self", join(folder, "self"));
symlinkSync("nowhere/x", join(folder, "dangling"));
writeFileSync(join(folder, "file"), "");

test.each([
  ["a/up/x", "c/x"],
  ["a/up/../file", "file"],
  ["deep/..", "a"],
  ["deep/../up", "c"],
  ["./a//b/.", "a/b"],
  ["dangling", "nowhere/x"],
  ["new/file", "new/file"],
  ["file/x", "file/x"],
])("'%s' leads to '%s'", (path, real) => {
  expect(value(canonicalPath(join(folder, "/") + path))).toBe(join(folder, real));
});

test("a loop leads nowhere, and nothing lies above what does not exist", () => {
  expect(failure(canonicalPath(`${folder}/self`))).toBe("failed: too many symlinks");
  expect(failure(canonicalPath(`${folder}/new/../file`))).toBe("not_found: no such file or folder");
  expect(value(canonicalPath("/../../x"))).toBe("/x");
});

test("rules know the agent's folder, home and the working folder", () => {
  const environment = { HOME: join(folder, "c"), PATH: "/usr/bin:/bin" };
  const machine = value(readMachine({ cwd: join(folder, "deep"), agentFolder: join(folder, "a/up"), environment }));
  expect(machine.cwd).toBe(join(folder, "a/b"));
  expect(["agent:x", "~/x", "x", "..", "/usr/../etc"].map(machine.resolve.path)).toEqual([
    join(folder, "c/x"),
    join(folder, "c/x"),
    join(folder, "a/b/x"),
    join(folder, "a"),
    "/etc",
  ]);
});

test("a home that is no absolute path is none", () => {
  for (const home of ["", ".", "..", "home"]) {
    const machine = value(readMachine({ cwd: folder, agentFolder: folder, environment: { HOME: home } }));
    expect(machine.home).toBeUndefined();
    expect(machine.resolve.path("~/x")).toBe(join(folder, "~/x"));
  }
});

test("a working folder that is gone is a failure", () => {
  expect(failure(readMachine({ cwd: `${folder}/gone`, agentFolder: folder, environment: {} }))).toBe(
    `not_found: Cannot use the working folder '${folder}/gone': it is gone`,
  );
});

test("ids sort by time, and are 26 characters of their alphabet", async () => {
  const ids = [];
  for (let i = 0; i < 3; i++) {
    ids.push(systemClock.id());
    await Bun.sleep(2);
  }
  expect(ids.toSorted()).toEqual(ids);
  expect(ids.every((id) => /^[0-9a-hjkmnp-tv-z]{26}$/.test(id))).toBe(true);
});

test("a sleep ends at once when it is aborted", async () => {
  const abort = new AbortController();
  const slept = systemClock.sleep(60_000, abort.signal);
  abort.abort();
  await slept;
  await systemClock.sleep(60_000, abort.signal);
});
