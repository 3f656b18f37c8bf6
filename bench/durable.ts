/**
 * `bun bench/durable.ts`: what it costs that runs can be gone on with. Appends to the journal beside a bare INSERT of the same text, begin
 * and end of a run, and `rein resume` of a run of 1,000 steps beside the run of a single one. Each row's two sides take turns.
 */
import { Database } from "bun:sqlite";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { DurableEvent, Stamped } from "../src/core/event.ts";
import { openStore } from "../src/store/open.ts";
import { median } from "./measure.ts";

const rein = resolve(import.meta.dir, "../dist/rein");
const folder = mkdtempSync(join(tmpdir(), "rein-bench-durable-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const appends = 500;
const rounds = 15;
const turns = 1000;

function event(seq: number): Stamped<DurableEvent> {
  const told = { id: `call_${seq}`, name: "file_read", content: "line of a file\n".repeat(30), error: false };
  return { seq, time: 1, type: "call_end", turn: seq, ...told, duration_ms: 1 };
}

/** Milliseconds of one round of appends through the store, and of the same by a statement of our own. */
async function appending(durability: "flush" | "normal") {
  const store = await openStore(join(folder, `${durability}.db`));
  if (!store.ok) throw new Error(store.error.message);
  const bare = new Database(join(folder, `${durability}-bare.db`));
  bare.run("PRAGMA journal_mode = WAL");
  bare.run(`PRAGMA synchronous = ${durability === "flush" ? "FULL" : "NORMAL"}`);
  bare.run("CREATE TABLE events (run INTEGER, seq INTEGER, event TEXT, PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID");
  const insert = bare.prepare<null, [number, number, string]>("INSERT INTO events VALUES (?, ?, ?)");
  const times: Array<{ ours: number; bare: number }> = [];
  for (let round = 0; round < rounds; round++) {
    const journal = await store.value.begin({ id: `run${round}`, agent: "a", model: "m", time: 1 });
    if (!journal.ok) throw new Error(journal.error.message);
    const started = performance.now();
    for (let seq = 0; seq < appends; seq++) await journal.value.append(event(seq), durability);
    const between = performance.now();
    for (let seq = 0; seq < appends; seq++) insert.run(round, seq, JSON.stringify(event(seq)));
    times.push({ ours: between - started, bare: performance.now() - between });
    await journal.value.close();
  }
  insert.finalize();
  bare.close();
  await store.value.close();
  return times;
}

/** Milliseconds to begin and to end the journal of one run, its lock included. */
async function beginning(): Promise<number[]> {
  const store = await openStore(join(folder, "begin.db"));
  if (!store.ok) throw new Error(store.error.message);
  const times: number[] = [];
  for (let run = 0; run < 300; run++) {
    const started = performance.now();
    const journal = await store.value.begin({ id: `run${run}`, agent: "a", model: "m", time: 1 });
    if (!journal.ok) throw new Error(journal.error.message);
    await journal.value.close();
    times.push(performance.now() - started);
  }
  await store.value.close();
  return times;
}

type Sample = { wall: number; cpu: number };

function command(args: string[], state: string, code: number): Sample {
  const started = performance.now();
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, XDG_STATE_HOME: state };
  const done = Bun.spawnSync([rein, ...args, "-P", "-q"], { cwd: folder, env, stdout: "ignore", stderr: "pipe" });
  if (done.exitCode !== code) throw new Error(`rein ${args.join(" ")}: ${done.stderr.toString()}`);
  const { cpuTime } = done.resourceUsage;
  return { wall: performance.now() - started, cpu: Number(cpuTime.total) / 1000 };
}

/** A run that has made all of its turns, a call each, and whose next request failed; and what it takes to go on with it. */
function resuming() {
  const step = { calls: [{ name: "file_read", arguments: { path: "agent.yaml", limit: 1 } }] };
  const steps = Array.from({ length: turns }, () => step);
  const limits = { turns: turns + 2, tool_calls: turns, time: "30m" };
  const agent = { prompt: "Go", tools: ["file_read"], permissions: { read: ["."] }, limits };
  const write = (name: string, value: unknown) => writeFileSync(join(folder, name), JSON.stringify(value));
  write("agent.yaml", { ...agent, model: "scripted/script.yaml" });
  write("short.yaml", { ...agent, model: "scripted/one.yaml" });
  // To read a script of that length takes either of them the same.
  write("one.yaml", [{ text: "done" }, ...steps]);
  const refused = { failure: { kind: "request", message: "no" } };
  write("script.yaml", [...steps, refused]);
  const whole = command(["run", "agent.yaml"], join(folder, "whole"), 2);
  write("script.yaml", [...steps, { text: "done" }]);
  const pairs: Array<{ resumed: Sample; short: Sample }> = [];
  for (let round = 0; round < rounds; round++) {
    const state = join(folder, `state${round}`);
    cpSync(join(folder, "whole"), state, { recursive: true });
    const resumed = command(["resume", "last"], state, 0);
    pairs.push({ resumed, short: command(["run", "short.yaml"], state, 0) });
    rmSync(state, { recursive: true });
  }
  return { whole, pairs };
}

console.log(`load ${loadavg()[0]?.toFixed(1)}`);
for (const durability of ["normal", "flush"] as const) {
  const times = await appending(durability);
  const second = (appends / median(times.map(({ ours }) => ours))) * 1000;
  const ratio = median(times.map(({ ours, bare }) => ours / bare));
  console.log(`appends, ${durability}: ${Math.round(second)} a second, ${ratio.toFixed(2)} times a bare INSERT`);
}
console.log(`begin and end of a run's journal: ${median(await beginning()).toFixed(2)} ms`);
const { whole, pairs } = resuming();
const resumed = (what: keyof Sample) => median(pairs.map((pair) => pair.resumed[what]));
const more = (what: keyof Sample) => median(pairs.map((pair) => pair.resumed[what] - pair.short[what]));
const ratio = (what: keyof Sample) => median(pairs.map((pair) => pair.resumed[what] / pair.short[what]));
console.log(`a run of ${turns} steps: ${whole.wall.toFixed(0)} ms, CPU ${whole.cpu.toFixed(0)} ms`);
for (const what of ["wall", "cpu"] as const) {
  const beside = `${ratio(what).toFixed(2)} times a run of one step, ${more(what).toFixed(0)} ms more`;
  console.log(`its resume, ${what}: ${resumed(what).toFixed(0)} ms, ${beside}`);
}
