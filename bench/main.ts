/**
 * `make bench`: what rein costs beside programs that do less, and beside its peers, measured in one run on one machine. Ratios
 * are medians of pairs, so that they hold on a busy machine; absolute numbers do not. Exits with 1 when an outer limit fails.
 */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { editRows } from "./edits.ts";
import { accuracies } from "./local.ts";
import { localSpeeds } from "./local-speed.ts";
import { llamaServer } from "../tests/helpers/llama-server.ts";
import { median, openBench, pairs, type Bench, type Program, type Sample, type Service } from "./measure.ts";
import { nativeRows } from "./native.ts";
import { tenServers } from "./mcp.ts";
import { ownToolRows } from "./own-tools.ts";
import { installedPeers } from "./peers.ts";
import { searchRows } from "./search.ts";
import { textRows } from "./text.ts";
import { printTable } from "./table.ts";
import { builtInTimes, goalMs } from "./tools.ts";

const dist = resolve(import.meta.dir, "../dist");
const programs = mkdtempSync(join(tmpdir(), "rein-bench-programs-"));
process.on("exit", () => rmSync(programs, { recursive: true, force: true }));

/** A new copy: how a program's file came to lie in memory, and what of it, can make a fifth of a short run. */
function fresh(path: string): string {
  const copy = join(programs, basename(path));
  copyFileSync(path, copy);
  return copy;
}

const rein = fresh(join(dist, "rein"));
const turns = 21;

const agent = `name: bench
instructions: Answer
tools: [file_read]
permissions: { read: [.] }
`;

/** An SDK with the API it speaks, the loop that uses it and nothing else, and how both are pointed at the fake service. */
type Wire = { sdk: string; loop: string; model: string; env: (service: Service) => Record<string, string> };

const chat: Wire = {
  sdk: "openai, Chat Completions",
  loop: "chat-loop",
  model: "openai-compatible/bench",
  env: ({ v1 }) => ({ OPENAI_BASE_URL: v1 }),
};
const wires: Wire[] = [
  chat,
  { ...chat, sdk: "openai, Responses", loop: "responses-loop", model: "openai/bench" },
  {
    sdk: "@anthropic-ai/sdk",
    loop: "anthropic-loop",
    model: "anthropic/bench",
    env: ({ root }) => ({ ANTHROPIC_BASE_URL: root }),
  },
  { sdk: "ollama", loop: "ollama-loop", model: "ollama/bench", env: ({ root }) => ({ OLLAMA_HOST: root }) },
];

function baseline(name: string, { env }: Wire = chat): Program {
  const argv = [fresh(join(dist, "bench", name)), "Do it"];
  return { name, start: (service) => ({ argv, env: env(service) }) };
}

function runWith({ model, env }: Wire): Program {
  const argv = [rein, "run", "-P", "agent.yaml", "Do it", "--model", model];
  return { name: "rein", start: (service) => ({ argv, env: env(service) }) };
}
const reinRun = runWith(chat);
const body = JSON.stringify({ model: "bench", stream: true, messages: [{ role: "user", content: "Do it" }] });
const curl: Program = {
  name: "curl",
  start: ({ v1 }) => ({
    argv: ["curl", "-s", "-H", "Content-Type: application/json", "-d", body, `${v1}/chat/completions`],
  }),
};

type Bar = { most: number; of: "ratio" | "difference" };
type Measure = { name: string; unit: string; digits: number; take(sample: Sample): number };

const cpu: Measure = { name: "CPU", unit: "ms", digits: 1, take: (sample) => sample.cpuMs };
const memory: Measure = { name: "memory", unit: "MB", digits: 0, take: (sample) => sample.memoryMb };
const first: Measure = { name: "first request", unit: "ms", digits: 1, take: (sample) => sample.firstRequestMs ?? NaN };

/** One row: our median, theirs, the median of the pairs' ratios (or differences), and whether it is within the bar. */
function row(what: string, measure: Measure, [ours, theirs]: [Sample[], Sample[]], bar?: Bar): string[] {
  return rowOf(what, measure, [ours.map(measure.take), theirs.map(measure.take)], bar);
}

function rowOf(
  what: string,
  { name, unit, digits }: Measure,
  [ours, theirs]: [number[], number[]],
  bar?: Bar,
): string[] {
  const compare = (a: number, b: number): number => (bar?.of === "difference" ? a - b : a / b);
  const compared = median(ours.map((value, index) => compare(value, theirs[index] ?? NaN)));
  const show = (value: number): string => `${value.toFixed(digits)} ${unit}`;
  const cell = bar?.of === "difference" ? `${compared >= 0 ? "+" : ""}${show(compared)}` : compared.toFixed(2);
  const goal = bar === undefined ? "" : bar.of === "difference" ? `<= +${bar.most} ${unit}` : `<= ${bar.most}`;
  const verdict = bar === undefined ? "" : compared <= bar.most ? "pass" : "MISS";
  return [`${what}: ${name}`, show(median(ours)), show(median(theirs)), cell, goal, verdict];
}

const head = ["", "rein", "other", "ratio", "bar", ""];

async function againstLess(bench: Bench): Promise<void> {
  const version: Program = { name: "rein", start: () => ({ argv: [rein, "--version"] }) };
  const empty = await pairs(bench, [version, baseline("empty")], 1, 30);
  const rows = [
    row("--version / empty program", cpu, empty, { most: 1.3, of: "ratio" }),
    row("--version / empty program", memory, empty),
  ];
  if (Bun.which("curl") !== null) {
    const plain = await pairs(bench, [reinRun, curl], 1, 9);
    for (const measure of [first, cpu, memory]) rows.push(row("one-shot / curl", measure, plain));
  }
  printTable("Against programs that do less", head, rows);
}

/** One shot, and 20 tool calls, beside the loop with the same SDK; a turn beside that of the loop without any. */
async function againstSdk(bench: Bench, wire: Wire): Promise<void> {
  const ours = runWith(wire);
  const sdkLoop = baseline(wire.loop, wire);
  const fetchLoop = baseline("fetch-loop");
  const oneShot = await pairs(bench, [ours, sdkLoop], 1, 21);
  const long = await pairs(bench, [ours, sdkLoop], turns, 9);
  const oneFetch = await pairs(bench, [ours, fetchLoop], 1, 15);
  const longFetch = await pairs(bench, [ours, fetchLoop], turns, 15);
  printTable(`Against loops: ${wire.sdk}`, head, [
    row("one-shot / SDK loop", first, oneShot, { most: 1.5, of: "ratio" }),
    row("one-shot / SDK loop", cpu, oneShot, { most: 1.7, of: "ratio" }),
    row("one-shot / SDK loop", memory, oneShot, { most: 15, of: "difference" }),
    row("21 turns / SDK loop", cpu, long),
    row("21 turns / SDK loop", memory, long),
    rowOf("a turn with a call / SDK loop", gap, gapsOf(long)),
    rowOf("a turn with a call / SDK loop", perTurn, perTurnOf(oneShot, long)),
    rowOf("a turn with a call / fetch loop", perTurn, perTurnOf(oneFetch, longFetch), { most: 5, of: "ratio" }),
  ]);
}

const perTurn: Measure = { name: "CPU", unit: "ms", digits: 2, take: (sample) => sample.cpuMs };
const gap: Measure = { name: "gap", unit: "ms", digits: 2, take: (sample) => median(sample.gapsMs) };

/** What each further turn costs: what a long run used beyond the median short one, by turn. */
function perTurnOf(short: [Sample[], Sample[]], long: [Sample[], Sample[]]): [number[], number[]] {
  const one = (index: 0 | 1): number[] => {
    const base = median(short[index].map(cpu.take));
    return long[index].map((sample) => (sample.cpuMs - base) / (turns - 1));
  };
  return [one(0), one(1)];
}

function gapsOf([ours, theirs]: [Sample[], Sample[]]): [number[], number[]] {
  return [ours.map(gap.take), theirs.map(gap.take)];
}

async function againstPeers(bench: Bench): Promise<void> {
  const { found, absent } = installedPeers(bench);
  const rows: string[][] = [];
  for (const peer of found) {
    const warm = await bench.run(peer, 1);
    if (warm.firstRequestMs === undefined) {
      rows.push([`one-shot / ${peer.name}: no request came (exit code ${warm.code})`]);
      continue;
    }
    const samples: [Sample[], Sample[]] = [[], []];
    for (let round = 0; round < 5; round++) {
      samples[0].push(await bench.run(reinRun, 1));
      samples[1].push(await bench.run(peer, 1));
    }
    for (const measure of [first, cpu, memory]) rows.push(row(`one-shot / ${peer.name}`, measure, samples));
  }
  if (rows.length > 0) printTable("Against peers", head, rows);
  if (absent.length > 0) console.log(`\nNot installed here: ${absent.join(", ")} (bench/README.md says how)`);
}

/** Each native function beside the best of JavaScript: it stays native only while it wins, or contains. */
async function againstJavaScript(): Promise<void> {
  const show = (value: number, unit: string): string => `${value.toPrecision(3)} ${unit}`;
  const found = [...(await nativeRows()), ...(await textRows()), ...(await searchRows()), ...(await ownToolRows())];
  const rows = found.map(({ name, ours, theirs, ratio, unit, goal }) => [
    name,
    show(ours, unit),
    show(theirs, unit),
    ratio.toFixed(2),
    goal === undefined ? "" : `<= ${goal}`,
    goal === undefined ? "" : ratio <= goal ? "pass" : "MISS",
  ]);
  printTable("Tokens that a model writes for an edit", ["", "tokens", "ratio"], await editRows());
  printTable("Native functions against JavaScript", ["", "native", "JavaScript", "ratio", "bar", ""], rows);
}

/** What each built-in tool adds to the child or the request that it waits for. */
async function ofTools(): Promise<void> {
  const show = (value: number | undefined): string => (value === undefined ? "" : `${value.toFixed(2)} ms`);
  const rows = (await builtInTimes()).map(({ tool, what, ours, theirs, part }) => [
    `${tool}: ${what}`,
    show(ours),
    show(theirs),
    show(part),
    `< ${goalMs} ms`,
    part < goalMs ? "pass" : "MISS",
  ]);
  printTable("A call of each tool", ["", "rein", "other", "our part", "goal", ""], rows);
  const { one, ten, ratio } = await tenServers();
  const verdict = ratio <= 1.2 ? "pass" : "MISS";
  const times = [`${ten.toFixed(0)} ms`, `${one.toFixed(0)} ms`, ratio.toFixed(2), "<= 1.20", verdict];
  printTable("MCP servers until they are ready", head, [["ten at once / one", ...times]]);
}

/** How often the small model in the box is right in the example agents that use it, beside guessing the commonest label. */
async function ofLocalModel(): Promise<void> {
  const found = await accuracies();
  if (found === undefined)
    return console.log("\nNo local model here (scripts/weights gets it): its examples are not measured");
  const share = (part: number, of: number): string => `${part}/${of} ${Math.round((100 * part) / of)} %`;
  const rows = found.map(({ agent, right, guess, of, msPerCase }) => [
    agent,
    share(right, of),
    share(guess, of),
    (right / guess).toFixed(2),
    ">= 1.25",
    right / guess >= 1.25 ? "pass" : "MISS",
    `${Math.round(msPerCase)} ms`,
  ]);
  printTable("Examples with local/smollm2", ["", "right", "by guessing", "ratio", "bar", "", "each"], rows);
  printTable(
    `local/smollm2${llamaServer === "" ? " (with REIN_LLAMA_SERVER also beside llama-server: see scripts/llama-server)" : ""}`,
    head,
    ((await localSpeeds(rein)) ?? []).map(({ what, unit, ours, theirs, least }) => {
      const ratio = median(ours.map((value, round) => value / (theirs[round] ?? NaN)));
      const show = (values: number[]): string => (values.length === 0 ? "" : `${median(values).toFixed(0)} ${unit}`);
      const bar = least === undefined ? ["", ""] : [`>= ${least}`, ratio >= least ? "pass" : "MISS"];
      return [what, show(ours), show(theirs), Number.isNaN(ratio) ? "" : ratio.toFixed(2), ...bar];
    }),
  );
}

/** The outer limits, and our own goals within them, in seconds. True when all limits hold. */
async function outerLimits(bench: Bench): Promise<boolean> {
  const home = mkdtempSync(join(tmpdir(), "rein-bench-new-"));
  const inNewHome: Program = {
    name: "rein",
    start: (service) => ({ argv: reinRun.start(service).argv, env: { ...reinRun.start(service).env, HOME: home } }),
  };
  const firstRun = await bench.run(inNewHome, 1);
  const laterRun = await bench.run(inNewHome, turns);
  rmSync(home, { recursive: true, force: true });
  const measured: Array<{ what: string; limit: number; goal: number; seconds: number }> = [
    { what: "first command with an empty HOME", limit: 10, goal: 0.1, seconds: firstRun.wallMs / 1e3 },
    { what: "a later command", limit: 5, goal: 0.1, seconds: (await bench.run(reinRun, 1)).wallMs / 1e3 },
    { what: "a later turn", limit: 5, goal: 0.05, seconds: Math.max(...laterRun.gapsMs) / 1e3 },
  ];
  for (const { name, ms } of await toolTimes(bench)) {
    measured.push({ what: `${name}`, limit: 2, goal: 0.005, seconds: ms / 1e3 });
  }
  const bad = [firstRun, laterRun].some((sample) => sample.code !== 0);
  const verdict = (seconds: number, most: number): string => (seconds <= most ? "pass" : "MISS");
  printTable(
    "Outer limits",
    ["", "measured", "limit", "", "our goal", ""],
    measured.map(({ what, limit, goal, seconds }) => [
      what,
      `${seconds.toFixed(4)} s`,
      `< ${limit} s`,
      verdict(seconds, limit),
      `${goal} s`,
      verdict(seconds, goal),
    ]),
  );
  return !bad && measured.every(({ seconds, limit }) => seconds <= limit);
}

/** How long one call of each tool takes, as the journal of a scripted run says it; the slowest of three. */
async function toolTimes(bench: Bench): Promise<Array<{ name: string; ms: number }>> {
  const calls: Array<[string, object]> = [
    ["file_read", { path: "notes.txt" }],
    ["file_list", { path: "." }],
    ["file_search", { pattern: "needle" }],
    ["file_write", { path: "out.txt", content: "text\n" }],
    ["bash_exec", { command: "true" }],
  ];
  const steps = [...calls, ...calls, ...calls].map(([name, input]) => ({ calls: [{ name, arguments: input }] }));
  writeFileSync(join(bench.folder, "script.yaml"), JSON.stringify([...steps, { text: "Done" }]));
  writeFileSync(
    join(bench.folder, "tools.yaml"),
    `name: tools
model: scripted/script.yaml
instructions: Use every tool
prompt: Do it
tools: [${calls.map(([name]) => name).join(", ")}]
permissions: { read: [.], write: [.], run: [bash] }
`,
  );
  const child = Bun.spawn([rein, "run", "-P", "tools.yaml", "--output", "jsonl"], {
    cwd: bench.folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: bench.home },
    stdin: "ignore",
    stdout: "pipe",
  });
  const slowest = new Map<string, number>();
  for (const line of (await child.stdout.text()).split("\n")) {
    if (line === "") continue;
    const event: { type: string; name: string; duration_ms: number; error: boolean; content: string } =
      JSON.parse(line);
    if (event.type !== "call_end") continue;
    if (event.error) throw new Error(`${event.name} failed: ${event.content}`);
    slowest.set(event.name, Math.max(slowest.get(event.name) ?? 0, event.duration_ms));
  }
  if (slowest.size !== calls.length) throw new Error("Not every tool was called");
  return calls.map(([name]) => ({ name, ms: slowest.get(name) ?? NaN }));
}

const bench = await openBench();
try {
  writeFileSync(join(bench.folder, "agent.yaml"), agent);
  writeFileSync(join(bench.folder, "notes.txt"), "A few lines to read.\nAnd a needle.\n");
  await againstLess(bench);
  for (const wire of wires) await againstSdk(bench, wire);
  await againstPeers(bench);
  await againstJavaScript();
  await ofTools();
  await ofLocalModel();
  process.exitCode = (await outerLimits(bench)) ? 0 : 1;
} finally {
  bench.stop();
}
