import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/host/clock.ts";
import { openHost } from "../../src/host/host.ts";
import { readMachine } from "../../src/host/machine.ts";
import { makePolicy } from "../../src/permit/policy.ts";
import { everything, failure, openRoom, value, type Room } from "./harness.ts";

/** A folder `tree` with files, links and a folder in it, and a file `kept`. */
function planted(deny: string[] = [], write = ["."]): Room {
  return openRoom({
    permissions: { write },
    deny: { write: deny },
    place: (cwd) => {
      mkdirSync(join(cwd, "tree/sub"), { recursive: true });
      for (const name of ["kept", "tree/one", "tree/sub/two"]) writeFileSync(join(cwd, name), name);
      symlinkSync("../kept", join(cwd, "tree/link"));
      symlinkSync("..", join(cwd, "tree/up"));
      symlinkSync("tree", join(cwd, "way"));
    },
  });
}

function remove(room: Room, path: string, recursive = false, signal = new AbortController().signal) {
  return room.host.fs.remove(path, { recursive }, signal);
}

/** Another host, that works in `tree/sub` and may write all of the room. */
function openBelow(room: Room) {
  const cwd = join(room.cwd, "tree/sub");
  const machine = value(readMachine({ cwd, agentFolder: cwd, environment: {} }));
  const policy = makePolicy({ permissions: { write: [room.cwd] }, deny: {} }, everything, machine);
  if (!policy.ok) throw new Error(policy.error.join("; "));
  const open = openHost({
    machine,
    policy: policy.value,
    clock: systemClock,
    environment: {},
    secretNames: [],
    inputs: new Map(),
  });
  return { cwd, open, host: open.scoped(async () => undefined, new AbortController().signal) };
}

describe("deleting", () => {
  test("a file goes, and a folder with all in it", async () => {
    await using room = planted();
    expect(value(await remove(room, "tree/one"))).toEqual({ files: 1, folders: 0 });
    expect(value(await remove(room, "./tree/", true))).toEqual({ files: 3, folders: 2 });
    expect(readdirSync(room.cwd).toSorted()).toEqual(["kept", "way"]);
    expect(readFileSync(join(room.cwd, "kept"), "utf8")).toBe("kept");
  });

  test("of a link the link goes, and what is behind a link to a folder can be named", async () => {
    await using room = planted();
    expect(value(await remove(room, "way/sub/two"))).toEqual({ files: 1, folders: 0 });
    expect(value(await remove(room, "way", true))).toEqual({ files: 1, folders: 0 });
    expect(value(await remove(room, "tree/up", true))).toEqual({ files: 1, folders: 0 });
    expect(readdirSync(join(room.cwd, "tree")).toSorted()).toEqual(["link", "one", "sub"]);
  });

  test("a folder goes only when that is said", async () => {
    await using room = planted();
    expect(failure(await remove(room, "tree"))).toBe("not_a_file: Cannot delete 'tree': it is a folder");
    expect(existsSync(join(room.cwd, "tree/one"))).toBe(true);
  });

  test("a cancelled one says so", async () => {
    await using room = planted();
    expect(failure(await remove(room, "tree", true, AbortSignal.abort()))).toBe(
      "cancelled: Cannot delete 'tree': cancelled",
    );
    expect(existsSync(join(room.cwd, "tree/one"))).toBe(true);
  });
});

describe("what stays", () => {
  test("a folder of which a part is denied, with all in it, and the denied part is told", async () => {
    await using room = planted(["tree/sub/two"]);
    expect(failure(await remove(room, "tree", true))).toBe(
      "denied: Cannot delete 'tree/sub/two': denied by deny.write 'tree/sub/two', so that nothing of 'tree' was deleted",
    );
    for (const name of ["one", "link", "up", "sub/two"]) {
      expect([name, lstatSync(join(room.cwd, "tree", name), { throwIfNoEntry: false })?.size]).not.toContain(undefined);
    }
    const target = join(room.cwd, "tree/sub/two");
    expect(room.told.at(-1)).toEqual({ kind: "write", target, verdict: "deny" });
  });

  test("a part that is denied and not there holds nothing back", async () => {
    await using room = planted(["tree/none/at/all"]);
    expect(value(await remove(room, "tree", true))).toEqual({ files: 4, folders: 2 });
  });

  test("what is outside, by whatever path", async () => {
    await using room = planted([], ["tree"]);
    await using other = planted();
    const unrequested = "the agent file does not request it";
    for (const path of ["kept", "tree/../kept", "tree/up/kept", join(other.cwd, "kept"), "/etc/passwd"]) {
      expect(failure(await remove(room, path, true))).toBe(`denied: Cannot delete '${path}': ${unrequested}`);
    }
    expect(existsSync(join(room.cwd, "kept")) && existsSync(join(other.cwd, "kept"))).toBe(true);
  });

  test("the working folder, what it lies in, and what has no name", async () => {
    await using room = planted();
    const { cwd, open, host } = openBelow(room);
    const remove = (path: string) => host.fs.remove(path, { recursive: true }, new AbortController().signal);
    for (const path of [cwd, `${cwd}/`, "../sub", "../../way/sub", "../up/tree/sub"]) {
      expect(failure(await remove(path))).toEndWith(": the working folder is it");
    }
    expect(failure(await remove("../../tree"))).toBe(
      "invalid: Cannot delete '../../tree': the working folder is in it",
    );
    for (const path of ["/", "//", ".", "./", "..", "../..", "~", "~/", "", "../up/."]) {
      const why = "it is no name of a file or folder in another folder";
      expect(failure(await remove(path))).toBe(`invalid: Cannot delete '${path}': ${why}`);
    }
    expect(failure(await remove("a\0b"))).toBe("invalid: Cannot delete 'a\0b': the path holds a NUL byte");
    expect(existsSync(join(room.cwd, "tree/sub/two"))).toBe(true);
    await open.close();
  });

  test("a folder in which another file system is mounted", async () => {
    await using room = planted([], ["/proc"]);
    expect(failure(await remove(room, "/proc", true))).toStartWith(
      "invalid: Cannot delete '/proc': another file system is mounted",
    );
  });

  test("what is missing is not found", async () => {
    await using room = planted();
    for (const path of ["none", "none/one", "kept/one"]) {
      expect(failure(await remove(room, path))).toMatch(/^not_(found|a_folder): Cannot delete '.*': /);
    }
  });
});

test("a folder that the system does not let us write in holds all back", async () => {
  await using room = planted();
  const native = JSON.stringify(join(import.meta.dir, "../../src/native/files.ts"));
  const script = `
    const { openRoot, removeTree } = await import(${native});
    const root = openRoot(${JSON.stringify(room.cwd)});
    const options = { recursive: true, closed: [] };
    console.log(JSON.stringify(await removeTree(root.value, "tree", options, new AbortController().signal)));`;
  chmodSync(join(room.cwd, "tree/sub"), 0o500);
  // root may write everywhere: without that power.
  const powers = "-dac_override,-dac_read_search";
  const drop = process.getuid?.() === 0 ? ["setpriv", `--bounding-set=${powers}`, `--inh-caps=${powers}`] : [];
  const child = Bun.spawnSync([...drop, process.execPath, "-e", script]);
  chmodSync(join(room.cwd, "tree/sub"), 0o700);
  expect(child.stdout.toString() + child.stderr.toString()).toBe(
    '{"files":0,"folders":0,"stopped":{"why":"EACCES","path":"sub"}}\n',
  );
  expect(existsSync(join(room.cwd, "tree/one"))).toBe(true);
});
