/**
 * The small model in this process: beside llama.cpp's own server on the same file, with as many threads and the same prompts, in turn;
 * a conversation's second turn beside its first; and what the whole command takes.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { loadModel, type LocalModel, type LocalSession } from "../src/native/local.ts";
import { llamaServer, startLlamaServer } from "../tests/helpers/llama-server.ts";
import { weights } from "../tests/helpers/local-model.ts";

const root = resolve(import.meta.dir, "..");
const context = 4096;
const generated = 128;
/** As many as rein takes where nobody says. */
const threads = Math.max(1, availableParallelism() - 1);

/** Numbers of both, round by round. Nothing is beside ours where `theirs` is empty. */
export type Compared = { what: string; unit: string; ours: number[]; theirs: number[]; least?: number };

/** Undefined without the weights. The server's part is left out without REIN_LLAMA_SERVER. */
export async function localSpeeds(rein: string): Promise<Compared[] | undefined> {
  if (!existsSync(weights)) return undefined;
  const command = await commandOf(rein);
  const beside = llamaServer === "" ? [] : await besideServer(command.memoryMb);
  const memory: Compared = { what: "memory of rein run", unit: "MB", ours: command.memoryMb, theirs: [] };
  return [
    ...(beside.length > 0 ? beside : [memory]),
    ...(await conversation()),
    { what: "rein run to its first token", unit: "ms", ours: command.firstMs, theirs: [] },
  ];
}

/** Some 500 tokens, and others in each round, so that nothing of them is known already. */
function promptOf(round: number): string {
  const text = readFileSync(`${root}/LICENSE`, "utf8").repeat(3);
  return `${round}. ${text.slice(round * 100, round * 100 + 2200)}\n\nOnce upon a time `;
}

async function load(): Promise<LocalModel> {
  const loaded = await loadModel(weights, { context, threads });
  if (!loaded.ok) throw new Error(loaded.error);
  return loaded.value;
}

async function open(model: LocalModel): Promise<LocalSession> {
  const opened = await model.open();
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

async function answerOf(session: LocalSession, prompt: string, maxTokens: number) {
  let text = "";
  let computed = 0;
  for await (const event of session.generate(prompt, { seed: 1, temperature: 0, maxTokens })) {
    if (event.type === "prompt") computed = event.tokens - event.cached;
    if (event.type === "text") text += event.text;
    if (event.type === "done") return { ...event, text, computed };
  }
  throw new Error("The local model came to no end");
}

type Speed = { prompt: number; generated: number };

async function ourSpeed(model: LocalModel, prompt: string): Promise<Speed> {
  using session = await open(model);
  const { computed, tokens, promptMs, generateMs } = await answerOf(session, prompt, generated);
  return { prompt: (1e3 * computed) / promptMs, generated: (1e3 * tokens) / generateMs };
}

/** By what the server says of its own times, so that HTTP is not measured. */
async function theirSpeed(url: string, prompt: string): Promise<Speed> {
  const body = JSON.stringify({ prompt, n_predict: generated, temperature: 0, cache_prompt: false });
  const response = await fetch(`${url}/completion`, { method: "POST", body });
  const said: { timings: { prompt_per_second: number; predicted_per_second: number } } = JSON.parse(
    await response.text(),
  );
  return { prompt: said.timings.prompt_per_second, generated: said.timings.predicted_per_second };
}

async function besideServer(memoryMb: number[]): Promise<Compared[]> {
  const server = await startLlamaServer(weights, ["-c", `${context}`, "-t", `${threads}`]);
  using model = await load();
  const [ours, theirs]: [Speed[], Speed[]] = [[], []];
  try {
    for (let round = 0; round <= 7; round++) {
      const prompt = promptOf(round);
      const [mine, other] = [await ourSpeed(model, prompt), await theirSpeed(server.url, prompt)];
      // The first round warms up.
      if (round === 0) continue;
      ours.push(mine);
      theirs.push(other);
    }
    const rows = (["prompt", "generated"] as const).map((part): Compared => {
      const values = (speeds: Speed[]) => speeds.map((speed) => speed[part]);
      const what = `${part} / llama-server, threads: ${threads}`;
      return { what, unit: "tokens/s", ours: values(ours), theirs: values(theirs), least: 0.9 };
    });
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"));
    const theirMb = memoryMb.map(() => Number(peak?.[1]) / 1024);
    return [...rows, { what: "memory of rein run / llama-server", unit: "MB", ours: memoryMb, theirs: theirMb }];
  } finally {
    await server.stop();
  }
}

async function conversation(): Promise<Compared[]> {
  const [loading, firsts, seconds]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    using model = await load();
    using session = await open(model);
    loading.push(performance.now() - started);
    const prompt = promptOf(round);
    const first = await answerOf(session, prompt, 32);
    const second = await answerOf(session, `${prompt}${first.text}\n\nWhat came then? `, 32);
    firsts.push(first.firstTokenMs);
    seconds.push(second.firstTokenMs);
  }
  return [
    { what: "a second turn / the first: first token", unit: "ms", ours: seconds, theirs: firsts },
    { what: "loading, and opening a session", unit: "ms", ours: loading, theirs: [] },
  ];
}

/** The command as a user starts it, with the model's file in the system's cache. */
async function commandOf(rein: string): Promise<{ firstMs: number[]; memoryMb: number[] }> {
  const folder = mkdtempSync(join(tmpdir(), "rein-bench-local-"));
  symlinkSync(weights, join(folder, basename(weights)));
  const model = `models: { m: { model: local/smollm2, context: ${context}, max_tokens: 16 } }\nmodel: m\n`;
  writeFileSync(join(folder, "long.yaml"), `${model}prompt: ${JSON.stringify(promptOf(0))}\n`);
  writeFileSync(join(folder, "short.yaml"), `${model}prompt: Say hello\n`);
  const env = { HOME: folder, REIN_MODELS: folder, TERM: "dumb" };
  const [firstMs, memoryMb]: [number[], number[]] = [[], []];
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    const child = Bun.spawn([rein, "run", "--stream", "short.yaml"], { cwd: folder, env, stderr: "ignore" });
    const reader = child.stdout.getReader();
    await reader.read();
    firstMs.push(performance.now() - started);
    reader.releaseLock();
    await child.exited;
    const launch = Bun.spawn([`${root}/dist/bench/launch`, rein, "run", "long.yaml"], { cwd: folder, env });
    const said: { rss_kib: number; code: number } = JSON.parse(await launch.stdout.text());
    // Cut at its 16 tokens.
    if (said.code !== 4) throw new Error(`rein run with local/smollm2 ended with exit code ${said.code}`);
    memoryMb.push(said.rss_kib / 1024);
  }
  rmSync(folder, { recursive: true, force: true });
  return { firstMs, memoryMb };
}
