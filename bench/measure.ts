/** Runs programs against the fake service and measures them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Served } from "./service.ts";

/** The fake service's URL, without and with the `/v1` of some wires. */
export type Service = { root: string; v1: string };

/** What is run, in an empty folder. */
export type Program = {
  name: string;
  start(service: Service): { argv: string[]; env?: Record<string, string> };
};

/** One run. Times from CLOCK_MONOTONIC, CPU and memory from the kernel's account of the process and its children. */
export type Sample = {
  wallMs: number;
  cpuMs: number;
  memoryMb: number;
  code: number;
  /** From the start of the process to its first request; undefined when none came. */
  firstRequestMs: number | undefined;
  /** From the end of an answer to the next request. */
  gapsMs: number[];
};

export type Bench = {
  /** The folder that programs work in, with a home. */
  folder: string;
  home: string;
  run(program: Program, turns: number): Promise<Sample>;
  stop(): void;
};

const launch = join(import.meta.dir, "../dist/bench/launch");

export async function openBench(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), "rein-bench-"));
  const home = mkdtempSync(join(tmpdir(), "rein-bench-home-"));
  const service = Bun.spawn([process.execPath, join(import.meta.dir, "service.ts")], { stdout: "pipe" });
  const port = await firstLine(service.stdout);
  const base = `http://127.0.0.1:${port}`;
  let runs = 0;
  return {
    folder,
    home,
    async run(program, turns) {
      const id = `${runs++}`;
      const root = `${base}/${turns}/${id}`;
      const { argv, env } = program.start({ root, v1: `${root}/v1` });
      const child = Bun.spawn([launch, ...argv], {
        cwd: folder,
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: home,
          TERM: "dumb",
          OPENAI_API_KEY: "key",
          ANTHROPIC_API_KEY: "key",
          ...env,
        },
        stdout: "pipe",
        timeout: 60_000,
      });
      const line = await child.stdout.text();
      if (line === "") throw new Error(`Cannot start ${program.name}: ${argv.join(" ")}`);
      const usage: { start_ns: number; end_ns: number; cpu_us: number; rss_kib: number; code: number } =
        JSON.parse(line);
      const served: Served[] = JSON.parse(await (await fetch(`${base}/log/${id}`)).text());
      const first = served[0];
      return {
        wallMs: (usage.end_ns - usage.start_ns) / 1e6,
        cpuMs: usage.cpu_us / 1e3,
        memoryMb: usage.rss_kib / 1024,
        code: usage.code,
        firstRequestMs: first === undefined ? undefined : (first.at - usage.start_ns) / 1e6,
        gapsMs: served.slice(1).map((request, index) => (request.at - (served[index]?.sent ?? request.at)) / 1e6),
      };
    },
    stop() {
      service.kill();
      rmSync(folder, { recursive: true, force: true });
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value).trim();
}

/** Runs two programs in turn, A B A B, after a round that does not count. */
export async function pairs(
  bench: Bench,
  programs: [Program, Program],
  turns: number,
  rounds: number,
): Promise<[Sample[], Sample[]]> {
  const samples: [Sample[], Sample[]] = [[], []];
  for (let round = -1; round < rounds; round++) {
    for (const index of [0, 1] as const) {
      const sample = await bench.run(programs[index], turns);
      if (sample.code !== 0) throw new Error(`${programs[index].name} ended with exit code ${sample.code}`);
      if (round >= 0) samples[index].push(sample);
    }
  }
  return samples;
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
