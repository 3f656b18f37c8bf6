/** Searches of a generated tree of 50,000 files, beside ripgrep with two threads and beside plain JavaScript. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SearchQuery } from "../src/core/tree.ts";
import { systemClock } from "../src/host/clock.ts";
import { openHost } from "../src/host/host.ts";
import { readMachine } from "../src/host/machine.ts";
import { makePolicy } from "../src/permit/policy.ts";
import { median } from "./measure.ts";
import type { Row } from "./native.ts";

const folders = 2500;
const filesInEach = 20;

const plain: SearchQuery = {
  pattern: "",
  literal: false,
  case: "sensitive",
  multiline: false,
  globs: [],
  types: [],
  all: false,
  before: 0,
  after: 0,
  output: "counts",
  offset: 1,
  limit: 100,
};

/** Rows that say `rg -j2` compare with that program, started anew as a shell would; without it on PATH they are left out. */
export async function searchRows(): Promise<Row[]> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "rein-bench-search-")));
  try {
    plant(folder);
    return await measured(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measured(folder: string): Promise<Row[]> {
  const search = searchIn(folder);
  const ours = (query: Partial<SearchQuery>) => () => search({ ...plain, ...query }, new AbortController().signal);
  const rg = (...argv: string[]) => ripgrep(folder, argv);
  const rows: Row[] = [];
  if (Bun.which("rg") !== null) {
    rows.push(
      await compare("a rare word / rg -j2", ours({ pattern: "needle" }), rg("-c", "needle"), 1),
      await compare("a frequent word, counted / rg -j2", ours({ pattern: "return" }), rg("-c", "return"), 1),
      await compare(
        "a regular expression / rg -j2",
        ours({ pattern: "\\w+_\\d+ = f\\(" }),
        rg("-c", "\\w+_\\d+ = f\\("),
        1,
      ),
      await compare(
        "case ignored, one type / rg -j2",
        ours({ pattern: "NEEDLE", case: "ignore", types: ["py"] }),
        rg("-ci", "-tpy", "NEEDLE"),
        1,
      ),
      await compare("until the first result of a frequent word / rg -j2", first(search), firstOf(folder), 1),
      await compare("until a search is cancelled / until rg is killed", cancelled(search), killed(folder), 1),
    );
  }
  rows.push(
    await compare(
      "a rare word / plain JavaScript",
      ours({ pattern: "needle" }),
      async () => javascript(folder, /needle/),
      1,
    ),
  );
  return rows.map((row) => ({ ...row, name: `${(folders * filesInEach) / 1000},000 files: ${row.name}` }));
}

/** Source-like text of 0.5 to 4 KB a file, some ignored, a word in one of a thousand. */
function plant(root: string): void {
  writeFileSync(join(root, ".gitignore"), "*.log\n/build/\n");
  mkdirSync(join(root, ".git"));
  for (let index = 0; index < folders; index++) {
    const folder = join(root, `part-${index % 25}`, `module-${index}`);
    mkdirSync(folder, { recursive: true });
    for (let file = 0; file < filesInEach; file++) {
      const number = index * filesInEach + file;
      const lines = Array.from({ length: 15 + (number % 90) }, (_, line) =>
        line % 7 === 0
          ? `  return value_${line} + ${number};`
          : `  value_${line} = f(argument_${number % 97}, "text");`,
      );
      if (number % 1000 === 7) lines.push("// the needle");
      const ending = ["ts", "py", "rs", "md", "log"][number % 5] ?? "txt";
      writeFileSync(join(folder, `file-${file}.${ending}`), `${lines.join("\n")}\n`);
    }
  }
}

type Search = (query: SearchQuery, signal: AbortSignal, found?: () => void) => Promise<void>;

/** Through the door that tools use, gate included. */
function searchIn(cwd: string): Search {
  const machine = readMachine({ cwd, agentFolder: cwd, environment: {} });
  if (!machine.ok) throw new Error(machine.error.message);
  const grants = { all: true, allow: {}, deny: {} };
  const policy = makePolicy({ permissions: { read: ["."] }, deny: {} }, grants, machine.value);
  if (!policy.ok) throw new Error(policy.error.join("; "));
  const host = openHost({
    machine: machine.value,
    policy: policy.value,
    clock: systemClock,
    environment: {},
    secretNames: [],
    inputs: new Map(),
  }).scoped(async () => undefined, new AbortController().signal);
  return async (query, signal, found = () => undefined) => {
    const searched = await host.fs.search(".", query, signal, found);
    if (!searched.ok && searched.error.code !== "cancelled") throw new Error(searched.error.message);
  };
}

function ripgrep(cwd: string, argv: string[]): () => Promise<void> {
  return async () =>
    void Bun.spawnSync(["rg", "-j2", "--no-config", "--hidden", ...argv, "./"], { cwd, stdin: "ignore" });
}

/** How long until there is something; the rest is ended and not measured. */
function first(search: Search): () => Promise<number> {
  return async () => {
    const stop = new AbortController();
    const from = performance.now();
    let took = NaN;
    await search({ ...plain, pattern: "return", output: "lines" }, stop.signal, () => {
      took = performance.now() - from;
      stop.abort();
    });
    return took;
  };
}

function firstOf(cwd: string): () => Promise<number> {
  return async () => {
    const from = performance.now();
    const child = Bun.spawn(["rg", "-j2", "--no-config", "--hidden", "return", "./"], {
      cwd,
      stdin: "ignore",
      stdout: "pipe",
    });
    await child.stdout.getReader().read();
    const took = performance.now() - from;
    child.kill();
    await child.exited;
    return took;
  };
}

function cancelled(search: Search): () => Promise<number> {
  return async () => {
    const stop = new AbortController();
    const running = search({ ...plain, pattern: "needle" }, stop.signal);
    await Bun.sleep(20);
    const from = performance.now();
    stop.abort();
    await running;
    return performance.now() - from;
  };
}

function killed(cwd: string): () => Promise<number> {
  return async () => {
    const child = Bun.spawn(["rg", "-j2", "--no-config", "-c", "needle", "./"], {
      cwd,
      stdin: "ignore",
      stdout: "ignore",
    });
    await Bun.sleep(20);
    const from = performance.now();
    child.kill();
    await child.exited;
    return performance.now() - from;
  };
}

/** As one would write it in a few lines; it knows the one ignore file. */
function javascript(root: string, pattern: RegExp): void {
  let found = 0;
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name === ".git" || entry.name.endsWith(".log")) continue;
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile())
        for (const line of readFileSync(path, "utf8").split("\n")) if (pattern.test(line)) found++;
    }
  };
  walk(root);
  if (found === 0) throw new Error("JavaScript found nothing");
}

type Act = () => Promise<number | void>;

/** Runs both in turn, A B A B, after a round that does not count. An act may say itself how long it took. */
async function compare(name: string, ours: Act, theirs: Act, goal: number): Promise<Row> {
  const samples: [number[], number[]] = [[], []];
  for (let round = -1; round < 9; round++) {
    for (const [index, act] of [ours, theirs].entries()) {
      const from = performance.now();
      const said = await act();
      if (round >= 0) samples[index]?.push(said ?? performance.now() - from);
    }
  }
  const ratio = median(samples[0].map((value, index) => value / (samples[1][index] ?? NaN)));
  return { name, ours: median(samples[0]), theirs: median(samples[1]), ratio, unit: "ms", goal };
}

if (import.meta.main)
  for (const { name, ours, theirs, ratio } of await searchRows())
    console.log(`${name}: ${ours.toFixed(1)} / ${theirs.toFixed(1)} ms = ${ratio.toFixed(2)}`);
