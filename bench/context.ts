/**
 * `bun bench/context.ts [turns]`: whether a long conversation costs as much at its end as in its middle. A service on this machine asks
 * for ten calls a turn; memory, open files and the time of a turn are read while rein runs, and printed with their slopes.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { median } from "./measure.ts";

const turns = Number(process.argv[2] ?? 1000);
const callsOfTurn = 10;
const files = 40;
/** Until then the conversation fills its window for the first time, and what is compiled while it runs is compiled. */
const warmTurns = Math.floor(turns / 5);

type Point = { turn: number; memory: number; files: number; ms: number };

const folder = mkdtempSync(join(tmpdir(), "rein-bench-context-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

function prepare(): void {
  const lines = (file: number) =>
    Array.from({ length: 60 }, (_, line) => `line ${line} of file ${file}, and some words`);
  for (let file = 0; file < files; file++) writeFileSync(join(folder, `${file}.txt`), lines(file).join("\n"));
  const agent = {
    prompt: "Read on",
    tools: ["file_read"],
    permissions: { read: ["."] },
    limits: { turns: turns + 1, tool_calls: turns * callsOfTurn, time: "30m" },
    context: { max_tokens: 60_000 },
  };
  writeFileSync(join(folder, "agent.yaml"), JSON.stringify(agent));
}

/** A service of Chat Completions that asks for calls until all turns were taken. */
function serve() {
  let turn = 0;
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const asked = Math.round((await request.arrayBuffer()).byteLength / 4);
      const first = turn++ * callsOfTurn;
      const calls = Array.from({ length: callsOfTurn }, (_, index) => ({
        index,
        id: `call_${first + index}`,
        type: "function",
        function: { name: "file_read", arguments: JSON.stringify({ path: `${(first + index) % files}.txt` }) },
      }));
      const delta = turn > turns ? { content: "Done" } : { tool_calls: calls };
      const usage = { prompt_tokens: asked, completion_tokens: 300, total_tokens: asked + 300 };
      const chunks = [
        { choices: [{ index: 0, delta }] },
        { choices: [{ index: 0, delta: {}, finish_reason: turn > turns ? "stop" : "tool_calls" }] },
        { choices: [], usage },
      ];
      const body = [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"]
        .map((data) => `data: ${data}\n\n`)
        .join("");
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  });
}

function memoryOf(pid: number): number {
  const kilobytes = /^RssAnon:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0";
  return Number(kilobytes) / 1024;
}

/** Runs it once, and looks at the process at the start of each turn. */
async function measure(): Promise<{ points: Point[]; compacted: number; code: number }> {
  const rein = resolve(import.meta.dir, "../dist/rein");
  const argv = [rein, "run", "-P", "agent.yaml", "--model", "openai-compatible/bench", "--output", "jsonl"];
  const service = serve();
  const address = { OPENAI_BASE_URL: `${service.url.origin}/v1`, OPENAI_API_KEY: "bench" };
  const env = { PATH: process.env["PATH"], XDG_STATE_HOME: join(folder, "state"), ...address };
  const child = Bun.spawn(argv, { cwd: folder, env, stdout: "pipe", stderr: "ignore" });
  const points: Point[] = [];
  let compacted = 0;
  let before = 0;
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    const read = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = read.pop() ?? "";
    for (const line of read) {
      if (line.includes('"type":"compact"')) compacted++;
      if (!line.includes('"type":"turn_start"')) continue;
      const event: { turn: number; time: number } = JSON.parse(line);
      const sample = event.turn % 10 === 0 && child.exitCode === null;
      if (sample) {
        const open = readdirSync(`/proc/${child.pid}/fd`).length;
        points.push({ turn: event.turn, memory: memoryOf(child.pid), files: open, ms: (event.time - before) / 10 });
      }
      if (event.turn % 10 === 0) before = event.time;
    }
  }
  const code = await child.exited;
  await service.stop(true);
  return { points, compacted, code };
}

/** By how much a value grows in a thousand turns, by the slope of Theil and Sen: a few outliers do not move it. */
function slope(points: readonly Point[], value: (point: Point) => number): number {
  const slopes = points.flatMap((a, index) =>
    points.slice(index + 1).map((b) => (value(b) - value(a)) / (b.turn - a.turn)),
  );
  return median(slopes) * 1000;
}

prepare();
const { points, compacted, code } = await measure();
const warm = points.filter(({ turn }) => turn > warmTurns);
const rows: Array<[string, (point: Point) => number, string]> = [
  ["memory", ({ memory }) => memory, "MB"],
  ["open files", (point) => point.files, ""],
  ["time of a turn", ({ ms }) => ms, "ms"],
];
console.log(`${turns} turns, ${turns * callsOfTurn} calls, cut down ${compacted} times, exit code ${code}`);
for (const [name, value, unit] of rows) {
  const usual = median(warm.map(value));
  const grows = slope(warm, value);
  const share = usual === 0 ? 0 : (grows / usual) * 100;
  console.log(
    `${name}: ${usual.toFixed(1)} ${unit}, in 1,000 turns ${grows >= 0 ? "+" : ""}${grows.toFixed(2)} ${unit} (${share.toFixed(1)} %)`,
  );
}
