import { describe, expect, test } from "bun:test";
import type { Child, ChildOptions, ProcessEnd, ProcessOptions } from "../../src/core/host.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { fail, ok } from "../../src/core/result.ts";
import type { Result } from "../../src/core/result.ts";
import { bashExec } from "../../src/tools/bash-exec.ts";
import { callTool } from "../helpers/call-tool.ts";
import { testClock } from "../helpers/clock.ts";
import { memoryHost } from "../helpers/memory-host.ts";

type Piece = ["stdout" | "stderr", string | Uint8Array];
const done: ProcessEnd = { code: 0, signal: null, timeout: false };

/** Runs the tool over a process that writes these pieces and ends so. */
function exec(pieces: Piece[], end: Result<ProcessEnd> = ok(done), output?: string[]) {
  const run = async (_argv: string[], options: ProcessOptions) => {
    for (const [stream, piece] of pieces) options.onOutput(stream, Buffer.from(piece));
    return end;
  };
  return callTool(
    bashExec(),
    { command: "x" },
    output === undefined ? { host: memoryHost({ run }) } : { host: memoryHost({ run }), output },
  );
}

describe("the result", () => {
  test("stdout and stderr stand in the order they came, then the exit code", async () => {
    expect(
      await exec([
        ["stdout", "a\n"],
        ["stderr", "b\n"],
        ["stdout", "c"],
      ]),
    ).toEqual({ content: "a\nb\nc\n[exit code 0]", error: false });
  });

  test("no output is said", async () => {
    expect((await exec([])).content).toBe("[no output, exit code 0]");
  });

  const ends: Array<[string, ProcessEnd, string]> = [
    ["an exit code", { code: 3, signal: null, timeout: false }, "[exit code 3]"],
    ["a signal", { code: null, signal: "SIGSEGV", timeout: false }, "[ended by SIGSEGV]"],
    [
      "the timeout",
      { code: null, signal: "SIGKILL", timeout: true },
      "[ended after 120 s: it took too long; set a longer timeout or make it do less]",
    ],
  ];
  for (const [name, end, words] of ends) {
    test(`${name} is a failure that is said`, async () => {
      expect(await exec([["stdout", "x\n"]], ok(end))).toEqual({ content: `x\n${words}`, error: true });
    });
  }

  test("a refusal carries the host's words", async () => {
    expect(await exec([], fail("denied", "Cannot run 'bash': not granted"))).toEqual({
      content: "Cannot run 'bash': not granted",
      error: true,
    });
  });
});

describe("output", () => {
  test("a character in two pieces is whole, and malformed bytes are U+FFFD", async () => {
    const shown: string[] = [];
    const { content } = await exec(
      [
        ["stdout", Buffer.from([0xc3])],
        ["stderr", "!"],
        ["stdout", Buffer.from([0xbc, 0xff])],
      ],
      ok(done),
      shown,
    );
    expect(content).toBe("!ü\ufffd\n[exit code 0]");
    expect(shown.join("")).toBe("!ü\ufffd");
  });

  test("half a character at the end is not lost without a trace", async () => {
    expect((await exec([["stdout", Buffer.from([0x61, 0xc3])]])).content).toBe("a\ufffd\n[exit code 0]");
  });

  test("colours and lines drawn anew are as a terminal would leave them, other control characters are marked", async () => {
    const drawn = "\x1b[32mok\x1b[0m\n 10%\r 50%\r100%\r\nbell\x07 nul\0\n\r\r\n";
    expect((await exec([["stdout", drawn]])).content).toBe("ok\n100%\nbell\ufffd nul\ufffd\n\n[exit code 0]");
  });

  test("of long output the start and the end are kept, and what was left out is counted", async () => {
    const line = "0123456789".repeat(10);
    const pieces = Array.from({ length: 5000 }, (_, index): Piece => ["stdout", `${index} ${line}\n`]);
    const { content, whole } = await exec(pieces);
    expect(whole).toBe(pieces.map(([, piece]) => piece).join(""));
    expect(content.length).toBeLessThan(50_300);
    expect(content).toStartWith(`0 ${line}\n`);
    expect(content).toEndWith(`4999 ${line}\n[exit code 0]`);
    const total = pieces.reduce((sum, [, piece]) => sum + piece.length, 0);
    expect(content).toContain(`\n[${(total - 50_000).toLocaleString("en-US")} characters left out here: `);
  });

  test("output that is shown as it came has no whole beside it", async () => {
    expect(await exec([["stdout", "short\n"]])).toEqual({ content: "short\n[exit code 0]", error: false });
  });

  test("a flood is ended, and what came of it is kept in bounds", async () => {
    const piece = new Uint8Array(1_000_000).fill(0x79);
    let pieces = 0;
    const run = async (_argv: string[], { signal, onOutput }: ProcessOptions) => {
      for (; !signal.aborted && pieces < 1000; pieces++) onOutput("stdout", piece);
      return fail("cancelled", "Cancelled");
    };
    const shown: string[] = [];
    const { content, error } = await callTool(
      bashExec(),
      { command: "yes" },
      { host: memoryHost({ run }), output: shown },
    );
    expect(pieces).toBe(65);
    expect(content.length).toBeLessThan(50_300);
    expect(content).toEndWith("\n[ended: it wrote more than 64 MB; make it write less]");
    expect(error).toBe(true);
  });
});

describe("the call", () => {
  test("bash gets the command with both streams in one, in the wished folder and time", async () => {
    const calls: Array<{ argv: string[]; cwd: string | undefined; timeoutMs: number | undefined }> = [];
    const run = async (argv: string[], { cwd, timeoutMs }: ProcessOptions) => {
      calls.push({ argv, cwd, timeoutMs });
      return ok(done);
    };
    const host = memoryHost({ run });
    await callTool(bashExec(), { command: "a; b 'c'" }, { host });
    await callTool(bashExec(), { command: "d", cwd: "sub", timeout: 5 }, { host });
    expect(calls).toEqual([
      { argv: ["bash", "-c", "exec 2>&1; a; b 'c'"], cwd: undefined, timeoutMs: 120_000 },
      { argv: ["bash", "-c", "exec 2>&1; d"], cwd: "sub", timeoutMs: 5000 },
    ]);
  });

  test("a cancelled run cancels the command", async () => {
    const stop = new AbortController();
    const run = (_argv: string[], { signal }: ProcessOptions) =>
      new Promise<Result<ProcessEnd>>((resolve) => {
        signal.addEventListener("abort", () => resolve(fail("cancelled", "Cancelled")));
        stop.abort();
      });
    const outcome = await callTool(
      bashExec(),
      { command: "sleep 9" },
      { host: memoryHost({ run }), signal: stop.signal },
    );
    expect(outcome).toEqual({ content: "Cancelled", error: true });
  });
});

/** A child of the test's own: it writes and ends when the test says so. */
function puppet() {
  const end = Promise.withResolvers<Result<ProcessEnd>>();
  const killed: string[] = [];
  let options: ChildOptions | undefined;
  const child: Child = {
    write: async () => ok(undefined),
    closeInput: () => undefined,
    ended: end.promise,
    kill: (signal = "SIGTERM") => {
      killed.push(signal);
      end.resolve(ok({ code: null, signal, timeout: false }));
    },
  };
  return {
    killed,
    started: () => options,
    start: async (_argv: string[], given: ChildOptions) => {
      options = given;
      return ok(child);
    },
    write: (text: string) => void options?.onOutput("stdout", Buffer.from(text)),
    end: (code: number) => end.resolve(ok({ code, signal: null, timeout: false })),
  };
}

/** A background command, and the calls that follow it. */
async function inBackground(input: JsonObject = {}) {
  const tool = bashExec();
  const child = puppet();
  const clock = testClock({ patienceMs: 1 });
  const output: string[] = [];
  const host = memoryHost({ start: child.start });
  const call = (more: JsonObject) => callTool(tool, more, { host, clock, output });
  const first = await call({ command: "serve", background: true, ...input });
  return { child, clock, call, first, output, tool };
}

describe("in the background", () => {
  test("a command answers with its id, and shows its output while it runs", async () => {
    const { child, first, output } = await inBackground({ cwd: "sub" });
    expect(first).toEqual({
      content: "[started as bg1: poll it for its output, kill it when it is no longer needed]",
    });
    expect(child.started()).toMatchObject({ cwd: "sub" });
    expect(child.started()?.timeoutMs).toBeUndefined();
    child.write("listening\n");
    expect(output).toEqual(["listening\n"]);
  });

  test("a poll gives what is new, and then how it ended", async () => {
    const { child, call, clock } = await inBackground();
    child.write("a\nb");
    expect(await call({ poll: "bg1" })).toEqual({ content: "a\nb\n[bg1 still runs]" });
    child.write("c\n");
    clock.pass(3000);
    child.end(3);
    await Bun.sleep(0);
    expect(await call({ poll: "bg1" })).toEqual({ content: "c\n[bg1: exit code 3 after 3 s]" });
    expect(await call({ poll: "bg1" })).toEqual({ content: "[no new output, bg1: exit code 3 after 3 s]" });
  });

  test("a poll waits for news, and no longer than it is told", async () => {
    const { child, call, clock } = await inBackground();
    const waiting = call({ poll: "bg1" });
    expect(clock.sleeps).toEqual([5000]);
    child.write("late\n");
    expect(await waiting).toEqual({ content: "late\n[bg1 still runs]" });
    const until = call({ poll: "bg1", timeout: 60 });
    expect(clock.sleeps).toEqual([5000, 60_000]);
    clock.pass();
    expect(await until).toEqual({ content: "[no new output, bg1 still runs]" });
    const ending = call({ poll: "bg1" });
    child.end(0);
    expect((await ending).content).toEndWith("bg1: exit code 0 after 60 s]");
    expect(clock.sleeping()).toBe(0);
  });

  test("a kill ends it, and gives the last of its output", async () => {
    const { child, call } = await inBackground();
    child.write("up\n");
    expect(await call({ kill: "bg1" })).toEqual({ content: "up\n[bg1: ended by SIGTERM]" });
    expect(child.killed).toEqual(["SIGTERM"]);
    expect(await call({ kill: "bg1" })).toEqual({ content: "[no new output, bg1: ended by SIGTERM]" });
  });

  test("an id that was not given is an error that names those that were", async () => {
    const { call } = await inBackground();
    const content = "There is no background command 'bg2': there are: bg1";
    expect(await call({ poll: "bg2" })).toEqual({ content, error: true });
    expect(await call({ kill: "bg2" })).toEqual({ content, error: true });
    expect((await callTool(bashExec(), { poll: "bg1" }, { host: memoryHost() })).content).toBe(
      "There is no background command 'bg1': none was started",
    );
  });

  test("several run at once, up to a bound", async () => {
    const { call } = await inBackground();
    for (let i = 2; i <= 16; i++) expect((await call({ command: "x", background: true })).content).toContain(`bg${i}:`);
    const more = await call({ command: "x", background: true });
    expect(more.error).toBe(true);
    expect(more.content).toStartWith("Cannot run it: 16 commands run in the background; kill one (bg1, bg2, ");
  });

  test("a command, a poll and a kill are calls of their own", async () => {
    const { call, tool } = await inBackground();
    for (const input of [{}, { command: "x", poll: "bg1" }, { poll: "bg1", kill: "bg1" }, { background: true }]) {
      expect((await call(input)).content).toStartWith("Give one of these: ");
    }
    expect([{ command: "x" }, { kill: "bg1" }, { poll: "bg1" }].map(tool.effects)).toEqual([
      "external",
      "external",
      "read",
    ]);
  });

  test("a refusal carries the host's words", async () => {
    const host = memoryHost({ start: async () => fail("denied", "Cannot run 'bash': not granted") });
    expect(await callTool(bashExec(), { command: "x", background: true }, { host })).toEqual({
      content: "Cannot run 'bash': not granted",
      error: true,
    });
  });
});
