import * as v from "valibot";
import { httpMethods } from "../core/planned-tool.ts";
import { durationSchema, json, jsonSchema } from "./value-schemas.ts";

/* A tool that is written in YAML: an entry of `tools:`, or a file of the tools folder. */

/** What services take as a tool's name. */
export const toolNamePattern = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

const http = v.pipe(
  v.strictObject({
    method: v.optional(
      v.pipe(v.picklist(httpMethods), v.title("a method"), v.description("The method of the request.")),
      "GET",
    ),
    url: v.pipe(
      v.string(),
      v.title("a URL"),
      v.description("Where it goes. `${{ args.NAME }}` is percent-encoded; scheme, host and port have none."),
      v.examples(["https://api.example.com/items/${{ args.id }}"]),
    ),
    headers: v.exactOptional(
      v.pipe(
        v.record(
          v.pipe(v.string(), v.regex(/^[\w!#$%&'*+.^`|~-]+$/, "A header's name is letters, digits and '-'")),
          v.pipe(v.string(), v.title("text")),
        ),
        v.title("a map of headers"),
        v.description("Headers; `${{ env.NAME }}` is a variable that `permissions.env` requests."),
      ),
    ),
    body: v.exactOptional(v.pipe(json, v.description("The body, sent as JSON. `${{ args }}` is all arguments."))),
  }),
  v.title("a map with 'url'"),
);

const entries = {
  description: v.pipe(
    v.string(),
    v.title("text"),
    v.minLength(1, "A description cannot be empty"),
    v.description("What it does and when to use it, for the model."),
  ),
  input: v.exactOptional(v.pipe(jsonSchema, v.title("a JSON Schema"), v.description("Its parameters. Default: none."))),
  effects: v.optional(
    v.pipe(
      v.picklist(["none", "read", "write", "external"]),
      v.title("the name of an effect"),
      v.description("What a call does to the world. `none` and `read` calls run side by side; others one at a time."),
    ),
    "external",
  ),
  run: v.exactOptional(
    v.pipe(
      v.array(v.pipe(v.string(), v.title("text"))),
      v.title("a list of a program and its arguments"),
      v.minLength(1, "Expected a program"),
      v.description(
        "A program and its arguments; no shell. It gets the arguments as JSON on stdin and answers on stdout. Counts as " +
          "requested in `permissions.run`. `${{ args.NAME }}` fills one word, `${{ tool.folder }}` is the folder of this file.",
      ),
      v.examples([["jq", "-n", "--arg", "a", "${{ args.a }}", "$a"]]),
    ),
  ),
  http: v.exactOptional(
    v.pipe(http, v.description("A request, instead of `run`. Its host counts as requested in `permissions.net`.")),
  ),
  permissions: v.optional(
    v.pipe(
      v.strictObject({
        env: v.exactOptional(
          v.pipe(
            v.array(v.pipe(v.string(), v.title("a variable's name"))),
            v.title("a list of variables"),
            v.description(
              "Variables that its program gets, and no others; one that ends in `?` it can do without. Default: all that were granted.",
            ),
          ),
        ),
        net: v.exactOptional(
          v.pipe(
            v.array(v.pipe(v.string(), v.title("a host"))),
            v.title("a list of hosts"),
            v.description("Hosts that it cannot work without."),
          ),
        ),
      }),
      v.title("a map of permissions"),
      v.description(
        "What it cannot work without. The agent file must request all of it; a run begins only if it is granted.",
      ),
    ),
    {},
  ),
  timeout: v.optional(v.pipe(durationSchema, v.description("The most time of one call.")), "2m"),
};

/** An entry of `tools:` that is a tool itself. */
export const ownToolSchema = v.pipe(
  v.strictObject({
    name: v.pipe(
      v.string(),
      v.title("a tool's name"),
      v.regex(toolNamePattern, "A tool's name is at most 64 letters, digits, '_' and '-', and starts with a letter"),
      v.description("What the model calls it."),
    ),
    ...entries,
    agent: v.exactOptional(
      v.pipe(
        v.string(),
        v.title("the name of an agent"),
        v.description("An agent under `agents`, instead of `run`. Without an `input` the tool has that of the agent."),
        v.examples(["reader"]),
      ),
    ),
    mcp: v.exactOptional(
      v.pipe(
        v.string(),
        v.title("'server/tool'"),
        v.regex(/^[^/\s]+\/\S+$/, "Expected 'server/tool'"),
        v.description(
          "A tool of a server under `mcp`, instead of `run`. Without an `input` it has that of the server's tool.",
        ),
        v.examples(["github/list_issues"]),
      ),
    ),
    arguments: v.exactOptional(
      v.pipe(
        v.record(v.string(), json),
        v.title("a map of arguments"),
        v.description(
          "With `agent` and `mcp`: the values of its inputs, instead of the tool's arguments. `${{ args.NAME }}` fills one value.",
        ),
      ),
    ),
    prompt: v.exactOptional(
      v.pipe(
        v.string(),
        v.title("text"),
        v.description("With `agent`: what it is told, behind its own prompt. May hold `${{ args.NAME }}`."),
      ),
    ),
  }),
  v.title("a tool's name, or a map that is a tool"),
);

/** A file of the tools folder, whose name is the tool's. */
export const toolFileSchema = v.pipe(v.strictObject(entries), v.title("a map of a tool's keys"));

export type OwnToolFile = v.InferOutput<typeof toolFileSchema>;
