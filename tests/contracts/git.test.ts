import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "../../src/core/json.ts";
import { gitOperations } from "../../src/tools/git-operations.ts";
import { callTool } from "../helpers/call-tool.ts";
import { password, startGitServer, type GitServer } from "../helpers/git-server.ts";
import { openRoom, type Room } from "../host/harness.ts";

// git_operations with the real git, over smart HTTP with TLS and a password.

let folder = "";
let server: GitServer;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "rein-git-")));
  server = startGitServer(folder);
  writeFileSync(join(folder, ".gitconfig"), "[user]\n\tname = Ada\n\temail = ada@example.test\n");
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

type Caller = Room & { call(operation: string, more?: JsonObject): Promise<{ content: string; error?: boolean }> };

/** A working folder whose caller granted everything that work with the server needs. */
function openCaller(secret = password, deny: string[] = []): Caller {
  const variables = ["GIT_HOST", "GIT_USERNAME", "GIT_PASSWORD", "GIT_SSL_CAINFO"];
  const room = openRoom({
    permissions: { read: ["."], write: ["."], run: ["git"], net: ["localhost:" + server.port], env: variables },
    deny: { env: deny },
    environment: {
      PATH: process.env["PATH"],
      HOME: folder,
      TMPDIR: process.env["TMPDIR"],
      GIT_HOST: `localhost:${server.port}`,
      GIT_USERNAME: "ada",
      GIT_PASSWORD: secret,
      GIT_SSL_CAINFO: server.ca,
    },
  });
  const call: Caller["call"] = (operation, more = {}) =>
    callTool(gitOperations, { operation, ...more }, { host: room.host });
  return { ...room, call };
}

/** The JSON of a result that must be good. */
function json({ content, error }: { content: string; error?: boolean }): JsonObject {
  if (error === true) throw new Error(content);
  const value: unknown = JSON.parse(content.split("\n\n")[0] ?? "");
  if (!isJsonObject(value)) throw new Error(content);
  return value;
}

/** A clone with one commit that was pushed. */
async function seeded(
  name: string,
): Promise<{ caller: Caller; url: string; write: (path: string, text: string) => void }> {
  const url = server.create(name);
  const caller = openCaller();
  json(await caller.call("clone", { url, folder: "w" }));
  const write = (path: string, text: string) => writeFileSync(join(caller.cwd, "w", path), text);
  write("a.txt", "one\n");
  json(await caller.call("add", { folder: "w", paths: ["a.txt"] }));
  json(await caller.call("commit", { folder: "w", message: "Add a\n\nWith a body." }));
  json(await caller.call("push", { folder: "w" }));
  return { caller, url, write };
}

describe("over smart HTTP", () => {
  test("clone, add, commit and push, and another clone has it", async () => {
    const { caller, url } = await seeded("first.git");
    await using _ = caller;
    const there = json(await caller.call("clone", { url, folder: "other" }));
    expect(there).toMatchObject({ folder: "other", branch: "main" });
    expect(readFileSync(join(caller.cwd, "other/a.txt"), "utf8")).toBe("one\n");
    const log = json(await caller.call("log", { folder: "other" }));
    expect(log).toMatchObject({
      commits: [{ author: "Ada <ada@example.test>", subject: "Add a", body: "With a body." }],
    });
    expect(json(await caller.call("status", { folder: "other" }))).toMatchObject({
      branch: "main",
      upstream: "origin/main",
      ahead: 0,
      behind: 0,
      staged: [],
      unstaged: [],
      untracked: [],
      conflicts: [],
    });
  });

  test("push says what became of the branch, and pull brings what others pushed", async () => {
    const { caller, url, write } = await seeded("second.git");
    await using _ = caller;
    json(await caller.call("clone", { url, folder: "other" }));
    write("b.txt", "two\n");
    json(await caller.call("add", { folder: "w", all: true }));
    json(await caller.call("commit", { folder: "w", message: "Add b" }));
    expect(json(await caller.call("push", { folder: "w" }))).toMatchObject({
      remote: "origin",
      pushed: [{ from: "refs/heads/main", to: "refs/heads/main" }],
    });
    expect(json(await caller.call("fetch", { folder: "other" }))).toMatchObject({
      updated: [{ ref: "origin/main" }],
    });
    expect(json(await caller.call("status", { folder: "other" }))).toMatchObject({ behind: 1 });
    expect(json(await caller.call("pull", { folder: "other" }))).toMatchObject({ behind: 0 });
    expect(readFileSync(join(caller.cwd, "other/b.txt"), "utf8")).toBe("two\n");
  });

  test("a push that is behind is refused, and says to pull", async () => {
    const { caller, url, write } = await seeded("behind.git");
    await using _ = caller;
    json(await caller.call("clone", { url, folder: "other" }));
    for (const [place, text] of [
      ["w", "two\n"],
      ["other", "three\n"],
    ] as const) {
      if (place === "w") write("b.txt", text);
      else writeFileSync(join(caller.cwd, "other/c.txt"), text);
      json(await caller.call("add", { folder: place, all: true }));
      json(await caller.call("commit", { folder: place, message: "More" }));
    }
    json(await caller.call("push", { folder: "w" }));
    const refused = await caller.call("push", { folder: "other" });
    expect(refused.error).toBe(true);
    expect(refused.content).toContain("pull first, then push again");
  });

  test("a conflict names its files; abort undoes it", async () => {
    const { caller, write } = await seeded("conflict.git");
    await using _ = caller;
    json(await caller.call("checkout", { folder: "w", name: "side" }));
    write("a.txt", "side\n");
    json(await caller.call("commit", { folder: "w", message: "Side", all: true }));
    json(await caller.call("checkout", { folder: "w", ref: "main" }));
    write("a.txt", "main\n");
    json(await caller.call("commit", { folder: "w", message: "Main", all: true }));
    const conflict = await caller.call("merge", { folder: "w", ref: "side" });
    expect(conflict.error).toBe(true);
    expect(JSON.parse(conflict.content)).toMatchObject({ conflicts: [{ path: "a.txt", change: "modified by both" }] });
    expect(json(await caller.call("status", { folder: "w" }))).toMatchObject({ unfinished: "merge" });
    expect(json(await caller.call("merge", { folder: "w", action: "abort" }))).toMatchObject({
      conflicts: [],
      unstaged: [],
    });
    expect(readFileSync(join(caller.cwd, "w/a.txt"), "utf8")).toBe("main\n");

    await caller.call("merge", { folder: "w", ref: "side" });
    write("a.txt", "both\n");
    json(await caller.call("add", { folder: "w", paths: ["a.txt"] }));
    json(await caller.call("merge", { folder: "w", action: "continue" }));
    expect(json(await caller.call("log", { folder: "w", limit: 1 }))).toMatchObject({
      commits: [{ subject: "Merge branch 'side'" }],
      more: true,
    });

    const rebase = async () => {
      json(await caller.call("checkout", { folder: "w", ref: "side" }));
      expect((await caller.call("rebase", { folder: "w", ref: "main~1" })).error).toBe(true);
    };
    await rebase();
    json(await caller.call("rebase", { folder: "w", action: "abort" }));
  });

  test("a rebase goes on after its conflict was settled", async () => {
    const { caller, url, write } = await seeded("rebase.git");
    await using _ = caller;
    json(await caller.call("clone", { url, folder: "other" }));
    write("a.txt", "theirs\n");
    json(await caller.call("commit", { folder: "w", message: "Theirs", all: true }));
    json(await caller.call("push", { folder: "w" }));
    writeFileSync(join(caller.cwd, "other/a.txt"), "ours\n");
    json(await caller.call("commit", { folder: "other", message: "Ours", all: true }));
    const conflict = await caller.call("pull", { folder: "other", rebase: true });
    expect(JSON.parse(conflict.content)).toMatchObject({ conflicts: [{ path: "a.txt" }] });
    expect(json(await caller.call("status", { folder: "other" }))).toMatchObject({ unfinished: "rebase" });
    writeFileSync(join(caller.cwd, "other/a.txt"), "both\n");
    json(await caller.call("add", { folder: "other", paths: ["a.txt"] }));
    expect(json(await caller.call("rebase", { folder: "other", action: "continue" }))).toMatchObject({
      branch: "main",
      ahead: 1,
      behind: 0,
    });
    const log = json(await caller.call("log", { folder: "other" }));
    expect(log).toMatchObject({ commits: [{ subject: "Ours" }, { subject: "Theirs" }, { subject: "Add a" }] });
    json(await caller.call("push", { folder: "other" }));
  });

  test("a refused password is said, without a prompt", async () => {
    const url = server.create("locked.git");
    for (const [secret, deny] of [
      ["wrong", []],
      [password, ["GIT_PASSWORD"]],
    ] as const) {
      await using caller = openCaller(secret, [...deny]);
      const refused = await caller.call("clone", { url, folder: "w" });
      expect(refused.error).toBe(true);
      expect(refused.content).toStartWith("Cannot clone: ");
      expect(refused.content).toContain("GIT_PASSWORD");
      expect(refused.content).not.toContain(secret);
      expect(existsSync(join(caller.cwd, "w"))).toBe(false);
    }
  });

  test("a password goes to the host that it is for, and is nowhere on disk", async () => {
    const { caller, url } = await seeded("secret.git");
    await using _ = caller;
    const found = Bun.spawnSync(["grep", "-rl", password, caller.cwd]);
    expect(found.stdout.toString()).toBe("");
    await using other = openRoom({
      permissions: { read: ["."], write: ["."], run: ["git"], net: [`localhost:${server.port}`], env: ["GIT_*"] },
      environment: {
        PATH: process.env["PATH"],
        GIT_HOST: "example.test",
        GIT_PASSWORD: password,
        GIT_USERNAME: "ada",
        GIT_SSL_CAINFO: server.ca,
      },
    });
    const refused = await callTool(gitOperations, { operation: "clone", url, folder: "x" }, { host: other.host });
    expect(refused.content).toStartWith("Cannot clone: ");
  });

  test("a helper that the repository names is not asked for the password", async () => {
    const { caller, write } = await seeded("helper.git");
    await using _ = caller;
    const told = join(caller.cwd, "told");
    const evil = `!f() { cat >> ${told}; }; f`;
    appendFileSync(
      join(caller.cwd, "w/.git/config"),
      [
        `[credential]\n\thelper = "${evil}"`,
        `[credential "${server.origin}"]\n\thelper = "${evil}"\n\tusername = eve`,
        `[http "${server.origin}"]\n\tproxy = http://127.0.0.1:1\n\tsslVerify = false\n\tcookieFile = ${told}`,
        '[remote "origin"]\n\tproxy = http://127.0.0.1:1\n',
      ].join("\n"),
    );
    write("b.txt", "two\n");
    json(await caller.call("add", { folder: "w", all: true }));
    json(await caller.call("commit", { folder: "w", message: "More" }));
    json(await caller.call("push", { folder: "w" }));
    expect(existsSync(told)).toBe(false);
  });

  test("a helper that the user's own config names is asked", async () => {
    const url = server.create("own.git");
    const home = join(folder, "home");
    mkdirSync(home);
    writeFileSync(join(home, "secret"), `username=ada\npassword=${password}\n`);
    writeFileSync(join(home, ".gitconfig"), '[credential]\n\thelper = "!cat ~/secret; :"\n');
    await using room = openRoom({
      permissions: {
        read: ["."],
        write: ["."],
        run: ["git"],
        net: [`localhost:${server.port}`],
        env: ["GIT_SSL_CAINFO"],
      },
      environment: { PATH: process.env["PATH"], HOME: home, GIT_SSL_CAINFO: server.ca },
    });
    const cloned = await callTool(gitOperations, { operation: "clone", url, folder: "w" }, { host: room.host });
    expect(json(cloned)).toEqual({ folder: "w", branch: "main", commit: null });
  });

  test("a certificate that nobody knows is refused, whatever the repository's config says", async () => {
    const { caller } = await seeded("untrusted.git");
    await using _ = caller;
    appendFileSync(join(caller.cwd, "w/.git/config"), `[http "${server.origin}"]\n\tsslVerify = false\n`);
    await using room = openRoom({
      permissions: { read: [caller.cwd], write: [caller.cwd], run: ["git"], net: [`localhost:${server.port}`] },
      environment: { PATH: process.env["PATH"], HOME: folder },
    });
    const fetched = await callTool(
      gitOperations,
      { operation: "fetch", folder: join(caller.cwd, "w") },
      { host: room.host },
    );
    expect(fetched.content).toContain("certificate");
    appendFileSync(join(caller.cwd, "w/.git/config"), `[http "${server.origin}"]\n\tsslCAInfo = ${server.ca}\n`);
    expect((await caller.call("fetch", { folder: "w" })).content).toContain("which says whom to trust");
  });

  test("ssh is a program that must be granted too", async () => {
    await using room = openRoom({
      permissions: { read: ["."], write: ["."], run: ["git"], net: ["127.0.0.1:22", "127.0.0.1:2222"] },
      environment: { PATH: process.env["PATH"], HOME: folder },
    });
    for (const url of ["git@127.0.0.1:a.git", "ssh://git@127.0.0.1:2222/a.git"]) {
      const refused = await callTool(gitOperations, { operation: "clone", url, folder: "w" }, { host: room.host });
      expect(refused.content).toBe("Cannot run 'ssh': the agent file does not request it");
    }
    expect(room.told.filter(({ kind }) => kind === "net").map(({ target }) => target)).toEqual([
      "127.0.0.1:22",
      "127.0.0.1:2222",
    ]);
  });

  test("a redirect is not followed, and a host that is not granted is not reached", async () => {
    const url = server.create("moved.git");
    await using caller = openCaller();
    const moved = await caller.call("clone", { url: url.replace("/moved.git", "/moved/moved.git"), folder: "w" });
    expect(moved.error).toBe(true);
    expect(moved.content).toContain("redirects are not followed");
    const other = await caller.call("clone", { url: "https://example.test/a.git" });
    expect(other.content).toBe("Cannot reach 'example.test:443': the agent file does not request it");
    expect(caller.told.at(-1)).toEqual({ kind: "net", target: "example.test:443", verdict: "deny" });
  });

  test("a remote that the config leads elsewhere is judged by where it leads", async () => {
    const { caller, url } = await seeded("led.git");
    await using _ = caller;
    const config = join(caller.cwd, "w/.git/config");
    const before = readFileSync(config, "utf8");
    for (const [text, said] of [
      [`[url "https://evil.test/"]\n\tinsteadOf = ${server.origin}/\n`, "Cannot reach 'evil.test:443'"],
      [`[url "https://evil.test/"]\n\tpushInsteadOf = ${server.origin}/\n`, "Cannot reach 'evil.test:443'"],
      [`[remote "origin"]\n\tpushurl = ${url}\n\tpushurl = https://evil.test/x\n`, "Cannot reach 'evil.test:443'"],
      [`[remote "origin"]\n\tpushurl = ext::sh -c 'touch x'\n`, "it is no address of a repository"],
      [`[remote "origin"]\n\tpushurl = https://ada:secret@localhost/x\n`, "credentials do not belong into a URL"],
    ] as const) {
      writeFileSync(config, before + text);
      const refused = await caller.call("push", { folder: "w" });
      expect(refused.content).toContain(said);
      expect(refused.content).not.toContain("secret");
    }
  });
});

test("who commits is whom the repository names, and for what it does not say whom the user's own config does", async () => {
  await using caller = openCaller();
  const git = (...args: string[]) => Bun.spawnSync(["git", ...args], { cwd: caller.cwd });
  git("init", "--quiet");
  git("config", "user.email", "ada@work.test");
  writeFileSync(join(caller.cwd, "a.txt"), "one\n");
  json(await caller.call("add", { all: true }));
  expect(json(await caller.call("commit", { message: "Add a" }))["author"]).toBe("Ada <ada@work.test>");
  const refused = await caller.call("commit", { message: "a\0b" });
  expect(refused).toMatchObject({ content: "Cannot commit: the message holds a NUL byte", error: true });
});

test("of a diff without end the files are told, and how it begins", async () => {
  await using caller = openCaller();
  Bun.spawnSync(["git", "init", "--quiet"], { cwd: caller.cwd });
  writeFileSync(join(caller.cwd, "big.txt"), "0123456789\n".repeat(900_000));
  json(await caller.call("add", { all: true }));
  const shown = await caller.call("diff", { staged: true });
  expect(json(shown)["files"]).toEqual([{ path: "big.txt", added: 900_000, deleted: 0 }]);
  expect(shown.content).toContain("+++ b/big.txt\n@@ -0,0 +1,900000 @@\n+0123456789\n");
  expect(shown.content).toEndWith("+0123456789\n\n[git wrote more, which was not read: ask for less]\n");
  expect(shown.content.length).toBeLessThan(60_000);
});

test("a folder that is no repository is said to be none", async () => {
  await using caller = openCaller();
  mkdirSync(join(caller.cwd, "empty"));
  expect((await caller.call("status", { folder: "empty" })).content).toStartWith(
    "Cannot use the repository 'empty': not a git repository",
  );
});
