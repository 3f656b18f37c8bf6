import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  closeFd,
  listFolder,
  makeFolder,
  openBeneath,
  openRoot,
  readAt,
  replaceFile,
  statFd,
  type FileResult,
  type OpenFor,
} from "../../src/native/files.ts";

const scratch = mkdtempSync(join(tmpdir(), "rein-files-"));
let root: number;

beforeAll(() => {
  root = value(openRoot(scratch));
  mkdirSync(join(scratch, "folder/inner"), { recursive: true });
  writeFileSync(join(scratch, "folder/text"), "0123456789");
  symlinkSync("text", join(scratch, "folder/link"));
  symlinkSync("/etc", join(scratch, "etc"));
});

afterAll(() => {
  closeFd(root);
  rmSync(scratch, { recursive: true });
});

function value<T>(result: FileResult<T>): T {
  if (!result.ok) throw new Error(result.errno);
  return result.value;
}

/** Opens, acts, closes. */
function at<T>(path: string, how: OpenFor, act: (fd: number) => T): T {
  const fd = value(openBeneath(root, path, how));
  try {
    return act(fd);
  } finally {
    expect(closeFd(fd).ok).toBe(true);
  }
}

test("what lies beneath the root is read by offset and limit", () => {
  at("folder/text", "read", (fd) => {
    expect(value(readAt(fd, 2, 3))).toEqual(new TextEncoder().encode("234"));
    expect(value(readAt(fd, 8, 100))).toEqual(new TextEncoder().encode("89"));
    expect(value(readAt(fd, 50, 10))).toEqual(new Uint8Array(0));
    expect(value(statFd(fd))).toMatchObject({ kind: "file", size: 10 });
  });
});

test("every way out of the root is refused with its errno", () => {
  const failures: Array<[string, OpenFor, string]> = [
    ["/etc/passwd", "read", "EXDEV"],
    ["../x", "path", "EXDEV"],
    ["folder/../../x", "read", "EXDEV"],
    ["etc/passwd", "read", "ELOOP"],
    ["folder/link", "path", "ELOOP"],
    ["none", "read", "ENOENT"],
    ["folder/text", "folder", "ENOTDIR"],
    ["nul\0byte", "read", "EINVAL"],
    ["x".repeat(300), "read", "ENAMETOOLONG"],
  ];
  for (const [path, how, errno] of failures)
    expect([path, openBeneath(root, path, how)]).toEqual([path, { ok: false, errno }]);
  expect(openRoot("relative")).toEqual({ ok: false, errno: "EINVAL" });
  expect(openRoot(join(scratch, "folder/text"))).toEqual({ ok: false, errno: "ENOTDIR" });
});

test("a descriptor for a path gives no content", () => {
  at("folder/text", "path", (fd) => {
    expect(readAt(fd, 0, 1)).toEqual({ ok: false, errno: "EBADF" });
    expect(value(statFd(fd))).toMatchObject({ kind: "file", size: 10 });
  });
});

test("a FIFO without a writer opens at once and is no file", async () => {
  await Bun.spawn(["mkfifo", join(scratch, "fifo")]).exited;
  at("fifo", "read", (fd) => expect(value(statFd(fd)).kind).toBe("other"));
});

test("a listing has every entry in byte order, with kind and size", () => {
  const entries = at("folder", "folder", (fd) => value(listFolder(fd)));
  expect(entries.map(({ name, kind }) => [name, kind])).toEqual([
    ["inner", "folder"],
    ["link", "symlink"],
    ["text", "file"],
  ]);
  expect(entries[2]?.size).toBe(10);
  expect(entries[2]?.modifiedMs).toBe(Math.floor(statSync(join(scratch, "folder/text")).mtimeMs));
});

test("names with quotes, newlines and other bytes survive a listing", async () => {
  const odd = ['"quoted"', "a\\b", "line\nbreak", "tab\t", "ünïcode 🦀", "\u001b[31m"];
  mkdirSync(join(scratch, "odd"));
  for (const name of odd) writeFileSync(join(scratch, "odd", name), "");
  await Bun.spawn(["sh", "-c", "touch \"$(printf 'not-utf8-\\377')\""], { cwd: join(scratch, "odd") }).exited;
  const names = at("odd", "folder", (fd) => value(listFolder(fd))).map((entry) => entry.name);
  expect(names.toSorted()).toEqual([...odd, "not-utf8-\ufffd"].toSorted());
});

test("the same file has the same id whichever way it was opened", () => {
  const [one, two] = ["folder/text", "folder/inner/../text"].map((path) =>
    at(path, "read", (fd) => value(statFd(fd)).id),
  );
  expect(one).toBe(two ?? "");
  expect(one).not.toBe(value(statFd(root)).id);
});

test("a file is created and replaced whole, and keeps its mode and owner", () => {
  // Only root may give a file away.
  const own = statSync(scratch).uid;
  const owner = own === 0 ? 1234 : own;
  at("folder/inner", "folder", (fd) => {
    expect(replaceFile(fd, "new", new TextEncoder().encode("one"), { mode: 0o640 })).toEqual({
      ok: true,
      value: { created: true },
    });
    chownSync(join(scratch, "folder/inner/new"), owner, statSync(scratch).gid);
    chmodSync(join(scratch, "folder/inner/new"), 0o751);
    expect(replaceFile(fd, "new", new TextEncoder().encode("two"))).toEqual({ ok: true, value: { created: false } });
  });
  const path = join(scratch, "folder/inner/new");
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(statSync(path).mode & 0o7777).toBe(0o751);
  expect(statSync(path).uid).toBe(owner);
  expect(readdirSync(join(scratch, "folder/inner"))).toEqual(["new"]);
});

test("a replacement that fails leaves no temporary file", () => {
  const before = readdirSync(scratch);
  for (const [name, errno] of [
    ["etc", "ELOOP"],
    ["folder", "EISDIR"],
    ["../out", "EINVAL"],
    ["x".repeat(300), "ENAMETOOLONG"],
  ] as const) {
    expect(at(".", "folder", (fd) => replaceFile(fd, name, new Uint8Array(1)))).toEqual({ ok: false, errno });
  }
  expect(readdirSync(scratch)).toEqual(before);
});

test("a folder is made once, by a single name", () => {
  expect(makeFolder(root, "made")).toEqual({ ok: true, value: undefined });
  expect(makeFolder(root, "made")).toEqual({ ok: false, errno: "EEXIST" });
  expect(makeFolder(root, "made/../../out")).toEqual({ ok: false, errno: "EINVAL" });
});

test("a file is replaced by the version that it is seen to have, also one from before 1970", () => {
  const folder = value(openBeneath(root, ".", "folder"));
  for (const seconds of [1_700_000_000.123456, -1.75, 12]) {
    writeFileSync(join(scratch, "dated"), "old");
    Bun.spawnSync(["touch", "-d", `@${seconds}`, join(scratch, "dated")]);
    const { version, modifiedMs } = at("dated", "path", (fd) => value(statFd(fd)));
    expect(modifiedMs).toBe(Math.floor(seconds * 1000));
    const replaced = [`${version}0`, version].map((one) =>
      replaceFile(folder, "dated", new Uint8Array(0), { version: one }),
    );
    expect(replaced).toEqual([
      { ok: false, errno: "ESTALE" },
      { ok: true, value: { created: false } },
    ]);
  }
  closeFd(folder);
});

test("who only looks at files and reads them loads no library", async () => {
  const code = `
    import { readFileSync } from "node:fs";
    import * as files from ${JSON.stringify(join(import.meta.dir, "../../src/native/files.ts"))};
    const root = files.openRoot(${JSON.stringify(scratch)}).value;
    const read = () => {
      const fd = files.openBeneath(root, "folder/text", "read").value;
      const { value } = files.readAt(fd, 0, files.statFd(fd).value.size);
      files.closeFd(fd);
      return value.length;
    };
    const isLoaded = () => readFileSync("/proc/self/maps", "utf8").includes("memfd:rein_core");
    const [length, before] = [read(), isLoaded()];
    files.listFolder(root);
    console.log(JSON.stringify([length, before, isLoaded()]));`;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
  expect(await child.stdout.json()).toEqual([10, false, true]);
});

test("a closed descriptor is not closed again", () => {
  const fd = value(openBeneath(root, ".", "folder"));
  expect(closeFd(fd).ok).toBe(true);
  expect(closeFd(fd)).toEqual({ ok: false, errno: "EBADF" });
  expect(statFd(fd)).toEqual({ ok: false, errno: "EBADF" });
});
