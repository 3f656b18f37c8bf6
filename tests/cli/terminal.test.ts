import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { weights, withWeights } from "../helpers/local-model.ts";
import { clientId, startOidcServer } from "../helpers/oidc-server.ts";
import { screenModel } from "../helpers/screen-model.ts";
import { openScreen } from "../helpers/terminal.ts";

const clear = "\r\u001b[C\u001b[J\r\u001b[K";
const ask = "or [N]o? ";

const agent = `model: scripted/script.yaml
prompt: Say hello
tools: [file_read, bash_exec]
permissions: { read: [.], run: [bash] }
`;
const script = (...steps: unknown[]) => JSON.stringify(steps);
const read = (path: string) => ({ name: "file_read", arguments: { path } });
const bash = (command: string) => ({ name: "bash_exec", arguments: { command } });

/** What is to be seen on a wide terminal of all that was written. */
function shown(text: string): string {
  const screen = screenModel(200, 24);
  screen.write(text);
  return screen.text();
}

/** An agent that reads two files and says what it got. */
const reader = {
  "agent.yaml": agent.replace(", bash_exec", "").replace(", run: [bash]", ""),
  "script.yaml": script(
    { calls: [read("a.txt"), read("b.txt")] },
    { text: "It says: ${{ results.0 }}|${{ results.1 }}" },
  ),
  "a.txt": "alpha",
  "b.txt": "beta",
};

test("text appears as it comes, and the status line makes room for it", async () => {
  await using screen = openScreen("rein run agent.yaml", {
    "agent.yaml": "model: scripted/script.yaml\nprompt: Hi\n",
    // Longer than the test may take: what is there then came before the end.
    "script.yaml": script({ text: "early late", delay: "10ms", drip: "1h" }),
  });
  await screen.until("turn 1 · model");
  await screen.until(clear);
  await screen.until("early");
  screen.type("\u0003");
  const { code, text, cooked } = await screen.end();
  expect({ code, cooked }).toEqual({ code: 130, cooked: true });
  expect(shown(text)).toEndWith("early\nerror: Interrupted");
});

test("the status line shows the call that runs, and is gone at the end", async () => {
  await using screen = openScreen("rein run agent.yaml -P", {
    "agent.yaml": agent,
    "script.yaml": script({ calls: [bash("true")] }, { text: "Done" }),
  });
  await screen.until("turn 1 · bash_exec 'true'");
  const { code, text } = await screen.end();
  expect(code).toBe(0);
  expect(text).toContain("turn 2");
  expect(shown(text)).toBe("Done");
});

const drawer = {
  "agent.yaml": "model: scripted/script.yaml\nprompt: Draw\ntools: [canvas_render]\npermissions: { read: [.] }\n",
  "script.yaml": script(
    {
      text: "Look:",
      calls: [
        { name: "canvas_render", arguments: { kind: "progress", labels: ["漢字"], values: [50] } },
        { name: "canvas_render", arguments: { kind: "diff", title: "a\u001b[2J", text: "-b\n+c" } },
        { name: "canvas_render", arguments: { kind: "image", path: "a.png" } },
      ],
    },
    { text: "Done" },
  ),
};
const drawnImage =
  "printf 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg+M9QDwADgQF/pMw2CQAAAABJRU5ErkJggg==' | base64 -d > a.png;";

test("what a tool draws is as wide as the terminal, in colours, and stands above the status line and the answer", async () => {
  await using screen = openScreen(`${drawnImage} rein run agent.yaml -P`, drawer, { columns: 40 });
  const { code, text } = await screen.end();
  expect(code).toBe(0);
  const model = screenModel(40, 24);
  model.write(text);
  const bar = "█".repeat(15) + "░".repeat(15);
  expect(model.text()).toBe(`Look:\n漢字 ${bar} 50%\na␛[2J\n-b\n+c\n▀\n[image: a.png, 1x1 pixels]\nDone`);
  expect(text).toContain("\u001b[32m+c\u001b[0m\n");
});

test.each([
  ["its protocol for images is used where the terminal has one", { KITTY_WINDOW_ID: "1" }, "\u001b_Ga=T,f=100,q=2,"],
  ["sixels are", { TERM: "foot" }, "\u001bP0;1q"],
  ["all colours are", { COLORTERM: "truecolor" }, "\u001b[38;2;"],
  ["else 256 of them are", {}, "\u001b[38;5;"],
])("an image on a terminal: %s", async (_how, env: Record<string, string>, expected) => {
  await using screen = openScreen(`${drawnImage} rein run agent.yaml -P`, drawer, { env });
  expect((await screen.end()).text).toContain(expected);
});

test.each([
  ["without colours where NO_COLOR is set", "", { NO_COLOR: "1", KITTY_WINDOW_ID: "1" }],
  ["without anything but lines on a dumb terminal", "", { TERM: "dumb" }],
  ["as text in a log", "--progress plain 2>&1 | cat", {}],
])("what a tool draws is shown %s", async (_where, flags, env: Record<string, string>) => {
  await using screen = openScreen(`${drawnImage} rein run agent.yaml -P ${flags}`, drawer, { env });
  const { text } = await screen.end();
  for (const lines of ["a␛[2J\n-b\n+c\n", "[image: a.png, 1x1 pixels]\n"]) expect(text).toContain(lines);
  expect(text).not.toMatch(/\u001b[^[]|\u001b\[[\d;]*m/);
});

test("what a tool draws is not shown with --quiet, and never on stdout", async () => {
  await using screen = openScreen(
    `${drawnImage} rein run agent.yaml -P -q; rein run agent.yaml -P 2> /dev/null`,
    drawer,
  );
  const { text } = await screen.end();
  expect(shown(text)).toBe("Look:\nDone\nLook:\nDone");
});

const answer =
  "# A *title*\n\nSome **bold** text, [docs](https://example.com).\n\n- one\n  - two\n\n| a | b |\n|---|--:|\n| 1 | 漢字 |\n";
const writer = {
  "agent.yaml": "model: scripted/script.yaml\nprompt: Hi\n",
  "script.yaml": script({ text: answer, drip: "2ms" }),
};

test("an answer is Markdown on a terminal, and what it shows is what the whole would show", async () => {
  await using screen = openScreen("rein run agent.yaml -q", writer);
  const { text } = await screen.end();
  expect(shown(text)).toBe(
    "A title\n\nSome bold text, docs (https://example.com/).\n\n• one\n  • two\n\na │    b\n──┼─────\n1 │ 漢字",
  );
  expect(text).toContain("\u001b[1mbold\u001b[22m");
});

test("an answer that is judged first is Markdown too", async () => {
  await using screen = openScreen("rein run agent.yaml -q -P", {
    ...writer,
    "agent.yaml": `${writer["agent.yaml"]}checks: [{ run: ["true"] }]\npermissions: { run: ["true"] }\n`,
  });
  const { text } = await screen.end();
  expect(Bun.stripANSI(text)).toStartWith("A title\n\nSome bold text, docs (https://example.com/).\n");
});

test.each([
  ["NO_COLOR is set", "rein run agent.yaml -q", { NO_COLOR: "1" }],
  ["the terminal is dumb", "rein run agent.yaml -q", { TERM: "dumb" }],
  ["nothing is known of the terminal", "unset TERM; rein run agent.yaml -q", {}],
  ["its name is empty", "rein run agent.yaml -q", { TERM: "" }],
  ["it goes into a pipe", "rein run agent.yaml -q | cat", {}],
  ["it goes into a pipe as it comes", "rein run agent.yaml -q --stream | cat", {}],
  ["it goes into a file", "rein run agent.yaml -q -o answer.md; cat answer.md", {}],
])("an answer stays the text that it is where %s", async (_where, command, env: Record<string, string>) => {
  await using screen = openScreen(command, writer, { env });
  expect((await screen.end()).text).toBe(answer);
});

test("text that comes while the terminal shrinks is broken anew", async () => {
  await using screen = openScreen(
    "rein run agent.yaml -q",
    { ...writer, "script.yaml": script({ text: `${"word ".repeat(30)}end.`, drip: "100ms" }) },
    { columns: 60 },
  );
  await screen.until("word word word");
  screen.resize(20);
  const { code, text } = await screen.end();
  expect(code).toBe(0);
  const last = text.slice(text.lastIndexOf(clear) + clear.length).trimEnd();
  expect(last.split("\n")).toEqual([...Array.from({ length: 7 }, () => "word word word word"), "word word end."]);
});

test("events on a terminal are lines of their own", async () => {
  await using screen = openScreen("rein run agent.yaml --allow-read --output jsonl", reader);
  const { code, text } = await screen.end();
  expect(code).toBe(0);
  const events = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).type);
  expect(events).toContain("call_end");
});

test("control characters of a model, a tool and a file never reach the terminal raw", async () => {
  const files = {
    "agent.yaml": agent,
    "script.yaml": JSON.stringify([
      { text: "\u001b]0;owned\u0007\u009b31m", calls: [bash("printf '\\033[2J'; cat agent.yaml"), read("\u001b[5m")] },
      { text: "${{ results.last }} \u001b[31m\u202e\r\nend" },
    ]),
  };
  for (const flags of ["", "-v", "--progress plain", "--output json", "--output jsonl", "--dry-run"]) {
    await using screen = openScreen(
      `rein run agent.yaml 'a \u001b[31m' -P --session s ${flags}; rein sessions show s`,
      files,
    );
    const { text } = await screen.end();
    // What rein itself writes: colours, the way back to the start of the line, and what clears it.
    const foreign = text.replace(/\u001b\[(?:31|32|33|36|39|2|22|0)m|\r|\u001b\[(?:[CJK]|\d+[AB])/g, "");
    expect(foreign.match(/(?!\n)[\p{Cc}\p{Bidi_Control}]/gu) ?? []).toEqual([]);
  }
});

test("a permission is asked for: once is for one call, session for the rest", async () => {
  await using screen = openScreen("rein run agent.yaml", {
    ...reader,
    "script.yaml": script(
      { calls: [read("a.txt")] },
      { calls: [read("a.txt")] },
      { calls: [read("a.txt")] },
      { text: "Done" },
    ),
  });
  for (const answer of ["o", "session"]) {
    await screen.until("/a.txt'. Allow [o]nce, for this [s]ession, or [N]o? ");
    screen.type(`${answer}\n`);
  }
  const { code, text } = await screen.end();
  expect(code).toBe(0);
  expect(text.split(ask).length).toBe(3);
});

test.each([
  ["n\n", "n\n"],
  ["\n", "\n"],
  ["of course not\n", "of course not\n"],
  ["\u0004", "\n"],
])("the answer %j is a no", async (keys, echo) => {
  await using screen = openScreen("rein run agent.yaml --progress none", {
    ...reader,
    "script.yaml": script({ calls: [read("a.txt")] }, { text: "Done" }),
  });
  await screen.until(ask);
  screen.type(keys);
  const { code, text, cooked } = await screen.end();
  expect({ code, cooked }).toEqual({ code: 3, cooked: true });
  expect(text).toMatch(/^'agent' wants to read '[^']*\/a.txt'. Allow/);
  expect(shown(text)).toContain(`${`${ask}${echo}`.trimEnd()}\nDone\nerror: A permission was refused\n`);
  expect(text).toEndWith("/a.txt': refused by the user (--allow-read=a.txt allows it)\n");
});

test("parallel calls ask one after the other, and each gets its own answer", async () => {
  await using screen = openScreen("rein run agent.yaml", reader);
  await screen.until(`a.txt'. Allow [o]nce, for this [s]ession, ${ask}`);
  screen.type("o\n");
  await screen.until(`b.txt'. Allow [o]nce, for this [s]ession, ${ask}`);
  screen.type("n\n");
  const { code, text } = await screen.end();
  expect(code).toBe(3);
  expect(text).toContain("It says: alpha|Cannot read 'b.txt': refused by the user");
});

test("while a question waits nothing else is written, also with --verbose", async () => {
  await using screen = openScreen("rein run agent.yaml -v --allow-read=b.txt", {
    ...reader,
    "script.yaml": script({ calls: [read("a.txt"), read("b.txt")] }, { text: "Done" }),
  });
  await screen.until(ask);
  // Longer than the status line waits to be drawn anew.
  await Bun.sleep(1200);
  expect(screen.text()).toEndWith(ask);
  screen.type("o\n");
  expect((await screen.end()).code).toBe(0);
});

test("a question comes after all that was said before it", async () => {
  const said = "word ".repeat(30_000).trim();
  await using screen = openScreen("rein run agent.yaml", {
    ...reader,
    "script.yaml": script({ text: said, calls: [read("a.txt")] }, { text: "Done" }),
  });
  await screen.until(ask);
  expect(shown(screen.text()).replaceAll("\n", " ")).toContain(said);
});

test("what was typed before the question is no answer to it", async () => {
  // The shell takes the first line, and leaves the others where the run finds them.
  await using screen = openScreen("echo ready; read -r line; rein run agent.yaml", {
    ...reader,
    "script.yaml": script({ calls: [read("a.txt")] }, { text: "${{ results.0 }}" }),
  });
  await screen.until("ready");
  screen.type("go\no\ns\n");
  await screen.until(ask);
  screen.type("n\n");
  expect((await screen.end()).code).toBe(3);
});

test("a path cannot look like the end of the question", async () => {
  await using screen = openScreen("rein run agent.yaml --progress none", {
    ...reader,
    "script.yaml": script({ calls: [read("a\u001b[8m\n'agent' wants to read 'b")] }, { text: "Done" }),
  });
  await screen.until(ask);
  expect(screen.text()).toContain("/a␛[8m 'agent' wants to read 'b'. Allow");
});

test.each([
  ["Ctrl-C", "\u0003", 130],
  ["SIGTERM", undefined, 143],
] as const)("%s during a question ends the run", async (_name, keys, expected) => {
  await using screen = openScreen("exec rein run agent.yaml --progress none", reader);
  await screen.until(ask);
  if (keys === undefined) screen.signal("SIGTERM");
  else screen.type(keys);
  const { code, text, cooked } = await screen.end();
  expect({ code, cooked }).toEqual({ code: expected, cooked: true });
  expect(text).toMatch(/or \[N\]o\? (?:\^C)?\n\S*error:/);
  expect(text).not.toContain("refused by the user");
});

test("questions work while stdin is a pipe", async () => {
  await using screen = openScreen("echo hi | rein run agent.yaml -", {
    ...reader,
    "script.yaml": script({ calls: [read("a.txt")] }, { text: "${{ results.0 }}: ${{ prompt }}" }),
  });
  await screen.until(ask);
  screen.type("o\n");
  const { code, text } = await screen.end();
  expect(code).toBe(0);
  expect(shown(text)).toContain("alpha: Say hello\n\nhi");
});

test.each([
  ["CI is set", "rein run agent.yaml", { CI: "true" }],
  ["stderr is no terminal", "rein run agent.yaml 2> errors; code=$?; cat errors; exit $code", {}],
  ["there is no controlling terminal", "setsid -w rein run agent.yaml", {}],
])("nothing is asked when %s", async (_when, command, env: Record<string, string>) => {
  await using screen = openScreen(command, reader, { env });
  const { code, text } = await screen.end();
  expect(code).toBe(3);
  expect(text).not.toContain(ask);
  expect(text).toContain("'agent' can do nothing without what was not granted\n");
});

test.each([
  ["an input", "rein run agent.yaml", "The input 'log' is read from stdin, but that is a terminal"],
  ["the prompt", "rein run agent.yaml - --set log=x", "The prompt '-' is read from stdin, but that is a terminal"],
  ["the agent file", "rein run -", "The agent file '-' is read from stdin, but that is a terminal"],
])("%s that must come from stdin is an error at once where that is a terminal", async (_what, command, message) => {
  await using screen = openScreen(command, {
    "agent.yaml": "model: scripted/none\ninput: { log: { type: string, from: stdin } }\nprompt: Hi\n",
  });
  const { code, text } = await screen.end();
  expect(code).toBe(2);
  expect(text).toContain(message);
});

test("NO_COLOR leaves no colours", async () => {
  await using screen = openScreen(
    "rein run agent.yaml; rein check wrong.yaml",
    { ...reader, "wrong.yaml": "a: b\n" },
    {
      env: { NO_COLOR: "1" },
    },
  );
  await screen.until(ask);
  screen.type("s\n");
  await screen.until(ask);
  screen.type("n\n");
  const { text } = await screen.end();
  expect(text).toContain("error: A permission was refused\n");
  expect(text).not.toMatch(/\u001b\[[\d;]*m/);
});

test("a dumb terminal gets no escape sequences", async () => {
  await using screen = openScreen("rein run agent.yaml", reader, { env: { TERM: "dumb" } });
  await screen.until(ask);
  screen.type("s\n");
  await screen.until(ask);
  screen.type("n\n");
  const { text } = await screen.end();
  expect(text).toContain("  file_read 'b.txt': ");
  expect(text).not.toContain("\u001b");
});

test("the status line stays within ten columns, and follows a resize", async () => {
  await using screen = openScreen(
    "rein run agent.yaml --allow-run=bash",
    {
      "agent.yaml": agent,
      "script.yaml": script({ calls: [bash("sleep 30")] }),
    },
    { columns: 10, env: { NO_COLOR: "1" } },
  );
  await screen.until("turn 1 ·…");
  screen.resize(12);
  await screen.until("turn 1 · b…");
  screen.type("\u0003");
  const { code, text } = await screen.end();
  expect(code).toBe(130);
  for (const line of text.replaceAll(clear, "\r").split(/[\r\n]/)) {
    if (line.startsWith("turn")) expect(line.replace("^C", "").length).toBeLessThan(12);
  }
});

withWeights("local model: without any key it is offered, and used only after a yes", async () => {
  const files = { "agent.yaml": "instructions: You are a helpful assistant\nprompt: What is the capital of France?\n" };
  const question = "Use 'local/smollm2', a small model on this machine? [y/N] ";
  for (const [typed, expected] of [
    ["\n", 7],
    ["y\n", 0],
  ] as const) {
    await using screen = openScreen("rein run agent.yaml", files, { env: { REIN_MODELS: dirname(weights) } });
    await screen.until(question);
    screen.type(typed);
    const { code, text } = await screen.end();
    expect({ code, text }).toMatchObject({ code: expected });
    const rest = text.slice(text.indexOf(question));
    expect(rest.includes("is a small model")).toBe(expected === 0);
    expect(rest.includes("Paris")).toBe(expected === 0);
  }
});

test("a person signs in where the browser leads them, and the model and the journal have no token", async () => {
  const server = await startOidcServer();
  try {
    const browser = join(import.meta.dir, "../helpers/oidc-browser.ts");
    const flow = { name: "oauth_flow", arguments: { action: "sign_in", name: "id" } };
    const whoami = {
      name: "http_request",
      arguments: { url: `${server.issuer}/me`, headers: { authorization: "Bearer {{secret:id}}" } },
    };
    await using screen = openScreen(
      "rein run agent.yaml -P --output jsonl >events.jsonl; cat .local/share/rein/credentials/*.json; cat events.jsonl",
      {
        "agent.yaml": `model: scripted/script.yaml
prompt: Who am I?
tools: [oauth_flow, http_request]
oauth: { id: { issuer: "${server.issuer}", client_id: ${clientId}, scopes: [openid], hosts: ["${server.host}"] } }
permissions: { net: ["${server.host}"], run: [${process.execPath}] }
`,
        "script.yaml": script({ calls: [flow] }, { calls: [whoami] }, { text: "Done" }),
      },
      { env: { BROWSER: `${process.execPath} ${browser} agree` }, columns: 20_000 },
    );
    const { text } = await screen.end();
    expect(text).toContain(`Sign in to 'id' with a browser of this machine:\n  ${server.issuer}/auth?`);
    expect(text).toContain('{\\"sub\\":\\"somebody\\"}');
    const [, token = ""] = /"access":"([^"]+)"/.exec(text) ?? [];
    expect(token.length).toBeGreaterThan(20);
    expect(text.split(token)).toHaveLength(2);
  } finally {
    server.stop();
  }
});
