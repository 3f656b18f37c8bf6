import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../../src/core/json.ts";
import type { PermissionLists } from "../../src/core/permission.ts";
import type { ToolOutcome } from "../../src/core/tool.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openHost } from "../../src/host/host.ts";
import type { OpenHost } from "../../src/host/host.ts";
import { readMachine } from "../../src/host/machine.ts";
import { makePolicy } from "../../src/permit/policy.ts";
import { loadTools } from "../../src/tools/index.ts";
import { png } from "../helpers/attachments.ts";
import { callTool } from "../helpers/call-tool.ts";

// The tools over the real doors: a disk, processes and the gate.

let folder = "";
const opened: OpenHost[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rein-tools-"));
});

afterAll(async () => {
  for (const host of opened) await host.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A host for a new folder, with what is granted there and the decisions it came to. */
function machineIn(name: string, permissions: PermissionLists) {
  const cwd = join(folder, name);
  mkdirSync(cwd);
  const environment = { PATH: process.env["PATH"], HOME: folder };
  const machine = readMachine({ cwd, agentFolder: cwd, environment });
  if (!machine.ok) throw new Error(machine.error.message);
  const policy = makePolicy({ permissions, deny: {} }, { all: true, allow: {}, deny: {} }, machine.value);
  if (!policy.ok) throw new Error(policy.error.join("; "));
  const host = openHost({
    machine: machine.value,
    policy: policy.value,
    clock: systemClock,
    environment,
    secretNames: [],
    inputs: new Map(),
  });
  opened.push(host);
  const decisions: string[] = [];
  const call = async (tool: string, input: JsonObject, signal = new AbortController().signal): Promise<ToolOutcome> => {
    const [loaded] = await loadTools([tool]);
    if (loaded === undefined) throw new Error(`no tool '${tool}'`);
    const scoped = host.scoped(
      async ({ kind, shown }, { verdict }) => void decisions.push(`${verdict} ${kind} ${shown}`),
      signal,
    );
    return callTool(loaded, input, { host: scoped, signal });
  };
  return { cwd, call, decisions };
}

describe("files", () => {
  test("a file is written, listed, found and read", async () => {
    const { cwd, call } = machineIn("files", { read: ["."], write: ["."] });
    expect(await call("file_write", { path: "a/b/c.txt", content: "grüße\nTODO\n" })).toEqual({
      content: "Created a/b/c.txt (13 bytes)",
    });
    expect(readFileSync(join(cwd, "a/b/c.txt"), "utf8")).toBe("grüße\nTODO\n");
    expect((await call("file_list", { depth: 9 })).content).toBe("a/\na/b/\na/b/c.txt (13 bytes)");
    expect((await call("file_search", { pattern: "T[O]DO" })).content).toBe("a/b/c.txt\n2: TODO");
    expect((await call("file_read", { path: "a/b/c.txt" })).content).toBe("grüße\nTODO\n");
    expect((await call("file_write", { path: "a/b/c.txt", content: "TODO\n" })).content).toContain("\n-grüße\n");
    expect(readdirSync(join(cwd, "a/b"))).toEqual(["c.txt"]);
  });

  test("names with newlines, links, pipes and links in a circle are entries, and nothing waits for them", async () => {
    const { cwd, call } = machineIn("odd", { read: ["."] });
    writeFileSync(join(cwd, "new\nline"), "hit\n");
    mkdirSync(join(cwd, "sub"));
    symlinkSync("..", join(cwd, "sub/up"));
    symlinkSync("loop", join(cwd, "loop"));
    expect(Bun.spawnSync(["mkfifo", join(cwd, "pipe")]).exitCode).toBe(0);
    expect((await call("file_list", {})).content).toBe(
      'loop (symbolic link)\n"new\\nline" (4 bytes)\npipe (device, socket or pipe)\nsub/\nsub/up (symbolic link)',
    );
    expect((await call("file_search", { pattern: "hit" })).content).toBe('"new\\nline"\n1: hit');
    expect((await call("file_read", { path: "new\nline" })).content).toBe("hit\n");
    for (const path of ["pipe", "loop", "sub", "/dev/zero"])
      expect((await call("file_read", { path })).error).toBe(true);
  });

  test("a sparse file of a terabyte is refused by its kind, and fills no memory", async () => {
    const { cwd, call } = machineIn("sparse", { read: ["."] });
    writeFileSync(join(cwd, "disk"), "");
    writeFileSync(join(cwd, "picture"), png);
    for (const name of ["disk", "picture"]) truncateSync(join(cwd, name), 1e12);
    expect((await call("file_read", { path: "disk" })).content).toBe("Cannot read 'disk': it is binary data, 1000 GB");
    expect((await call("file_read", { path: "picture" })).content).toBe(
      "Cannot read 'picture': it is a PNG image of 1000 GB, and at most 10 MB can be shown",
    );
  });

  test("of a file that may be written and not read nothing is shown, and no decision is a denial", async () => {
    const { cwd, call, decisions } = machineIn("write-only", { write: ["."] });
    writeFileSync(join(cwd, "key"), "old secret\n");
    expect(await call("file_write", { path: "key", content: "new\n" })).toEqual({ content: "Replaced key (4 bytes)" });
    expect(decisions.filter((decision) => decision.startsWith("deny"))).toEqual([]);
    expect((await call("file_read", { path: "key" })).error).toBe(true);
    expect(decisions.at(-1)).toBe("deny read key");
  });

  test("a search through a tree with a denied part finds the rest, and no decision is a denial", async () => {
    const { cwd, call, decisions } = machineIn("partly", { read: ["open"] });
    for (const name of ["open", "closed"]) {
      mkdirSync(join(cwd, name));
      writeFileSync(join(cwd, name, "file"), "hit\n");
    }
    symlinkSync("../closed/file", join(cwd, "open/link"));
    writeFileSync(join(cwd, ".gitignore"), "file\n");
    expect((await call("file_search", { pattern: "hit", path: "open" })).content).toBe("open/file\n1: hit");
    expect(decisions.filter((decision) => decision.startsWith("deny"))).toEqual([]);
    expect((await call("file_read", { path: "open/link" })).error).toBe(true);
  });
});

describe("commands", () => {
  test("output, exit code and folder are those of the command", async () => {
    const { cwd, call } = machineIn("commands", { read: ["sub"], run: ["bash"] });
    mkdirSync(join(cwd, "sub"));
    expect(await call("bash_exec", { command: "pwd; echo oops >&2; exit 3", cwd: "sub" })).toEqual({
      content: `${cwd}/sub\noops\n[exit code 3]`,
      error: true,
    });
    const mixed = "for i in 1 2 3; do echo out $i; echo err $i >&2; done";
    expect((await call("bash_exec", { command: mixed })).content).toBe(
      "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n[exit code 0]",
    );
    expect((await call("bash_exec", { command: "# first\nnope" })).content).toBe(
      "bash: line 2: nope: command not found\n[exit code 127]",
    );
    expect((await call("bash_exec", { command: "if" })).content).toMatch(/syntax error.*\n\[exit code 2\]$/);
    expect((await call("bash_exec", { command: "cat" })).content).toBe("[no output, exit code 0]");
  });

  test("a command that takes too long is ended, with what it had written", async () => {
    const { call } = machineIn("slow", { run: ["bash"] });
    const { content, error } = await call("bash_exec", { command: "echo begun; sleep 60", timeout: 1 });
    expect(content).toBe("begun\n[ended after 1 s: it took too long; set a longer timeout or make it do less]");
    expect(error).toBe(true);
  });

  test("a flood of output is ended, and what came of it is kept in bounds", async () => {
    const { call } = machineIn("flood", { run: ["bash"] });
    const { content } = await call("bash_exec", { command: "yes" });
    expect(content).toEndWith("[ended: it wrote more than 64 MB; make it write less]");
    expect(content.length).toBeLessThan(50_300);
  });

  test("what a command leaves in the background is ended with it", async () => {
    const { cwd, call } = machineIn("background", { run: ["bash"] });
    const { content } = await call("bash_exec", {
      command: `(setsid sleep 61.${process.pid}; touch survived) & echo started`,
    });
    expect(content).toStartWith("started\n");
    expect(Bun.spawnSync(["pgrep", "-f", `sleep 61[.]${process.pid}`]).stdout.toString()).toBe("");
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("a cancelled call ends its command", async () => {
    const { call } = machineIn("cancelled", { run: ["bash"] });
    const stop = new AbortController();
    const running = call("bash_exec", { command: `sleep 62.${process.pid}` }, stop.signal);
    setTimeout(() => stop.abort(), 100);
    expect((await running).error).toBe(true);
    expect(Bun.spawnSync(["pgrep", "-f", `sleep 62[.]${process.pid}`]).stdout.toString()).toBe("");
  });

  test("without a grant there is no shell", async () => {
    const { call, decisions } = machineIn("ungranted", { read: ["."] });
    expect((await call("bash_exec", { command: "id" })).error).toBe(true);
    expect(decisions).toEqual(["deny run bash"]);
  });
});
