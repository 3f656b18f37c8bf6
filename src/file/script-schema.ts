import * as v from "valibot";
import type { Json } from "../core/json.ts";
import { durationPattern } from "./duration.ts";

/* The scripted model's file: a list of answers, request by request. */

const text = (description: string) => v.pipe(v.string(), v.title("text"), v.description(description));

const duration = (description: string) =>
  v.pipe(
    v.string(),
    v.title("a duration such as '500ms' or '2s'"),
    v.regex(durationPattern, "Expected a duration such as '500ms' or '2s'"),
    v.description(description),
  );

const count = (description: string) =>
  v.pipe(
    v.number(),
    v.title("a number of tokens"),
    v.safeInteger("Expected a whole number"),
    v.minValue(0, "Expected 0 or more"),
    v.description(description),
  );

const call = v.pipe(
  v.strictObject({
    name: text("The tool."),
    arguments: v.exactOptional(
      v.pipe(
        v.custom<Json>(() => true),
        v.description("Its arguments; texts may hold `${{ … }}`. Default: `{}`."),
      ),
    ),
    raw: v.exactOptional(text("The arguments as they are sent, for what is not JSON.")),
  }),
  v.title("a map with 'name' and 'arguments'"),
);

const failure = v.pipe(
  v.strictObject({
    kind: v.pipe(
      v.picklist(["service", "network", "credentials", "request"]),
      v.title("'service', 'network', 'credentials' or 'request'"),
      v.description("What failed. `service` and `network` are tried again."),
    ),
    message: v.optional(text("What the service says."), "The script says so"),
    status: v.exactOptional(
      v.pipe(
        v.number(),
        v.title("an HTTP status"),
        v.safeInteger("Expected a whole number"),
        v.minValue(100, "Expected a status from 100 on"),
        v.maxValue(599, "Expected a status up to 599"),
        v.description("The HTTP status."),
      ),
    ),
    retry_after: v.exactOptional(duration("How long the service asks to wait.")),
  }),
  v.title("a map with 'kind'"),
);

export const scriptSchema = v.pipe(
  v.array(
    v.pipe(
      v.strictObject({
        text: v.exactOptional(
          text("What the model answers. May hold `${{ prompt }}` and `${{ results.0 }}` or `${{ results.last }}`."),
        ),
        calls: v.exactOptional(
          v.pipe(
            v.array(call),
            v.title("a list of calls"),
            v.minLength(1, "Expected at least one call"),
            v.description("The tools it calls."),
          ),
        ),
        stop: v.exactOptional(
          v.pipe(
            v.picklist(["end", "tool_calls", "length", "refusal"]),
            v.title("'end', 'tool_calls', 'length' or 'refusal'"),
            v.description("Why it stops. Default: `tool_calls` when it calls tools, else `end`."),
          ),
        ),
        usage: v.exactOptional(
          v.pipe(
            v.strictObject({
              input: v.optional(count("Tokens read."), 0),
              output: v.optional(count("Tokens written."), 0),
              cached: v.optional(count("Tokens of `input` that were cached."), 0),
              reasoning: v.optional(count("Tokens of `output` that were reasoning."), 0),
              cache_write: v.exactOptional(count("Tokens of `input` that were written to the service's cache.")),
            }),
            v.title("a map of token counts"),
            v.description("What it reports to have used. Default: an estimate."),
          ),
        ),
        delay: v.optional(duration("The wait before its first byte."), "0ms"),
        drip: v.optional(duration("The wait between pieces of its text."), "0ms"),
        failure: v.exactOptional(v.pipe(failure, v.description("The request fails, in place of an answer."))),
      }),
      v.title("a map with 'text', 'calls' or 'failure'"),
    ),
  ),
  v.title("a list of answers"),
  v.minLength(1, "A script needs at least one answer"),
);

export type ScriptFile = v.InferOutput<typeof scriptSchema>;

/** The form for an agent with sub-agents that have their model from it: answers for each run of one, by its name. */
export const scriptsSchema = v.pipe(
  v.strictObject({
    answers: scriptSchema,
    agents: v.pipe(
      v.record(v.string(), scriptSchema),
      v.title("a map of lists of answers"),
      v.description("By a sub-agent's name; by `name/name` for one that a sub-agent spawns."),
    ),
  }),
  v.title("a list of answers, or a map with 'answers' and 'agents'"),
);
