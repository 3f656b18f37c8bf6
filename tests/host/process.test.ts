import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Child, ChildOptions, ProcessEnd, ProcessOptions } from "../../src/core/host.ts";
import type { Result } from "../../src/core/result.ts";
import { until } from "../helpers/until.ts";
import { bytes, failure, nothing, openRoom, value, type Room } from "./harness.ts";

type Ran = { end: Result<ProcessEnd>; stdout: string; stderr: string };

async function run(room: Room, argv: string[], options: Partial<ProcessOptions> = {}): Promise<Ran> {
  const seen = { stdout: "", stderr: "" };
  const end = await room.host.process.run(argv, {
    signal: new AbortController().signal,
    onOutput: (stream, data) => void (seen[stream] += new TextDecoder().decode(data)),
    ...options,
  });
  return { end, ...seen };
}

const shell = { run: ["sh", "bash", "env"], read: ["."] };

function script(cwd: string, name: string, body = "#!/bin/sh\necho planted\n"): void {
  writeFileSync(join(cwd, name), body);
  chmodSync(join(cwd, name), 0o755);
}

describe("starting", () => {
  test("a child gives its output, its code and its signal", async () => {
    await using room = openRoom({ permissions: shell });
    expect(await run(room, ["sh", "-c", "echo $0 $1; echo err >/dev/stderr; exit 7", "zero", "one"])).toEqual({
      end: { ok: true, value: { code: 7, signal: null, timeout: false } },
      stdout: "zero one\n",
      stderr: "err\n",
    });
    expect(value((await run(room, ["sh", "-c", "kill -SEGV $$"])).end)).toEqual({
      code: null,
      signal: "SIGSEGV",
      timeout: false,
    });
    for (const code of [0, 126, 127, 128, 143, 255]) {
      expect(value((await run(room, ["sh", "-c", `exit ${code}`])).end).code).toBe(code);
    }
  });

  test("a program that is no program is told apart from one that fails", async () => {
    await using room = openRoom({
      permissions: { run: ["absent", "/usr/bin/missing"] },
      place: (cwd) => script(cwd, "broken", "#!/no/such/interpreter\n"),
    });
    expect(failure((await run(room, ["absent"])).end)).toBe(
      "not_found: Cannot run 'absent': there is no such program on the PATH",
    );
    await using other = openRoom({ permissions: { run: [join(room.cwd, "broken")] } });
    expect(failure((await run(other, [join(room.cwd, "broken")])).end)).toContain("no such file or folder");
    expect(failure((await run(room, [])).end)).toBe("invalid: Cannot run '': the command is empty");
    expect(failure((await run(room, ["absent", "a\0"])).end)).toContain("an argument holds a NUL byte");
  });

  test("a program is judged by its path and not by what it is called", async () => {
    await using room = openRoom({
      permissions: { run: ["sh"] },
      place: (cwd) => {
        script(cwd, "sh");
        symlinkSync("/bin/sh", join(cwd, "link"));
      },
    });
    for (const name of [join(room.cwd, "sh"), join(room.cwd, "link"), "env", "./sh", "../sh"]) {
      expect(failure((await run(room, [name])).end)).toBe(
        `denied: Cannot run '${name}': the agent file does not request it`,
      );
    }
  });

  test("what is planted on a PATH that leads into the working folder does not run", async () => {
    for (const entry of ["", ".", "relative", "CWD", "CWD/bin", "LINK"]) {
      await using outside = openRoom({ permissions: {} });
      const environment = { PATH: "" };
      await using room = openRoom({
        permissions: { run: ["sh"] },
        environment,
        place: (cwd) => {
          mkdirSync(join(cwd, "bin"));
          mkdirSync(join(cwd, "relative"));
          symlinkSync(cwd, join(outside.cwd, "into"));
          for (const folder of ["", "bin", "relative"]) script(join(cwd, folder), "sh");
          const expanded = entry.replace("CWD", cwd).replace("LINK", join(outside.cwd, "into"));
          environment.PATH = `${expanded}:/usr/bin:/bin`;
        },
      });
      const ran = await run(room, ["sh", "-c", "echo real; echo $PATH"]);
      expect(ran.stdout).toStartWith("real\n/usr/bin");
      expect(ran.stdout).not.toContain(room.cwd);
    }
  });

  test("a program means what it meant at the start, whatever comes on the PATH", async () => {
    await using early = openRoom({ permissions: {} });
    await using room = openRoom({ permissions: { run: ["sh"] }, environment: { PATH: `${early.cwd}:/usr/bin:/bin` } });
    script(early.cwd, "sh");
    expect((await run(room, ["sh", "-c", "echo real"])).stdout).toBe("real\n");
  });

  test("what is not granted does not run, and the flag is named", async () => {
    await using room = openRoom({ permissions: { run: ["sh"] }, grants: nothing });
    expect(failure((await run(room, ["sh"])).end)).toBe(
      "denied: Cannot run 'sh': not granted (the caller can allow it with --allow-run=sh)",
    );
    expect(room.told.map((told) => `${told.kind} ${told.verdict}`)).toEqual(["run deny"]);
  });

  test("the folder of a child is judged as read", async () => {
    await using room = openRoom({ permissions: shell, place: (cwd) => mkdirSync(join(cwd, "sub")) });
    expect((await run(room, ["sh", "-c", "pwd"])).stdout).toBe(`${room.cwd}\n`);
    expect((await run(room, ["sh", "-c", "pwd"], { cwd: "sub" })).stdout).toBe(`${room.cwd}/sub\n`);
    expect(failure((await run(room, ["sh"], { cwd: "/etc" })).end)).toBe(
      "denied: Cannot run in '/etc': the agent file does not request it",
    );
    expect(failure((await run(room, ["sh"], { cwd: "missing" })).end)).toContain("Cannot run 'sh': ");
    expect(failure((await run(room, ["sh"], { cwd: "a\0b" })).end)).toStartWith(
      "invalid: Cannot run 'sh': its folder's",
    );
  });

  test("stdin is empty unless it is given", async () => {
    await using room = openRoom({ permissions: { run: ["cat", "readlink"] } });
    expect((await run(room, ["cat"])).stdout).toBe("");
    expect((await run(room, ["readlink", "/proc/self/fd/0"])).stdout).toBe("/dev/null\n");
    const big = "x".repeat(300_000);
    expect((await run(room, ["cat"], { stdin: bytes(big) })).stdout).toBe(big);
    expect((await run(room, ["cat", "/dev/stdin"], { stdin: bytes("hi") })).stdout).toBe("hi");
  });

  test("a child has descriptors 0, 1 and 2 and default signals", async () => {
    await using room = openRoom({ permissions: shell, place: (cwd) => writeFileSync(join(cwd, "a"), "") });
    value(await room.host.fs.read("a", { offset: 0, limit: 1 }));
    // The last one is the shell's own, of the folder that it lists.
    expect((await run(room, ["sh", "-c", "cd /proc/self/fd; echo *"])).stdout).toMatch(/^0 1 2( \d+)?\n$/);
    const status = (await run(room, ["sh", "-c", "cat /proc/self/status"])).stdout;
    expect(status).toContain("SigBlk:\t0000000000000000\n");
    const ignored = BigInt(`0x${/^SigIgn:\t(.*)$/m.exec(status)?.[1] ?? "?"}`);
    // Signals 32 and 33 are the C library's own: it sets them up itself where it uses them.
    expect(ignored & ~(3n << 31n)).toBe(0n);
    expect(status).toContain("NoNewPrivs:\t1\n");
  });
});

describe("the environment", () => {
  const environment = {
    PATH: process.env["PATH"],
    HOME: "/home/x",
    LC_ALL: "C",
    SECRET: "s",
    CI_KEY: "key",
    CI_NAME: "name",
    LD_PRELOAD: "/x.so",
    LD_DEBUG: "no",
    BUN_OPTIONS: "--x",
    NODE_OPTIONS: "--y",
    BASH_ENV: "/x",
  };
  const names = async (room: Room, extra?: Record<string, string>) => {
    const ran = await run(room, ["env"], extra === undefined ? {} : { env: extra });
    return ran.stdout
      .split("\n")
      .map((line) => line.replace(/=.*/, ""))
      .filter((name) => name !== "")
      .toSorted();
  };

  test("has what is granted and the fixed names, and nothing else", async () => {
    await using room = openRoom({ permissions: { run: ["env"], env: ["CI_*"] }, environment, secretNames: ["CI_KEY"] });
    expect(await names(room)).toEqual(["CI_NAME", "HOME", "LC_ALL", "PATH", "TMPDIR"]);
    expect(await names(room, { EXTRA: "1" })).toContain("EXTRA");
  });

  test("never has a service's key, however it is granted", async () => {
    const secretNames = ["CI_KEY", "SECRET"];
    await using room = openRoom({
      permissions: { run: ["env"], env: ["CI_*", "SECRET", "CI_KEY"] },
      environment,
      secretNames,
    });
    expect(await names(room)).toEqual(["CI_NAME", "HOME", "LC_ALL", "PATH", "TMPDIR"]);
    expect(failure(await room.host.env.get("SECRET"))).toBe(
      "denied: Cannot read the variable 'SECRET': it holds a service's key",
    );
  });

  test("has what changes how programs start only where it is granted by name", async () => {
    const env = ["LD_*", "BUN_*", "NODE_*", "BASH_*"];
    await using room = openRoom({ permissions: { run: ["env"], env }, environment });
    expect(await names(room, { NODE_OPTIONS: "--z" })).toEqual(["HOME", "LC_ALL", "PATH", "TMPDIR"]);
    await using named = openRoom({ permissions: { run: ["env"], env: [...env, "NODE_OPTIONS"] }, environment });
    expect(await names(named)).toContain("NODE_OPTIONS");
  });

  test("loses what is denied, the fixed names too", async () => {
    const deny = { env: ["HOME", "CI_NAME"] };
    await using room = openRoom({ permissions: { run: ["env"], env: ["CI_*"] }, deny, environment });
    expect(await names(room)).toEqual(["CI_KEY", "LC_ALL", "PATH", "TMPDIR"]);
  });

  test("a variable is read by its door when it is granted", async () => {
    await using room = openRoom({ permissions: { env: ["CI_NAME", "UNSET"] }, environment });
    expect(await room.host.env.get("CI_NAME")).toEqual({ ok: true, value: "name" });
    expect(await room.host.env.get("UNSET")).toEqual({ ok: true, value: undefined });
    expect(failure(await room.host.env.get("HOME"))).toBe(
      "denied: Cannot read the variable 'HOME': the agent file does not request it",
    );
  });

  test("has the run's inputs as files, and as variables where they fit", async () => {
    const inputs = new Map([
      ["small", "one"],
      ["big-one", "x".repeat(200_000)],
    ]);
    await using room = openRoom({ permissions: shell, inputs });
    const script =
      'printf "%s " "$REIN_INPUT_SMALL" "$REIN_INPUT_BIG_ONE"; cat $REIN_INPUTS/small; wc -c < $REIN_INPUTS/big-one';
    expect((await run(room, ["sh", "-c", script])).stdout).toBe("one  one200000\n");
  });

  test("its temporary folder is private, shared by the run's children, and removed with it", async () => {
    let folder = "";
    {
      await using room = openRoom({ permissions: shell });
      folder = (await run(room, ["sh", "-c", "touch $TMPDIR/a; printf %s $TMPDIR"])).stdout;
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      expect((await run(room, ["sh", "-c", "ls $TMPDIR"])).stdout).toBe("a\n");
    }
    expect(existsSync(folder)).toBe(false);
  });
});

describe("ending", () => {
  test("a timeout ends the child, asking it first, however long it has run", async () => {
    await using room = openRoom({ permissions: shell });
    const ran = await run(room, ["sh", "-c", "trap 'echo bye; exit 9' TERM; echo up; sleep 60 & wait"], {
      timeoutMs: 1500,
    });
    expect(ran).toEqual({
      end: { ok: true, value: { code: 9, signal: null, timeout: true } },
      stdout: "up\nbye\n",
      stderr: "",
    });
  });

  test("a child that does not listen is killed", async () => {
    await using room = openRoom({ permissions: shell });
    const ran = await run(room, ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"], { timeoutMs: 1500 });
    expect(value(ran.end)).toEqual({ code: null, signal: "SIGKILL", timeout: true });
  });

  test("an abort ends the child, before it started and after", async () => {
    await using room = openRoom({ permissions: shell });
    const abort = new AbortController();
    const ran = run(room, ["sh", "-c", "echo up; exec sleep 60"], {
      signal: abort.signal,
      onOutput: () => abort.abort(),
    });
    expect(failure((await ran).end)).toBe("cancelled: Cannot run 'sh': cancelled");
    expect(failure((await run(room, ["sh"], { signal: abort.signal })).end)).toStartWith("cancelled: ");
  });

  test("closing the host ends what still runs", async () => {
    const room = openRoom({ permissions: shell });
    const up = Promise.withResolvers<void>();
    const ran = run(room, ["sh", "-c", "echo up; exec sleep 60"], { onOutput: () => up.resolve() });
    await up.promise;
    await room[Symbol.asyncDispose]();
    expect(failure((await ran).end)).toBe("cancelled: Cannot run 'sh': cancelled");
  });

  test("a script's `kill 0` ends the script and not its jail", async () => {
    await using room = openRoom({ permissions: shell });
    expect(value((await run(room, ["sh", "-c", "sleep 60 & kill -9 0"])).end).signal).toBe("SIGKILL");
  });

  test("children that run at once do not mix, and leave no descriptor", async () => {
    await using room = openRoom({ permissions: shell });
    await run(room, ["sh", "-c", ":"]);
    const before = readdirSync("/proc/self/fd").length;
    const ran = await Promise.all([1, 2, 3, 4].map((n) => run(room, ["sh", "-c", `echo ${n}; exit ${n}`])));
    expect(ran.map(({ end, stdout }) => `${value(end).code} ${stdout}`)).toEqual(["1 1\n", "2 2\n", "3 3\n", "4 4\n"]);
    Bun.gc(true);
    expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before + 1);
  });

  test("much output comes whole and in order", async () => {
    await using room = openRoom({ permissions: { run: ["seq"] } });
    const { stdout } = await run(room, ["seq", "1", "200000"]);
    expect(stdout.length).toBe(1_288_895);
    expect(stdout).toEndWith("199999\n200000\n");
  });
});

/** Starts a child that reads what is written to it; `seen` is what it printed. */
async function talk(room: Room, argv: string[], options: Partial<ChildOptions> = {}) {
  const seen = { stdout: "", stderr: "" };
  const child: Child = value(
    await room.host.process.start(argv, {
      input: true,
      signal: new AbortController().signal,
      onOutput: (stream, data) => void (seen[stream] += new TextDecoder().decode(data)),
      ...options,
    }),
  );
  return { ...child, seen };
}

describe("talking", () => {
  test("a child answers what is written, and ends with its input", async () => {
    await using room = openRoom({ permissions: shell });
    const { write, closeInput, ended, seen } = await talk(room, [
      "sh",
      "-c",
      "while read a; do echo got $a; done; exit 4",
    ]);
    value(await write(bytes("one\n")));
    await until(() => seen.stdout === "got one\n");
    value(await write(bytes("two\nth")));
    value(await write(bytes("ree\n")));
    closeInput();
    expect(value(await ended)).toEqual({ code: 4, signal: null, timeout: false });
    expect(seen.stdout).toBe("got one\ngot two\ngot three\n");
  });

  test("its input is a pipe, which a program may open by name", async () => {
    await using room = openRoom({ permissions: { run: ["cat", "stat"] } });
    const cat = await talk(room, ["cat", "/dev/stdin"]);
    value(await cat.write(bytes("hi")));
    cat.closeInput();
    await cat.ended;
    expect(cat.seen.stdout).toBe("hi");
    const stat = await talk(room, ["stat", "-L", "-c", "%F", "/dev/stdin"]);
    await stat.ended;
    expect(stat.seen.stdout).toBe("fifo\n");
  });

  test("without input it reads nothing, and nothing can be written", async () => {
    await using room = openRoom({ permissions: { run: ["readlink"] } });
    const { write, ended, seen } = await talk(room, ["readlink", "/proc/self/fd/0"], { input: false });
    expect(failure(await write(bytes("a")))).toBe("failed: Cannot write to a program that reads no more");
    await ended;
    expect(seen.stdout).toBe("/dev/null\n");
  });

  test("who writes waits for a child that does not read", async () => {
    await using room = openRoom({ permissions: shell });
    const gate = "until [ -e go ]; do sleep 0.01; done; wc -c";
    const { write, closeInput, ended, seen } = await talk(room, ["sh", "-c", gate]);
    const piece = new Uint8Array(4_000_000);
    let written = false;
    const writing = write(piece).then((result) => {
      written = true;
      return result;
    });
    await Bun.sleep(50);
    expect(written).toBe(false);
    writeFileSync(join(room.cwd, "go"), "");
    value(await writing);
    closeInput();
    await ended;
    expect(seen.stdout.trim()).toBe("4000000");
  });

  test("a child that is not listened to waits", async () => {
    await using room = openRoom({ permissions: shell });
    const taken = Promise.withResolvers<void>();
    let size = 0;
    const script = "echo up >&2; head -c 5000000 /dev/zero; echo done >&2";
    let errors = "";
    const child = await talk(room, ["sh", "-c", script], {
      onOutput: (stream, data) => {
        if (stream === "stdout") size += data.length;
        else errors += new TextDecoder().decode(data);
        return stream === "stdout" ? taken.promise : undefined;
      },
    });
    await until(() => size > 0 && errors === "up\n");
    await Bun.sleep(50);
    expect(errors).toBe("up\n");
    taken.resolve();
    expect(value(await child.ended).code).toBe(0);
    expect(size).toBe(5_000_000);
    expect(errors).toBe("up\ndone\n");
  });

  test("a child that nobody listens to ends when it is told to", async () => {
    await using room = openRoom({ permissions: shell });
    const up = Promise.withResolvers<void>();
    const child = await talk(room, ["sh", "-c", "trap '' TERM; while :; do echo yes; done"], {
      onOutput: () => {
        up.resolve();
        return new Promise(() => undefined);
      },
    });
    await up.promise;
    child.kill("SIGKILL");
    expect(value(await child.ended).signal).toBe("SIGKILL");
  });

  test("a write to a child that is gone, or that closed its input, fails", async () => {
    await using room = openRoom({ permissions: shell });
    const gone = await talk(room, ["sh", "-c", "exit 0"]);
    await gone.ended;
    expect(failure(await gone.write(bytes("a")))).toBe("failed: Cannot write to a program that reads no more");
    const deaf = await talk(room, ["sh", "-c", "exec <&-; echo up; exec sleep 60"]);
    await until(() => deaf.seen.stdout === "up\n");
    let last = "";
    for (let i = 0; i < 100 && last === ""; i++) {
      const written = await deaf.write(bytes("x".repeat(100_000)));
      if (!written.ok) last = failure(written);
    }
    expect(last).toBe("failed: Cannot write to a program that reads no more");
    deaf.kill();
    expect(value(await deaf.ended).signal).toBe("SIGTERM");
  });

  test("a write that waits fails when the child ends", async () => {
    await using room = openRoom({ permissions: shell });
    const child = await talk(room, ["sh", "-c", "echo up; exec sleep 60"]);
    await until(() => child.seen.stdout === "up\n");
    const writing = child.write(new Uint8Array(4_000_000));
    child.kill();
    expect(failure(await writing)).toBe("failed: Cannot write to a program that reads no more");
    await child.ended;
    child.kill();
    child.closeInput();
  });

  test("it is asked first when it is killed, and not asked by SIGKILL", async () => {
    await using room = openRoom({ permissions: shell });
    const script = "trap 'echo bye; exit 9' TERM; echo up; sleep 60 & wait";
    const asked = await talk(room, ["sh", "-c", script]);
    await until(() => asked.seen.stdout === "up\n");
    asked.kill();
    expect(value(await asked.ended)).toEqual({ code: 9, signal: null, timeout: false });
    expect(asked.seen.stdout).toBe("up\nbye\n");
    const killed = await talk(room, ["sh", "-c", script]);
    await until(() => killed.seen.stdout === "up\n");
    killed.kill("SIGKILL");
    expect(value(await killed.ended)).toEqual({ code: null, signal: "SIGKILL", timeout: false });
    expect(killed.seen.stdout).toBe("up\n");
  });

  test("it passes the same gate", async () => {
    await using room = openRoom({ permissions: { run: ["sh"] }, grants: nothing });
    const options = { signal: new AbortController().signal, onOutput: () => undefined };
    expect(failure(await room.host.process.start(["sh"], options))).toStartWith("denied: Cannot run 'sh': not granted");
    expect(failure(await room.host.process.start(["cat"], options))).toStartWith("denied: Cannot run 'cat': ");
  });

  test("an error of whoever takes its output is theirs, and ends the child", async () => {
    await using room = openRoom({ permissions: shell });
    const child = await talk(room, ["sh", "-c", "echo up; exec sleep 60"], {
      onOutput: () => {
        throw new Error("mine");
      },
    });
    await expect(child.ended).rejects.toThrow("mine");
    expect(readdirSync("/proc").some((pid) => isChildOf(pid, process.pid))).toBe(false);
  });
});

function isChildOf(pid: string, parent: number): boolean {
  try {
    return new RegExp(`^PPid:\\t${parent}$`, "m").test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
