import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { openTalk } from "../../src/app/converse.ts";
import { journalPath } from "../../src/app/journal.ts";
import { readAgent, readScript, readText } from "../../src/cli/agent-file.ts";
import type { Stamped } from "../../src/core/event.ts";
import type { Talk } from "../../src/core/talk.ts";
import { openStore } from "../../src/store/open.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "rein-converse-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let made = 0;

/** A folder with an agent whose model says what the steps are. */
function agent(yaml: string, steps: unknown[], files: Record<string, string> = {}): string {
  const folder = join(root, `agent-${++made}`);
  const all = { ...files, "script.yaml": JSON.stringify(steps) };
  Bun.spawnSync(["mkdir", "-p", folder]);
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder, name), text);
  writeFileSync(
    join(folder, "agent.yaml"),
    `name: agent\ninstructions: Be brief\nmodel: scripted/script.yaml\n${yaml}`,
  );
  return folder;
}

async function talkIn(folder: string, { session = "s", asked = true, state = true, ephemeral = false } = {}) {
  const plan = readAgent(join(folder, "agent.yaml"), folder);
  if (!plan.ok) throw new Error(JSON.stringify(plan.diagnostics));
  return openTalk({
    plan: plan.value,
    grants: { all: true, allow: {}, deny: {} },
    model: undefined,
    session: { name: session, asked, ephemeral },
    input: {},
    cwd: folder,
    environment: { PATH: process.env["PATH"], ...(state ? { XDG_STATE_HOME: join(folder, "state") } : {}) },
    ask: undefined,
    interrupts: new AbortController().signal,
    files: { script: readScript, text: readText },
  });
}

async function opened(folder: string, how: Parameters<typeof talkIn>[1] = {}): Promise<Talk> {
  const talk = await talkIn(folder, how);
  if (!talk.ok) throw new Error(talk.error.message);
  return talk.value;
}

/** One turn: its events, and what came of it. */
async function say(talk: Talk, text: string, signal = new AbortController().signal) {
  const events: Stamped[] = [];
  const result = await talk.turn(text, [], (event) => events.push(event), signal);
  if (!result.ok) throw new Error(result.error.message);
  return { events, result: result.value, types: events.map(({ type }) => type) };
}

const none = new AbortController().signal;

/** How many messages the next request has. */
async function messages(talk: Talk): Promise<number> {
  const size = await talk.size(none);
  return size.ok ? size.value.messages : -1;
}

test("a second turn starts no server and makes no model or tool again", async () => {
  const server = resolve(import.meta.dir, "../contracts/fixtures/mcp-stdio.ts");
  const folder = agent(
    `permissions: { run: [sh] }\nmcp: { cases: { command: [sh, -c, 'echo x >> starts; exec "$0" "$1"', ${process.execPath}, ${server}] } }\n`,
    [
      { text: "One", calls: [{ name: "echo", arguments: { text: "a" } }] },
      { text: "Two" },
      { text: "Three", calls: [{ name: "echo", arguments: { text: "b" } }] },
      { text: "Four" },
    ],
  );
  const talk = await opened(folder);
  const first = await say(talk, "first");
  const second = await say(talk, "second");
  await talk.close();
  expect(first.types.filter((type) => type === "mcp_server")).toEqual(["mcp_server"]);
  expect(second.types).toContain("call_end");
  expect(second.types.filter((type) => ["mcp_server", "route", "fallback", "warning"].includes(type))).toEqual([]);
  expect(readFileSync(join(folder, "starts"), "utf8")).toBe("x\n");
  // The script goes on: it is the same model.
  expect([first.result.answer, second.result.answer]).toEqual(["Two", "Four"]);
});

test("each turn is a run of the session, with limits of its own", async () => {
  const folder = agent("limits: { turns: 1 }\n", [{ text: "One" }, { text: "Two" }]);
  const talk = await opened(folder);
  expect((await say(talk, "a")).result.outcome).toBe("done");
  expect((await say(talk, "b")).result.outcome).toBe("done");
  const sessions = await talk.sessions();
  expect(sessions.ok && sessions.value.map(({ name, runs, turns }) => ({ name, runs, turns }))).toEqual([
    { name: "s", runs: 2, turns: 2 },
  ]);
  expect(await messages(talk)).toBe(4);
  await talk.close();
});

test("the file's own prompt goes before the first thing that is said, and not before the next", async () => {
  const folder = agent("prompt: You know this.\n", [{ text: "${{ prompt }}" }, { text: "${{ prompt }}" }]);
  const talk = await opened(folder);
  expect((await say(talk, "Hello")).result.answer).toBe("You know this.\n\nHello");
  expect((await say(talk, "Again")).result.answer).toBe("Again");
  await talk.close();
});

test("what came of a turn that was stopped stays, also for who goes on with the session later", async () => {
  const folder = agent("", [{ text: "words that go on and on", drip: "50ms" }, { text: "Next" }]);
  const talk = await opened(folder);
  const stop = new AbortController();
  const turn = talk.turn("go", [], (event) => event.type === "text" && stop.abort("interrupt"), stop.signal);
  const result = await turn;
  expect(result.ok && result.value.outcome).toBe("interrupt");
  expect(await messages(talk)).toBe(2);
  await say(talk, "more");
  expect(await messages(talk)).toBe(4);
  await talk.close();
  const later = await opened(folder);
  expect(await messages(later)).toBe(4);
  await later.close();
});

test("what another process adds to the session is known in the next turn", async () => {
  const folder = agent(
    "",
    Array.from({ length: 4 }, () => ({ text: "Said" })),
  );
  const one = await opened(folder);
  const other = await opened(folder);
  await say(one, "a");
  await say(other, "b");
  await say(one, "c");
  expect(await messages(one)).toBe(6);
  await one.close();
  await other.close();
});

const writer = "tools: [file_read, file_write, file_edit, file_delete]\npermissions: { read: [.], write: [.] }\n";
const call = (name: string, args: object) => ({ calls: [{ name, arguments: args }] });

test("taking back a turn gives files back as they were before it", async () => {
  const folder = agent(
    writer,
    [
      call("file_write", { path: "a.txt", content: "two\n" }),
      call("file_write", { path: "a.txt", content: "three\n" }),
      call("file_write", { path: "new.txt", content: "new\n" }),
      call("file_delete", { path: "b.txt" }),
      { text: "Done" },
    ],
    { "a.txt": "one\n", "b.txt": "bee\n" },
  );
  const talk = await opened(folder);
  await say(talk, "change");
  const what = await talk.undoable();
  const files = what.ok ? (what.value?.files ?? []) : [];
  expect(files.map(({ path, can }) => `${path.slice(folder.length + 1)} ${can}`)).toEqual([
    "b.txt true",
    "new.txt true",
    "a.txt true",
  ]);
  expect(files[2]?.diff).toContain("-three\n+one\n");
  expect(await talk.undo(true)).toEqual({ ok: true, value: { prompt: "change", failed: [] } });
  expect(readFileSync(join(folder, "a.txt"), "utf8")).toBe("one\n");
  expect(readFileSync(join(folder, "b.txt"), "utf8")).toBe("bee\n");
  expect(existsSync(join(folder, "new.txt"))).toBe(false);
  expect(await messages(talk)).toBe(0);
  expect(await talk.undo(true)).toEqual({ ok: true, value: undefined });
  await talk.close();
});

test("a file that was changed since the turn stays, and so does one that may not be read", async () => {
  const folder = agent(
    writer.replace("read: [.]", "read: [a.txt]"),
    [
      call("file_write", { path: "a.txt", content: "two\n" }),
      call("file_write", { path: "b.txt", content: "two\n" }),
      { text: "Done" },
    ],
    { "a.txt": "one\n", "b.txt": "one\n" },
  );
  const talk = await opened(folder);
  await say(talk, "change");
  writeFileSync(join(folder, "a.txt"), "mine\n");
  const undone = await talk.undo(true);
  expect(undone.ok && undone.value?.failed.map((line) => line.replace(`${folder}/`, ""))).toEqual([
    "Cannot restore 'b.txt': what was there is not kept",
    "Cannot restore 'a.txt': it was changed since",
  ]);
  expect(readFileSync(join(folder, "a.txt"), "utf8")).toBe("mine\n");
  await talk.close();
});

test("turns that were taken back are so for who goes on later, and a copy keeps what is left", async () => {
  const folder = agent(
    "",
    Array.from({ length: 5 }, () => ({ text: "Said" })),
  );
  const talk = await opened(folder);
  for (const text of ["a", "b", "c"]) await say(talk, text);
  expect(await talk.undo(false)).toEqual({ ok: true, value: { prompt: "c", failed: [] } });
  expect(await talk.fork("copy")).toEqual({ ok: true, value: "copy" });
  expect(await messages(talk)).toBe(4);
  expect(await talk.clear()).toEqual({ ok: true, value: 2 });
  expect(await messages(talk)).toBe(0);
  expect(await talk.resume("s")).toEqual({ ok: true, value: { name: "s", turns: 2 } });
  expect(await messages(talk)).toBe(4);
  await talk.close();
  const later = await opened(folder, { session: "copy" });
  expect(await messages(later)).toBe(0);
  await later.close();
});

test("a conversation is made shorter when a person wants it", async () => {
  const long = "word ".repeat(400);
  const folder = agent(
    "context: { keep_turns: 1 }\n",
    Array.from({ length: 6 }, () => ({ text: long })),
  );
  const talk = await opened(folder);
  for (const text of ["a", "b", "c", "d"]) await say(talk, text);
  const made = await talk.compact(none);
  const { before = 0, after = 0 } = (made.ok ? made.value : undefined) ?? {};
  expect(after).toBeLessThan(before * 0.6);
  const left = await messages(talk);
  expect(left).toBeLessThan(8);
  await talk.close();
  const later = await opened(folder);
  expect(await messages(later)).toBe(left);
  await later.close();
});

test("another model answers from the next turn on; one that cannot be had changes nothing", async () => {
  const folder = agent("", [{ text: "First" }, { text: "Third" }], {
    "other.yaml": JSON.stringify([{ text: "Other" }]),
  });
  const talk = await opened(folder);
  await say(talk, "a");
  expect((await talk.useModel("nothing/such")).ok).toBe(false);
  expect(talk.model()).toBe("scripted/script.yaml");
  expect((await talk.useModel("scripted/other.yaml")).ok).toBe(true);
  expect((await say(talk, "b")).result.answer).toBe("Other");
  expect(talk.model()).toBe("scripted/other.yaml");
  expect((await talk.useModel("scripted/script.yaml")).ok).toBe(true);
  expect((await say(talk, "c")).result.answer).toBe("Third");
  await talk.close();
});

test("where nothing can be written, a conversation that nobody named goes on with a warning, once", async () => {
  const folder = agent("", [{ text: "One" }, { text: "Two" }]);
  const named = await talkIn(folder, { state: false });
  expect(named.ok ? "" : named.error.message).toBe(
    "Cannot keep the session 's': neither XDG_STATE_HOME nor HOME is set",
  );
  const talk = await opened(folder, { state: false, asked: false });
  expect((await say(talk, "a")).types).toContain("warning");
  expect((await say(talk, "b")).types).not.toContain("warning");
  expect(await messages(talk)).toBe(4);
  await talk.close();
});

test("an ephemeral conversation writes nothing", async () => {
  const folder = agent("", [{ text: "One" }]);
  const talk = await opened(folder, { asked: false, ephemeral: true });
  await say(talk, "a");
  await talk.close();
  expect(existsSync(join(folder, "state"))).toBe(false);
});

test("when a conversation ends, old runs that are in none are removed, and it stays", async () => {
  const folder = agent("", [{ text: "One" }, { text: "Two" }]);
  const store = async () => {
    const opened = await openStore(journalPath({ XDG_STATE_HOME: join(folder, "state") }) ?? "");
    if (!opened.ok) throw new Error(opened.error.message);
    return opened.value;
  };
  const before = await store();
  const old = await before.begin({ id: "old", agent: "a", model: "m", time: 1 });
  if (old.ok) await old.value.close();
  expect(await before.runs(9)).toMatchObject({ ok: true, value: [{ run: "old" }] });
  await before.close();
  const talk = await opened(folder);
  await say(talk, "a");
  expect(await talk.sessions()).toMatchObject({ ok: true, value: [{ name: "s" }] });
  await talk.close();
  const after = await store();
  expect(await after.runs(9)).toEqual({ ok: true, value: [] });
  expect(await after.sessions()).toMatchObject({ ok: true, value: [{ name: "s", runs: 1 }] });
  await after.close();
});
