import * as v from "valibot";
import { mcpRequests, mcpTransports } from "../core/mcp.ts";
import { permissionWords, type PermissionKind } from "../core/permission.ts";
import { once } from "./later.ts";
import { durationSchema } from "./value-schemas.ts";

/* The servers of an agent file, and what `tools:` picks of them. */

const text = v.pipe(v.string(), v.title("text"));

const environment = () =>
  v.pipe(
    v.record(
      v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "A variable's name is letters, digits and '_'")),
      text,
    ),
    v.title("a map of variables"),
  );

const headers = () =>
  v.pipe(
    v.record(v.pipe(v.string(), v.regex(/^[\w!#$%&'*+.^`|~-]+$/, "A header's name is letters, digits and '-'")), text),
    v.title("a map of headers"),
  );

function rules(kind: PermissionKind) {
  const { act, note } = permissionWords[kind];
  return v.exactOptional(
    v.pipe(
      v.array(v.pipe(v.string(), v.title("a rule"))),
      v.title("a list of rules"),
      v.description(`For ${act}: ${note}.`),
    ),
  );
}

const transport = () => v.pipe(v.picklist(mcpTransports), v.title("the name of a transport"));

const entries = () => ({
  transport: v.exactOptional(
    v.pipe(
      transport(),
      v.description(
        "How it is spoken to. Default: `stdio` for a `command`, `http` or `websocket` by a `url`, `sdk` for a `module`.",
      ),
    ),
  ),
  type: v.exactOptional(v.pipe(transport(), v.description("The same, as in `.mcp.json`."))),
  command: v.exactOptional(
    v.pipe(
      v.union([
        v.pipe(v.string(), v.title("a program")),
        v.pipe(v.array(text), v.title("a list of a program and its arguments"), v.minLength(1, "Expected a program")),
      ]),
      v.title("a program, or a list of it and its arguments"),
      v.description(
        "A program that speaks MCP on stdin and stdout, and its arguments; no shell. Counts as requested in `permissions.run`.",
      ),
      v.examples([["npx", "-y", "@modelcontextprotocol/server-filesystem@2026.8.31", "."]]),
    ),
  ),
  args: v.exactOptional(
    v.pipe(v.array(text), v.title("a list of arguments"), v.description("More arguments, behind those of `command`.")),
  ),
  cwd: v.exactOptional(
    v.pipe(
      v.string(),
      v.title("a folder"),
      v.description(
        "Where its program starts, a folder in `permissions.read`; `agent:` is the agent file's folder. Default: the working folder.",
      ),
    ),
  ),
  env: v.exactOptional(
    v.pipe(
      environment(),
      v.description(
        "Variables for its program, which gets no others but those in its `permissions.env`. `${{ env.NAME }}` is a variable of " +
          "yours, which counts as requested in `permissions.env`, and is masked.",
      ),
      v.examples([{ GITHUB_TOKEN: "${{ env.GITHUB_TOKEN }}" }]),
    ),
  ),
  url: v.exactOptional(
    v.pipe(
      v.string(),
      v.title("a URL"),
      v.description("Where it answers: http, https, ws or wss. Its host counts as requested in `permissions.net`."),
      v.examples(["https://mcp.example.com/mcp"]),
    ),
  ),
  headers: v.exactOptional(
    v.pipe(
      headers(),
      v.description("Headers of each request to `url`; `${{ env.NAME }}` as in `env`."),
      v.examples([{ Authorization: "Bearer ${{ env.MCP_TOKEN }}" }]),
    ),
  ),
  oauth: v.exactOptional(
    v.pipe(
      v.strictObject({
        client_id: v.exactOptional(
          v.pipe(
            v.string(),
            v.title("text"),
            v.regex(/^[!-~]{1,512}$/, "Expected a text without blanks"),
            v.description("The client's identifier there. Default: rein registers itself."),
          ),
        ),
        client_secret: v.exactOptional(
          v.pipe(
            v.string(),
            v.title("text"),
            v.description("A client's secret, for a server that gives one: `${{ env.NAME }}`."),
          ),
        ),
        scopes: v.exactOptional(
          v.pipe(
            v.array(
              v.pipe(v.string(), v.title("text"), v.regex(/^[!#-[\]-~]{1,256}$/, "Expected a text without blanks")),
            ),
            v.title("a list of scopes"),
            v.description("What is asked for. Default: what the server says."),
          ),
        ),
      }),
      v.title("a map such as { client_id: rein }"),
      v.description("What a sign-in at `url` must know that the server does not say. `rein mcp login NAME` makes it."),
    ),
  ),
  module: v.exactOptional(
    v.pipe(
      v.string(),
      v.title("a path"),
      v.regex(/^(?![/~])[^\0]+\.[jt]s$/, "Expected the path of a .ts or .js file, relative to the agent file"),
      v.description(
        "A module that exports a server made with the SDK, relative to the agent file. It runs in a process of its own.",
      ),
      v.examples(["servers/notes.ts"]),
    ),
  ),
  required: v.exactOptional(
    v.pipe(
      v.boolean(),
      v.title("true or false"),
      v.description(
        "Whether a run stops with exit code 6 when the server is not ready in time; else it goes on with a warning. Default: `true`.",
      ),
    ),
  ),
  deadline: v.exactOptional(v.pipe(durationSchema, v.description("The most time until it is ready. Default: `10s`."))),
  timeout: v.exactOptional(v.pipe(durationSchema, v.description("The most time of one call. Default: `60s`."))),
  permissions: v.exactOptional(
    v.pipe(
      v.strictObject({
        read: rules("read"),
        write: rules("write"),
        net: rules("net"),
        run: rules("run"),
        env: rules("env"),
      }),
      v.title("a map of permissions"),
      v.description(
        "What its program gets, at most what the agent has. Default: all that the agent has, but no variables. A variable in " +
          "`env` it gets under its own name.",
      ),
      v.examples([{ read: ["docs"], env: ["LANG"] }]),
    ),
  ),
  allow: v.exactOptional(
    v.pipe(
      v.array(v.pipe(v.picklist(mcpRequests), v.title("'sampling', 'elicitation' or 'roots'"))),
      v.title("a list of 'sampling', 'elicitation' and 'roots'"),
      v.description(
        "What the server may ask for: answers of the model, questions to a person, the working folder. All else is declined.",
      ),
    ),
  ),
  instructions: v.exactOptional(
    v.pipe(
      v.boolean(),
      v.title("true or false"),
      v.description(
        "Whether the model reads what the server says of itself, below `instructions` and marked as the server's words. Default: `false`.",
      ),
    ),
  ),
});

const such = "a map such as { command: [npx, -y, some-server] }";

/** One server under its name. */
export const mcpEntry = once(() => v.pipe(v.strictObject(entries()), v.title(such)));

/** One of a list, which says its name itself. */
const mcpListed = () =>
  v.pipe(
    v.strictObject({
      name: v.pipe(
        v.string(),
        v.title("a server's name"),
        v.description("What the file calls it, in a list of servers."),
      ),
      ...entries(),
    }),
    v.title(such.replace("{ ", "{ name: …, ")),
  );

export const mcpSchema = () =>
  v.pipe(
    v.union([
      v.objectWithRest(
        {
          from: v.exactOptional(
            v.pipe(
              v.string(),
              v.title("the path of an .mcp.json"),
              v.regex(/^(?![/~])[^\0]+$/, "Expected a path relative to the agent file"),
              v.description(
                "A file as other programs have it, whose `mcpServers` are servers too; relative to the agent file.",
              ),
            ),
          ),
        },
        mcpEntry(),
      ),
      v.array(mcpListed()),
    ]),
    v.title("a map of servers, or a list of them"),
    v.description(
      "MCP servers by name, whose tools the model is offered. `from` is no name but a file: `{ from: .mcp.json }` has its servers, " +
        "in which `${NAME}` and `${NAME:-default}` are variables. Without a word in `tools` a server gives all its tools; " +
        "`- github: [create_issue, search_*, { list_issues: issues }]` picks some, by name or pattern, and calls one otherwise. " +
        "`${{ … }}` works in `args`, `env`, `headers` and `url`; `${{ agent.folder }}` is the folder of this file. [mcp.md](mcp.md) tells the rest.",
    ),
    v.examples([{ files: { command: ["npx", "-y", "@modelcontextprotocol/server-filesystem@2026.8.31", "."] } }]),
  );

/** A server of an `.mcp.json`. */
export const mcpJsonEntry = once(() =>
  v.pipe(
    v.strictObject({
      type: v.exactOptional(v.pipe(v.string(), v.title("the name of a transport"))),
      transport: v.exactOptional(v.pipe(v.string(), v.title("the name of a transport"))),
      command: v.exactOptional(v.pipe(v.string(), v.title("a program"))),
      args: v.exactOptional(v.pipe(v.array(text), v.title("a list of arguments"))),
      cwd: v.exactOptional(v.pipe(v.string(), v.title("a folder"))),
      env: v.exactOptional(environment()),
      url: v.exactOptional(v.pipe(v.string(), v.title("a URL"))),
      headers: v.exactOptional(headers()),
    }),
    v.title("a map with 'command' or 'url'"),
  ),
);

/** Picks of servers' tools, an item of `tools:`: a server's name, and names or patterns of its tools. */
export const serverPicks = v.pipe(
  v.record(
    v.string(),
    v.pipe(
      v.array(
        v.union([
          v.pipe(v.string(), v.title("a tool's name, or a pattern such as search_*")),
          v.pipe(
            v.record(v.string(), v.pipe(v.string(), v.title("a new name"))),
            v.title("a map such as { search: find }"),
          ),
        ]),
      ),
      v.title("a list of a server's tools"),
    ),
  ),
  v.title("a map of a server and a list of its tools"),
);

/** What a file may call a server. */
export const serverName = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

export type McpEntry = v.InferOutput<ReturnType<typeof mcpEntry>>;
