import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModules } from "../../src/app/modules.ts";
import { openToolbox } from "../../src/app/toolbox.ts";
import type { JsonObject } from "../../src/core/json.ts";
import type { PlannedTool } from "../../src/core/planned-tool.ts";
import type { ToolContext, ToolOutcome } from "../../src/core/tool.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openHost, type OpenHost } from "../../src/host/host.ts";
import { readMachine } from "../../src/host/machine.ts";
import { makePolicy } from "../../src/permit/policy.ts";

let folder: string;
const opened: OpenHost[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rein-modules-"));
});

afterAll(async () => {
  for (const host of opened) await host.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A tool's time, in milliseconds, where it has no other. */
const usualMs = 10_000;

/** The system's clock, with sleeps of `usualMs` and other ones, those for a process to stop, as long as is said here. */
const clockWith = (usual: number, other: number) => ({
  ...systemClock,
  sleep: (ms: number, signal: AbortSignal) => systemClock.sleep(ms === usualMs ? usual : other, signal),
});

/** A module's default export as a tool of a run whose environment has SECRET and OTHER, and which SECRET is granted to. */
async function open(name: string, body: string, facts: { env?: string[] } = {}) {
  const module = join(folder, `${name}.ts`);
  writeFileSync(
    module,
    `import { tool } from "rein/tool";\nexport default tool({ name: "t", description: "T", run: ${body} });\n`,
  );
  const environment = { PATH: process.env["PATH"], SECRET: "s3", OTHER: "o" };
  const machine = readMachine({ cwd: folder, agentFolder: folder, environment });
  if (!machine.ok) throw new Error(machine.error.message);
  const policy = makePolicy(
    { permissions: { env: ["SECRET"] }, deny: {} },
    { all: true, allow: {}, deny: {} },
    machine.value,
  );
  if (!policy.ok) throw new Error(policy.error.join());
  const host = openHost({
    machine: machine.value,
    policy: policy.value,
    clock: systemClock,
    environment,
    secretNames: [],
    inputs: new Map(),
  });
  opened.push(host);
  const { env } = facts;
  const planned: PlannedTool = {
    kind: "module",
    name: "t",
    description: "T",
    input: { type: "object" },
    effects: "none",
    timeout: usualMs,
    origin: module,
    permissions: env === undefined ? {} : { env },
    module,
    export: "default",
  };
  const [tool] = await openToolbox([planned], host);
  if (tool === undefined) throw new Error("no tool");
  const shown: string[] = [];
  const { signal } = new AbortController();
  const context = {
    host: host.scoped(async () => undefined, signal),
    signal,
    clock: systemClock,
    output: (text: string) => void shown.push(text),
    draw: async () => undefined,
  };
  const call = (
    input: JsonObject = {},
    more: Partial<Pick<ToolContext, "signal" | "clock">> = {},
  ): Promise<ToolOutcome> => tool.run(input, { ...context, ...more });
  return { call, shown };
}

describe("a module's tool", () => {
  test("answers with text as it is and other values as JSON, and its process stays", async () => {
    const { call } = await open("stays", "(input) => input.pid ? String(process.pid) : input.text ?? { a: [1] }");
    expect(await call({ text: "hi\n" })).toEqual({ content: "hi" });
    expect(await call()).toEqual({ content: '{"a":[1]}' });
    expect(await call({ pid: true })).toEqual(await call({ pid: true }));
  });

  test("does several calls at once, each with its own answer", async () => {
    const { call } = await open("several", "async ({ ms }) => (await Bun.sleep(ms), ms)");
    const answers = await Promise.all([30, 1, 15].map((ms) => call({ ms })));
    expect(answers.map(({ content }) => content)).toEqual(["30", "1", "15"]);
  });

  test("starts one process for calls that come together", async () => {
    const starts = join(folder, "starts");
    const counted = `(require("node:fs").appendFileSync(${JSON.stringify(starts)}, "x"), () => "done")`;
    const { call } = await open("together", counted);
    const answers = await Promise.all([call(), call(), call()]);
    expect(answers.map(({ content }) => content)).toEqual(["done", "done", "done"]);
    // One that is not needed would still be starting.
    await Bun.sleep(300);
    expect(readFileSync(starts, "utf8")).toBe("x");
  });

  test("fails by what it throws, and the next call works", async () => {
    const { call } = await open("throws", "({ bad }) => { if (bad) throw new Error('no such thing'); return 'good'; }");
    expect(await call({ bad: true })).toEqual({ content: "'t' failed: no such thing", error: true });
    expect(await call()).toEqual({ content: "good" });
  });

  test("fails by what it throws, also where that cannot be shown", async () => {
    const body = `({ what }) => {
      if (what === "text") throw { toString() { throw 1; } };
      throw Object.assign(new Error(), { message: { odd: true } });
    }`;
    const { call } = await open("throws-anything", body);
    expect(await call({ what: "text" })).toEqual({
      content: "'t' failed: it threw what cannot be shown",
      error: true,
    });
    expect(await call({ what: "message" })).toEqual({ content: "'t' failed: [object Object]", error: true });
  });

  test("that ends its process fails the call with what it printed, and the next call starts another", async () => {
    const { call } = await open(
      "crashes",
      "({ bad }) => { if (bad) { console.error('giving up'); process.exit(7); } return 'good'; }",
    );
    const { content, error } = await call({ bad: true });
    expect({ content, error }).toEqual({
      content: "'t' failed: its process ended with exit code 7: giving up",
      error: true,
    });
    expect(await call()).toEqual({ content: "good" });
  });

  test("that never answers, or spins, is ended at its time, and the next call works", async () => {
    const { call } = await open(
      "hangs",
      "({ how }) => { if (how === 'spin') for (;;); return how ? new Promise(() => {}) : 'good'; }",
    );
    for (const how of ["spin", "wait"]) {
      expect(await call({ how }, { clock: clockWith(300, 300) })).toEqual({
        content: "'t' failed: it took longer than 10 s",
        error: true,
      });
    }
    expect(await call()).toEqual({ content: "good" });
  });

  const stoppable = `({ stops, ms, pid }, { signal }) => pid ? process.pid : new Promise((resolve, reject) => {
    if (ms) setTimeout(() => resolve("done"), ms);
    else if (stops) signal.addEventListener("abort", () => reject(signal.reason));
  })`;

  test("that is told to stop, and does, leaves the calls beside it alone", async () => {
    const { call } = await open("stops", stoppable);
    const pid = (await call({ pid: true })).content;
    const late = { clock: clockWith(300, 60_000) };
    const [first, beside] = await Promise.all([
      call({ stops: true }, late),
      call({ ms: 200 }),
      call({ stops: true }, late),
    ]);
    expect(first).toEqual({ content: "'t' failed: it took longer than 10 s", error: true });
    expect(beside).toEqual({ content: "done" });
    const abort = new AbortController();
    const interrupted = call({ stops: true }, { signal: abort.signal, clock: clockWith(usualMs, 60_000) });
    const other = call({ ms: 100 });
    abort.abort();
    expect(await interrupted).toEqual({ content: "'t' failed: Interrupted", error: true });
    expect(await other).toEqual({ content: "done" });
    expect((await call({ pid: true })).content).toBe(pid);
  });

  test("that is told to stop, and does not, ends its process, and the calls beside it say why", async () => {
    const { call } = await open("goes-on", stoppable);
    const abort = new AbortController();
    const [stubborn, beside] = [call({}, { signal: abort.signal }), call({ ms: 10_000 })];
    const pid = (await call({ pid: true })).content;
    abort.abort();
    expect(await stubborn).toEqual({ content: "'t' failed: Interrupted", error: true });
    expect(await beside).toEqual({
      content:
        "'t' failed: its process was ended, since another call in it did not stop when it was told to; call it again if that does no harm",
      error: true,
    });
    expect((await call({ pid: true })).content).not.toBe(pid);
  });

  test("is not begun where it was interrupted before", async () => {
    const { call } = await open("never", stoppable);
    expect(await call({ pid: true }, { signal: AbortSignal.abort() })).toEqual({
      content: "'t' failed: Interrupted",
      error: true,
    });
  });

  test("may print to stdout what it likes: it is output, and no answer", async () => {
    const body = `async ({ raw }) => {
      console.log("one");
      process.stdout.write('\\x1e{"id":1,"result":7}\\n\\x1enot json\\n');
      await Bun.write(Bun.stdout, new Uint8Array([255, 254, 10]));
      process.stdout.write("no line end");
      return "answer";
    }`;
    const { call, shown } = await open("noise", body);
    expect(await call()).toEqual({ content: "answer" });
    expect(shown.join("")).toContain("one\n");
    expect(shown.join("")).toContain("not json");
  });

  test("that answers with 2 MB is cut in the middle, and one that never ends a line is ended", async () => {
    const { call } = await open(
      "large",
      "async ({ flood }) => { for (; flood; await Bun.sleep(1)) process.stdout.write('x'.repeat(1e6)); return 'y'.repeat(2e6); }",
    );
    const { content, error } = await call();
    expect(error).toBeUndefined();
    expect(content).toContain("[1,950,000 characters left out]");
    expect((await call({ flood: true })).content).toBe("'t' failed: its process wrote more than 16 MB at once");
    expect((await call()).content).toStartWith("yyy");
  });

  test("gets the granted variables, or of these only those that it names", async () => {
    const body = "() => `${process.env.SECRET} ${process.env.OTHER}`";
    expect((await (await open("all", body)).call()).content).toBe("s3 undefined");
    expect((await (await open("none", body, { env: [] })).call()).content).toBe("undefined undefined");
    expect((await (await open("named", body, { env: ["SECRET", "OTHER?"] })).call()).content).toBe("s3 undefined");
    const denied = await (await open("denied", body, { env: ["OTHER"] })).call();
    expect(denied).toEqual({
      content: "'t' failed: Cannot read the variable 'OTHER': the agent file does not request it",
      error: true,
    });
  });

  test("imports packages from its own folder, and valibot without any", async () => {
    mkdirSync(join(folder, "node_modules/left"), { recursive: true });
    writeFileSync(join(folder, "node_modules/left/package.json"), '{"name":"left","main":"i.js"}');
    writeFileSync(join(folder, "node_modules/left/i.js"), "exports.left = () => 'left';");
    const body = "async () => (await import('left')).left() + typeof (await import('valibot')).object";
    expect((await (await open("imports", body)).call()).content).toBe("leftfunction");
  });
});

describe("loading modules", () => {
  const load = async (name: string, source: string, clock = systemClock) => {
    const path = join(folder, name);
    writeFileSync(path, source);
    return (
      await loadModules([path], { cwd: folder, environment: { PATH: process.env["PATH"], SECRET: "s" } }, clock)
    ).get(path);
  };

  test("tells what they export, by default and by name, without running it", async () => {
    const loaded = await load(
      "many.ts",
      `import { tool } from "rein/tool";
       export const other = 1;
       export const b = tool({ name: "b", description: process.env.SECRET ?? "nothing granted", run: ({ x, y }: { x: 1; y: 2 }) => x });
       export default tool({ name: "a", description: "A", run() { throw new Error("run"); } });`,
    );
    expect(loaded).toMatchObject({
      ok: true,
      value: [
        { export: "b", definition: { name: "b", description: "nothing granted" }, line: 3, parameters: ["x", "y"] },
        { export: "default", definition: { name: "a" }, line: 4, parameters: null },
      ],
    });
  });

  test("that throw, end, hang or have no syntax says why", async () => {
    expect(await load("throws.ts", "throw new Error('at load')")).toEqual({ ok: false, error: "at load" });
    expect(await load("ends.ts", "process.exit(3)")).toEqual({
      ok: false,
      error: "its process ended with exit code 3",
    });
    expect(await load("floods.ts", "process.stdout.write('x'.repeat(20_000_000)); setInterval(() => 0, 1000)")).toEqual(
      {
        ok: false,
        error: "its process wrote more than 16 MB at once",
      },
    );
    const fast = { ...systemClock, sleep: (_: number, signal: AbortSignal) => systemClock.sleep(300, signal) };
    expect(await load("hangs.ts", "for (;;);", fast)).toEqual({ ok: false, error: "it took longer than 2 s to load" });
    expect(await load("syntax.ts", "const = ;")).toMatchObject({
      ok: false,
      error: expect.stringMatching(/^line 1: .*=/),
    });
  });
});
