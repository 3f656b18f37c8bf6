import { afterAll, expect, test } from "bun:test";
import { closeSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { frame, seal, sealedMemfd } from "../../src/native/border.ts";
import { call, callText, start } from "../../src/native/library.ts";

const scratch = mkdtempSync(join(tmpdir(), "rein-library-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const library = join(import.meta.dir, "../../src/native/library.ts");
const border = join(import.meta.dir, "../../src/native/border.ts");
const so = join(import.meta.dir, "../../dist/native/librein_core.so");

/** Jobs that native code still knows. */
function liveJobs(): number {
  const live = callText("test.live", 0, "");
  if (!live.ok) throw new Error(live.error);
  return Number(live.value);
}

function counting(count: number, end = "", signal?: AbortSignal, pauseMs = 0): AsyncGenerator<Uint8Array> {
  return start("test.count", frame([count, pauseMs], end), signal);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const texts: string[] = [];
  for await (const chunk of chunks) texts.push(new TextDecoder().decode(chunk));
  return texts;
}

test("bytes and text go in and come out unchanged", () => {
  for (const text of ["", "a", "nul \0 and ünïcode 🦀", "x".repeat(100_000)]) {
    expect(callText("test.echo", 0, text)).toEqual({ ok: true, value: text });
    const bytes = new TextEncoder().encode(text);
    expect(call("test.echo", 0, bytes)).toEqual({ ok: true, value: bytes });
  }
});

test("a view into a larger buffer passes only its own bytes", () => {
  const bytes = new TextEncoder().encode("abcdef").subarray(2, 4);
  expect(callText("test.echo", 0, bytes)).toEqual({ ok: true, value: "cd" });
});

test("a failure is a value", () => {
  expect(call("test.fail", 0, "no such luck")).toEqual({ ok: false, error: "no such luck" });
});

test("a panic is a thrown error with its place, and the library lives on", () => {
  expect(() => call("test.panic", 0, "on purpose")).toThrow(
    /^Native function 'test\.panic' panicked: panicked at .*table\.rs:\d+:\d+:\non purpose$/,
  );
  expect(callText("test.echo", 0, "alive")).toEqual({ ok: true, value: "alive" });
});

test("a panic writes nothing to stderr", async () => {
  const code = `try { (await import(${JSON.stringify(library)})).call("test.panic", 0, "x") } catch { console.log("caught") }`;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "pipe" });
  expect([await child.stdout.text(), await child.stderr.text()]).toEqual(["caught\n", ""]);
});

test("an unknown function is an error", () => {
  expect(() => call("test.nothing", 0, "")).toThrow("No native function 'test.nothing'");
});

test("a job's chunks come in order and all of them", async () => {
  expect(await collect(counting(500))).toEqual(Array.from({ length: 500 }, (_, index) => String(index)));
  expect(liveJobs()).toBe(0);
});

test("jobs run side by side", async () => {
  const lists = await Promise.all([3, 100, 7].map((count) => collect(counting(count))));
  expect(lists.map((list) => list.length)).toEqual([3, 100, 7]);
});

test("a job that fails or panics gives its chunks and then the error", async () => {
  for (const [end, message] of [
    ["fail", "failed on purpose"],
    ["panic", "panicked on purpose"],
  ] as const) {
    const job = counting(2, end);
    expect((await job.next()).done).toBe(false);
    expect((await job.next()).done).toBe(false);
    await expect(job.next()).rejects.toThrow(message);
    expect((await job.next()).done).toBe(true);
  }
  expect(liveJobs()).toBe(0);
});

test("leaving the iteration cancels the job", async () => {
  for await (const _ of counting(1_000_000_000)) break;
  expect(liveJobs()).toBe(0);
});

test("an abort while waiting throws the signal's reason and cancels the job", async () => {
  const controller = new AbortController();
  const job = counting(1, "", controller.signal, 60_000);
  const next = job.next();
  await Bun.sleep(1);
  controller.abort(new Error("enough"));
  await expect(next).rejects.toThrow("enough");
  expect(liveJobs()).toBe(0);
});

test("an aborted signal starts nothing", async () => {
  await expect(collect(counting(1, "", AbortSignal.abort(new Error("never"))))).rejects.toThrow("never");
  expect(liveJobs()).toBe(0);
});

test("a pending job keeps the process alive and a finished one does not", async () => {
  const code = `const { start } = await import(${JSON.stringify(library)});
    const { frame } = await import(${JSON.stringify(border)});
    start("test.count", frame([1, 50], "")).next().then(() => console.log("arrived"));`;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "inherit" });
  expect(await child.stdout.text()).toBe("arrived\n");
  expect(await child.exited).toBe(0);
});

test("a process may exit in the middle of its jobs", async () => {
  const code = `const { start } = await import(${JSON.stringify(library)});
    const { frame } = await import(${JSON.stringify(border)});
    const jobs = [1, 2, 3, 4].map(() => start("test.count", frame([1e9, 0], "")));
    for (const job of jobs) { await job.next(); job.next(); }
    process.exit(7);`;
  for (let round = 0; round < 5; round++) {
    expect(await Bun.spawn([process.execPath, "-e", code], { stderr: "inherit" }).exited).toBe(7);
  }
});

test("what native code hands out is freed", () => {
  const bytes = new Uint8Array(4 << 20).fill(1);
  const warm = () => {
    for (let round = 0; round < 20; round++) call("test.echo", 0, bytes);
    Bun.gc(true);
    return process.memoryUsage.rss();
  };
  const before = warm();
  for (let round = 0; round < 4; round++) warm();
  expect(warm() - before).toBeLessThan(100 << 20);
});

test("sealed memory keeps its bytes and takes no others", () => {
  const fd = sealedMemfd(new TextEncoder().encode("sealed"), "rein-test");
  const path = `/proc/self/fd/${fd}`;
  try {
    expect(() => writeFileSync(path, "other", { flag: "r+" })).toThrow("EPERM");
    expect(() => truncateSync(path, 0)).toThrow("EPERM");
    expect(readFileSync(path, "utf8")).toBe("sealed");
  } finally {
    closeSync(fd);
  }
});

test("sealing that is refused for a moment is tried again, and not for ever", () => {
  let tried = 0;
  seal(() => (++tried < 4 ? -1 : 0), "rein-test");
  expect(tried).toBe(4);
  expect(() => seal(() => -1, "rein-test")).toThrow("Cannot seal the memory of 'rein-test'");
});

test("a program in sealed memory can be started by its descriptor", async () => {
  const fd = sealedMemfd(readFileSync("/bin/echo"), "rein-echo");
  try {
    const child = Bun.spawn([`/proc/${process.pid}/fd/${fd}`, "started"], { stdout: "pipe" });
    expect(await child.stdout.text()).toBe("started\n");
  } finally {
    closeSync(fd);
  }
});

test("a compiled program loads the library from sealed memory and neither reads nor writes the temp folder", async () => {
  const source = join(scratch, "program.ts");
  writeFileSync(
    source,
    `import { readFileSync } from "node:fs";
     import { dlopen } from "bun:ffi";
     import { callText } from ${JSON.stringify(library)};
     import so from ${JSON.stringify(so)} with { type: "file" };
     if (process.argv[2] === "naive") dlopen(so, { rein_cancel: { args: ["i32"], returns: "void" } });
     else console.log(callText("test.echo", 0, "loaded").value);
     console.log(readFileSync("/proc/self/maps", "utf8").split("\\n").filter((line) => /rein_core|[.]so$/.test(line)).map((line) => line.split(/\\s+/)[5]).join("\\n"));`,
  );
  const program = join(scratch, "program");
  const built = await Bun.build({ entrypoints: [source], compile: { outfile: program } });
  expect(built.success).toBe(true);
  const temp = mkdtempSync(join(scratch, "temp-"));
  const run = async (...args: string[]) => {
    const child = Bun.spawn([program, ...args], { stdout: "pipe", env: { TMPDIR: temp, BUN_TMPDIR: temp } });
    return (await child.stdout.text()).split("\n");
  };

  const clean = await run();
  expect(clean[0]).toBe("loaded");
  expect(clean.filter((line) => line.includes("/memfd:rein_core")).length).toBeGreaterThan(0);
  expect(readdirSync(temp)).toEqual([]);

  // What bun would do by itself: extract the library, and load whatever lies there at the next start.
  await run("naive");
  const [extracted = ""] = readdirSync(temp).filter((name) => name.startsWith(".bun-"));
  expect(extracted).not.toBe("");
  writeFileSync(join(temp, extracted), new Uint8Array(readFileSync(so).length));
  const planted = await run();
  expect(planted[0]).toBe("loaded");
  expect(planted.filter((line) => line.startsWith(temp))).toEqual([]);
});
