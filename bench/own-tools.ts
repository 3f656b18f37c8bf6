/** What a call of a user's own tool costs: a module's beside the same function in this process, a program's beside Bun.spawn. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openToolbox } from "../src/app/toolbox.ts";
import type { PlannedTool, ToolFacts } from "../src/core/planned-tool.ts";
import type { Tool } from "../src/core/tool.ts";
import { systemClock } from "../src/host/clock.ts";
import { openHost } from "../src/host/host.ts";
import { readMachine } from "../src/host/machine.ts";
import { makePolicy } from "../src/permit/policy.ts";
import { median } from "./measure.ts";
import type { Row } from "./native.ts";

const rounds = 41;

/** The goal is absolute: less than 5 ms for the second call of a module. */
export async function ownToolRows(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "rein-bench-tools-"));
  const module = join(folder, "tool.ts");
  writeFileSync(
    module,
    `import { tool } from "rein/tool";\nexport default tool({ name: "add", description: "Adds", run: ({ a, b }) => ({ sum: a + b }) });\n`,
  );
  const machine = readMachine({ cwd: folder, agentFolder: folder, environment: { PATH: process.env["PATH"] } });
  if (!machine.ok) throw new Error(machine.error.message);
  const policy = makePolicy(
    { permissions: { run: ["true"] }, deny: {} },
    { all: true, allow: {}, deny: {} },
    machine.value,
  );
  if (!policy.ok) throw new Error(policy.error.join("; "));
  const common = { machine: machine.value, policy: policy.value, clock: systemClock, environment: {} };
  const host = openHost({ ...common, secretNames: [], inputs: new Map() });
  const facts: Omit<ToolFacts, "name"> = {
    description: "",
    input: { type: "object" },
    effects: "none",
    timeout: 10_000,
    origin: module,
    permissions: {},
  };
  const planned: PlannedTool[] = [
    { kind: "module", name: "add", ...facts, module, export: "default" },
    { kind: "run", name: "true", ...facts, run: [[{ text: "true" }]] },
  ];
  try {
    const [add, program] = await openToolbox(planned, host);
    if (add === undefined || program === undefined) throw new Error("No tools were made");
    const { signal } = new AbortController();
    const scoped = host.scoped(async () => undefined, signal);
    const around = { host: scoped, signal, clock: systemClock, output: () => undefined, draw: async () => undefined };
    const call = async (tool: Tool) => {
      const { content, error } = await tool.run({ a: 1, b: 2 }, around);
      if (error === true) throw new Error(content);
    };
    const first = await timed(() => call(add));
    return [
      row("a module's second call / its first", await medianOf(() => call(add)), first),
      row(
        "a program as a tool / Bun.spawn",
        await medianOf(() => call(program)),
        await medianOf(async () => Bun.spawn(["true"], { stdio: ["ignore", "pipe", "pipe"] }).exited),
      ),
    ];
  } finally {
    await host.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function row(name: string, ours: number, theirs: number): Row {
  return { name, ours, theirs, ratio: ours / theirs, unit: "ms" };
}

async function medianOf(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await timed(work));
  return median(times);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

if (import.meta.main) console.log(await ownToolRows());
