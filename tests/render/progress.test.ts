import { expect, test } from "bun:test";
import type { Event } from "../../src/core/event.ts";
import type { Picture } from "../../src/core/picture.ts";
import { progressRenderer, type ProgressOptions } from "../../src/render/progress.ts";
import { screenModel } from "../helpers/screen-model.ts";
import { handClock, resultOf, sink, stamp } from "./streams.ts";

const clear = "\r\u001b[C\u001b[J\r\u001b[K";
const turn: Event = { type: "turn_start", turn: 1 };
const text: Event = { type: "text", turn: 1, text: "Hi" };
const call: Event = {
  type: "call_start",
  turn: 1,
  call: { id: "c", name: "bash_exec", arguments: '{"command":"sleep 100"}' },
  effects: "external",
};
const ended: Event = { type: "run_end", result: resultOf("done") };

function progress(options: Partial<ProgressOptions>) {
  const clock = handClock();
  const stderr = sink();
  const renderer = progressRenderer({
    stderr,
    mode: "live",
    color: false,
    clock,
    columns: () => 80,
    streaming: false,
    ...options,
  });
  let seen = 0;
  return {
    clock,
    renderer,
    show: async (...events: Event[]) => {
      for (const event of stamp(events)) await renderer.event({ ...event, time: clock.now() });
    },
    /** What was written since the last look. */
    written() {
      const all = stderr.text();
      const news = all.slice(seen);
      seen = all.length;
      return news;
    },
  };
}

test("the live line is drawn anew each second, and is gone at the end", async () => {
  const { clock, show, written, renderer } = progress({});
  await show(turn, call);
  written();
  await clock.pass(1000);
  expect(written()).toBe(`${clear}turn 1 · bash_exec 'sleep 100' · 1.0s · 0 tokens\r`);
  await clock.pass(64_000);
  expect(written()).toBe(`${clear}turn 1 · bash_exec 'sleep 100' · 1m05s · 0 tokens\r`);
  await show(ended);
  expect(written()).toBe(clear);
  await renderer.end(resultOf("done"));
  await clock.pass(5000);
  expect(written()).toBe("");
});

test("what summaries and samplings took is in the live line too", async () => {
  const usage = { input: 1000, output: 200, cached: 0, reasoning: 0 };
  const tokens = { before: 9, after: 5, limit: 8 };
  const summary = { model: "m/small", usage, cost: 0.25, duration_ms: 1 };
  const { clock, show, written } = progress({});
  await show(turn);
  await show({ type: "compact", turn: 1, reason: "tokens", tokens, cut: [], removed: [], turns: [], summary });
  await show({ type: "sampling", server: "s", model: "m/x", usage, cost: 0.5, duration_ms: 1 });
  written();
  await clock.pass(1000);
  expect(written()).toContain("2400 tokens · $0.75");
});

test("the live line fits the terminal, however long the call", async () => {
  const { show, written } = progress({ columns: () => 20 });
  await show(turn);
  expect(written()).toBe("turn 1 · model · 0…\r");
});

test.each([true, false])(
  "nothing is left of the live line when the terminal shrinks (breaks lines: %p)",
  async (reflows) => {
    const screen = screenModel(60, 24, reflows);
    const size = { columns: 60 };
    const { clock, show, written } = progress({ columns: () => size.columns });
    screen.write("$ rein run\n");
    await show(turn, call);
    screen.write(written());
    for (const columns of [33, 12, 25]) {
      screen.resize((size.columns = columns));
      await clock.pass(1000);
      screen.write(written());
      expect(screen.text()).toMatch(/^\$ rein run\nturn 1 [^\n]*…$/);
    }
    await show(ended);
    screen.write(written());
    expect(screen.text()).toBe("$ rein run");
  },
);

test("the live line makes room for text that streams to the same terminal, until the turn is over", async () => {
  const { clock, show, written } = progress({ streaming: true });
  await show(turn);
  written();
  await show(text);
  expect(written()).toBe(clear);
  await clock.pass(3000);
  await show({ type: "warning", message: "careful" });
  expect(written()).toBe("");
  await show(call);
  expect(written()).toBe("warning: careful\nturn 1 · bash_exec 'sleep 100' · 3.0s · 0 tokens\r");
});

test("the live line stays while text goes elsewhere", async () => {
  const { show, written } = progress({});
  await show(turn);
  written();
  await show(text);
  expect(written()).toBe("");
});

test("a question has the terminal: the line is hidden, and warnings wait", async () => {
  const { clock, show, written, renderer } = progress({});
  await show(turn);
  written();
  await renderer.hide();
  expect(written()).toBe(clear);
  await clock.pass(2000);
  await show({ type: "warning", message: "careful" });
  expect(written()).toBe("");
  await renderer.show();
  expect(written()).toBe("warning: careful\nturn 1 · model · 2.0s · 0 tokens\r");
});

test("a warning that waited is not lost when the run ends", async () => {
  const { show, written, renderer } = progress({ streaming: true });
  await show(turn, text, { type: "warning", message: "careful" });
  written();
  await renderer.end(resultOf("done"));
  expect(written()).toBe("warning: careful\n");
});

test("what others write to stderr stands above the live line, whole lines at a time", async () => {
  const { show, written, renderer } = progress({});
  await show(turn);
  written();
  await renderer.above.write("one\ntw");
  expect(written()).toBe(`${clear}one\nturn 1 · model · 0ms · 0 tokens\r`);
  await renderer.above.write("o");
  expect(written()).toBe("");
  await show(ended);
  written();
  await renderer.above.write("\n");
  expect(written()).toBe("two\n");
});

test("a plain log gives a sign of life after 30 s without a line, and then every 30 s", async () => {
  const { clock, show, written } = progress({ mode: "plain" });
  await show(turn, call);
  await clock.pass(20_000);
  await show({ type: "warning", message: "careful" });
  expect(written()).toBe("warning: careful\n");
  await clock.pass(10_000);
  expect(written()).toBe("");
  await clock.pass(20_000);
  expect(written()).toBe("still running: turn 1 · bash_exec 'sleep 100' · 50.0s · 0 tokens\n");
  await clock.pass(30_000);
  expect(written()).toBe("still running: turn 1 · bash_exec 'sleep 100' · 1m20s · 0 tokens\n");
  await show(ended);
  written();
  await clock.pass(30_000);
  expect(written()).toBe("");
});

test("calls that run together are counted, and one that is not JSON is shown by its own words", async () => {
  const { show, written } = progress({});
  await show(turn, call, { ...call, call: { id: "d", name: "x", arguments: "{broken" } });
  expect(written()).toEndWith("turn 1 · bash_exec 'sleep 100' and 1 more · 0ms · 0 tokens\r");
  const alone = progress({});
  await alone.show(turn, { ...call, call: { id: "d", name: "x", arguments: "{broken" } });
  expect(alone.written()).toEndWith("turn 1 · x '{broken' · 0ms · 0 tokens\r");
});

test("colour is used only when it may be", async () => {
  const { show, written } = progress({ mode: "plain", color: true });
  await show({ type: "warning", message: "careful" });
  expect(written()).toBe("\u001b[33mwarning:\u001b[0m careful\n");
});

const picture = { kind: "tree", title: "漢字 👍🏽", text: "a\n b\u001b[2J" } as const;
const drawing: Event = { type: "canvas", call: "c", picture, text: "as text\u001b[2J\n" };

test("what a tool draws stands above the status line, as wide as the terminal", async () => {
  const { show, written } = progress({ pictures: { trueColor: false }, columns: () => 40 });
  const wide = { kind: "progress", labels: [""], values: [50], max: 100 } satisfies Picture;
  await show(turn, call, drawing, { ...drawing, picture: wide });
  const screen = screenModel(40, 24);
  screen.write(written());
  expect(screen.text()).toBe(
    `漢字 👍🏽\na\n└─ b␛[2J\n${"█".repeat(17)}${"░".repeat(18)} 50%\nturn 1 · bash_exec 'sleep 100' · 0ms ·…`,
  );
});

test("what a tool draws has colours only where they may be used", async () => {
  const added = { ...drawing, picture: { kind: "diff", text: "+new" } as const };
  for (const color of [true, false]) {
    const { show, written } = progress({ mode: "none", color, pictures: { trueColor: true } });
    await show(turn, added);
    expect(written()).toBe(color ? "\u001b[32m+new\u001b[0m\n" : "+new\n");
  }
});

test("what a tool draws is plain text where there is no terminal, or where it cannot be drawn", async () => {
  for (const options of [{ mode: "plain" }, { mode: "none" }] as const) {
    const { show, written } = progress(options);
    await show(drawing);
    expect(written()).toBe("as text␛[2J\n");
  }
  const broken = { kind: "image", name: "a.png", width: 1, height: 1, data: "none" } as const;
  const { show, written } = progress({ mode: "none", color: true, pictures: { trueColor: true } });
  await show({ ...drawing, picture: broken });
  expect(written()).toBe("as text␛[2J\n");
});

test("what a tool draws waits while a question has the terminal", async () => {
  const { show, written, renderer } = progress({ pictures: { trueColor: false } });
  await show(turn);
  await renderer.hide();
  written();
  await show(drawing);
  expect(written()).toBe("");
  await renderer.show();
  expect(written()).toStartWith("漢字 👍🏽\na\n");
});
