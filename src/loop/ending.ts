import type { Emit } from "../core/event.ts";
import type { Interruption, OutcomeName } from "../core/exit.ts";
import type { Json } from "../core/json.ts";
import type { Model, ModelFailure } from "../core/model.ts";
import { dollars } from "../core/price.ts";
import type { RunResult } from "../core/result-document.ts";
import type { FinishedCall } from "./calls.ts";
import type { Reached } from "./tally.ts";

/** How a run came to its end. `partial`: what had come of an answer that was cut. */
export type Ending = { outcome: OutcomeName; answer: Json; error: RunResult["error"]; partial?: string };

export function ended(outcome: OutcomeName, answer: Json, message: string): Ending {
  return { outcome, answer, error: { message } };
}

const failureOutcomes: Record<ModelFailure["kind"], OutcomeName> = {
  service: "service",
  network: "service",
  credentials: "credentials",
  request: "usage",
};

export function failed(failure: ModelFailure): Ending {
  const { kind, message, hint } = failure;
  return { outcome: failureOutcomes[kind], answer: null, error: hint === undefined ? { message } : { message, hint } };
}

export async function limited(
  { call, ...reached }: Reached,
  { emit, model }: { emit: Emit; model: Model },
): Promise<Ending> {
  await emit({ type: "limit", ...reached });
  if (reached.limit === "same_denial")
    return ended("denied", null, "The same permission was refused three times in a row");
  if (call?.misfit) return { outcome: "limit", answer: null, error: misfitError(model.name, call) };
  return ended("limit", null, limitMessage(reached));
}

/** A model that cannot call the tool, though it was told twice what is wrong. */
function misfitError(model: string, { call, result }: FinishedCall) {
  const why = result.content.replace(/^The /, "the ");
  const message = `'${model}' called '${call.name}' three times in a row with wrong arguments: ${why}`;
  return { message, hint: "name a model that is better at calling tools with '--model', or offer it fewer tools" };
}

function limitMessage({ limit, value, max }: Reached): string {
  switch (limit) {
    case "same_failure":
      return "The same call failed three times in a row";
    case "output_length":
      return "The model's answer was cut at its longest output length";
    case "tool_calls":
      return `The limit of ${max} tool calls was reached: the next turn asked for call ${value}`;
    case "cost":
      return `The limit of ${dollars(max)} US dollars was reached: ${dollars(value)} are spent${short(value, max)}`;
    case "tokens":
      return `The limit of ${max} tokens was reached${value < max ? `: ${value} are used${short(value, max)}` : ""}`;
    default:
      return `The limit of ${max} ${limit} was reached`;
  }
}

function short(value: number, max: number): string {
  return value < max ? ", and the rest does not pay for the answer" : "";
}

const interruptions: Record<Interruption, string> = {
  timeout: "The time limit was reached",
  hangup: "Ended by SIGHUP",
  interrupt: "Interrupted",
  reader_gone: "The reader of the output went away",
  terminated: "Ended by SIGTERM",
};

export function interrupted(signal: AbortSignal): Ending {
  const reason: unknown = signal.reason;
  const name = Object.keys(interruptions).find((key): key is Interruption => key === reason);
  if (name === undefined) throw new Error(`A run was aborted for an unknown reason: ${String(reason)}`);
  return ended(name, null, interruptions[name]);
}
