import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../helpers/until.ts";
import { openRoom, value } from "../host/harness.ts";

/** Ways in which a program tries to leave something behind. Each prints "up" once it has. SLEEP is a command of its own. */
const escapes = [
  { name: "a background job", script: "SLEEP & echo up" },
  { name: "a session of its own", script: "setsid SLEEP & sleep 0.05; echo up" },
  { name: "a double fork", script: "(SLEEP & ) & wait; echo up" },
  {
    name: "a double fork in a session of its own",
    script: "(setsid bash -c 'SLEEP & SLEEP' & ) ; sleep 0.05; echo up",
  },
  {
    name: "one that ignores signals",
    script: "setsid bash -c 'trap \"\" TERM HUP INT; SLEEP; SLEEP' & sleep 0.05; echo up",
  },
  { name: "one that closed its pipes", script: "setsid SLEEP >/dev/null 2>&1 </dev/null & sleep 0.05; echo up" },
  {
    name: "one that starts itself again and again",
    script: "f() { for i in 1 2 3 4 5 6 7 8; do (SLEEP) & done; sleep 0.02; }; (f; f; f) & sleep 0.03; echo up",
  },
] as const;

/** No other process sleeps this long. */
let nextSleep = 77_000 + (process.pid % 1_000) * 100;

function prepare(script: string): { script: string; survivors: () => string[] } {
  const seconds = String(nextSleep++);
  const survivors = () => commandLines().filter((line) => line.includes(`sleep ${seconds}`));
  return { script: script.replaceAll("SLEEP", `sleep ${seconds}`), survivors };
}

function commandLines(): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()];
    } catch {
      return [];
    }
  });
}

describe.each([...escapes])("no child survives its call: $name", (escape) => {
  test("when the program ends", async () => {
    const { script, survivors } = prepare(escape.script);
    await using room = openRoom({ permissions: { run: ["bash"] } });
    let output = "";
    const end = await room.host.process.run(["bash", "-c", script], {
      signal: new AbortController().signal,
      onOutput: (_, data) => void (output += new TextDecoder().decode(data)),
    });
    expect(output).toContain("up");
    expect(end).toEqual({ ok: true, value: { code: 0, signal: null, timeout: false } });
    expect(survivors()).toEqual([]);
  });

  test("when it is aborted", async () => {
    const { script, survivors } = prepare(`${escape.script}; sleep 60`);
    await using room = openRoom({ permissions: { run: ["bash"] } });
    const abort = new AbortController();
    let most = 0;
    const end = await room.host.process.run(["bash", "-c", script], {
      signal: abort.signal,
      onOutput: () => {
        most = Math.max(most, survivors().length);
        abort.abort();
      },
    });
    expect(most).toBeGreaterThan(0);
    expect(end.ok).toBe(false);
    expect(survivors()).toEqual([]);
  });

  test("when it is killed at once", async () => {
    const { script, survivors } = prepare(`${escape.script}; sleep 60`);
    await using room = openRoom({ permissions: { run: ["bash"] } });
    const up = Promise.withResolvers<void>();
    const child = value(
      await room.host.process.start(["bash", "-c", script], {
        signal: new AbortController().signal,
        onOutput: () => up.resolve(),
      }),
    );
    await up.promise;
    child.kill("SIGKILL");
    expect(await child.ended).toEqual({ ok: true, value: { code: null, signal: "SIGKILL", timeout: false } });
    expect(survivors()).toEqual([]);
  });

  test("when the run ends", async () => {
    const { script, survivors } = prepare(`${escape.script}; sleep 60`);
    const room = openRoom({ permissions: { run: ["bash"] } });
    const up = Promise.withResolvers<void>();
    const child = value(
      await room.host.process.start(["bash", "-c", script], {
        signal: new AbortController().signal,
        onOutput: () => up.resolve(),
      }),
    );
    await up.promise;
    await room[Symbol.asyncDispose]();
    expect(survivors()).toEqual([]);
    expect((await child.ended).ok).toBe(false);
  });

  test("when rein is killed", async () => {
    const { script, survivors } = prepare(`${escape.script}; sleep 60`);
    const fixture = join(import.meta.dir, "fixtures/parent.ts");
    // It is killed before it can remove its folders.
    const folder = mkdtempSync(join(tmpdir(), "rein-test-"));
    const env = { ...process.env, TMPDIR: folder };
    await using parent = Bun.spawn([process.execPath, fixture, script], { stdout: "pipe", env });
    for await (const _ of parent.stdout) break;
    expect(survivors().length).toBeGreaterThan(0);
    parent.kill("SIGKILL");
    await parent.exited;
    await until(() => survivors().length === 0);
    rmSync(folder, { recursive: true });
  });
});

test("a child finds no secret of ours in any process around it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rein-conceal-"));
  writeFileSync(join(folder, "agent.yaml"), "prompt: hi\ntools: [bash_exec]\npermissions: { run: [bash] }\n");
  const secret = "k".repeat(60);
  // In letters that no mask knows.
  const command = `cat /proc/[0-9]*/environ 2>/dev/null | tr 'k\\0' 'l\\n' | grep -a ${"l".repeat(60)}; echo looked`;
  const argv = ["tools", "call", "bash_exec", "agent.yaml", "--input", JSON.stringify({ command }), "-P"];
  const seen = async (name: string) => {
    const child = Bun.spawn([join(import.meta.dir, "../../dist/rein"), ...argv], {
      cwd: folder,
      env: { PATH: process.env["PATH"], [name]: secret },
      stdout: "pipe",
      stderr: "inherit",
    });
    return child.stdout.text();
  };
  expect(await seen("OPENAI_API_KEY")).toBe("looked\n[exit code 0]\n");
  expect(await seen("SOME_PASSWORD")).toBe("looked\n[exit code 0]\n");
  // Who may look into every process finds the others, so that the command does look.
  const all = await seen("OTHER");
  expect(all.startsWith("OTHER=lll")).toBe(process.getuid?.() === 0);
  rmSync(folder, { recursive: true });
});
