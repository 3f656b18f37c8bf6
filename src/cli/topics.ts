import { exits } from "../core/exit.ts";
import { permissionKinds, permissionWords } from "../core/permission.ts";
import { defaultCost, defaultLimits } from "../core/plan.ts";
import { dollars } from "../core/price.ts";

/** The texts of `rein help TOPIC` that are not about one command. */
export const topics: ReadonlyArray<{ name: string; summary: string; text(): string | Promise<string> }> = [
  { name: "exit-codes", summary: "What each exit code means", text: exitCodes },
  { name: "permissions", summary: "What an agent may touch, and who decides", text: permissions },
  { name: "input", summary: "How prompt, inputs and stdin reach an agent", text: () => input },
  { name: "output", summary: "What is written to stdout and stderr, and when", text: () => output },
  { name: "events", summary: "What '--output jsonl' prints, line by line", text: events },
  { name: "limits", summary: "What ends a run that goes on too long", text: limits },
  { name: "models", summary: "How a model is named, and the services it can be of", text: models },
  { name: "environment", summary: "The environment variables that rein reads", text: environment },
];

function exitCodes(): string {
  const rows = exits.map(({ code, name, when }) => `  ${String(code).padStart(3)}  ${name.padEnd(11)}  ${when}`);
  return ["What stopped the run decides; 5 and then 3 count only for a run that ended by itself.", "", ...rows].join(
    "\n",
  );
}

/** The page of the docs, which is made from the types that the program is built to. */
async function events(): Promise<string> {
  const [{ default: page }, { plainMarkdown }] = await Promise.all([
    import("../../docs/events.md", { with: { type: "text" } }),
    import("./plain-markdown.ts"),
  ]);
  return plainMarkdown(page);
}

function limits(): string {
  return `A run ends with exit code 4 when it has used up a limit of its file, and with 124 at its time limit:

  limits: { turns: 30, tool_calls: 100, tokens: 400000, cost: 0.50, time: 5m }

What the file does not name is ${defaultLimits.turns} turns, ${defaultLimits.tool_calls} tool calls, ${defaultLimits.time / 60_000} minutes and ${dollars(defaultCost)} US dollars; tokens are not
limited. Where the file says a cost, a model whose price is not known is an error, else a warning. What is left bounds
each answer: where it pays for fewer than 1,000 tokens of one, or an answer comes to more, the run ends. Sub-agents
share what is left. The same failing call, or the same refused permission, three times in a row ends a run as well.
'rein run FILE --dry-run' shows the limits of a file.`;
}

function permissions(): string {
  const rows = permissionKinds.map((kind) => {
    const { example, note } = permissionWords[kind];
    return [`  ${kind}: ${example}`, `# ${note}`];
  });
  return `The agent file requests, the caller grants: an agent gets what both name, and nothing else.

  permissions:            # in the file: the most that this agent can ever get
${indented(rows)}

  -P                      # grant all that the file requests
  --allow-read=src,docs   # grant some of it; --allow-read alone grants all that the file requests to read
  --deny-read=.env        # refuse, whatever else is granted; the same as 'deny: { read: [.env] }' in the file

On a terminal rein asks for what is requested and not granted: once, for this session, or no. Elsewhere it is
refused, the model is told, and the run ends with exit code 3 and the flag that would have allowed it.
A tool that can do nothing at all without a missing grant ends the run before anything is sent.`;
}

const input = `  rein run FILE [PROMPT]

PROMPT follows the file's 'prompt:'; '-' reads it from stdin. An agent needs at least one of the two.
The file's 'input:' declares typed values, used as \${{ input.NAME }} in 'instructions' and 'prompt':

  input:
    diff: { type: string, from: stdin, description: A unified diff }
    level: { type: integer, default: 1 }

  --set level=2           # text, or JSON for numbers, booleans, arrays and objects
  --set diff=@fix.patch   # from a file; '@@' is an '@'
  --level 2               # the same as a flag of the agent's own, behind FILE: max_items is --max-items, a boolean
                          # --loud or --no-loud, an array one flag for each item. 'rein help run FILE' lists them
  --input values.json     # several, as one JSON object

  -f notes.txt -f a.png   # files beside the prompt, by their content: a text becomes a part of it, an image (PNG, JPEG,
                          # GIF, WebP) or a PDF is shown to a model that can see it; 10 MB each, 20 MB in a conversation

stdin is read only for PROMPT '-', FILE '-', -f '-' or an input with 'from: stdin' that was not set otherwise, and for one of them.
A pipe may never end, so 'rein -e PROMPT' does not read it either unless it is named: git diff | rein -e 'Explain this' -f -
Commands that an agent runs find each input as REIN_INPUT_<NAME>, and as a file in the folder REIN_INPUTS.`;

const output = `stdout is the answer: written once, when it is known that the run is good (exit codes 0 and 3); on any
other exit code nothing. On a terminal, and with --stream, text appears as it comes.

  --output text           # the answer (default); with 'output.schema' its JSON
  --output json           # one document, also when the run failed: outcome, exit_code, answer, error, usage,
                          # cost, denied, run_id
  --output jsonl          # every event as a line; the last one holds the result
  -o FILE                 # to a file, atomically, instead of stdout

stderr is for progress, warnings and errors: --progress auto|plain|none, -q, -v.`;

async function models(): Promise<string> {
  const { serviceRows } = await import("../app/services.ts");
  const rows = serviceRows.map(({ provider, aliases, variables, model }) => [
    [provider, ...aliases].join(", "),
    model ?? "-",
    variables.join(" or ") || "none: it runs in this process",
  ]);
  const table = [["PROVIDER", "DEFAULT MODEL", "KEY"], ...rows, ["scripted", "-", "none: it says what a file says"]];
  return `The model is that of --model, else of REIN_MODEL, else of the file's 'model:', else the default one of the only service
whose key is set. It is named as provider/model, by a provider alone, or by a name under the file's 'models:':

  model: fast
  models:
    fast: { model: openai, effort: low, max_tokens: 4000 }
    own: { model: openai-compatible/qwen3, base_url: 'https://llm.example.com/v1', key: TEAM_KEY }

${indented(table)}

'local/NAME' is a GGUF file of the models folder ('rein help environment'), 'local/./FILE.gguf' one at a path. No model in this
process is used unless it is named.

A 'base_url' of a file gets no key but the one that the file names for it and the caller grants: the host with
--allow-net, the variable with --allow-env. 'rein doctor' tells which services work; 'rein help environment' has
their variables.`;
}

async function environment(): Promise<string> {
  const { serviceRows } = await import("../app/services.ts");
  const services = new Map<string, { what: string; of: string[] }>();
  const tell = (name: string, what: string, provider: string) => {
    const told = services.get(name) ?? { what, of: [] };
    services.set(name, { what, of: [...told.of, provider] });
  };
  for (const { provider, variables, addresses, headers } of serviceRows) {
    for (const name of variables) tell(name, "key", provider);
    for (const name of addresses) tell(name, "address", provider);
    if (headers !== null) tell(headers, "further headers", provider);
  }
  const rows = [...services].map(([name, { what, of }]) => [name, `${what} of ${of.join(" and ")}`]);
  const others = [
    ["HTTPS_PROXY, HTTP_PROXY", "the proxy to services; NO_PROXY names hosts without one"],
    ["NODE_EXTRA_CA_CERTS", "a PEM file of certificates to trust beside the system's"],
    ["REIN_MODELS", "the folder of local models (default: rein/models in XDG_CACHE_HOME, else in ~/.cache)"],
    ["REIN_VRAM", "gigabytes of memory for local models and Ollama's, where what the machine tells is wrong"],
    ["HF_ENDPOINT", "the hub that models are pulled from (default: https://huggingface.co); HF_TOKEN is for it too"],
    ["REIN_STORE", "the journal, in place of the file there: a postgres:// URL, or an absolute path"],
    ["XDG_STATE_HOME", "where the journal of runs lies (default: ~/.local/state)"],
    ["CI", "when set: no questions, plain progress"],
    ["NO_COLOR", "when set: no colours"],
  ];
  const model = ["REIN_MODEL", "the model, when no --model is given ('rein help models')"];
  return `${indented([model, ...rows, ...others])}

Nothing of a folder's .env is ever read. Keys never reach the commands that an agent runs.`;
}

/** Rows with their columns below each other. */
function indented(rows: readonly (readonly string[])[]): string {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(width(column))).join("  ")}`.trimEnd())
    .join("\n");
}
