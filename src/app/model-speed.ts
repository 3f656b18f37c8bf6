import type { Clock } from "../core/host.ts";
import type { ModelSpeed } from "../core/local-model.ts";
import type { Model } from "../core/model.ts";
import { interrupted, problemOf, type Problem } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import { systemClock } from "../host/clock.ts";
import { peakMemory } from "../host/memory.ts";
import { readReply } from "../loop/reply.ts";
import { createService } from "../models/index.ts";
import { storeVariable } from "../core/store.ts";
import { keyVariables, providerNames } from "../models/providers.ts";
import { openBareHost } from "./bare-host.ts";
import { modelDeps, type ModelFiles } from "./model.ts";
import type { Place } from "./model-folder.ts";

/** The most tokens of an answer: enough to measure, and cheap. */
const answerTokens = 128;
/** One more is made first, that loads the model or opens the connection. */
const runs = 3;

/** Measures a model, local or remote, by a few requests. `word` is `provider/model`, a provider, or a name in the models folder. */
export async function measureModel(
  place: Place,
  word: string,
  files: ModelFiles,
  interrupts: AbortSignal,
): Promise<Result<ModelSpeed, Problem>> {
  const { cwd, environment } = place;
  const clock = systemClock;
  const opened = openBareHost(place, clock, [...keyVariables, storeVariable]);
  if (!opened.ok) return problemOf("usage", opened.error);
  const host = opened.value;
  try {
    const deps = modelDeps({
      host,
      clock,
      environment,
      files,
      agentFolder: cwd,
      scriptFolder: cwd,
      cwd,
      retryAfterText: true,
    });
    const name = word.includes("/") || providerNames.includes(word) ? word : `local/${word}`;
    // Once: the wait before a second attempt would be measured too.
    const model = await createService({ model: name, max_tokens: answerTokens }, deps);
    return model.ok ? await measure(model.value, clock, peakMemory, interrupts) : model;
  } finally {
    await host.close();
  }
}

const outcomes = { service: "service", network: "service", credentials: "credentials", request: "usage" } as const;

/** Times of one request, in milliseconds, and its tokens. */
type Sample = { firstToken: number; rest: number; input: number; output: number };

/** `memory` is asked at the end. */
export async function measure(
  model: Model,
  clock: Clock,
  memory: () => number | undefined,
  signal: AbortSignal,
): Promise<Result<ModelSpeed, Problem>> {
  const samples: Sample[] = [];
  for (let run = 0; run <= runs; run++) {
    const request = { instructions: "", messages: [{ role: "user" as const, text: prompt(run) }], tools: [] };
    const replied = await readReply(model, request, 1, undefined, async () => undefined, clock, signal);
    if (signal.aborted) return interrupted(signal);
    if (replied.type === "failure") {
      const { kind, message, hint } = replied.failure;
      return problemOf(outcomes[kind], message, hint);
    }
    if (replied.type === "limit") throw new Error("A request without a budget met its limit");
    const { firstTokenMs, durationMs, usage } = replied.reply;
    if (run === 0) continue;
    samples.push({
      firstToken: firstTokenMs,
      rest: durationMs - firstTokenMs,
      input: usage.input,
      output: usage.output,
    });
  }
  const of = (value: (sample: Sample) => number) => median(samples.map(value));
  return ok({
    model: model.name,
    runs,
    prompt_tokens: of(({ input }) => input),
    generated_tokens: of(({ output }) => output),
    first_token_ms: of(({ firstToken }) => firstToken),
    prompt_tokens_per_second: rate(of(({ input, firstToken }) => (input / firstToken) * 1000)),
    // The first token came with the prompt.
    generated_tokens_per_second: rate(of(({ output, rest }) => ((output - 1) / rest) * 1000)),
    memory_bytes: memory() ?? null,
  });
}

/** What takes no time, or has no tokens, has no speed. */
function rate(perSecond: number): number | null {
  return Number.isFinite(perSecond) && perSecond > 0 ? perSecond : null;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Some 500 tokens that differ from the first word on: a prompt that was kept from the request before would cost nothing. */
function prompt(run: number): string {
  const line = (number: number) =>
    `${number}. A note of day ${number * 7 + run}: the wind came from the west and the sea was calm.`;
  const notes = Array.from({ length: 20 }, (_, index) => line(index + run * 20)).join("\n");
  return `Diary ${run + 1}\n\n${notes}\n\nWrite a long story about these days, in full sentences.`;
}
