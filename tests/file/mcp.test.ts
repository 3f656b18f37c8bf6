import { expect, test } from "bun:test";
import type { AgentFiles } from "../../src/file/agent-files.ts";
import { checkAgent } from "../../src/file/check.ts";
import { pinOfParts } from "../../src/core/mcp-pin.ts";
import { lockText, lockWith } from "../../src/file/lock.ts";
import { known } from "./known.ts";

const encode = (text: string) => new TextEncoder().encode(text);

type Around = {
  files?: Record<string, string>;
  variables?: Record<string, string>;
  configs?: Record<string, string>;
  lock?: string;
};

function check(text: string, { files = {}, variables, configs = {}, lock }: Around = {}) {
  const around: AgentFiles = {
    read: (path) => {
      const found = files[path];
      return found === undefined
        ? { ok: false, error: { message: `Cannot read '${path}': no such file or folder` } }
        : { ok: true, value: encode(found) };
    },
    folder: () => undefined,
    tools: () => () => ({ ok: false, error: { code: "unsupported", message: "it is not read here" } }),
    mcp: Object.entries(configs).map(([file, config]) => ({ file, folder: "/c", bytes: encode(config) })),
    lock: () => ({ ok: true, value: lock === undefined ? undefined : encode(lock) }),
    ...(variables === undefined ? {} : { variable: (name: string) => variables[name] }),
  };
  return checkAgent({ file: "a/a.yaml", folder: "/w/a", bytes: encode(`prompt: x\n${text}`) }, known, around);
}

function planOf(text: string, around?: Around) {
  const checked = check(text, around);
  if (!checked.ok) throw new Error(JSON.stringify(checked.diagnostics, null, 2));
  return checked.value;
}

function told(text: string, around?: Around): string[] {
  const checked = check(text, around);
  const all = checked.ok ? checked.warnings : checked.diagnostics;
  return all.map(({ file, line, column, severity, message, hint }) =>
    [
      `${file}:${line}:${column}`,
      ...(severity === "warning" ? ["warning:"] : []),
      message,
      ...(hint ? [`(${hint})`] : []),
    ].join(" "),
  );
}

const at = (line: number, column: number) => ({ file: "a/a.yaml", line, column });

test("a server says how it is reached, and by that requests its program and its variables", () => {
  const plan = planOf(
    "mcp:\n  gh:\n    command: [npx, -y, server]\n    args: ['--repo=${{ input.repo }}']\n    env: { TOKEN: '${{ env.GH }}' }\n" +
      "    deadline: 20s\n    required: false\ninput: { repo: { type: string } }\npermissions: { read: [.], env: [LANG] }\n",
  );
  const text = (value: string, line: number, column: number) => ({
    pieces: [{ text: value }],
    place: at(line, column),
  });
  expect(plan.mcp).toEqual([
    {
      name: "gh",
      place: at(3, 3),
      transport: {
        kind: "stdio",
        command: [
          text("npx", 4, 15),
          text("-y", 4, 20),
          text("server", 4, 24),
          { pieces: [{ text: "--repo=" }, { path: ["input", "repo"] }], place: at(5, 12) },
        ],
        env: [["TOKEN", { pieces: [{ path: ["env", "GH"] }], place: at(6, 19) }]],
      },
      required: false,
      deadline: 20_000,
      timeout: 60_000,
      allow: [],
    },
  ]);
  expect(plan.permissions).toEqual({ read: ["."], run: ["npx"], env: ["LANG", "GH"] });
  expect(plan.withheld).toEqual(["GH"]);
});

test("what lies beside the agent file is named by its folder", () => {
  const [server] = planOf("mcp: { s: { command: [python3, '${{ agent.folder }}/s.py'] } }\n").mcp;
  const [, word] = server?.transport.kind === "stdio" ? server.transport.command : [];
  expect(word?.pieces).toEqual([{ text: "/w/a" }, { text: "/s.py" }]);
});

test("a variable that the file requests itself is for other programs too", () => {
  const plan = planOf("mcp: { s: { command: x, env: { A: '${{ env.CI_JOB }}' } } }\npermissions: { env: [CI_*] }\n");
  expect([plan.permissions.env, plan.withheld]).toEqual([["CI_*"], undefined]);
});

test.each([
  ["https://x.example.com/mcp", "http", "x.example.com"],
  ["http://localhost:8080/mcp", "http", "localhost:8080"],
  ["http://x.example.com/mcp", "http", "x.example.com:80"],
  ["wss://x.example.com", "websocket", "x.example.com"],
  ["ws://127.0.0.1:9", "websocket", "127.0.0.1:9"],
])("the scheme of %s decides, and its host is requested", (url, kind, host) => {
  const plan = planOf(`mcp: { s: { url: "${url}" } }\n`);
  expect<unknown>([plan.mcp[0]?.transport.kind, plan.permissions]).toEqual([kind, { net: [host] }]);
});

test("a transport can be named, as transport or as type", () => {
  const plan = planOf(
    "mcp:\n  - { name: a, url: https://x.example, transport: sse }\n  - { name: b, module: s/b.ts, type: sdk }\n",
  );
  expect(plan.mcp.map(({ name, transport }) => [name, transport.kind])).toEqual([
    ["a", "sse"],
    ["b", "sdk"],
  ]);
  expect(plan.mcp[1]?.transport).toEqual({ kind: "sdk", module: "/w/a/s/b.ts", env: [] });
});

test.each([
  ["{ command: x, url: 'https://x' }", "25 A server has one of 'command', 'url' and 'module' (remove one of them)"],
  ["{ args: [x] }", "8 A server needs 'command', 'url' or 'module', this one has none"],
  ["{ comand: x }", "13 Unknown key 'comand' (did you mean 'command'?)"],
  ["{ command: x, headers: {} }", "25 'headers' is only for a server with 'url' (a program gets 'env')"],
  [
    "{ url: 'https://x', env: {} }",
    "31 'env' is only for a server with 'command' or 'module' (a server that is reached by a URL gets 'headers')",
  ],
  [
    "{ command: x, transport: http }",
    "36 Transport 'http' needs 'url', and this server has 'command' (remove 'transport': 'command' says it)",
  ],
  [
    "{ command: x, transport: stdoi }",
    "36 Expected 'stdio', 'http', 'sse', 'websocket' or 'sdk', found 'stdoi' (did you mean 'stdio'?)",
  ],
  ["{ url: 'https://x', transport: websocket }", "18 Transport 'websocket' needs a ws or wss URL, found 'https://x'"],
  [
    "{ url: 'ws://x', transport: http }",
    "18 Transport 'http' needs an http or https URL, found 'ws://x' (write 'transport: websocket', or leave it out)",
  ],
  [
    "{ url: 'https://x', transport: sse, type: http }",
    "53 'type' contradicts 'transport': 'http' and 'sse' (remove one of them)",
  ],
  ["{ url: 'https://me:pw@x' }", "18 A URL cannot hold a user or password (put them into a header)"],
  [
    "{ url: 'https://${{ input.i }}/x' }",
    "18 Only a variable can be in the scheme, host or port of a URL (write these as text, up to a '/')",
  ],
  ["{ command: npx -y s }", "22 'npx -y s' is a command, not a program (write [npx, -y, s])"],
  [
    "{ command: ./s }",
    "22 Program './s' is a relative path (write a name that is looked up on PATH, or an absolute path)",
  ],
  ["{ command: '${{ env.X }}' }", "23 '${{ … }}' works in a server's 'args', 'env', 'headers' and 'url' only"],
  [
    "{ command: x, deadline: '${{ input.i }}' }",
    "35 Expected a duration such as '500ms', '30s', '5m' or '1h', found '${{ input.i }}'",
  ],
  [
    "{ command: x, env: { A: '${{ env.OPENAI_API_KEY }}' } }",
    "36 'OPENAI_API_KEY' holds a service's key: no server can have it (put the key for it into a variable of its own)",
  ],
  [
    "{ url: 'https://x', headers: { Authorization: Bearer abc } }",
    "57 Header 'Authorization' is a secret (name the variable that holds it: ${{ env.NAME }})",
  ],
  ["{ url: 'https://x', headers: { Host: x } }", "42 Header 'Host' is not for a file to set"],
  [
    "{ command: x, permissions: { read: [srcs] } }",
    "47 A server cannot get more than the agent: permissions has no 'srcs' in 'read' (write permissions: { read: [src, lib, srcs] })",
  ],
  [
    "{ command: x, permissions: { env: [AWS_KEY] } }",
    "46 A server cannot get more than the agent: permissions has no 'AWS_KEY' in 'env' (write permissions: { env: [AWS_KEY] })",
  ],
  [
    "{ command: x, cwd: out }",
    "30 No server can start in 'out': permissions has no 'out' in 'read' (write permissions: { read: [out] })",
  ],
  ["{ command: x, allow: [everything] }", "33 Expected 'sampling', 'elicitation' or 'roots', found 'everything'"],
  [
    "{ url: 'https://x', oauth: { client_secret: abc } }",
    "55 'client_secret' is a secret (name the variable that holds it: ${{ env.NAME }})",
  ],
])("a server cannot be %s", (entry, message) => {
  const text = `mcp: { s: ${entry} }\ninput: { i: { type: string, default: '' } }\npermissions: { read: [src, lib] }\n`;
  expect(told(text)[0]?.replace(/^a\/a\.yaml:2:/, "")).toBe(message);
});

test("a server gets less than the agent without a word", () => {
  const permissions = "{ read: [src/a, 'agent:docs'], net: [api.example.com], run: [git] }";
  const whole = "{ read: [src], net: ['*.example.com'], run: [/usr/bin/git] }";
  expect(told(`mcp: { s: { command: x, permissions: ${permissions} } }\npermissions: ${whole}\n`)).toEqual([]);
});

test.each([
  [
    "'my server'",
    "A server's name is at most 64 letters, digits, '_', '-' and '.', and starts with a letter (write 'my-server')",
  ],
  ["run", "A server cannot be named 'run' (rename it)"],
])("a server cannot be called %s", (name, message) => {
  expect(told(`mcp: { ${name}: { command: x } }\n`)).toEqual([`a/a.yaml:2:8 ${message}`]);
  expect(told(`mcp: [{ name: ${name}, command: x }]\n`)).toEqual([`a/a.yaml:2:15 ${message}`]);
});

const servers = "mcp: { gh: { command: x }, fs: { command: y } }\n";

test("tools of a server are picked by name or pattern, and renamed", () => {
  const plan = planOf(
    `${servers}tools: [bash_exec, { gh: [create_issue, 'search_*', { list: issues }] }]\npermissions: { run: [bash] }\n`,
  );
  expect(plan.mcp.map(({ name, picks }) => [name, picks])).toEqual([
    [
      "gh",
      [
        { name: "create_issue", place: at(3, 27) },
        { name: "search_*", place: at(3, 41) },
        { name: "list", as: "issues", place: at(3, 55) },
      ],
    ],
    ["fs", undefined],
  ]);
  expect(plan.tools).toEqual([{ kind: "builtin", name: "bash_exec" }]);
});

test.each([
  ["[{ ghh: [x] }]", "11 Unknown server 'ghh' (did you mean 'gh'?)"],
  ["[{ gh: [] }]", "15 No tool of 'gh' is picked (remove the server from 'mcp', or name its tools)"],
  ["[{ gh: [a, { a: b }] }]", "19 Tool 'a' of 'gh' is picked twice (remove one)"],
  ["[{ gh: [a] }, { fs: [a] }]", "29 Tool 'a' is listed twice (remove one)"],
  ["[{ gh: [a] }, { fs: [{ b: a }] }]", "29 Tool 'a' is listed twice (remove one)"],
  ["[{ gh: [{ a: file_read }] }]", "21 A tool cannot be named 'file_read': rein has one"],
  ["[{ gh: [file_read] }]", "16 A tool cannot be named 'file_read': rein has one (rename it: { file_read: NAME })"],
  ["[{ gh: [{ 'a*': b }] }]", "18 A pattern cannot be renamed: 'a*' (rename one tool by its name)"],
  [
    "[{ gh: [{ a: 'b c' }] }]",
    "21 A tool's name is at most 64 letters, digits, '_' and '-', and starts with a letter, found 'b c'",
  ],
  ["[{ gh: [a b] }]", "16 'a b' is no tool's name: letters, digits, '_', '-', '.' and '/', or '*' in a pattern"],
  ["[{ gh: a }]", "9 Expected a tool's name, found a map (for a tool of a server write { gh: [NAME] })"],
  ["[{ gh: [a], fs: [b] }]", "20 Each server is an item of its own (write - fs: […])"],
  ["[{ name: t, description: x, mcp: gt/a }]", "41 Unknown server 'gt' (did you mean 'gh'?)"],
  ["[{ name: t, description: x, mcp: gh }]", "41 Expected 'server/tool', found 'gh'"],
  [
    "[{ name: t, description: x, mcp: gh/a, run: [sh] }]",
    "36 A tool has one of 'run', 'http', 'agent' and 'mcp' (remove one of them)",
  ],
])("tools cannot be %s", (tools, message) => {
  expect(told(`${servers}tools: ${tools}\n`)[0]?.replace(/^a\/a\.yaml:3:/, "")).toBe(message);
});

test("a tool of a server can be one of the file's own, with arguments that it says", () => {
  const tool =
    "{ name: t, description: x, mcp: gh/list/all, arguments: { state: open, n: '${{ args.n }}' }, input: { type: object, required: [n], properties: { n: {} } } }";
  expect(planOf(`${servers}tools: [${tool}]\n`).tools).toEqual([
    expect.objectContaining({
      kind: "mcp",
      server: "gh",
      tool: "list/all",
      arguments: {
        kind: "map",
        entries: [
          ["state", { kind: "text", template: [{ text: "open" }] }],
          ["n", { kind: "text", template: [{ path: ["args", "n"] }] }],
        ],
      },
    }),
  ]);
});

const mcpJson = `{
\t"mcpServers": {
\t\t"gh": {
\t\t\t"command": "\${BIN:-npx}",
\t\t\t"args": ["-y", "s@\${VERSION}"],
\t\t\t"env": { "TOKEN": "\${GH_TOKEN}" }
\t\t},
\t\t"api": { "type": "streamable-http", "url": "https://\${HOST:-api.example.com}/mcp", "headers": {} }
\t}
}
`;
const from = { files: { "/w/a/.mcp.json": mcpJson } };

test("an .mcp.json has servers too, with variables, tabs and the names that other programs give to transports", () => {
  const plan = planOf("mcp: { from: .mcp.json, own: { command: x } }\n", from);
  const place = (line: number, column: number) => ({ file: "a/.mcp.json", line, column });
  expect(plan.mcp.map(({ name }) => name)).toEqual(["own", "gh", "api"]);
  expect(plan.mcp[1]?.transport).toEqual({
    kind: "stdio",
    command: [
      { pieces: [{ variable: "BIN", otherwise: "npx" }], place: place(4, 15) },
      { pieces: [{ text: "-y" }], place: place(5, 13) },
      { pieces: [{ text: "s@" }, { variable: "VERSION" }], place: place(5, 19) },
    ],
    env: [["TOKEN", { pieces: [{ variable: "GH_TOKEN" }], place: place(6, 22) }]],
  });
  expect(plan.mcp[2]?.transport.kind).toBe("http");
  expect(plan.permissions).toEqual({
    run: ["x", "npx"],
    net: ["api.example.com"],
    env: ["BIN", "VERSION", "GH_TOKEN", "HOST"],
  });
});

test("what a variable holds is what is requested, and one that is not set is told where it stands", () => {
  const around = { ...from, variables: { BIN: "/opt/s", HOST: "h.example.com:8443" } };
  expect(told("mcp: { from: .mcp.json }\n", around)).toEqual([
    "a/.mcp.json:5:22 Variable 'VERSION' is not set",
    "a/.mcp.json:6:23 Variable 'GH_TOKEN' is not set",
  ]);
  const set = { ...around.variables, VERSION: "1", GH_TOKEN: "t" };
  const { permissions } = planOf("mcp: { from: .mcp.json }\n", { ...from, variables: set });
  expect([permissions.run, permissions.net]).toEqual([["/opt/s"], ["h.example.com:8443"]]);
  expect(told("mcp: { s: { command: x, args: ['a ${{ env.NO }}'] } }\n", { variables: {} })).toEqual([
    "a/a.yaml:2:35 Variable 'NO' is not set",
  ]);
});

test("an .mcp.json counts only where the agent file or the caller names it", () => {
  expect(planOf("", from).mcp).toEqual([]);
  const plan = planOf("", { configs: { "c/.mcp.json": '{"mcpServers":{"x":{"command":"y"}}}' } });
  expect([plan.mcp.map(({ name }) => name), plan.permissions]).toEqual([["x"], { run: ["y"] }]);
  const picked = planOf("tools: [{ x: [a] }]\n", { configs: { "c.json": '{"mcpServers":{"x":{"command":"y"}}}' } });
  expect(picked.mcp[0]?.picks).toEqual([{ name: "a", place: at(2, 15) }]);
});

test.each([
  ["{", "1:1 This '{' is not closed (a '}' is missing)"],
  ["[]", "1:1 Expected a map with 'mcpServers', found a list"],
  ["{}", "1:1 Key 'mcpServers' is missing"],
  ['{"servers":{}}', "1:2 Unknown key 'servers' (did you mean 'mcpServers'?)"],
  ['{"mcpServers":[]}', "1:15 Expected a map of servers, found a list"],
  ['{"mcpServers":{"a":{"command":"x"},"a":{"command":"y"}}}', "1:36 Duplicate key 'a' (it is already on line 1)"],
  [
    '{"mcpServers":{"a":{"command":"x","envFile":".env"}}}',
    "1:35 Unknown key 'envFile' (expected 'type', 'transport', 'command', 'args', 'cwd', 'env', 'url' or 'headers')",
  ],
  ['{"mcpServers":{"a":{"serverUrl":"https://x"}}}', "1:21 Unknown key 'serverUrl' (did you mean 'url'?)"],
  [
    '{"mcpServers":{"a":{"command":"npx -y s"}}}',
    '1:31 \'npx -y s\' is a command, not a program (write "command": "npx", "args": ["-y", "s"])',
  ],
  [
    '{"mcpServers":{"a":{"command":"x","args":["${A:B}"]}}}',
    "1:44 '${' begins no variable here (write '${NAME}' or '${NAME:-default}')",
  ],
  [
    '{"mcpServers":{"a":{"command":"x","args":["${A:-${B}}"]}}}',
    "1:44 The default of variable 'A' names another, and is only text (write a text without '${')",
  ],
  [
    '{"mcpServers":{"a":{"type":"wss","url":"wss://x"}}}',
    "1:28 Expected 'stdio', 'http', 'sse', 'websocket', 'streamable-http', 'streamableHttp' or 'ws', found 'wss' (did you mean 'ws'?)",
  ],
  ['{"mcpServers":{"a":{"command":"x","disabled":true}}}', "1:35 warning: Server 'a' is disabled: it is left out"],
  [
    '{"mcpServers":{"a":{"command":"x","alwaysAllow":[]}}}',
    "1:35 warning: Key 'alwaysAllow' is of other programs and means nothing here",
  ],
  [
    '{"mcpServers":{"a":{"command":"x","env":{"API_KEY":"abc"}}}}',
    "1:52 warning: 'API_KEY' looks like a secret that is written out (name a variable that holds it: ${NAME})",
  ],
])("an .mcp.json of %s is told of", (text, message) => {
  const all = told("mcp: { from: m.json }\n", { files: { "/w/a/m.json": text } });
  expect(all.find((one) => one.startsWith("a/m.json"))?.slice("a/m.json:".length)).toBe(message);
});

test("a disabled server is left out", () => {
  const text = '{"mcpServers":{"a":{"command":"x","disabled":true},"b":{"command":"y","disabled":false}}}';
  expect(planOf("mcp: { from: m.json }\n", { files: { "/w/a/m.json": text } }).mcp.map(({ name }) => name)).toEqual([
    "b",
  ]);
});

test("a server of two files is one too many, but the same file twice is one", () => {
  expect(told("mcp: { from: .mcp.json, gh: { command: x } }\n", from)).toEqual([
    "a/a.yaml:2:14 Server 'gh' of 'a/.mcp.json' is in the agent file too (rename one)",
  ]);
  expect(planOf("mcp: { from: .mcp.json }\n", { ...from, configs: { "a/.mcp.json": mcpJson } }).mcp).toHaveLength(2);
  expect(told("mcp: { from: no.json }\n")).toEqual(["a/a.yaml:2:14 Cannot read 'a/no.json': no such file or folder"]);
});

const part = { name: "echo", description: "Says it again", inputSchema: { type: "object" } };
const pin = pinOfParts("a/rein.lock", [part]);
const lock = lockText(lockWith(new Map(), "a.yaml", new Map([["gh", pin]])));

test("a lock file beside the agent file pins its servers, and tells of one that it has not", () => {
  const checked = check("mcp: { gh: { command: x } }\n", { lock });
  expect(checked.ok && checked.value.mcp[0]?.pin).toEqual(pin);
  expect(told(servers, { lock })).toEqual([
    "a/rein.lock:1:1 warning: Server 'fs' is not pinned (rein mcp pin a/a.yaml)",
  ]);
});

test("a lock file pins what a server says of itself, and a file says whether its model reads that", () => {
  const said = pinOfParts("a/rein.lock", [part], "Call echo first");
  const text = lockText(lockWith(new Map(), "a.yaml", new Map([["gh", said]])));
  const [server] = planOf("mcp: { gh: { command: x, instructions: true } }\n", { lock: text }).mcp;
  expect(server).toMatchObject({ pin: said, instructions: true });
  expect(told("mcp: { gh: { command: x } }\n", { lock: text.replace("first", "last") })).toEqual([
    expect.stringContaining("were changed by hand"),
  ]);
  expect(told("mcp: { gh: { command: x } }\n", { lock: text.replace('"Call echo first"', "3") })).toEqual([
    expect.stringContaining("is not one that 'rein mcp pin' writes"),
  ]);
  expect(planOf("mcp: { gh: { command: x, instructions: false } }\n").mcp[0]).not.toHaveProperty("instructions");
});

test("a lock file that has nothing of the agent file says what it has: the file may have been renamed", () => {
  const other = lockText(lockWith(new Map(), "b.yaml", new Map([["gh", pin]])));
  expect(told(servers, { lock: other })).toEqual([
    "a/rein.lock:1:1 warning: No server of 'a/a.yaml' is pinned: this file pins those of 'b.yaml' (rein mcp pin a/a.yaml)",
  ]);
  expect(planOf(servers, { lock: other }).mcp.map((server) => server.pin)).toEqual([undefined, undefined]);
});

test.each([
  [
    "{",
    "A lock file is JSON that 'rein mcp pin' writes, this is not (restore it, or remove it and pin again: rein mcp pin FILE)",
  ],
  ['{"version":2}', "This lock file has version 2, and this rein reads version 1 (use the rein that wrote it)"],
  [
    lock.replace("again", "it all"),
    "The tools of server 'gh' for 'a.yaml' were changed by hand: their hash is another (restore it, or remove it and pin again: rein mcp pin FILE)",
  ],
  [
    lock.replace('"hash"', '"hush"'),
    "The entry of server 'gh' for 'a.yaml' is not one that 'rein mcp pin' writes (restore it, or remove it and pin again: rein mcp pin FILE)",
  ],
])("a lock file that was changed is an error: %#", (text, message) => {
  expect(told(servers, { lock: text })).toEqual([`a/rein.lock:1:1 ${message}`]);
});

test("an agent within the file has servers of its own, which its parent requests", () => {
  const agents = "tools: [spawn_agent]\nagents: { sub: { prompt: y, mcp: { s: { command: x } } } }\n";
  expect(told(agents)).toEqual([
    "a/a.yaml:3:11 A server of agent 'sub' can do nothing: permissions has no 'x' in 'run' (write permissions: { run: [x] })",
  ]);
  expect(planOf(`${agents}permissions: { run: [x] }\n`).agents["sub"]?.plan.mcp.map(({ name }) => name)).toEqual(["s"]);
});
