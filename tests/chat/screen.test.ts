import { expect, test } from "bun:test";
import type { Outside } from "../../src/chat/desk.ts";
import { Screen } from "../../src/chat/screen.ts";
import type { Stamped } from "../../src/core/event.ts";
import { ok } from "../../src/core/result.ts";
import type { Talk } from "../../src/core/talk.ts";
import { screenModel } from "../helpers/screen-model.ts";

type Say = (event: Record<string, unknown> & { type: string }) => Promise<void>;

/** A chat whose turns a test plays, on a terminal that it sees. Time stands still unless it passes. */
async function stage(
  play: (say: Say, resize: (columns: number) => void) => Promise<void>,
  columns = 60,
  more: Partial<Talk> = {},
) {
  const model = screenModel(columns, 20);
  let width = columns;
  let writes = 0;
  let time = 0;
  const sleepers = new Map<() => void, number>();
  let typed: (bytes: Uint8Array) => void = () => undefined;
  let resized: () => void = () => undefined;
  const settle = async () => {
    for (let tick = 0; tick < 3; tick++) await Bun.sleep(0);
  };
  const attached: string[] = [];
  const refuse = async () => ({ ok: false as const, error: { outcome: "usage" as const, message: "Not here" } });
  const talk: Talk = {
    agent: "agent",
    session: () => "stage",
    model: () => "model",
    async turn(_prompt, _files, observe) {
      let seq = 0;
      const say: Say = async (event) => {
        const stamped: Stamped = JSON.parse(JSON.stringify({ seq: seq++, time: 0, ...event }));
        observe(stamped);
        await settle();
      };
      await play(say, (to) => {
        width = to;
        model.resize(to);
        resized();
      });
      return ok({
        outcome: "done",
        exit_code: 0,
        answer: "",
        error: null,
        model: null,
        usage: {},
        cost: null,
        denied: [],
        run_id: "r",
      });
    },
    useModel: refuse,
    tools: refuse,
    agents: [],
    servers: () => [],
    prompts: async () => [],
    prompt: async () => ({ ok: false, error: { code: "failed", message: "Not here" } }),
    permissions: { allowed: {}, ungranted: {}, denied: {} },
    size: refuse,
    compact: refuse,
    clear: refuse,
    undoable: refuse,
    undo: refuse,
    events: async () => ok([]),
    sessions: refuse,
    resume: refuse,
    fork: refuse,
    exported: refuse,
    changed: async () => undefined,
    close: async () => undefined,
    ...more,
  };
  const outside: Outside = {
    talk,
    now: () => 0,
    attach: async (path) => {
      attached.push(path);
      return ok({ name: path, text: "" });
    },
    exists: (path) => path.endsWith(".txt"),
    save: () => ({ ok: false, error: "Not here" }),
    files: () => [],
    models: async () => [],
    sessions: async () => [],
    memory: undefined,
    answered: [],
    commands: [],
  };
  const screen = new Screen({
    terminal: {
      write: async (text) => {
        writes++;
        model.write(text);
      },
      columns: () => width,
      rows: () => 20,
      reflows: true,
      hold(keys, sizes) {
        typed = keys;
        resized = sizes;
        return () => undefined;
      },
      suspend: async () => undefined,
      edit: async () => ({ ok: false, error: "Not here" }),
    },
    look: { color: true, pictures: undefined },
    clock: {
      now: () => time,
      // What streams is drawn at once; all else waits for its time or its end.
      sleep: (ms, signal) =>
        ms < 40
          ? Bun.sleep(0)
          : new Promise((wake) => {
              if (signal.aborted) return wake();
              sleepers.set(wake, time + ms);
              signal.addEventListener("abort", () => wake());
            }),
    },
    history: [],
    remember: () => undefined,
    signal: new AbortController().signal,
  });
  await screen.open();
  const ended = screen.course.talk(outside);
  await settle();
  return {
    model,
    writes: () => writes,
    attached,
    ended,
    settle,
    ask: (question: string) => screen.course.ask(question, new AbortController().signal),
    async pass(ms: number) {
      time += ms;
      for (const [wake, at] of sleepers) if (at <= time && sleepers.delete(wake)) wake();
      await settle();
    },
    async type(keys: string) {
      typed(new TextEncoder().encode(keys));
      await settle();
    },
    close: () => screen.close(),
  };
}

const turnEnd = { type: "turn_end", turn: 1, message: { role: "assistant", text: "x", calls: [] }, stop: "end" };
const usage = { input: 1, output: 1, cached: 0, reasoning: 0 };

test("whatever the terminal's size becomes while an answer streams, each of its lines is there once", async () => {
  let seed = 11;
  const random = (most: number) => (seed = (seed * 48271) % 2147483647) % most;
  const items = Array.from({ length: 25 }, (_, index) => `item-${index}-${"word ".repeat(random(14))}end${index}`);
  const text = items.map((item, index) =>
    index % 5 === 4 ? `${item}\n\n` : `- ${item}\n${index % 3 === 0 ? "\n" : ""}`,
  );
  const on = await stage(async (say, resize) => {
    await say({ type: "run_start", run_id: "r", agent: "a" });
    for (const [index, piece] of text.entries()) {
      for (let at = 0; at < piece.length; at += 7) await say({ type: "text", turn: 1, text: piece.slice(at, at + 7) });
      if (index % 2 === 1) resize(30 + random(60));
      if (index % 6 === 5) {
        await say({
          type: "call_start",
          turn: 1,
          call: { id: `c${index}`, name: "tool", arguments: "{}" },
          effects: "none",
        });
        await say({
          type: "call_end",
          turn: 1,
          id: `c${index}`,
          name: `tool${index}`,
          content: "",
          error: false,
          duration_ms: 1,
        });
      }
    }
    await say({ ...turnEnd, usage });
  });
  await on.type("go\r");
  for (let tick = 0; tick < 200; tick++) await on.settle();
  await on.type("typed");
  const shown = on.model.text();
  // Where the terminal breaks a row is not ours to say.
  const joined = shown.replaceAll("\n", "");
  for (const [index] of items.entries()) {
    expect(joined.split(`item-${index}-`).length, `item ${index} in\n${shown}`).toBe(2);
    expect(joined.split(new RegExp(`end${index}(?!\\d)`)).length, `end ${index} in\n${shown}`).toBe(2);
  }
  expect(shown.match(/Ctrl-C stops/g)).toBeNull();
  expect(shown).toMatch(/\n> typed\nagent · model · 2 tokens · stage$/);
  await on.type("\u0003\u0004");
  expect(await on.ended).toBe(0);
  await on.close();
});

test("keys that come while an answer streams are drawn below it, and its rows stay", async () => {
  const steps: string[] = [];
  const pause = Promise.withResolvers<void>();
  const on = await stage(async (say) => {
    await say({ type: "text", turn: 1, text: "Part of an answer" });
    await pause.promise;
    await say({ type: "text", turn: 1, text: " and the rest\n" });
    await say({ ...turnEnd, usage });
  });
  await on.type("go\r");
  await on.type("mean");
  await on.type("while\u001b[D");
  steps.push(on.model.text());
  pause.resolve();
  for (let tick = 0; tick < 20; tick++) await on.settle();
  expect(steps).toEqual([
    "\n> go\n\nPart of an answer\n\n⠋ answering · 0ms · Ctrl-C stops\n> meanwhile\nagent · model · stage",
  ]);
  expect(on.model.text()).toEndWith("Part of an answer and the rest\n> meanwhile\nagent · model · 2 tokens · stage");
  expect(on.model.cursor().column).toBe(10);
  await on.close();
});

test("text that comes at once is drawn a frame at a time", async () => {
  const on = await stage(async (say) => {
    for (let word = 0; word < 2000; word++) say({ type: "text", turn: 1, text: `${word} ` }).catch(() => undefined);
    await say({ ...turnEnd, usage });
  });
  const before = on.writes();
  await on.type("go\r");
  for (let tick = 0; tick < 10; tick++) await on.settle();
  expect(on.model.text()).toContain("1998 1999");
  expect(on.writes() - before).toBeLessThan(20);
  await on.close();
});

test("the arguments of a server's prompt are taken by name, and else in their order", async () => {
  const asked: unknown[] = [];
  const given = ["first", "second", "third"].map((name) => ({ name, required: name !== "third" }));
  const on = await stage(async () => undefined, 60, {
    prompts: async () => [{ server: "srv", name: "ask", arguments: given }],
    prompt: async (server, name, values) => {
      asked.push([server, name, values]);
      return ok("The prompt with @secret.txt");
    },
  });
  await on.type('/srv:ask second=2 "one word"\r');
  await on.type("/srv:ask a b c\r");
  await on.type("/srv:ask a b=x\r");
  await on.type("/srv:ask a b c d\r");
  await on.type("/srv:ask a\r");
  await on.type("/srv:aks a\r");
  for (let tick = 0; tick < 20; tick++) await on.settle();
  expect(asked).toEqual([
    ["srv", "ask", { first: "one word", second: "2" }],
    ["srv", "ask", { first: "a", second: "b", third: "c" }],
    ["srv", "ask", { first: "a", second: "b=x" }],
  ]);
  // What a server writes attaches nothing.
  expect(on.attached).toEqual([]);
  await on.type("see @mine.txt\r");
  for (let tick = 0; tick < 20; tick++) await on.settle();
  expect(on.attached).toEqual(["mine.txt"]);
  const shown = on.model.text();
  expect(shown).toContain("'/srv:ask' takes 3 arguments");
  expect(shown).toContain("'/srv:ask' needs 'second'");
  expect(shown).toContain("did you mean '/srv:ask'?");
  await on.close();
});

test("the rest of a word that is being typed is no answer to a question", async () => {
  const on = await stage(async () => undefined);
  await on.type("ye");
  const answer = on.ask("May it?");
  await on.pass(300);
  await on.type("s");
  await on.pass(600);
  expect(on.model.text()).not.toContain("May it?");
  await on.type("\r");
  for (let tick = 0; tick < 20; tick++) await on.settle();
  await on.type("half");
  await on.pass(700);
  for (let tick = 0; tick < 20; tick++) await on.settle();
  expect(on.model.text()).toContain("May it?");
  await on.type("no\r");
  expect(await answer).toBe("no");
  await on.settle();
  expect(on.model.text()).toMatch(/> half\n[^\n]*$/);
  await on.close();
});

test("a completion that a server is asked for can be stopped, and what was typed meanwhile is typed", async () => {
  const on = await stage(async () => undefined, 60, {
    prompts: (signal) => new Promise((end) => signal.addEventListener("abort", () => end([]))),
  });
  await on.type("/per\tabc");
  await on.pass(100);
  expect(on.model.text()).toMatch(/> \/per\nLooking for what it could be; Ctrl-C stops$/);
  await on.type("\u0003");
  for (let tick = 0; tick < 20; tick++) await on.settle();
  expect(on.model.text()).toMatch(/> \/perabc\nagent/);
  await on.close();
});
