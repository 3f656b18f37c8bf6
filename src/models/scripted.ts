import type { Clock } from "../core/host.ts";
import type { JsonObject } from "../core/json.ts";
import type { Message, ToolCall } from "../core/message.ts";
import type { Model, ModelEvent, ModelFailure, ModelRequest, Usage } from "../core/model.ts";
import { ok, type Result } from "../core/result.ts";
import type { Script, ScriptCall, ScriptStep } from "../core/script.ts";
import { expand, expandValue } from "../core/template.ts";
import { cancelled } from "./failure.ts";

const window = 200_000;

/** What a model has answered of a run that goes on, and how many results of calls were in the conversation before that run. */
export type Answered = { requests: number; earlierResults: number };

/**
 * A model that says what its script says, one step for each request. One of it is good for one run: the steps go on from
 * request to request. `${{ prompt }}` is the last user message; `${{ results }}` are this run's tool results so far.
 */
export function scripted(script: Script, name: string, clock: Clock, before?: Answered): Model {
  let requests = before?.requests ?? 0;
  let earlierResults = before?.earlierResults;

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    // A session's earlier runs are in the conversation too; a script speaks of its own run only.
    earlierResults ??= resultsOf(request.messages).length;
    const step = script[requests++];
    if (step === undefined) {
      yield wrong(
        `The script has ${script.length} step${script.length === 1 ? "" : "s"}, and this is request ${requests}`,
      );
      return;
    }
    if (step.delayMs > 0) await clock.sleep(step.delayMs, signal);
    if (signal.aborted) {
      yield { type: "failure", failure: cancelled };
      return;
    }
    if (step.kind === "failure") {
      yield { type: "failure", failure: step.failure };
      return;
    }
    const values: JsonObject = {
      prompt: lastPrompt(request.messages),
      results: resultsOf(request.messages).slice(earlierResults),
    };
    const reply = fill(step, requests, values);
    if (!reply.ok) {
      yield wrong(`${reply.error.message} (step ${requests} of the script)`);
      return;
    }
    const { text, calls } = reply.value;
    let first = true;
    for (const piece of pieces(text)) {
      if (!first && step.dripMs > 0) await clock.sleep(step.dripMs, signal);
      if (signal.aborted) {
        yield { type: "failure", failure: cancelled };
        return;
      }
      first = false;
      yield { type: "text", text: piece };
    }
    for (const [index, call] of calls.entries()) yield { type: "tool_call", index, ...call };
    yield { type: "usage", usage: step.usage ?? estimate(request, text, calls) };
    yield { type: "stop", reason: step.stop };
  }

  return { name, window, stream };
}

function wrong(message: string): { type: "failure"; failure: ModelFailure } {
  return { type: "failure", failure: { kind: "request", message, retryable: false } };
}

function resultsOf(messages: Message[]): string[] {
  return messages.flatMap((message) =>
    message.role === "tool" ? message.results.map((result) => result.content) : [],
  );
}

function lastPrompt(messages: Message[]): string {
  return messages.findLast((message) => message.role === "user")?.text ?? "";
}

type Reply = { text: string; calls: ToolCall[] };

function fill(step: Extract<ScriptStep, { kind: "reply" }>, number: number, values: JsonObject): Result<Reply> {
  const text = expand(step.text, values);
  if (!text.ok) return text;
  const calls: ToolCall[] = [];
  for (const [index, call] of step.calls.entries()) {
    const args = argumentsOf(call, values);
    if (!args.ok) return args;
    calls.push({ id: `call_${number}_${index + 1}`, name: call.name, arguments: args.value });
  }
  return ok({ text: text.value, calls });
}

function argumentsOf(call: ScriptCall, values: JsonObject): Result<string> {
  if ("raw" in call) return ok(call.raw);
  const filled = expandValue(call.arguments, values);
  return filled.ok ? ok(JSON.stringify(filled.value)) : filled;
}

/** A text word by word, each with the space after it. */
function pieces(text: string): string[] {
  return text.match(/\s*\S+\s*|\s+/g) ?? [];
}

/** Four characters to a token, the usual rule of thumb: the same on every run, and near enough to try limits with. */
function estimate(request: ModelRequest, text: string, calls: ToolCall[]): Usage {
  // Examples are for models in this process; no service is told of them.
  const tools = request.tools.map(({ name, description, input }) => ({ name, description, input }));
  const asked = request.instructions.length + JSON.stringify([request.messages, tools]).length;
  const said = calls.reduce((sum, call) => sum + call.name.length + call.arguments.length, text.length);
  return { input: Math.ceil(asked / 4), output: Math.ceil(said / 4), cached: 0, reasoning: 0 };
}
