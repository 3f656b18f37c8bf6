import * as v from "valibot";
import { entryName } from "./entry-name.ts";
import { defaultCost, defaultLimits } from "../core/plan.ts";
import { later, laterOr, once } from "./later.ts";
import { lspSchema } from "./lsp.ts";
import { mcpSchema, serverPicks } from "./mcp-schema.ts";
import { modelsSchema } from "./models-schema.ts";
import { modelSchema } from "./route-schema.ts";
import { contextSchema } from "./context.ts";
import { count, dollars } from "./count.ts";
import { durationText } from "./duration.ts";
import { oauthSchema } from "./oauth.ts";
import { secretsSchema } from "./secrets.ts";
import { ownToolSchema } from "./tool-schema.ts";
import { durationSchema, json, jsonSchema } from "./value-schemas.ts";

/*
 * The agent file, once: this is the types, the validation, docs/reference.md and the JSON Schema for editors. A title is what
 * messages call the value: "Expected a list of tool names, found a map".
 */

const inputTypes = ["string", "number", "integer", "boolean", "array", "object"] as const;

const inputSpec = () =>
  v.pipe(
    v.strictObject({
      type: v.pipe(v.picklist(inputTypes), v.title("the name of a type"), v.description("The type of the value.")),
      description: v.exactOptional(v.pipe(v.string(), v.title("text"), v.description("What it is, for people."))),
      default: v.exactOptional(
        v.pipe(json, v.description("The value when none is given. Without it the input is required.")),
      ),
      enum: v.exactOptional(
        v.pipe(
          v.array(json),
          v.title("a list of values"),
          v.minLength(1, "Expected at least one value"),
          v.description("The only values that are allowed. For `string`, `number` and `integer`."),
        ),
      ),
      from: v.exactOptional(
        v.pipe(
          v.picklist(["stdin"]),
          v.title("'stdin'"),
          v.description(
            "Where the value comes from when it is not given by `--set` or `--input`. One input of a file can say `stdin`.",
          ),
        ),
      ),
    }),
    v.title("a map such as { type: string }"),
  );

const paths = once(() => v.pipe(v.array(v.pipe(v.string(), v.title("a path"))), v.title("a list of paths")));

function permissions(description: string) {
  return laterOr({}, () =>
    v.pipe(
      v.strictObject({
        read: v.exactOptional(
          v.pipe(
            paths(),
            v.description(
              "Files and folders to read; a folder means its tree. Relative to the working folder, absolute, `~/` for home, " +
                "`agent:` for the agent file's folder. No globs.",
            ),
            v.examples([["."], ["src", "~/notes", "agent:prompts"]]),
          ),
        ),
        write: v.exactOptional(
          v.pipe(
            paths(),
            v.description("Files and folders to write, as in `read`. Does not include read."),
            v.examples([["out"]]),
          ),
        ),
        net: v.exactOptional(
          v.pipe(
            v.array(v.pipe(v.string(), v.title("a host"))),
            v.title("a list of hosts"),
            v.description("Hosts to reach: a name, `*.name`, an IP or CIDR, with `:port` when it is not 443."),
            v.examples([["api.example.com", "*.example.org:8080", "10.0.0.0/8"]]),
          ),
        ),
        run: v.exactOptional(
          v.pipe(
            v.array(v.pipe(v.string(), v.title("a program"))),
            v.title("a list of programs"),
            v.description("Programs to start: a name that is looked up on PATH, or an absolute path."),
            v.examples([["git", "/usr/bin/jq"]]),
          ),
        ),
        env: v.exactOptional(
          v.pipe(
            v.array(v.pipe(v.string(), v.title("a variable's name"))),
            v.title("a list of variables"),
            v.description(
              "Environment variables to read and to hand to programs: names, or `PREFIX_*`. The value of one that is called like a secret " +
                "(`*_TOKEN`, `*_KEY`, `*PASSWORD*`, `*SECRET*`, …) and has 8 characters or more is masked wherever a text has it.",
            ),
            v.examples([["LANG", "CI_*"]]),
          ),
        ),
      }),
      v.title("a map of permissions"),
      v.description(description),
    ),
  );
}

const entries = {
  name: v.exactOptional(
    v.pipe(
      v.string(),
      v.title("text"),
      v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "A name is at most 64 letters, digits, '.', '_' and '-'"),
      v.description("The agent's name in results and journals. Default: the file's name without its ending."),
      v.examples(["review"]),
    ),
  ),
  description: v.exactOptional(
    v.pipe(
      v.string(),
      v.title("text"),
      v.description("What the agent does, in a sentence."),
      v.examples(["Finds bugs in a diff."]),
    ),
  ),
  model: later(modelSchema),
  models: laterOr({}, () =>
    v.pipe(
      modelsSchema(),
      v.title("a map of models"),
      v.description("Models by name, with options; `model`, `--model` and `REIN_MODEL` can name them."),
      v.examples([{ careful: { model: "openai/gpt-6-sol", effort: "high" } }]),
    ),
  ),
  input: laterOr({}, () =>
    v.pipe(
      v.record(entryName("An input"), inputSpec()),
      v.title("a map of inputs"),
      v.description(
        "Typed parameters by name. Given by `--set name=value`, `--set name=@file`, a flag of its own behind FILE (`max_items` " +
          "is `--max-items`, unless rein has that flag), `--input file.json` or stdin; used as `${{ input.name }}`.",
      ),
      v.examples([{ diff: { type: "string", from: "stdin" } }]),
    ),
  ),
  instructions: v.exactOptional(
    v.pipe(
      v.string(),
      v.title("text"),
      v.description(
        "How the agent works: the system prompt. May hold `${{ … }}`. A file has `instructions`, `prompt` or both.",
      ),
      v.examples(["You are a careful reviewer."]),
    ),
  ),
  prompt: v.exactOptional(
    v.pipe(
      v.string(),
      v.title("text"),
      v.description("The task. May hold `${{ … }}`. A prompt on the command line follows it."),
      v.examples(["Review this diff: ${{ input.diff }}"]),
    ),
  ),
  tools: laterOr([], () =>
    v.pipe(
      v.array(v.union([v.pipe(v.string(), v.title("a tool's name")), ownToolSchema, serverPicks])),
      v.title("a list of tool names"),
      v.description(
        "The tools that are offered to the model; nothing else is. A name is a built-in tool or one of `tools_dir`, " +
          "`custom/*` is all of these, `{ SERVER: [NAME, …] }` are tools of a server under `mcp`, and other maps are tools:",
      ),
      v.examples([["file_read", "bash_exec"]]),
    ),
  ),
  tools_dir: v.exactOptional(
    v.pipe(
      v.string(),
      v.title("a folder"),
      v.regex(/^(?![/~])[^\0]+$/, "Expected a path relative to the agent file"),
      v.description(
        "A folder of tools, relative to the agent file: `NAME.tool.yaml` for a program in any language, `*.ts` and `*.js` " +
          "modules. Files that begin with `_` are skipped. `tools` picks from it.",
      ),
      v.examples(["tools"]),
    ),
  ),
  mcp: laterOr({}, mcpSchema),
  permissions: permissions(
    "The most that this agent can ever get. The caller grants it: `-P` for all of it, or `--allow-…`.",
  ),
  deny: permissions("What is refused whatever is granted. The same keys as `permissions`."),
  limits: v.optional(
    v.pipe(
      v.strictObject({
        turns: v.optional(
          v.pipe(count("a number of turns"), v.description("Answers of the model.")),
          defaultLimits.turns,
        ),
        tool_calls: v.optional(
          v.pipe(count("a number of calls"), v.description("Calls of tools, over all turns.")),
          defaultLimits.tool_calls,
        ),
        time: v.optional(
          v.pipe(durationSchema, v.description("The whole run's time.")),
          durationText(defaultLimits.time),
        ),
        tokens: v.exactOptional(
          v.pipe(
            count("a number of tokens"),
            v.description("Tokens of all requests, input and output. Default: no limit."),
          ),
        ),
        cost: v.exactOptional(
          dollars(
            `What all requests may cost, in US dollars. Default: ${defaultCost}, and a model whose price is not known is only a ` +
              "warning. Where it is set such a model is an error; `models.*.price` names a price.",
          ),
        ),
      }),
      v.title("a map of limits"),
      v.description("The most that a run may use. A run that reaches one ends with exit code 4, or 124 for `time`."),
      v.examples([{ turns: 30, tool_calls: 100, time: "5m", cost: 0.5 }]),
    ),
    {},
  ),
  context: v.optional(contextSchema, {}),
  output: later(() =>
    v.pipe(
      v.strictObject({
        schema: v.pipe(
          jsonSchema,
          v.title("a JSON Schema"),
          v.description("The final answer is JSON that fits this JSON Schema, or the run fails with exit code 5."),
          v.examples([{ type: "object", required: ["findings"], properties: { findings: { type: "array" } } }]),
        ),
      }),
      v.title("a map with 'schema'"),
      v.description("What the agent must deliver."),
    ),
  ),
  checks: laterOr([], () =>
    v.pipe(
      v.array(
        v.pipe(
          v.strictObject({
            run: v.pipe(
              v.array(v.pipe(v.string(), v.title("text"))),
              v.title("a list of a program and its arguments"),
              v.minLength(1, "Expected a program"),
              v.description(
                "The program and its arguments; no shell. The program counts as requested in `permissions.run`.",
              ),
              v.examples([["jq", "-e", ".findings | length < 100"]]),
            ),
          }),
          v.title("a map with 'run'"),
        ),
      ),
      v.title("a list of checks"),
      v.description(
        "Commands that judge the answer, which they get on stdin. One that does not exit with 0 fails the run: exit code 5.",
      ),
    ),
  ),
  denied: v.optional(
    v.pipe(
      v.picklist(["fail", "report"]),
      v.title("'fail' or 'report'"),
      v.description("What a denied call does: `fail` ends with exit code 3, `report` only tells it in the result."),
    ),
    "fail",
  ),
  env: laterOr([], () =>
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.title("a variable's name"),
          v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "A variable's name is letters, digits and '_'"),
        ),
      ),
      v.title("a list of variables"),
      v.description(
        "Environment variables that templates use as `${{ env.NAME }}`. Each must be in `permissions.env` too, and one that is called " +
          "like a secret is masked as there.",
      ),
      v.examples([["LANG"]]),
    ),
  ),
  skills: laterOr([], () =>
    v.pipe(
      v.array(v.pipe(v.string(), v.title("a folder"))),
      v.title("a list of folders"),
      v.description(
        "Folders in the Agent Skills format, each with a SKILL.md; relative to the agent file. The model sees their names and " +
          "descriptions, and reads the rest with `skill_read`. They count as requested in `permissions.read`, and nothing in " +
          "them grants anything.",
      ),
      v.examples([["skills/release-notes"]]),
    ),
  ),
  memory: v.exactOptional(
    v.pipe(
      v.string(),
      v.title("a file"),
      v.regex(/^(?!~)[^\u0000-\u001f]*[^\u0000-\u001f/]$/, "Expected a file, by its path from the agent file"),
      v.description(
        "A Markdown file with notes that are kept across sessions, relative to the agent file; it is made when the first one is " +
          "written. It gives the tools `memory_read` and `memory_write`, or only the one of them that `tools` lists. The file counts " +
          "as requested in `permissions.read`, and with `memory_write` in `permissions.write`. It has at most 64 kB, and what it " +
          "holds is data for the model, never instructions.",
      ),
      v.examples(["notes.md"]),
    ),
  ),
  secrets: secretsSchema,
  oauth: oauthSchema,
  lsp: lspSchema,
};

/** An agent within the file of another. What it has none of here it shares with that one: models, tools folder, agents. */
export const inlineAgent = once(() =>
  v.pipe(
    v.strictObject({
      description: entries.description,
      model: entries.model,
      input: entries.input,
      instructions: entries.instructions,
      prompt: entries.prompt,
      tools: entries.tools,
      mcp: entries.mcp,
      permissions: permissions(
        "The most that it can get. It never gets more than the agent that spawns it; nothing is inherited.",
      ),
      deny: entries.deny,
      limits: entries.limits,
      context: entries.context,
      output: entries.output,
      checks: entries.checks,
      denied: entries.denied,
      env: entries.env,
      skills: entries.skills,
      memory: entries.memory,
      secrets: entries.secrets,
      oauth: entries.oauth,
      lsp: entries.lsp,
    }),
    v.title("a map of an agent's keys, or the path of an agent file"),
  ),
);

export const agentSchema = v.pipe(
  v.strictObject({
    ...entries,
    cache: later(() =>
      v.pipe(
        v.strictObject({
          responses: v.optional(
            v.pipe(
              v.boolean(),
              v.title("true or false"),
              v.description(
                "A request that was made before, to the byte, is answered as it was then: at once, for nothing, and by no service. " +
                  "Answers are kept in `$XDG_CACHE_HOME/rein/responses`, 64 MB of them.",
              ),
            ),
            false,
          ),
        }),
        v.title("a map of caches"),
        v.description("What may be answered from what was answered before."),
        v.examples([{ responses: true }]),
      ),
    ),
    commands: laterOr({}, () =>
      v.pipe(
        v.record(
          entryName("A command", "'_' and '-'"),
          v.pipe(
            v.union([
              v.pipe(v.string(), v.title("text")),
              v.strictObject({
                description: v.exactOptional(
                  v.pipe(v.string(), v.title("text"), v.description("What it is for, in a line. `/help` shows it.")),
                ),
                prompt: v.pipe(
                  v.string(),
                  v.title("text"),
                  v.description("What is said. `${{ args }}` is what was typed behind the command."),
                ),
              }),
            ]),
            v.title("text, or a map such as { description: …, prompt: … }"),
          ),
        ),
        v.title("a map of commands"),
        v.description(
          "Commands of `rein chat` and of editors (`rein acp`), by name: `/explain src` says the prompt of `explain`, in which `${{ args }}` is `src`; " +
            "other `${{ … }}` are as in `prompt`. The chat's own commands win.",
        ),
        v.examples([{ explain: "Explain ${{ args }} to a newcomer." }]),
      ),
    ),
    agents: laterOr({}, () =>
      v.pipe(
        v.record(
          entryName("An agent", "'_' and '-'"),
          v.pipe(
            v.union([v.pipe(v.string(), v.title("a path")), inlineAgent()]),
            v.title("a map of an agent's keys, or the path of an agent file"),
          ),
        ),
        v.title("a map of agents"),
        v.description(
          "Agents that this one can spawn with `spawn_agent`, by name: the path of an agent file, relative to this one, or a map " +
            "with keys of an agent. Without a `model` it has that of the agent that spawns it; it never has more permissions, and " +
            "what it uses counts against the limits of both. A `default` of its inputs may hold `${{ … }}`.",
        ),
        v.examples([{ reader: "reader.yaml" }]),
      ),
    ),
  }),
  v.title("a map of an agent's keys"),
  v.description("An agent: its model, instructions, tools, what it may touch and what it must deliver."),
);

/** Keys that later versions will know, by the path of the map they stand in. */
export const laterKeys: Record<string, readonly string[]> = {
  "": ["flow", "sandbox", "tests"],
};

const foreignHere = {
  system: "instructions",
  system_prompt: "instructions",
  max_turns: "limits.turns",
  max_steps: "limits.turns",
  timeout: "limits.time",
  inputs: "input",
  allow: "permissions",
  mcp_servers: "mcp",
  mcpServers: "mcp",
};

const foreignServer = { cmd: "command", environment: "env", arguments: "args", httpUrl: "url", serverUrl: "url" };

const foreignLimits = { timeout: "time", max_turns: "turns", steps: "turns", max_tokens: "tokens" };

/** Keys that people know from elsewhere, by the path of the map they stand in, and what they are called here. */
export const foreignKeys: Record<string, Record<string, string>> = {
  "": { ...foreignHere, subagents: "agents", sub_agents: "agents" },
  limits: foreignLimits,
  "mcp.*": foreignServer,
  "agents.*": foreignHere,
  "agents.*.mcp.*": foreignServer,
  "agents.*.limits": foreignLimits,
};

/** An agent file's content: it has the shape, but its names were not looked up. */
export type AgentFile = v.InferOutput<typeof agentSchema>;
