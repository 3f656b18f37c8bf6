import { expect, test } from "bun:test";
import {
  closeSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../src/core/json.ts";
import { systemClock } from "../../src/host/clock.ts";
import { makeFileRead } from "../../src/tools/file-read.ts";
import { callTool } from "../helpers/call-tool.ts";
import { openRoom, type Room } from "../host/harness.ts";

// What was read before is answered from memory, and never when it has changed. On a real disk, whose times are real; the clock of the
// tool is set ahead, so that no test waits until a file is old enough.

function reader(room: Room, ahead = 10_000) {
  const tool = makeFileRead();
  const clock = { now: () => systemClock.now() + ahead, sleep: systemClock.sleep };
  return async (input: JsonObject = {}) => {
    const { content, cached, error } = await callTool(tool, { path: "a", ...input }, { host: room.host, clock });
    return cached === true ? `cached: ${content}` : error === true ? `failed: ${content}` : content;
  };
}

function withFile(): Room {
  return openRoom({ permissions: { read: ["."] }, place: (cwd) => writeFileSync(join(cwd, "a"), "one\ntwo\n") });
}

test("the second of two reads is answered from memory, also by another path to the same text", async () => {
  await using room = withFile();
  const read = reader(room);
  expect(await read()).toBe("one\ntwo\n");
  expect(await read()).toBe("cached: one\ntwo\n");
  expect(await read({ limit: 1 })).toStartWith("one\n[lines");
  expect(await read({ limit: 1 })).toStartWith("cached: one\n[lines");
  expect(await read({ anchors: true })).toStartWith("1:");
  expect(await read({ anchors: true })).toStartWith("cached: 1:");
});

test("a file that changed less than two seconds ago is read again", async () => {
  await using room = withFile();
  // As if read the moment it was changed, however long that takes here.
  const read = reader(room, -10_000);
  expect([await read(), await read()]).toEqual(["one\ntwo\n", "one\ntwo\n"]);
});

/** Ways to change a file from "one\ntwo\n" to "one\nTWO\n" behind everybody's back. */
const changes: Array<[string, (path: string) => void]> = [
  ["is written anew", (path) => writeFileSync(path, "one\nTWO\n")],
  [
    "is changed in place, at the same size, and its old times are put back",
    (path) => {
      const { atimeMs, mtimeMs } = statSync(path);
      const fd = openSync(path, "r+");
      writeSync(fd, "TWO", 4);
      closeSync(fd);
      utimesSync(path, atimeMs / 1000, mtimeMs / 1000);
    },
  ],
  [
    "is replaced by another one of the same size and times",
    (path) => {
      const { atimeMs, mtimeMs } = statSync(path);
      writeFileSync(`${path}.new`, "one\nTWO\n");
      utimesSync(`${path}.new`, atimeMs / 1000, mtimeMs / 1000);
      renameSync(`${path}.new`, path);
    },
  ],
  [
    "becomes a link to another one",
    (path) => {
      writeFileSync(`${path}.other`, "one\nTWO\n");
      rmSync(path);
      symlinkSync(`${path}.other`, path);
    },
  ],
];
for (const [name, change] of changes) {
  test(`a file that ${name} is read again`, async () => {
    await using room = withFile();
    const path = join(room.cwd, "a");
    const { mtimeMs } = statSync(path);
    const read = reader(room);
    for (let round = 0; round < 3; round++) {
      expect(await read()).toEndWith("one\ntwo\n");
      // The kernel's clock goes in steps: a change at once may have the time of the one before. The tool's clock says that it is old.
      while (statSync(path).ctimeMs === (await tick(path))) continue;
      change(path);
      expect([name, await read()]).toEqual([name, "one\nTWO\n"]);
      expect(await read()).toBe("cached: one\nTWO\n");
      rmSync(path);
      expect(await read()).toStartWith("failed: Cannot read 'a': no such file or folder");
      writeFileSync(path, "one\ntwo\n");
      utimesSync(path, mtimeMs / 1000, mtimeMs / 1000);
    }
  });
}

/** The time that the kernel would give a change now. */
async function tick(path: string): Promise<number> {
  await Bun.sleep(1);
  writeFileSync(`${path}.tick`, "");
  return statSync(`${path}.tick`).ctimeMs;
}

test("what was read may no longer be read when it is no longer granted", async () => {
  await using room = withFile();
  const tool = makeFileRead();
  const clock = { now: () => systemClock.now() + 10_000, sleep: systemClock.sleep };
  expect((await callTool(tool, { path: "a" }, { host: room.host, clock })).content).toBe("one\ntwo\n");
  await using closed = openRoom({ permissions: { read: [room.cwd] }, deny: { read: [join(room.cwd, "a")] } });
  const path = join(room.cwd, "a");
  expect((await callTool(tool, { path }, { host: closed.host, clock })).content).toContain("denied by deny.read");
});

test("failures and images are not kept", async () => {
  await using room = withFile();
  const read = reader(room);
  writeFileSync(join(room.cwd, "a"), "a\0b");
  expect([await read(), await read()]).toEqual([
    "failed: Cannot read 'a': it is binary data, 3 bytes",
    "failed: Cannot read 'a': it is binary data, 3 bytes",
  ]);
});
