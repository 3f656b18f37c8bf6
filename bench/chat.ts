/**
 * `bun bench/chat.ts`: a conversation of 1,000 turns with a scripted model, in this process. What the first turn costs, with an MCP
 * server that starts, beside later ones, and what the conversation takes of memory and time as it grows.
 */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { openTalk } from "../src/app/converse.ts";
import { readAgent, readScript, readText } from "../src/cli/agent-file.ts";

const turns = 1000;
const folder = realpathSync(mkdtempSync(join(tmpdir(), "rein-bench-chat-")));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const server = resolve(import.meta.dir, "../tests/contracts/fixtures/mcp-stdio.ts");
const call = { calls: [{ name: "echo", arguments: { text: "hello" } }] };
const steps = Array.from({ length: turns }, (_, index) => [call, { text: `Answer ${index}: ${"word ".repeat(20)}` }]);
writeFileSync(join(folder, "script.yaml"), JSON.stringify(steps.flat()));
writeFileSync(
  join(folder, "agent.yaml"),
  `instructions: Be brief\nmodel: scripted/script.yaml\nmcp: { cases: { command: [${process.execPath}, ${server}] } }\n`,
);

const plan = readAgent(join(folder, "agent.yaml"), folder);
if (!plan.ok) throw new Error("The agent file has errors");
const begun = performance.now();
const opened = await openTalk({
  plan: plan.value,
  grants: { all: true, allow: {}, deny: {} },
  model: undefined,
  session: { name: "bench", asked: true },
  input: {},
  cwd: folder,
  environment: { PATH: process.env["PATH"], XDG_STATE_HOME: join(folder, "state") },
  ask: undefined,
  interrupts: new AbortController().signal,
  files: { script: readScript, text: readText },
});
if (!opened.ok) throw new Error(opened.error.message);
const talk = opened.value;

const times: number[] = [];
const memory: number[] = [];
for (let turn = 0; turn < turns; turn++) {
  const before = turn === 0 ? begun : performance.now();
  const made = await talk.turn(`Question ${turn}`, [], () => undefined, new AbortController().signal);
  if (!made.ok || made.value.outcome !== "done") throw new Error(JSON.stringify(made));
  times.push(performance.now() - before);
  if (turn % 100 === 99) {
    Bun.gc(true);
    memory.push(process.memoryUsage().rss / 1e6);
  }
}
await talk.close();

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const [first = 0, ...later] = times;
const tenth = later.slice(0, 100);
const last = later.slice(-100);
const shown = (ms: number) => `${ms.toFixed(1)} ms`;
console.log(`first turn, with opening and a server's start: ${shown(first)}`);
console.log(`later turns: ${shown(median(later))} (first / later: ${(first / median(later)).toFixed(0)})`);
console.log(`turns 2 to 101: ${shown(median(tenth))}; the last 100: ${shown(median(last))}`);
console.log(`memory after 100, 200, … turns, MB: ${memory.map((one) => one.toFixed(0)).join(", ")}`);
