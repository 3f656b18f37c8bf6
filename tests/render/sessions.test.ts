import { expect, test } from "bun:test";
import { sessionJson, sessionsJson, sessionsText, sessionText } from "../../src/render/sessions.ts";
import { durable, streams } from "./streams.ts";

const shared = { model: "m/x", created: 0 };
const summaries = [
  {
    name: "日本",
    run: "r2",
    agent: "demo",
    runs: 2,
    turns: 10,
    updated: 1_000_000,
    outcome: null,
    cost: 0.5,
    ...shared,
  },
  {
    name: null,
    run: "r1",
    agent: "a\u001b[2J",
    runs: 1,
    turns: 1,
    updated: 0,
    outcome: "done" as const,
    cost: null,
    ...shared,
  },
];
const events = durable(streams.done);

test("sessions are a table, also with wide names, and a run without an end is unfinished", () => {
  expect(sessionsText(summaries)).toBe(`\
NAME  AGENT  MODEL  RUNS  TURNS  COST   UPDATED               OUTCOME
日本  demo   m/x    2     10     $0.50  1970-01-01 00:16:40Z  unfinished
r1    a␛[2J  m/x    1     1      ?      1970-01-01 00:00:00Z  done
`);
  expect(JSON.parse(sessionsJson(summaries))).toEqual(summaries);
});

test("of sessions on a narrow terminal no row is broken: what matters least is left out", () => {
  expect(sessionsText(summaries, 60)).toBe(`\
NAME  MODEL  TURNS  COST   UPDATED               OUTCOME
日本  m/x    10     $0.50  1970-01-01 00:16:40Z  unfinished
r1    m/x    1      ?      1970-01-01 00:00:00Z  done
`);
});

test("a session is shown with its turns, calls, results, tokens, times and outcome", () => {
  expect(sessionText("s", events)).toBe(`session s · 1 run · 2 turns · 1 call · tokens: 200 in, 40 out

run run1 · demo · scripted/x · 1970-01-01 00:16:40Z

user
  Do it

turn 1 · 1.2s · tokens: 100 in, 20 out
  Let me look
  bash_exec 'cat ␛[31mx' · 3ms
    file text

turn 2 · 1.2s · tokens: 100 in, 20 out
  It is ␛]0;x␇�31mred�.

done · exit code 0 · 1.2s
`);
  expect(JSON.parse(sessionJson("s", events))).toEqual({ session: "s", events });
});

test("a run that was killed is shown as far as it came", () => {
  const killed = events.slice(0, events.findIndex(({ type }) => type === "call_start") + 1);
  expect(sessionText("s", [...killed, ...events])).toContain(
    "  Let me look\n  bash_exec 'cat ␛[31mx' · unfinished\n\nunfinished · 600ms\n\nrun run1",
  );
});

test("refusals, limits and errors are shown, and a long result is shortened", () => {
  expect(sessionText("s", durable(streams.denied))).toContain("  denied: run '/bin/cat': not granted\n");
  expect(sessionText("s", durable(streams.limit))).toEndWith(
    "  limit: tool_calls, 1 of 0\n\nlimit · exit code 4 · 800ms\n  The limit of 0 tool calls was reached\n",
  );
  const long = events.map((event) =>
    event.type === "call_end" ? { ...event, content: `${"x".repeat(300)}\n`.repeat(8) } : event,
  );
  const line = `    ${"x".repeat(200)}…\n`;
  expect(sessionText("s", long)).toContain(`${line.repeat(5)}    … 3 more lines\n`);
});

test("a session of no events is a line", () => {
  expect(sessionText("s", [])).toBe("session s · 0 runs\n");
});
