import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { swapAgainAndAgain } from "../helpers/swapper.ts";
import { bytes, failure, nothing, openRoom, text, value, type Room } from "./harness.ts";

const all = { offset: 0, limit: 1_000 };
const unrequested = "the agent file does not request it";

function inside(
  place: (cwd: string) => void = () => undefined,
  deny: { read?: string[]; write?: string[] } = {},
): Room {
  return openRoom({ permissions: { read: ["."], write: ["."] }, deny, place });
}

async function readText(room: Room, path: string): Promise<string> {
  const read = await room.host.fs.read(path, all);
  return read.ok ? text(read.value.bytes) : failure(read);
}

describe("reading", () => {
  test("a file is read by a relative and an absolute path, and in parts", async () => {
    await using room = inside((cwd) => writeFileSync(join(cwd, "a"), "0123456789"));
    expect(await readText(room, "a")).toBe("0123456789");
    expect(await readText(room, `${room.cwd}/./x/../a`)).toBe(
      `not_found: Cannot read '${room.cwd}/./x/../a': no such file or folder`,
    );
    const part = value(await room.host.fs.read("a", { offset: 8, limit: 5 }));
    expect({ text: text(part.bytes), size: part.size }).toEqual({ text: "89", size: 10 });
    expect(value(await room.host.fs.read("a", { offset: 20, limit: 5 })).bytes.length).toBe(0);
  });

  test("what is outside is denied however it is spelled", async () => {
    await using room = inside((cwd) => {
      symlinkSync("/etc/passwd", join(cwd, "link"));
      symlinkSync("/etc", join(cwd, "folder"));
      symlinkSync("link", join(cwd, "chain"));
    });
    for (const path of [
      "/etc/passwd",
      "link",
      "chain",
      "folder/passwd",
      "folder/../etc/passwd",
      "../../../../../../etc/passwd",
    ]) {
      expect(await readText(room, path)).toBe(`denied: Cannot read '${path}': ${unrequested}`);
    }
    expect(room.told.every((told) => told.target === "/etc/passwd" && told.verdict === "deny")).toBe(true);
  });

  test("magic links of /proc lead nowhere", async () => {
    await using room = openRoom({ permissions: { read: ["/"] } });
    for (const path of ["/proc/self/root/etc/hostname", "/proc/self/cwd/package.json"]) {
      // They are resolved as text and so judged as what they lead to, never followed.
      const target = readlinkSync(path.split("/").slice(0, 4).join("/"));
      await readText(room, path);
      expect(room.told.at(-1)?.target).toBe(join(target, path.split("/").slice(4).join("/")));
    }
    for (const path of ["/proc/self/environ", "/proc/self/mem", "/proc/1/environ"]) {
      expect(await readText(room, path)).toContain(`denied: Cannot read '${path}'`);
    }
  });

  test("a denied folder inside of an allowed one stays closed, through links and `..` too", async () => {
    const place = (cwd: string) => {
      mkdirSync(join(cwd, "secret"));
      writeFileSync(join(cwd, "secret/key"), "key");
      symlinkSync("secret", join(cwd, "door"));
    };
    await using room = inside(place, { read: ["secret"] });
    for (const path of ["secret/key", "door/key", "./secret/../secret/key", `${room.cwd}/secret/key`]) {
      expect(await readText(room, path)).toBe(`denied: Cannot read '${path}': denied by deny.read 'secret'`);
    }
  });

  test("a link inside of the folder is followed to what it leads to", async () => {
    await using room = inside((cwd) => {
      writeFileSync(join(cwd, "a"), "text");
      symlinkSync("a", join(cwd, "b"));
    });
    expect(await readText(room, "b")).toBe("text");
    expect(room.told).toEqual([{ kind: "read", target: `${room.cwd}/a`, verdict: "allow" }]);
  });

  test("loops, dangling links and missing files say so", async () => {
    await using room = inside((cwd) => {
      symlinkSync("two", join(cwd, "one"));
      symlinkSync("one", join(cwd, "two"));
      symlinkSync("missing", join(cwd, "dangling"));
      writeFileSync(join(cwd, "file"), "");
    });
    expect(await readText(room, "one")).toBe("failed: Cannot read 'one': too many symlinks");
    expect(await readText(room, "dangling")).toBe("not_found: Cannot read 'dangling': no such file or folder");
    expect(await readText(room, "file/x")).toBe(
      "not_a_folder: Cannot read 'file/x': a part of its path is not a folder",
    );
    expect(await readText(room, "")).toBe("invalid: Cannot read '': the path is empty");
    expect(await readText(room, "a\0b")).toBe("invalid: Cannot read 'a\0b': the path holds a NUL byte");
  });

  test("folders, FIFOs, sockets and devices are no files, and nothing waits for them", async () => {
    await using room = openRoom({
      permissions: { read: [".", "/dev"] },
      place: (cwd) => void Bun.spawnSync(["mkfifo", join(cwd, "fifo")]),
    });
    using _server = Bun.listen({ unix: join(room.cwd, "socket"), socket: { data: () => undefined } });
    expect(await readText(room, ".")).toBe("not_a_file: Cannot read '.': it is a folder");
    expect(await readText(room, "fifo")).toBe("unsupported: Cannot read 'fifo': it is not a regular file");
    expect(await readText(room, "/dev/zero")).toBe("unsupported: Cannot read '/dev/zero': it is not a regular file");
    expect(await readText(room, "socket")).toBe("unsupported: Cannot read 'socket': it is not a regular file");
  });

  test("a file that is swapped for a link while it is read never gives what the link leads to", async () => {
    await using room = inside((cwd) => {
      writeFileSync(join(cwd, "file"), "ours");
      symlinkSync("/etc/passwd", join(cwd, "link"));
    });
    const swap = "mv -T link x; mv -T file link; mv -T x file";
    await using _swapper = swapAgainAndAgain(room.cwd, `${swap}; ${swap}`);
    const seen = new Set<string>();
    for (let i = 0; i < 300; i++) {
      seen.add((await readText(room, "file")).replace(/: .*/, ""));
      if (i % 20 === 0) await Bun.sleep(1);
    }
    expect([...seen].filter((one) => !["ours", "denied", "not_found", "failed"].includes(one))).toEqual([]);
    expect(seen.has("ours")).toBe(true);
  });

  test("no descriptor is left open", async () => {
    await using room = inside((cwd) => writeFileSync(join(cwd, "a"), "x"));
    const use = async () => {
      await room.host.fs.read("a", all);
      await room.host.fs.read(".", all);
      await room.host.fs.read("missing", all);
      await room.host.fs.list(".");
      await room.host.fs.list("a");
      await room.host.fs.stat("a");
      await room.host.fs.write("n/e/w", bytes("x"));
      await room.host.fs.write(".", bytes("x"));
      rmSync(join(room.cwd, "n"), { recursive: true });
    };
    await use();
    const before = readdirSync("/proc/self/fd").length;
    // The process's own descriptors come and go; one that is left open in each round would be as many more.
    const rounds = 20;
    for (let i = 0; i < rounds; i++) await use();
    expect(readdirSync("/proc/self/fd").length).toBeLessThan(before + rounds);
  });
});

describe("listing and looking", () => {
  test("entries come in byte order with their kinds, without what is denied", async () => {
    const place = (cwd: string) => {
      for (const name of ["b", "B", "ä"]) writeFileSync(join(cwd, name), "12");
      mkdirSync(join(cwd, "secret"));
      symlinkSync("/etc", join(cwd, "link"));
    };
    await using room = inside(place, { read: ["secret", "b"] });
    const entries = value(await room.host.fs.list("."));
    expect(entries.map((entry) => `${entry.name} ${entry.kind}`)).toEqual(["B file", "link symlink", "ä file"]);
    expect(entries[0]?.size).toBe(2);
  });

  test("a name that is not UTF-8 is listed and cannot be opened", async () => {
    await using room = inside();
    Bun.spawnSync(["bash", "-c", `touch "$1"/$'a\\xff'`, "_", room.cwd]);
    const entries = value(await room.host.fs.list("."));
    expect(entries.map((entry) => entry.name)).toEqual(["a\ufffd"]);
    expect(await readText(room, "a\ufffd")).toBe("not_found: Cannot read 'a\ufffd': no such file or folder");
  });

  test("stat follows links and needs read", async () => {
    await using room = inside((cwd) => {
      writeFileSync(join(cwd, "a"), "123");
      symlinkSync("a", join(cwd, "b"));
      symlinkSync("/etc/passwd", join(cwd, "c"));
    });
    const stat = value(await room.host.fs.stat("b"));
    expect({ kind: stat.kind, size: stat.size }).toEqual({ kind: "file", size: 3 });
    expect(failure(await room.host.fs.stat("c"))).toBe(`denied: Cannot read 'c': ${unrequested}`);
    expect(failure(await room.host.fs.list("a"))).toBe(
      "not_a_folder: Cannot read 'a': a part of its path is not a folder",
    );
  });

  test("may only looks", async () => {
    await using room = openRoom({ permissions: { read: ["."] }, grants: { ...nothing, allow: { read: ["src"] } } });
    expect(await room.host.fs.may("read", "src/a")).toBe(true);
    expect(await room.host.fs.may("read", "a")).toBe(false);
    expect(await room.host.fs.may("write", "src/a")).toBe(false);
    expect(room.told).toEqual([]);
  });
});

describe("writing", () => {
  test("a file is created with its folders, and replaced with its mode kept", async () => {
    await using room = inside();
    expect(value(await room.host.fs.write("a/b/c", bytes("one")))).toEqual({ created: true });
    chmodSync(join(room.cwd, "a/b/c"), 0o755);
    expect(value(await room.host.fs.write("a/b/c", bytes("two")))).toEqual({ created: false });
    expect(readFileSync(join(room.cwd, "a/b/c"), "utf8")).toBe("two");
    expect(statSync(join(room.cwd, "a/b/c")).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(room.cwd, "a/b"))).toEqual(["c"]);
  });

  test("nothing is written through a link that leads outside", async () => {
    await using outside = openRoom({ permissions: {} });
    await using room = inside((cwd) => {
      symlinkSync(outside.cwd, join(cwd, "folder"));
      symlinkSync(join(outside.cwd, "new"), join(cwd, "dangling"));
    });
    for (const path of ["folder/x", "dangling", `${outside.cwd}/x`, "folder/deep/er/x"]) {
      expect(failure(await room.host.fs.write(path, bytes("x")))).toBe(
        `denied: Cannot write '${path}': ${unrequested}`,
      );
    }
    expect(readdirSync(outside.cwd)).toEqual([]);
  });

  test("a link inside is written through, and stays a link", async () => {
    await using room = inside((cwd) => {
      writeFileSync(join(cwd, "a"), "old");
      symlinkSync("a", join(cwd, "b"));
      symlinkSync("fresh", join(cwd, "dangling"));
    });
    value(await room.host.fs.write("b", bytes("new")));
    value(await room.host.fs.write("dangling", bytes("made")));
    expect(readFileSync(join(room.cwd, "a"), "utf8")).toBe("new");
    expect(readlinkSync(join(room.cwd, "b"))).toBe("a");
    expect(readFileSync(join(room.cwd, "fresh"), "utf8")).toBe("made");
  });

  test("read is not write, and a rule for a file makes no folders", async () => {
    await using room = openRoom({ permissions: { read: ["."], write: ["out/a"] } });
    expect(failure(await room.host.fs.write("b", bytes("x")))).toBe(`denied: Cannot write 'b': ${unrequested}`);
    expect(failure(await room.host.fs.write("out/a", bytes("x")))).toBe(`denied: Cannot write 'out/a': ${unrequested}`);
    expect(existsSync(join(room.cwd, "out"))).toBe(false);
    mkdirSync(join(room.cwd, "out"));
    expect(value(await room.host.fs.write("out/a", bytes("x")))).toEqual({ created: true });
  });

  test("a folder, a FIFO and a path below a file are no files to write", async () => {
    await using room = inside((cwd) => {
      mkdirSync(join(cwd, "folder"));
      writeFileSync(join(cwd, "file"), "");
      Bun.spawnSync(["mkfifo", join(cwd, "fifo")]);
    });
    for (const path of ["folder", "folder/", "new/", "."]) {
      expect(failure(await room.host.fs.write(path, bytes("x")))).toBe(
        `not_a_file: Cannot write '${path}': it is a folder`,
      );
    }
    expect(failure(await room.host.fs.write("fifo", bytes("x")))).toBe(
      "unsupported: Cannot write 'fifo': it is not a regular file",
    );
    expect(failure(await room.host.fs.write("file/x/y", bytes("x")))).toBe(
      "not_a_folder: Cannot write 'file/x/y': a part of its path is not a folder",
    );
  });

  test("what the system refuses is told in words", async () => {
    await using room = openRoom({ permissions: { write: ["/sys", "."] } });
    expect(failure(await room.host.fs.write("/sys/kernel/rein", bytes("x")))).toMatch(
      /^failed: Cannot write '\/sys\/kernel\/rein': the (system does not permit it|file system is read-only)$/,
    );
    const long = "x".repeat(300);
    expect(failure(await room.host.fs.write(long, bytes("x")))).toBe(
      `failed: Cannot write '${long}': its name is too long`,
    );
  });

  test("a file that the system does not let us write is not replaced", async () => {
    await using room = inside((cwd) => {
      writeFileSync(join(cwd, "held"), "old");
      chmodSync(join(cwd, "held"), 0o444);
    });
    const native = JSON.stringify(join(import.meta.dir, "../../src/native/files.ts"));
    const script = `
      const { openRoot, replaceFile } = await import(${native});
      const root = openRoot(${JSON.stringify(room.cwd)});
      console.log(JSON.stringify(replaceFile(root.value, "held", new TextEncoder().encode("new"), {})));`;
    // root may write everything: without that power.
    const powers = "-dac_override,-dac_read_search";
    const drop = process.getuid?.() === 0 ? ["setpriv", `--bounding-set=${powers}`, `--inh-caps=${powers}`] : [];
    const child = Bun.spawnSync([...drop, process.execPath, "-e", script]);
    expect(child.stdout.toString() + child.stderr.toString()).toContain('"errno":"EACCES"');
    expect(readFileSync(join(room.cwd, "held"), "utf8")).toBe("old");
    expect(readdirSync(room.cwd)).toEqual(["held"]);
  });

  test("a folder that is swapped for a link meanwhile takes no file outside", async () => {
    await using outside = openRoom({ permissions: {} });
    await using room = inside((cwd) => {
      mkdirSync(join(cwd, "folder"));
      symlinkSync(outside.cwd, join(cwd, "link"));
    });
    await using _swapper = swapAgainAndAgain(room.cwd, "mv -T folder x; mv -T link folder; mv -T x link");
    for (let i = 0; i < 200; i++) {
      await room.host.fs.write("folder/file", bytes("x"));
      if (i % 20 === 0) await Bun.sleep(1);
    }
    expect(readdirSync(outside.cwd)).toEqual([]);
  });
});
