import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { JsonObject } from "../../src/core/json.ts";
import { gitOperations } from "../../src/tools/git-operations.ts";
import { callTool } from "../helpers/call-tool.ts";
import { openRoom, type Room } from "../host/harness.ts";

// Repositories of strangers: whatever their config, attributes, hooks and state name, nothing of it runs.

let room: Room;
/** What is outside of the working folder: the program that tells of having run. */
let outside = "";
let told = "";

beforeEach(() => {
  outside = realpathSync(mkdtempSync(join(tmpdir(), "rein-hostile-")));
  told = join(outside, "told");
  writeFileSync(join(outside, ".gitconfig"), "[user]\n\tname = Ada\n\temail = ada@example.test\n");
  room = openRoom({
    permissions: { read: ["."], write: ["."], run: ["git"] },
    environment: { PATH: process.env["PATH"], HOME: outside, TMPDIR: process.env["TMPDIR"] },
  });
  git("init", "--quiet", "--initial-branch=main");
  place("a.txt", "one\n");
  git("add", ".");
  git("commit", "--quiet", "-m", "one");
  git("branch", "side");
  place("a.txt", "two\n");
  git("commit", "--quiet", "-a", "-m", "two");
  git("checkout", "--quiet", "side");
  place("a.txt", "three\n");
  git("commit", "--quiet", "-a", "-m", "three");
  git("checkout", "--quiet", "main");
  git("init", "--quiet", "--bare", "remote.git");
  git("remote", "add", "origin", "./remote.git");
  place(".git/info/exclude", "remote.git\nclone\n");
});

afterEach(async () => {
  await room[Symbol.asyncDispose]();
  rmSync(outside, { recursive: true });
});

/** The real git, as the attacker or the user runs it: with nothing in its way. */
function git(...args: string[]): void {
  const ran = Bun.spawnSync(["git", ...args], { cwd: room.cwd, env: { PATH: process.env["PATH"], HOME: outside } });
  if (!ran.success) throw new Error(`git ${args.join(" ")}: ${ran.stderr}`);
}

function place(path: string, text: string): void {
  writeFileSync(join(room.cwd, path), text);
}

const call = (operation: string, more: JsonObject = {}) =>
  callTool(gitOperations, { operation, ...more }, { host: room.host });

/** Everything that the tool can do, one after the other. Says what went wrong. */
async function everything(): Promise<string[]> {
  place("b.txt", "b\n");
  place("a.txt", "changed\n");
  const calls: Array<[string, JsonObject]> = [
    ["status", {}],
    ["diff", {}],
    ["add", { all: true }],
    ["diff", { staged: true }],
    ["commit", { message: "Next" }],
    ["log", {}],
    ["show", {}],
    ["branch", { name: "new" }],
    ["checkout", { ref: "side" }],
    ["checkout", { ref: "main" }],
    ["checkout", { ref: "main~1", paths: ["a.txt"] }],
    ["commit", { message: "Back", all: true }],
    ["push", {}],
    ["fetch", {}],
    ["pull", {}],
    ["clone", { url: "./remote.git", folder: "clone" }],
    ["merge", { ref: "side" }],
    ["merge", { action: "abort" }],
    ["rebase", { ref: "side" }],
    ["rebase", { action: "continue" }],
    ["rebase", { action: "abort" }],
  ];
  const failures: string[] = [];
  for (const [operation, more] of calls) {
    const outcome = await call(operation, more);
    if (outcome.error === true) failures.push(`${operation}: ${outcome.content}`);
  }
  return failures;
}

/** Every setting that names a program, with EVIL for one that would tell of having run. */
const settings: ReadonlyArray<readonly [section: string, line: string]> = [
  ["core", "fsmonitor = EVIL"],
  ["core", "hooksPath = HOOKS"],
  ["core", "sshCommand = EVIL"],
  ["core", "pager = EVIL"],
  ["core", "editor = EVIL"],
  ["core", "askPass = EVIL"],
  ["core", "gitProxy = EVIL"],
  ["core", "alternateRefsCommand = EVIL"],
  ["sequence", "editor = EVIL"],
  ['filter "x"', "clean = EVIL"],
  ['filter "x"', "smudge = EVIL"],
  ['filter "x"', "process = EVIL\n\trequired = true"],
  ['merge "x"', "driver = EVIL %O %A %B"],
  ["diff", "external = EVIL"],
  ['diff "x"', "command = EVIL"],
  ['diff "x"', "textconv = EVIL"],
  ["credential", "helper = !EVIL"],
  ['credential "https://example.test"', "helper = !EVIL"],
  ["gpg", "program = EVIL\n[commit]\n\tgpgSign = true\n[log]\n\tshowSignature = true\n[push]\n\tgpgSign = if-asked"],
  ['gpg "ssh"', "program = EVIL\n\tdefaultKeyCommand = EVIL\n[gpg]\n\tformat = ssh\n[commit]\n\tgpgSign = true"],
  ["alias", "status = !EVIL\n\tst = !EVIL\n\tcommit = !EVIL"],
  ['remote "origin"', "uploadpack = EVIL"],
  ['remote "origin"', "receivepack = EVIL"],
  ["pager", "log = EVIL\n\tdiff = EVIL\n\tstatus = EVIL"],
  ["interactive", "diffFilter = EVIL"],
  ['trailer "x"', "command = EVIL\n\tcmd = EVIL"],
  ['submodule "x"', "update = !EVIL\n[submodule]\n\trecurse = true"],
  ["uploadpack", "packObjectsHook = EVIL"],
  ['browser "x"', "cmd = EVIL"],
  ['difftool "x"', "cmd = EVIL\n[diff]\n\ttool = x"],
  ['mergetool "x"', "cmd = EVIL\n[merge]\n\ttool = x"],
  ["gc", "auto = 1\n\tautoDetach = false"],
  ["ssh", "variant = simple"],
];

/** Settings that nothing can override: git is not used there at all. */
const refusals: ReadonlyArray<readonly [section: string, line: string, key: string]> = [
  ["include", "path = ../other", "include.path"],
  ['includeIf "onbranch:side"', "path = ../other", "includeif.onbranch:side.path"],
  ['remote "origin"', "vcs = x", "remote.origin.vcs"],
  ['hook "x"', "command = EVIL\n\tevent = pre-commit", "hook.x.command"],
  ["future", "someCommand = EVIL", "future.somecommand"],
];

/** Plants settings, each with a program of its own that tells of having run. */
function plant(...planted: ReadonlyArray<readonly [section: string, line: string]>): void {
  const hooks = join(outside, "hooks");
  for (const [index, [section, line]] of planted.entries()) {
    const evil = join(outside, `evil-${index}`);
    writeFileSync(evil, `#!/bin/sh\necho '${section}: ${line.replaceAll("'", "")}' >> ${told}\ncat\nexit 0\n`);
    chmodSync(evil, 0o755);
    const text = line.replaceAll("EVIL", evil).replaceAll("HOOKS", hooks);
    appendFileSync(join(room.cwd, ".git/config"), `[${section}]\n\t${text}\n`);
  }
  place(".git/info/attributes", "* filter=x merge=x diff=x\n");
  for (const folder of [hooks, join(room.cwd, ".git/hooks"), join(room.cwd, "remote.git/hooks")]) plantHooks(folder);
}

function plantHooks(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const clients = [
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "post-checkout",
    "post-merge",
    "pre-push",
  ];
  const others = [
    "pre-rebase",
    "post-rewrite",
    "pre-merge-commit",
    "post-index-change",
    "reference-transaction",
    "pre-auto-gc",
  ];
  const servers = ["pre-receive", "update", "post-receive", "post-update", "proc-receive", "push-to-checkout"];
  for (const hook of [...clients, ...others, ...servers]) {
    writeFileSync(join(folder, hook), `#!/bin/sh\necho hook ${hook} >> ${told}\n`);
    chmodSync(join(folder, hook), 0o755);
  }
}

/** What ran of what was planted. */
function ran(): string {
  return existsSync(told) ? readFileSync(told, "utf8") : "";
}

describe("nothing runs that a repository's config names", () => {
  const half = Math.ceil(settings.length / 2);
  test.each([
    ["the first half", settings.slice(0, half)],
    ["the second half", settings.slice(half)],
  ] as const)("%s of the settings, in all operations", async (_, planted) => {
    plant(...planted);
    const failures = await everything();
    expect(ran()).toBe("");
    // What fails is what must: the conflict.
    expect(failures.map((failure) => failure.split("[")[0])).toEqual([
      'merge: {"conflicts":',
      'rebase: {"conflicts":',
      'rebase: {"conflicts":',
    ]);
  });

  test("what cannot be overridden is refused by its name", async () => {
    const config = readFileSync(join(room.cwd, ".git/config"), "utf8");
    for (const [section, line, key] of refusals) {
      place(".git/config", config);
      plant([section, line]);
      expect((await call("status")).content).toStartWith(
        `Cannot use the repository '.': its config has '${key}', which `,
      );
    }
    await everything();
    expect(ran()).toBe("");
  });

  test("what is planted does run where nothing is in its way", () => {
    plant(['filter "x"', "clean = EVIL"]);
    place("a.txt", "changed\n");
    git("add", "a.txt");
    expect(ran()).toContain("filter");
  });

  test("the settings that do not count are named", async () => {
    plant(['filter "x"', "clean = EVIL"], ["core", "editor = EVIL"]);
    expect(JSON.parse((await call("status")).content)).toMatchObject({
      ignored_config: ["core.editor", "filter.x.clean"],
    });
  });
});

describe("nothing runs that is not in the config", () => {
  test("a step of a rebase that is a command", async () => {
    await call("rebase", { ref: "side" });
    appendFileSync(join(room.cwd, ".git/rebase-merge/git-rebase-todo"), `exec touch ${told}\n`);
    place("a.txt", "both\n");
    await call("add", { all: true });
    const refused = await call("rebase", { action: "continue" });
    expect(refused.content).toStartWith("Cannot continue the rebase: its list has 'exec touch ");
    expect(ran()).toBe("");
    expect((await call("rebase", { action: "abort" })).error).toBe(false);
  });

  test("the config of a repository inside of it", async () => {
    mkdirSync(join(room.cwd, "inner"));
    git("-C", "inner", "init", "--quiet");
    writeFileSync(join(room.cwd, "inner/x"), "x");
    git("-C", "inner", "add", "x");
    git("-C", "inner", "commit", "--quiet", "-m", "x");
    git("add", "inner");
    git("commit", "--quiet", "-m", "inner");
    plant();
    writeFileSync(join(outside, "evil"), `#!/bin/sh\necho inner >> ${told}\n`);
    chmodSync(join(outside, "evil"), 0o755);
    appendFileSync(join(room.cwd, "inner/.git/config"), `[core]\n\tfsmonitor = ${outside}/evil\n`);
    writeFileSync(join(room.cwd, "inner/x"), "y");
    place(".gitmodules", '[submodule "inner"]\n\tpath = inner\n\turl = ./inner\n\tignore = none\n');
    git("config", "diff.submodule", "diff");
    expect((await call("show", {})).content).toContain("+Subproject commit");
    await everything();
    expect(ran()).toBe("");
  });

  test("an attribute or include that a commit brings with it", async () => {
    plant(['filter "x"', "clean = EVIL\n\tsmudge = EVIL"]);
    place(".gitattributes", "* filter=x\n");
    expect((await call("add", { all: true })).error).toBe(false);
    expect((await call("commit", { message: "attributes" })).error).toBe(false);
    await call("checkout", { ref: "side" });
    await call("checkout", { ref: "main" });
    expect(ran()).toBe("");
  });
});

describe("a repository that is not where it seems", () => {
  test("a work tree elsewhere is judged there", async () => {
    appendFileSync(join(room.cwd, ".git/config"), `[core]\n\tworktree = ${outside}\n`);
    const refused = await call("status");
    expect(refused.content).toBe(`Cannot read '${outside}': the agent file does not request it`);
    expect((await call("checkout", { ref: "main", paths: ["a.txt"] })).error).toBe(true);
    expect(existsSync(join(outside, "a.txt"))).toBe(false);
  });

  test("a git folder elsewhere is judged there", async () => {
    const away = join(outside, "away");
    Bun.spawnSync(["git", "init", "--quiet", away]);
    mkdirSync(join(room.cwd, "linked"));
    place("linked/.git", `gitdir: ${away}/.git\n`);
    expect((await call("status", { folder: "linked" })).content).toBe(
      `Cannot read '${away}/.git': the agent file does not request it`,
    );
  });

  test("what only reads needs no grant to write", async () => {
    await using reader = openRoom({
      permissions: { read: [room.cwd], run: ["git"] },
      environment: { PATH: process.env["PATH"], HOME: outside },
    });
    const operation = (name: string, more: JsonObject = {}) =>
      callTool(gitOperations, { operation: name, folder: room.cwd, ...more }, { host: reader.host });
    for (const name of ["status", "diff", "log", "show", "branch"]) expect((await operation(name)).error).toBe(false);
    for (const [name, more] of [
      ["add", { all: true }],
      ["commit", { message: "x" }],
      ["branch", { name: "x" }],
      ["push", {}],
    ] as const) {
      expect((await operation(name, more)).content).toStartWith(`Cannot write '${room.cwd}`);
    }
  });
});

describe("arguments are never options", () => {
  const refused: ReadonlyArray<readonly [operation: string, more: JsonObject]> = [
    ["log", { ref: "--output=planted" }],
    ["diff", { ref: "--output=planted" }],
    ["diff", { ref: "main --output=planted" }],
    ["show", { ref: "--output=planted" }],
    ["show", { ref: "-p" }],
    ["checkout", { ref: "--orphan=x" }],
    ["checkout", { name: "--orphan" }],
    ["branch", { name: "-D" }],
    ["branch", { name: "x", ref: "-f" }],
    ["merge", { ref: "--strategy=evil" }],
    ["rebase", { ref: "--exec=touch planted" }],
    ["rebase", { ref: "-xtouch" }],
    ["fetch", { ref: "+refs/heads/*:refs/heads/*" }],
    ["fetch", { ref: "--upload-pack=touch" }],
    ["push", { ref: ":main" }],
    ["push", { ref: "--receive-pack=touch" }],
    ["push", { ref: "+main" }],
    ["pull", { ref: "a:b" }],
    ["fetch", { remote: "--upload-pack=touch planted" }],
    ["fetch", { remote: "ext::touch planted" }],
    ["fetch", { remote: "./remote.git" }],
    ["clone", { url: "--upload-pack=touch planted" }],
    ["clone", { url: "ext::sh -c touch% planted" }],
    ["clone", { url: "-uplanted" }],
    ["clone", { url: "git://example.test/a" }],
    ["clone", { url: "http://example.test/a" }],
    ["clone", { url: "ssh://-oProxyCommand=touch/a" }],
    ["clone", { url: "-oProxyCommand=touch:a" }],
    ["clone", { url: "a@-oProxyCommand=touch:a" }],
    ["clone", { url: "fd::0" }],
    ["clone", { url: "https://ada:secret@example.test/a" }],
    ["clone", { url: "./remote.git", folder: "--bare" }],
    ["clone", { url: "./remote.git", folder: "../x" }],
    ["clone", { url: "/etc", folder: "x" }],
    ["status", { folder: "/" }],
    ["status", { folder: "a\0b" }],
    ["log", { ref: "a\0b" }],
    ["log", { paths: ["a\0b"] }],
    ["add", { paths: ["../../etc/passwd"] }],
    ["add", { paths: ["--all", "-f"] }],
    ["add", { paths: [":(exclude)x"] }],
    ["commit", { message: "" }],
    ["commit", { message: "a\0b", all: true }],
    ["show", { ref: "HEAD:../../../etc/passwd" }],
  ];
  test("what is no name is refused, and changes nothing", async () => {
    place("a.txt", "changed\n");
    for (const [operation, more] of refused) {
      const outcome = await call(operation, more);
      expect([operation, more, outcome.error]).toEqual([operation, more, true]);
      expect(outcome.content).not.toContain("secret@");
    }
    expect(existsSync(join(room.cwd, "planted"))).toBe(false);
    expect(JSON.parse((await call("status")).content)).toMatchObject({
      branch: "main",
      staged: [],
      unstaged: [{ path: "a.txt" }],
    });
  });

  test("a message may be 2 MB, and begin with a dash", async () => {
    place("a.txt", "changed\n");
    const message = `--amend\n\n${"x".repeat(2_000_000)}`;
    const made = await call("commit", { message, all: true });
    expect(made.error).toBe(false);
    expect(made.content.length).toBeLessThan(60_000);
    expect(made.content).toContain('"subject":"--amend"');
  });

  test("odd names of files are names", async () => {
    for (const name of ["--all", "new\nline", ":(top)x", "*.txt", "é"]) {
      place(name, "x\n");
      expect((await call("add", { paths: [name] })).error).toBe(false);
      const status: unknown = JSON.parse((await call("status")).content);
      expect(status).toMatchObject({ staged: [{ path: name, change: "added" }] });
      expect((await call("commit", { message: "x", paths: [name] })).error).toBe(false);
    }
  });
});

describe("what a repository has elsewhere is judged like any file:", () => {
  const secret = () => {
    const other = join(outside, "other");
    Bun.spawnSync(["git", "init", "--quiet", other]);
    writeFileSync(join(other, "private.txt"), "nobody's business\n");
    const env = { PATH: process.env["PATH"], HOME: outside };
    for (const args of [
      ["add", "."],
      ["commit", "--quiet", "-m", "private"],
    ]) {
      Bun.spawnSync(["git", "-C", other, ...args], { env });
    }
    const commit = Bun.spawnSync(["git", "-C", other, "rev-parse", "HEAD"], { env }).stdout.toString().trim();
    return { commit, objects: join(other, ".git/objects"), refs: join(other, ".git/refs") };
  };
  const shown = async (ref: string) => (await call("show", { ref })).content;

  test("objects that alternates name", async () => {
    const { commit, objects } = secret();
    place(".git/objects/info/alternates", `${objects}\n`);
    expect(await shown(commit)).toContain("the agent file does not request it");
  });

  test("objects that an alternate's alternates name", async () => {
    const { commit, objects } = secret();
    place("remote.git/objects/info/alternates", `${objects}\n`);
    place(".git/objects/info/alternates", "../../remote.git/objects\n");
    expect(await shown(commit)).toContain("the agent file does not request it");
  });

  test("a linked folder of objects, or one in it", async () => {
    const { commit, objects } = secret();
    const folder = join(room.cwd, ".git/objects", commit.slice(0, 2));
    // By chance an object of this repository has the same first digits.
    rmSync(folder, { recursive: true, force: true });
    symlinkSync(join(objects, commit.slice(0, 2)), folder);
    expect(await shown(commit)).toContain("the agent file does not request it");
    rmSync(join(room.cwd, ".git/objects"), { recursive: true });
    symlinkSync(objects, join(room.cwd, ".git/objects"));
    expect(await shown(commit)).toContain("the agent file does not request it");
  });

  test("an object, a branch, a log or any other file that is a link", async () => {
    const { commit, objects, refs } = secret();
    const git = join(room.cwd, ".git");
    mkdirSync(join(git, "refs/heads/deep"));
    mkdirSync(join(git, "objects", commit.slice(0, 2)), { recursive: true });
    const object = join("objects", commit.slice(0, 2), commit.slice(2));
    const links: Array<[name: string, to: string]> = [
      [object, join(objects, "..", object)],
      ["refs/heads/deep/theirs", join(refs, "heads", readdirSync(join(refs, "heads"))[0] ?? "")],
      ["refs/theirs", refs],
      ["packed-refs", join(outside, ".gitconfig")],
      ["info/attributes", join(outside, ".gitconfig")],
      ["logs/refs/heads/deep", join(outside, "nowhere/../other")],
      ["config.worktree", join(outside, ".gitconfig")],
    ];
    for (const [name, to] of links) {
      symlinkSync(to, join(git, name));
      expect([name, (await call("status")).content]).toEqual([name, expect.stringContaining("does not request it")]);
      rmSync(join(git, name));
    }
    expect((await call("status")).error).toBe(false);
  });

  test("a file that git would make where a link leads to", async () => {
    const log = join(room.cwd, ".git/logs/HEAD");
    rmSync(log);
    symlinkSync(join(outside, "made"), log);
    place("a.txt", "changed\n");
    await using reader = openRoom({
      permissions: { read: ["/"], write: [room.cwd], run: ["git"] },
      environment: { PATH: process.env["PATH"], HOME: outside },
    });
    const operation = (name: string, more: JsonObject = {}) =>
      callTool(gitOperations, { operation: name, folder: room.cwd, ...more }, { host: reader.host });
    expect((await operation("status")).error).toBe(false);
    expect((await operation("commit", { message: "x", all: true })).content).toBe(
      `Cannot write '${log}': the agent file does not request it`,
    );
    expect(existsSync(join(outside, "made"))).toBe(false);
  });

  test("links in a folder that a link leads to, and alternates that are named from where they really are", async () => {
    const { commit, objects } = secret();
    const mine = join(room.cwd, ".git/objects");
    renameSync(mine, join(room.cwd, "objects"));
    symlinkSync("../objects", mine);
    expect((await call("status")).error).toBe(false);
    const away = join(room.cwd, "objects/ee");
    mkdirSync(join(room.cwd, "objects/info"), { recursive: true });
    rmSync(away, { recursive: true, force: true });
    symlinkSync(join(objects, commit.slice(0, 2)), away);
    expect(await shown("HEAD")).toContain("the agent file does not request it");
    rmSync(away);
    // From .git/objects this would be within the working folder, and nothing.
    writeFileSync(join(room.cwd, "objects/info/alternates"), `../../${basename(outside)}/other/.git/objects\n`);
    expect(await shown(commit)).toContain("the agent file does not request it");
  });

  test("the folder that a work tree shares with another repository", async () => {
    const { objects } = secret();
    git("worktree", "add", "--quiet", "tree", "side");
    expect((await call("status", { folder: "tree" })).error).toBe(false);
    place(".git/worktrees/tree/commondir", `${join(objects, "..")}\n`);
    expect((await call("log", { folder: "tree" })).content).toContain("the agent file does not request it");
  });

  test("a line of a file that a setting names", async () => {
    place(
      ".git/config",
      `${readFileSync(join(room.cwd, ".git/config"), "utf8")}[fetch "fsck"]\n\tskipList = /etc/passwd\n`,
    );
    expect((await call("fetch")).content).toBe(
      "Cannot use the repository '.': its config has 'fetch.fsck.skiplist', which names a file, of which git would show a line",
    );
  });

  test("hooks may be links to anywhere, since none runs", async () => {
    symlinkSync(join(outside, "hook"), join(room.cwd, ".git/hooks/pre-commit"));
    place("a.txt", "changed\n");
    expect((await call("commit", { message: "x", all: true })).error).toBe(false);
  });

  test("alternates within the granted folder are used", async () => {
    place(".git/objects/info/alternates", "../../remote.git/objects\n");
    expect(await shown("HEAD")).toContain("two");
  });
});
