import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import {
  client,
  ndJsonStream,
  RequestError,
  type ClientContext,
  type McpServer,
  type RequestPermissionRequest,
  type RequestPermissionResponse,
  type SessionUpdate,
} from "@agentclientprotocol/sdk";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

// `rein acp`, by the protocol's own client over stdin and stdout.

const rein = resolve("dist/rein");

const files: Record<string, string> = {
  "talk.yaml": `model: scripted/talk.script.yaml
instructions: Talk
commands: { explain: { description: Explains it, prompt: "Explain \${{ args }}, please" } }
`,
  "talk.script.yaml": `- text: "You said: \${{ prompt }}"
- text: "And then: \${{ prompt }}"
- text: Third
`,
  "work.yaml": `name: worker
model: scripted/work.script.yaml
instructions: Work
tools: [file_write, file_edit, file_read, bash_exec]
permissions: { read: [.], write: [.], run: [bash] }
`,
  "work.script.yaml": `- calls: [{ name: file_write, arguments: { path: note.txt, content: "one\\ntwo\\n" } }]
- calls: [{ name: file_edit, arguments: { path: note.txt, edits: [{ old_text: two, new_text: three }] } }]
- calls: [{ name: bash_exec, arguments: { command: "echo printed" } }]
- text: "Done: \${{ results.2 }}"
`,
  "slow.yaml": `model: scripted/slow.script.yaml
instructions: Wait
tools: [bash_exec]
permissions: { run: [bash] }
`,
  "slow.script.yaml": `- calls: [{ name: bash_exec, arguments: { command: "echo $$ > pid; sleep 60" } }]
- text: After it
`,
  "ends.yaml": `model: scripted/ends.script.yaml
instructions: End
`,
  "ends.script.yaml": `- { text: No, stop: refusal }
- { text: Too lo, stop: length }
- failure: { kind: network }
- failure: { kind: network }
- failure: { kind: network }
- failure: { kind: network }
`,
  "small.yaml": `model: scripted/work.script.yaml
instructions: Work
limits: { turns: 1 }
tools: [file_write]
permissions: { write: [.] }
`,
  "models.yaml": `model: first
models: { first: { model: scripted/talk.script.yaml }, second: { model: scripted/other.script.yaml } }
instructions: Talk
`,
  "other.script.yaml": "- text: The other\n",
  "keyless.yaml": "model: openai/gpt-6-sol\ninstructions: Talk\n",
  "served.yaml": `model: scripted/served.script.yaml
instructions: Use the server
`,
  "served.script.yaml": `- calls: [{ name: echo, arguments: { text: hello } }]
- text: "\${{ results.0 }}"
`,
};

let folder = "";
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "rein-acp-")));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

const started: Editor[] = [];
afterEach(async () => {
  for (const editor of started.splice(0)) await editor.end();
});

type Answering = (question: RequestPermissionRequest) => Promise<RequestPermissionResponse["outcome"]>;

/** An editor that has started `rein acp`. */
class Editor {
  readonly updates: Array<{ session: string; update: SessionUpdate }> = [];
  readonly questions: RequestPermissionRequest[] = [];
  readonly agent: ClientContext;
  readonly child;
  readonly #stderr: Promise<string>;
  answer: Answering = async () => ({ outcome: "selected", optionId: "no" });

  constructor(words: string[]) {
    this.child = Bun.spawn([rein, "acp", ...words], {
      cwd: folder,
      env: { HOME: folder, PATH: process.env["PATH"] ?? "", XDG_STATE_HOME: join(folder, "state") },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    const { stdin, stdout, stderr } = this.child;
    this.#stderr = stderr.text();
    const output = new WritableStream<Uint8Array>({
      async write(bytes) {
        stdin.write(bytes);
        await stdin.flush();
      },
      close: async () => void (await stdin.end()),
    });
    const app = client({ name: "tests" })
      .onNotification("session/update", ({ params }) => {
        this.updates.push({ session: params.sessionId, update: params.update });
      })
      .onRequest("session/request_permission", async ({ params }) => {
        this.questions.push(params);
        return { outcome: await this.answer(params) };
      });
    this.agent = app.connect(ndJsonStream(output, stdout)).agent;
    started.push(this);
  }

  static async open(...words: string[]): Promise<Editor> {
    const editor = new Editor(words);
    await editor.agent.request("initialize", { protocolVersion: 1, clientCapabilities: {} });
    return editor;
  }

  async session(): Promise<string> {
    return (await this.agent.request("session/new", { cwd: folder, mcpServers: [] })).sessionId;
  }

  async say(sessionId: string, text: string): Promise<string> {
    const { stopReason } = await this.agent.request("session/prompt", { sessionId, prompt: [{ type: "text", text }] });
    return stopReason;
  }

  /** The text that was said in a session. */
  text(session: string, kind: SessionUpdate["sessionUpdate"] = "agent_message_chunk"): string {
    const texts = this.updates.flatMap((one) =>
      one.session === session &&
      one.update.sessionUpdate === kind &&
      "content" in one.update &&
      one.update.content !== null &&
      one.update.content !== undefined &&
      "type" in one.update.content &&
      one.update.content.type === "text"
        ? [one.update.content.text]
        : [],
    );
    return texts.join("");
  }

  calls(session: string) {
    return this.updates.flatMap(({ session: of, update }) =>
      of === session && (update.sessionUpdate === "tool_call" || update.sessionUpdate === "tool_call_update")
        ? [update]
        : [],
    );
  }

  async end(): Promise<{ code: number; stderr: string }> {
    await this.child.stdin.end();
    return { code: await this.child.exited, stderr: await this.#stderr };
  }
}

/** What a request was refused with. */
async function refusal(made: Promise<unknown>): Promise<{ code: number; message: string }> {
  try {
    await made;
  } catch (error) {
    if (error instanceof RequestError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("It was not refused");
}

test("an editor learns what the agent can do, and ends it by going away", async () => {
  const editor = new Editor(["talk.yaml"]);
  const known = await editor.agent.request("initialize", { protocolVersion: 1, clientCapabilities: {} });
  expect(known).toMatchObject({
    protocolVersion: 1,
    agentInfo: { name: "rein", title: "talk" },
    agentCapabilities: { loadSession: true, promptCapabilities: { image: true, embeddedContext: true } },
  });
  await editor.session();
  expect(await editor.end()).toEqual({ code: 0, stderr: "" });
});

test("turns of a session are one conversation, and two sessions are two", async () => {
  const editor = await Editor.open("talk.yaml");
  const [one, two] = [await editor.session(), await editor.session()];
  expect(one).not.toBe(two);
  expect(await Promise.all([editor.say(one, "first"), editor.say(two, "other")])).toEqual(["end_turn", "end_turn"]);
  expect(await editor.say(one, "second")).toBe("end_turn");
  expect(editor.text(one)).toBe("You said: firstAnd then: second");
  expect(editor.text(two)).toBe("You said: other");
});

test("files, links and what is embedded go with a prompt", async () => {
  const editor = await Editor.open("talk.yaml");
  const sessionId = await editor.session();
  writeFileSync(join(folder, "linked.txt"), "the linked text\n");
  await editor.agent.request("session/prompt", {
    sessionId,
    prompt: [
      { type: "text", text: "Look at " },
      { type: "resource_link", name: "linked.txt", uri: `file://${folder}/linked.txt#L1` },
      { type: "resource_link", name: "a folder", uri: `file://${folder}` },
      { type: "resource_link", name: "a page", uri: "https://example.com/x" },
      { type: "resource", resource: { uri: "file:///other/place.ts", text: "const a = 1;" } },
    ],
  });
  expect(editor.text(sessionId)).toBe(
    `You said: Look at [linked.txt](${folder}/linked.txt)[a folder](${folder})[a page](https://example.com/x)\n\n` +
      `<file name="${folder}/linked.txt">\nthe linked text\n</file>\n\n<file name="/other/place.ts">\nconst a = 1;\n</file>`,
  );
  const data = readFileSync(join(import.meta.dir, "../helpers/fixtures/pixel.png")).toBase64();
  const image = { type: "image" as const, mimeType: "image/png", data };
  await editor.agent.request("session/prompt", { sessionId, prompt: [{ type: "text", text: "And this?" }, image] });
  expect(editor.text(sessionId)).toContain('And then: And this?\n\n[Attached: "image" (a PNG');
  const prompt = (content: object) => editor.agent.request("session/prompt", { sessionId, prompt: [content] } as never);
  expect((await refusal(prompt({ type: "image", mimeType: "image/png", data: "bm90IGEgcGljdHVyZQAB" }))).code).toBe(
    -32602,
  );
  expect((await refusal(prompt({ type: "audio", mimeType: "audio/wav", data: "AAAA" }))).message).toContain("'audio'");
});

test("commands of the file are offered, and said as the file has them", async () => {
  const editor = await Editor.open("talk.yaml");
  const session = await editor.session();
  await editor.say(session, "/explain  the build\nand more ");
  await editor.say(session, "/etc/hosts is a file");
  expect(editor.text(session)).toBe("You said: Explain the build\nand more, pleaseAnd then: /etc/hosts is a file");
  const offered = editor.updates.find(({ update }) => update.sessionUpdate === "available_commands_update");
  expect(offered?.update).toMatchObject({
    availableCommands: [{ name: "explain", description: "Explains it" }],
  });
});

test("calls are told with their state, content and diffs", async () => {
  rmSync(join(folder, "note.txt"), { force: true });
  const editor = await Editor.open("work.yaml", "-P");
  const session = await editor.session();
  expect(await editor.say(session, "work")).toBe("end_turn");
  const [write, edit, run] = editor.calls(session).filter(({ sessionUpdate }) => sessionUpdate === "tool_call");
  expect(write).toMatchObject({ kind: "edit", status: "in_progress", rawInput: { path: "note.txt" } });
  expect(write?.locations).toEqual([{ path: join(folder, "note.txt") }]);
  expect(edit).toMatchObject({ kind: "edit" });
  expect(run).toMatchObject({ kind: "execute" });
  const ended = editor.calls(session).filter(({ status }) => status === "completed");
  expect(ended.map(({ toolCallId }) => toolCallId)).toEqual([
    write?.toolCallId ?? "",
    edit?.toolCallId ?? "",
    run?.toolCallId ?? "",
  ]);
  const path = join(folder, "note.txt");
  expect(ended[0]?.content).toEqual([{ type: "diff", path, oldText: null, newText: "one\ntwo\n" }]);
  expect(ended[1]?.content).toEqual([{ type: "diff", path, oldText: "one\ntwo\n", newText: "one\nthree\n" }]);
  expect(JSON.stringify(ended[2]?.content)).toContain("printed");
  expect(editor.questions).toEqual([]);
});

test("what was not granted is asked of the editor, with the exact rule", async () => {
  const editor = await Editor.open("work.yaml", "--allow-read");
  const session = await editor.session();
  rmSync(join(folder, "note.txt"), { force: true });
  const answers = ["session", "once"];
  editor.answer = async () => ({ outcome: "selected", optionId: answers.shift() ?? "no" });
  expect(await editor.say(session, "work")).toBe("end_turn");
  const [write, run, ...more] = editor.questions;
  expect(more).toEqual([]);
  expect(write?.toolCall.title).toContain(`'worker' wants to write '${folder}/note.txt'`);
  expect(write?.options.map(({ kind }) => kind)).toEqual(["allow_once", "allow_always", "reject_once"]);
  expect(write?.options[1]?.name).toContain(`--allow-write=${folder}/note.txt`);
  expect(editor.calls(session).some(({ toolCallId }) => toolCallId === write?.toolCall.toolCallId)).toBe(true);
  expect(run?.toolCall.title).toContain("wants to run");
  expect(editor.text(session)).toContain("printed");
});

test("a no is told to the model, and so is a question that was cancelled", async () => {
  const editor = await Editor.open("work.yaml", "--allow-read", "--allow-write");
  const session = await editor.session();
  editor.answer = async () => ({ outcome: "cancelled" });
  expect(await editor.say(session, "work")).toBe("end_turn");
  expect(editor.questions).toHaveLength(1);
  expect(editor.text(session)).toContain("refused by the user");
});

test("a turn is cancelled with all that it started, and the session goes on", async () => {
  const editor = await Editor.open("slow.yaml", "-P");
  const session = await editor.session();
  const turn = editor.say(session, "wait");
  const pid = join(folder, "pid");
  while (!existsSync(pid) || readFileSync(pid, "utf8") === "") await Bun.sleep(10);
  expect((await refusal(editor.say(session, "at once"))).code).toBe(-32600);
  await editor.agent.notify("session/cancel", { sessionId: session });
  expect(await turn).toBe("cancelled");
  const child = readFileSync(pid, "utf8").trim();
  rmSync(pid);
  expect(existsSync(`/proc/${child}`)).toBe(false);
  expect(await editor.say(session, "go on")).toBe("end_turn");
  expect(editor.text(session)).toBe("After it");
});

test("a cancellation ends the turn before it and none behind it, however close they come", async () => {
  const [quick, slow] = [await Editor.open("talk.yaml"), await Editor.open("slow.yaml", "-P")];
  for (let round = 0; round < 3; round++) {
    const one = await quick.session();
    const before = quick.agent.notify("session/cancel", { sessionId: one });
    const said = quick.say(one, "Go");
    await before;
    expect(await said).toBe("end_turn");
    const other = await slow.session();
    const ended = slow.say(other, "Go");
    await slow.agent.notify("session/cancel", { sessionId: other });
    expect(await ended).toBe("cancelled");
  }
});

test("a prompt that says nothing is refused, and costs nothing", async () => {
  const editor = await Editor.open("talk.yaml");
  const session = await editor.session();
  const empty = { code: -32602, message: "Invalid params: The prompt is empty" };
  expect(await refusal(editor.say(session, " \n"))).toEqual(empty);
  expect(await refusal(editor.agent.request("session/prompt", { sessionId: session, prompt: [] }))).toEqual(empty);
  await editor.say(session, "hello");
  expect(editor.text(session)).toBe("You said: hello");
});

test("a question that nobody answers ends with its turn", async () => {
  const editor = await Editor.open("slow.yaml");
  const session = await editor.session();
  const asked = Promise.withResolvers<void>();
  editor.answer = async () => {
    asked.resolve();
    return new Promise(() => undefined);
  };
  const turn = editor.say(session, "wait");
  await asked.promise;
  await editor.agent.notify("session/cancel", { sessionId: session });
  expect(await turn).toBe("cancelled");
});

/** The process that an agent's command has started, by the number that it wrote. */
async function startedChild(): Promise<string> {
  const pid = join(folder, "pid");
  while (!existsSync(pid) || readFileSync(pid, "utf8") === "") await Bun.sleep(10);
  const child = readFileSync(pid, "utf8").trim();
  rmSync(pid);
  return child;
}

test("when the editor goes away in a turn, nothing that it started stays", async () => {
  const editor = await Editor.open("slow.yaml", "-P");
  const session = await editor.session();
  const turn = editor.say(session, "wait").catch(() => undefined);
  const child = await startedChild();
  expect((await editor.end()).code).toBe(0);
  expect(existsSync(`/proc/${child}`)).toBe(false);
  await turn;
});

test("a session is loaded with its history by another process, and goes on", async () => {
  const before = await Editor.open("work.yaml", "-P");
  const session = await before.session();
  await before.say(session, "work on it");
  await before.end();

  const editor = await Editor.open("talk.yaml");
  await editor.agent.request("session/load", { sessionId: session, cwd: folder, mcpServers: [] });
  expect(editor.text(session, "user_message_chunk")).toBe("work on it");
  expect(editor.text(session)).toContain("Done: ");
  expect(editor.calls(session).filter(({ status }) => status === "completed")).toHaveLength(3);
  const told = editor.updates.length;
  expect(await editor.say(session, "more")).toBe("end_turn");
  expect(editor.updates.length).toBeGreaterThan(told);
  expect(editor.text(session)).toEndWith("You said: more");

  const third = await Editor.open("talk.yaml");
  await third.agent.request("session/resume", { sessionId: session, cwd: folder, mcpServers: [] });
  expect(third.updates.map(({ update }) => update.sessionUpdate)).toEqual(["available_commands_update"]);
});

test("a session that is not there is an error, also to load, and a closed one is gone", async () => {
  const editor = await Editor.open("talk.yaml");
  expect((await refusal(editor.say("none", "x"))).code).toBe(-32002);
  const load = editor.agent.request("session/load", { sessionId: "none", cwd: folder, mcpServers: [] });
  expect((await refusal(load)).code).toBe(-32002);
  const session = await editor.session();
  await editor.agent.request("session/close", { sessionId: session });
  expect((await refusal(editor.say(session, "x"))).code).toBe(-32002);
});

test("how a turn ends is told by the protocol's reasons, a failure by its errors", async () => {
  const editor = await Editor.open("ends.yaml");
  const session = await editor.session();
  expect(await editor.say(session, "a")).toBe("refusal");
  expect(await editor.say(session, "b")).toBe("max_tokens");
  expect((await refusal(editor.say(session, "c"))).code).toBe(-32603);
  const small = await Editor.open("small.yaml", "-P");
  expect(await small.say(await small.session(), "x")).toBe("max_turn_requests");
  const keyless = await Editor.open("keyless.yaml");
  expect((await refusal(keyless.session())).code).toBe(-32000);
});

test("a model of the file can be chosen", async () => {
  const editor = await Editor.open("models.yaml");
  const { sessionId, configOptions } = await editor.agent.request("session/new", { cwd: folder, mcpServers: [] });
  expect(configOptions).toMatchObject([{ id: "model", category: "model" }]);
  const chosen = await editor.agent.request("session/set_config_option", {
    sessionId,
    configId: "model",
    value: "second",
  });
  expect(chosen.configOptions).toMatchObject([{ currentValue: "second" }]);
  await editor.say(sessionId, "x");
  expect(editor.text(sessionId)).toBe("The other");
  const wrong = { sessionId, configId: "model", value: "third" };
  expect((await refusal(editor.agent.request("session/set_config_option", wrong))).code).toBe(-32602);
});

test("an editor's MCP servers need the same grants as a caller's", async () => {
  const command = process.execPath;
  const args = [join(import.meta.dir, "fixtures/mcp-stdio.ts")];
  const servers: McpServer[] = [
    { name: "own", command, args, env: [{ name: "TOKEN", value: "secret-of-the-editor" }] },
  ];
  const asking = await Editor.open("served.yaml");
  asking.answer = async () => ({ outcome: "selected", optionId: "session" });
  const { sessionId } = await asking.agent.request("session/new", { cwd: folder, mcpServers: servers });
  expect(await asking.say(sessionId, "x")).toBe("end_turn");
  expect(asking.questions[0]?.toolCall.title).toContain(command);
  expect(asking.text(sessionId)).toContain("hello");
  const granted = await Editor.open("served.yaml", "-P");
  const other = await granted.agent.request("session/new", { cwd: folder, mcpServers: servers });
  await granted.say(other.sessionId, "x");
  expect(granted.text(other.sessionId)).toContain("hello");
  expect(granted.questions).toEqual([]);
  const wrong: McpServer[] = [
    { name: "bad name", command, args, env: [{ name: "TOKEN", value: "secret-of-the-editor" }] },
  ];
  const refused = await refusal(granted.agent.request("session/new", { cwd: folder, mcpServers: wrong }));
  expect(refused.code).toBe(-32602);
  expect(`${refused.message}${(await granted.end()).stderr}`).not.toContain("secret-of-the-editor");
});

test("what is no session's folder is refused", async () => {
  const editor = await Editor.open("talk.yaml");
  for (const cwd of ["relative", join(folder, "none"), join(folder, "talk.yaml")]) {
    const made = editor.agent.request("session/new", { cwd, mcpServers: [] });
    expect((await refusal(made)).code).toBe(-32602);
  }
});

test("a prompt that is larger than any model reads is an error of it alone", async () => {
  const editor = await Editor.open("talk.yaml");
  const session = await editor.session();
  const { code, message } = await refusal(editor.say(session, "x".repeat(9_000_000)));
  expect(code).toBe(-32602);
  expect(message).toContain("larger than the model could hold");
  expect(await editor.say(session, "small")).toBe("end_turn");
});

test("messages that are none are answered with errors, and the next ones are read", async () => {
  const child = Bun.spawn([rein, "acp", "talk.yaml"], {
    cwd: folder,
    env: { HOME: folder, PATH: process.env["PATH"] ?? "", XDG_STATE_HOME: join(folder, "state") },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  const sent = [
    '{"jsonrpc":"2.0","id":0,"method":"session/new","params":{"cwd":"/","mcpServers":[]}}',
    '{"jsonrpc":"2.0","id":9,"method":"initialize","params":{"protocolVersion":99}}',
    "not json",
    "[]",
    "5",
    '{"jsonrpc":"2.0","id":1,"method":"no/method"}',
    '{"jsonrpc":"2.0","id":2,"method":"session/new","params":{"cwd":3}}',
    '{"jsonrpc":"2.0","id":3,"method":"session/prompt"}',
    '{"jsonrpc":"2.0","method":"session/cancel","params":{"sessionId":"none"}}',
  ];
  child.stdin.write(`${sent.join("\n")}\n`);
  await child.stdin.flush();
  const answers: unknown[][] = [];
  let text = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const { id, error, result } = JSON.parse(line);
      answers.push([id, error?.code ?? result.protocolVersion]);
    }
    if (answers.length === 8) break;
  }
  await child.stdin.end();
  expect(await child.exited).toBe(0);
  expect(answers.map((answer) => JSON.stringify(answer)).toSorted()).toEqual(
    [
      [null, -32700],
      [null, -32600],
      [null, -32600],
      [0, -32600],
      [1, -32601],
      [2, -32602],
      [3, -32602],
      [9, 1],
    ]
      .map((answer) => JSON.stringify(answer))
      .toSorted(),
  );
});

test("a message without an end is not taken into memory", async () => {
  const editor = await Editor.open("talk.yaml");
  const session = await editor.session();
  const endless = editor.say(session, "x".repeat(34_000_000)).catch(() => undefined);
  expect(await editor.child.exited).toBe(2);
  await endless;
  const { stderr } = await editor.end();
  expect(stderr).toContain("more than 33.6 MB");
});

test("SIGTERM ends it and all of its sessions", async () => {
  const editor = await Editor.open("slow.yaml", "-P");
  const session = await editor.session();
  const turn = editor.say(session, "wait").catch(() => undefined);
  const child = await startedChild();
  editor.child.kill("SIGTERM");
  expect(await editor.child.exited).toBe(143);
  expect(existsSync(`/proc/${child}`)).toBe(false);
  await turn;
});
