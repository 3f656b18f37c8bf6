import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { FoundFile, FoundLine, ListQuery, SearchQuery, TreeEntry } from "../../src/core/tree.ts";
import type { Result } from "../../src/core/result.ts";
import { callText } from "../../src/native/library.ts";
import { fileTypes } from "../../src/native/search.ts";
import { swapAgainAndAgain } from "../helpers/swapper.ts";
import { openRoom, value, type Room } from "../host/harness.ts";
import { placed } from "../tools/placed.ts";

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "rein-search-")));
afterAll(() => rmSync(scratch, { recursive: true }));
const repository = join(import.meta.dir, "../..");

const plain: SearchQuery = {
  pattern: "",
  literal: false,
  case: "sensitive",
  multiline: false,
  globs: [],
  types: [],
  all: false,
  before: 0,
  after: 0,
  output: "counts",
  offset: 1,
  limit: 1_000_000,
};
const never = new AbortController().signal;

async function search(room: Room, path: string, query: Partial<SearchQuery>): Promise<FoundFile[]> {
  const files: FoundFile[] = [];
  value(await room.host.fs.search(path, { ...plain, ...query }, never, (part) => files.push(...part)));
  return files;
}

async function list(room: Room, path: string, all = false): Promise<string[]> {
  const entries: TreeEntry[] = [];
  const query: ListQuery = { globs: [], all, sort: "path", offset: 1, limit: 1_000_000 };
  value(await room.host.fs.tree(path, query, never, (part) => entries.push(...part)));
  return entries.filter(({ kind }) => kind === "file").map((entry) => entry.path);
}

function output(argv: string[], cwd: string): string {
  const env = { PATH: process.env["PATH"], HOME: scratch, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  const { stdout, stderr, exitCode } = Bun.spawnSync(argv, { cwd, env, stdin: "ignore", maxBuffer: 1e9 });
  // 1: ripgrep found nothing.
  if (exitCode !== 0 && exitCode !== 1) throw new Error(`${argv.join(" ")}: ${stderr}`);
  return stdout.toString();
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** A repository with ignore files of many kinds at many levels, over real files. */
function placeNested(folder: string): void {
  for (const part of ["src", "docs", "native/core", "tests/specs/run"]) {
    cpSync(join(repository, part), join(folder, part), {
      recursive: true,
      filter: (path) => !/[/](?:target|node_modules)$/.test(path),
    });
  }
  placed({
    ".gitignore": "*.test.ts\n/docs/*\n!/docs/guides/\nstd*\n!stderr\n**/fixtures/**\n",
    "src/.gitignore": "# ours\n/models/\n!models/index.ts\n[a-f]*.ts\n!file-*.ts\n",
    "src/tools/.gitignore": "*\n!.gitignore\n!file-search.ts\n",
    "native/core/.gitignore": "src/**/w*.rs\n*.toml\n!/Cargo.toml \n\\#x\n",
    "tests/specs/.gitignore": "*/*/agent.yaml\nr?n/\n",
    "deep/.gitignore": "b/\n",
    "deep/a/b/c/ignored": "TODO use\n",
    "deep/a/kept": "TODO use\n",
  })(folder);
  output(["git", "init", "-q"], folder);
  writeFileSync(join(folder, ".git/info/exclude"), "host/\n*.md\n!tools.md\n");
}

/** Source trees of different kinds that are there after the set-up. */
function sourceTrees(): string[] {
  const cargo = join(process.env["CARGO_HOME"] ?? join(homedir(), ".cargo"), "registry/src");
  const crates = readdirSync(cargo).flatMap((registry) =>
    readdirSync(join(cargo, registry))
      .filter((crate) => /^(regex-syntax|rustix)-\d/.test(crate))
      .map((crate) => join(cargo, registry, crate)),
  );
  const python = output(["python3", "-c", "import os; print(os.path.dirname(os.__file__))"], scratch).trim();
  return [
    ...["openai", "bun-types"].map((name) => join(repository, "node_modules", name)),
    ...["asyncio", "encodings"].map((name) => join(python, name)),
    ...crates,
  ];
}

const patterns: Array<Partial<SearchQuery> & { pattern: string }> = [
  { pattern: "TODO" },
  { pattern: "TODO|FIXME|XXX" },
  { pattern: "fn" },
  { pattern: "^import" },
  { pattern: "^\\s*$" },
  { pattern: "$" },
  { pattern: "^" },
  { pattern: "\\bself\\b" },
  { pattern: "[A-Z]{4,}_[A-Z]+" },
  { pattern: "\\d{3}-\\d{4}" },
  { pattern: "(?i)licen[cs]e" },
  { pattern: "\\w+\\s*=\\s*\\w+\\(.*\\);$" },
  { pattern: "[^\\x00-\\x7F]" },
  { pattern: "\\p{Greek}" },
  { pattern: "[à-ö]\\p{Ll}" },
  { pattern: "é" },
  { pattern: "“[^”]+”" },
  { pattern: "ÿ|ß", case: "ignore" },
  { pattern: "É", case: "ignore" },
  { pattern: "error", case: "ignore" },
  { pattern: "error", case: "smart" },
  { pattern: "Error", case: "smart" },
  { pattern: ".map(", literal: true },
  { pattern: "[0]", literal: true },
  { pattern: "=>", literal: true, case: "ignore" },
  { pattern: "impl fmt::Display", literal: true, before: 2, after: 3, output: "lines" },
  { pattern: "unsafe impl", before: 1, output: "lines" },
  { pattern: "async def", after: 4, output: "lines" },
  { pattern: "name", types: ["yaml", "sh"] },
  { pattern: "unsafe", types: ["rust"] },
  { pattern: "raise \\w+Error", types: ["py"] },
  { pattern: "name", types: ["json", "toml"] },
  { pattern: "use", globs: ["*.rs"] },
  { pattern: "use", globs: ["!*.rs", "!*.ts"] },
  { pattern: "use", globs: ["**/src/**/*.{rs,ts}", "!**/tests/**"] },
  { pattern: "use", globs: ["*.{md,toml}"], all: true },
  { pattern: "use", all: true },
  { pattern: "\\{\\n\\s*return", multiline: true, output: "lines", globs: ["*.{md,mdx,py}"] },
  { pattern: "(?s)/\\*\\*.{0,200}?@deprecated", multiline: true, output: "lines", globs: ["*.ts"] },
  { pattern: "\\}\\n\\nimpl [A-F]", multiline: true, output: "lines" },
  { pattern: "mod tests", output: "files" },
  { pattern: "class .*\\(Exception\\):", output: "files" },
];

/** What ripgrep is told for a query. It reads `.ignore` and the user's excludes too, and hides what begins with a dot. */
function ripgrep(query: SearchQuery): string[] {
  const only = query.all
    ? ["--no-ignore"]
    : ["--no-require-git", "--no-ignore-dot", "--no-ignore-global", "--glob=!.git"];
  return [
    ["rg", "-j1", "--no-config", "--no-messages", "--hidden", "--crlf", ...only],
    query.literal ? ["-F"] : [],
    { sensitive: ["-s"], ignore: ["-i"], smart: ["-S"] }[query.case],
    query.multiline ? ["-U"] : [],
    query.types.map((type) => `--type=${type}`),
    query.globs.map((glob) => `--glob=${glob}`),
    query.output === "lines" ? ["--json", `-B${query.before}`, `-A${query.after}`] : [],
    query.output === "files" ? ["-l", "-0"] : query.output === "counts" ? ["-c", "-0"] : [],
    ["-e", query.pattern, "./"],
  ].flat();
}

/** ripgrep's answer, and ours in the same form: a line for each file, or for each line of each. */
function theirs(query: SearchQuery, cwd: string): string[] {
  const said = output(ripgrep(query), cwd);
  if (query.output === "files") return said.split("\0").slice(0, -1).map(below).toSorted(byBytes);
  if (query.output === "counts")
    return [...said.matchAll(/([^\0]+)\0(\d+)\r?\n/g)]
      .map(([, path, count]) => [below(path), count] as const)
      .toSorted(([a], [b]) => byBytes(a, b))
      .map(([path, count]) => `${path}:${count}`);
  const files = new Map<string, string[]>();
  for (const line of said.split("\n").slice(0, -1)) {
    const { type, data } = JSON.parse(line);
    const path = below(data.path?.text);
    if (type === "end" && data.binary_offset !== null) files.delete(path);
    if (type !== "match" && type !== "context") continue;
    const text: string = data.lines.text ?? Buffer.from(data.lines.bytes, "base64").toString();
    const rows = text.replace(/\r?\n$/, "").split(/\r?\n/);
    const mark = type === "match" ? ":" : "-";
    const shown = rows.map((row, index) => `${path}:${data.line_number + index}${mark}${row.length > 400 ? "…" : row}`);
    files.set(path, [...(files.get(path) ?? []), ...shown]);
  }
  return [...files].toSorted(([a], [b]) => byBytes(a, b)).flatMap(([, rows]) => rows);
}

/** Where two lists differ first: a whole difference of long ones takes minutes to make. */
function difference(ours: string[], theirs: string[]): Record<"ours" | "theirs", string | undefined> | undefined {
  const at = Array.from({ length: Math.max(ours.length, theirs.length) }).findIndex((_, i) => ours[i] !== theirs[i]);
  return at < 0 ? undefined : { ours: ours[at], theirs: theirs[at] };
}

function below(path = ""): string {
  return path.replace(/^\.\//, "");
}

function ours(query: SearchQuery, files: FoundFile[]): string[] {
  if (query.output === "files") return files.map(({ path }) => path);
  if (query.output === "counts") return files.map(({ path, lines }) => `${path}:${lines}`);
  return files.flatMap(({ path, rows }) => rows.map((row) => `${path}:${shown(row)}`));
}

function shown({ number, kind, text, clipped }: FoundLine): string {
  // Of a long line we have a part.
  return `${number}${kind === "context" ? "-" : ":"}${clipped === undefined ? text : "…"}`;
}

/** Files that patterns are tried on. */
const paths = [
  "a",
  "b",
  "foo",
  "foo.log",
  "bar.log",
  "x.pyc",
  "x.pyd",
  "x.py",
  "#note",
  "!bang",
  "with space",
  "trail ",
  "{a,b}",
  "a[b]",
  "é.txt",
  "dir/foo",
  "dir/foo.log",
  "dir/sub/foo",
  "dir/sub/deep/foo",
  "doc/a.txt",
  "doc/sub/a.txt",
  "build/out",
  "lib/build/out",
  "a-b",
  "a.b.c",
  "back\\slash",
  "star*",
  "aXb",
  "-dash",
  ".hidden",
  ".env",
  ".env.local",
];

/** What is put into a .gitignore. */
const ignorePatterns = [
  "foo",
  "/foo",
  "foo/",
  "/foo/",
  "dir/foo",
  "/dir/foo",
  "**/foo",
  "dir/**",
  "dir/**/foo",
  "**/sub/foo",
  "*.log",
  "/*.log",
  "dir/*",
  "dir/*/foo",
  "*.py[cd]",
  "*.py[!cd]",
  "x.p?c",
  "x.p??",
  "#note",
  "\\#note",
  "!bang",
  "\\!bang",
  "with space",
  "with space  ",
  "trail\\ ",
  "trail ",
  "{a,b}",
  "\\{a,b\\}",
  "a\\[b\\]",
  "a[-_]b",
  "*",
  "/*",
  "**",
  "doc/*.txt",
  "doc/**/*.txt",
  "build",
  "build/",
  "/build",
  "*/build",
  "back\\\\slash",
  "star\\*",
  "star[*]",
  "[a-c]",
  "[^a-c]",
  "a*b",
  "a**b",
  ".*",
  ".env*",
  "é*",
  "",
  "   ",
  "/",
  "//",
  "foo\r",
  "sub/",
  "deep",
  "*.log\n!bar.log",
  "/*\n!/dir",
  "dir/*\n!dir/foo",
  "*\n!*/\n!foo",
  "!foo\nfoo",
  "foo\n!foo\nfoo",
  "#c\n\nfoo\n#d",
  "\ufefffoo",
];

describe.skipIf(Bun.which("rg") === null)("ripgrep", () => {
  let room: Room;
  let trees: string[] = [];
  beforeAll(() => {
    room = openRoom({ permissions: { read: ["/"] } });
    const nested = join(scratch, "trees/nested");
    placeNested(nested);
    trees = [nested, ...sourceTrees()];
  });
  afterAll(() => room[Symbol.asyncDispose]());

  test("sees the same files, at least 5,000 of them", async () => {
    const [program = "", ...flags] = ripgrep({ ...plain, output: "files" }).slice(0, -3);
    let count = 0;
    for (const tree of trees) {
      const said = output([program, ...flags.filter((flag) => flag !== "-l"), "--files", "./"], tree);
      const files = await list(room, tree);
      const expected = said.split("\0").slice(0, -1).map(below).toSorted(byBytes);
      expect({ tree, difference: difference(files, expected) }).toEqual({ tree, difference: undefined });
      count += files.length;
    }
    expect(count).toBeGreaterThan(5000);
  });

  for (const query of patterns) {
    const words = Object.entries(query).map(([name, of]) => (name === "pattern" ? `'${of}'` : `${name} ${of}`));
    test(`finds the same: ${words.join(", ")}`, async () => {
      const whole = { ...plain, ...query };
      let found = 0;
      for (const tree of trees) {
        const answer = ours(whole, await search(room, tree, query));
        expect({ tree, difference: difference(answer, theirs(whole, tree)) }).toEqual({ tree, difference: undefined });
        found += answer.length;
      }
      expect(found).toBeGreaterThan(0);
    });
  }
});

describe("git", () => {
  test("leaves out the same of a repository with ignore files at many levels", async () => {
    const tree = join(scratch, "nested");
    placeNested(tree);
    await using room = openRoom({ permissions: { read: [tree] } });
    const byGit = output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], tree);
    const files = await list(room, tree);
    expect(difference(files, byGit.split("\0").slice(0, -1).toSorted(byBytes))).toBeUndefined();
    expect(files.length).toBeGreaterThan(100);
  });

  test("leaves out the same by each pattern", async () => {
    await using room = openRoom({
      permissions: { read: ["."] },
      place: placed(Object.fromEntries(paths.map((path) => [path, ""]))),
    });
    output(["git", "init", "-q"], room.cwd);
    for (const source of ignorePatterns) {
      writeFileSync(join(room.cwd, ".gitignore"), source);
      const byGit = output(["git", "ls-files", "-z", "--others", "--exclude-standard"], room.cwd);
      expect({ source, files: await list(room, ".") }).toEqual({
        source,
        files: byGit.split("\0").slice(0, -1).toSorted(byBytes),
      });
    }
  });

  test("a hostile ignore file is read in bounded time", async () => {
    const hostile = `${"\\".repeat(90_000)}x\n${"*a".repeat(40_000)}\n${"{".repeat(3000)}\n${"*a*b*c*[!x]?\n".repeat(20_000)}`;
    const files = { ".gitignore": hostile, [`${"b".repeat(200)}`]: "", ab: "" };
    await using room = openRoom({ permissions: { read: ["."] }, place: placed(files) });
    expect(await list(room, ".")).toEqual([".gitignore", "ab", "b".repeat(200)]);
  });
});

/** What native code still holds: jobs, and searches that were opened. */
function live(): number {
  return Number(textOf(callText("test.live", 0, "")));
}

function textOf(result: Result<string, string>): string {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

/** Threads of searches that still run. */
/** Threads of ours in this process: jobs of other test files may still be ending. */
function threads(): number {
  const names = readdirSync("/proc/self/task").map((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, "utf8").trim();
    } catch {
      return ""; // It just ended.
    }
  });
  return names.filter((name) => /^rein-(job|search)$/.test(name)).length;
}

describe("a tree that changes", () => {
  test("a folder or file that is swapped for a link is never followed, nor one that is denied seen", async () => {
    const place = placed({
      "outside/a/secret": "secret\n",
      "inside/d/a/mine": "mine\n",
      "inside/d/denied/a": "secret\n",
      "inside/e/mine": "mine\n",
    });
    await using room = openRoom({
      permissions: { read: ["inside"] },
      deny: { read: ["inside/d/denied"] },
      place: (cwd) => {
        place(cwd);
        symlinkSync(join(cwd, "outside/a"), join(cwd, "inside/d/link"));
        symlinkSync(join(cwd, "outside/a/secret"), join(cwd, "inside/e/link"));
        symlinkSync("denied", join(cwd, "inside/d/door"));
      },
    });
    const swap = (a: string, b: string) => `mv -T ${a} x; mv -T ${b} ${a}; mv -T x ${b}`;
    const moves = `${swap("d/a", "d/link")}; ${swap("e/mine", "e/link")}`;
    await using _swapper = swapAgainAndAgain(join(room.cwd, "inside"), moves);
    const seen = new Set<string>();
    for (let round = 0; round < 300; round++) {
      const files = await search(room, "inside", { pattern: "mine|secret", output: "lines", all: true });
      for (const { rows } of files) for (const { text } of rows) seen.add(text);
    }
    expect([...seen]).toEqual(["mine"]);
  });

  test("pipes and sockets are left out, and nothing waits for them", async () => {
    await using room = openRoom({
      permissions: { read: ["."] },
      place: (cwd) => {
        placed({ a: "hit\n", z: "hit\n" })(cwd);
        Bun.spawnSync(["mkfifo", join(cwd, "pipe")]);
      },
    });
    using _server = Bun.listen({ unix: join(room.cwd, "socket"), socket: { data: () => undefined } });
    expect((await search(room, ".", { pattern: "hit" })).map(({ path }) => path)).toEqual(["a", "z"]);
  });

  test("links in a circle and names that are not UTF-8 are no trouble", async () => {
    await using room = openRoom({ permissions: { read: ["."] }, place: placed({ "a/b/hit": "hit\n" }) });
    symlinkSync("..", join(room.cwd, "a/up"));
    Bun.spawnSync(["bash", "-c", `echo hit > "$1"/$'x\\xff'`, "_", room.cwd]);
    expect((await search(room, ".", { pattern: "hit" })).map(({ path }) => path)).toEqual(["a/b/hit", "x\ufffd"]);
  });

  test("a tree of very many levels ends, and what is too deep is counted", async () => {
    const files = Object.fromEntries(Array.from({ length: 450 }, (_, level) => [`${"d/".repeat(level)}f`, "hit\n"]));
    await using room = openRoom({ permissions: { read: ["."] }, place: placed(files) });
    const searched = value(await room.host.fs.search(".", { ...plain, pattern: "hit" }, never, () => undefined));
    expect({ results: searched.results, unreadable: searched.unreadable }).toEqual({ results: 400, unreadable: 1 });
  });
});

describe("a search that is ended", () => {
  const slow = { pattern: "(x+x+)+y|[xy]*z[xy]{40}q", output: "counts" } as const;

  test("by the signal it comes to 'cancelled', and its threads end", async () => {
    const others = threads();
    const files = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`${index}`, "x".repeat(4_000_000)]));
    await using room = openRoom({ permissions: { read: ["."] }, place: placed(files) });
    const stop = new AbortController();
    const running = room.host.fs.search(".", { ...plain, ...slow }, stop.signal, () => undefined);
    setTimeout(() => stop.abort(), 30);
    const ended = await running;
    expect(ended.ok ? "it found an end" : ended.error.code).toBe("cancelled");
    expect(live()).toBe(0);
    while (threads() > others) await Bun.sleep(5);
  });

  test("in the middle of its results it comes to an end", async () => {
    const others = threads();
    const files = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`f${index}`, "hit\n"]));
    await using room = openRoom({ permissions: { read: ["."] }, place: placed(files) });
    const stop = new AbortController();
    const running = room.host.fs.search(".", { ...plain, pattern: "hit" }, stop.signal, () => stop.abort());
    expect((await running).ok).toBe(false);
    expect(live()).toBe(0);
    while (threads() > others) await Bun.sleep(5);
  });

  test("nothing is left open, whether it was right, wrong or ended before it began", async () => {
    const others = threads();
    await using room = openRoom({
      permissions: { read: ["."] },
      place: placed({ "a/b/c": "hit\n", "a/.gitignore": "x" }),
    });
    const use = async () => {
      await search(room, ".", { pattern: "hit" });
      await search(room, "a/b/c", { pattern: "hit" });
      await list(room, ".");
      await room.host.fs.search(".", { ...plain, pattern: "(" }, never, () => undefined);
      await room.host.fs.search(".", { ...plain, pattern: "x", globs: ["{"] }, never, () => undefined);
      await room.host.fs.search("none", { ...plain, pattern: "x" }, never, () => undefined);
      await room.host.fs.search(".", { ...plain, pattern: "x" }, AbortSignal.abort(), () => undefined);
    };
    await use();
    while (threads() > others) await Bun.sleep(5);
    const before = readdirSync("/proc/self/fd").length;
    const rounds = 20;
    for (let round = 0; round < rounds; round++) await use();
    while (threads() > others) await Bun.sleep(5);
    expect(live()).toBe(0);
    // The process's own descriptors come and go; one that is left open in each round would be as many more.
    expect(readdirSync("/proc/self/fd").length).toBeLessThan(before + rounds);
  });
});

test("whoever is asked for a folder opens its tree, but for what is denied, for that call", async () => {
  const asked: string[] = [];
  await using room = openRoom({
    permissions: { read: ["."] },
    deny: { read: ["a/secret"] },
    grants: { all: false, allow: {}, deny: {} },
    ask: async ({ shown }) => {
      asked.push(shown);
      return asked.length === 1 ? "once" : "no";
    },
    place: placed({ "a/b/c": "hit\n", "a/secret": "hit\n", "a/.gitignore": "x\n" }),
  });
  expect((await search(room, "a", { pattern: "hit" })).map(({ path }) => path)).toEqual(["b/c"]);
  expect((await room.host.fs.read("a/b/c", { offset: 0, limit: 9 })).ok).toBe(false);
  expect(asked).toEqual(["a", "a/b/c"]);
});

test("an answer is the same each time, in byte order", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 2000 }, (_, index) => [
      `${index % 13}/${index % 7}/f${index}`,
      `hit ${index}\n`.repeat(index % 5),
    ]),
  );
  await using room = openRoom({ permissions: { read: ["."] }, place: placed(files) });
  const first = await search(room, ".", { pattern: "hit", output: "lines", offset: 500, limit: 900 });
  const paths = first.map(({ path }) => path);
  expect(paths).toEqual(paths.toSorted(byBytes));
  for (let round = 0; round < 10; round++)
    expect(await search(room, ".", { pattern: "hit", output: "lines", offset: 500, limit: 900 })).toEqual(first);
});

test("file types have names", () => {
  for (const name of ["ts", "js", "py", "rust", "go", "java", "c", "cpp", "md", "json", "yaml"])
    expect(fileTypes()).toContain(name);
});
