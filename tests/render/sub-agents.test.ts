import { expect, test } from "bun:test";
import type { Event } from "../../src/core/event.ts";
import { progressRenderer } from "../../src/render/progress.ts";
import { queue } from "../../src/render/queue.ts";
import { sessionText } from "../../src/render/sessions.ts";
import { textRenderer } from "../../src/render/text.ts";
import { verboseRenderer } from "../../src/render/verbose.ts";
import { durable, handClock, resultOf, sink, stamp } from "./streams.ts";

// What a run's sub-agents do, as each renderer shows it.

const usage = { input: 100, output: 20, cached: 0, reasoning: 0 };
const call = (id: string, name: string, args = "{}") => ({ id, name, arguments: args });

function begins(agent: string, id?: string): Event {
  const run = { version: 1, run_id: "run1", hash: "h", model: "m/x", instructions: "" };
  return { type: "run_start", ...run, agent, ...(id === undefined ? {} : { agent_id: id }) };
}

function turnEnds(text: string, id?: string): Event {
  const nested = id === undefined ? {} : { agent_id: id };
  const message = { role: "assistant", text, calls: [] } as const;
  const times = { duration_ms: 10, first_token_ms: 1 };
  return { type: "turn_end", turn: 1, message: { ...message, calls: [] }, stop: "end", usage, ...times, ...nested };
}

const spawned = call("c1", "spawn_agent", '{"agent":"reader"}');
const events: Event[] = [
  begins("lead"),
  { type: "turn_start", turn: 1 },
  { type: "text", turn: 1, text: "Let " },
  { type: "call_start", turn: 1, call: spawned, effects: "none" },
  begins("reader\u001b[2J", "a1"),
  { type: "turn_start", turn: 1, agent_id: "a1" },
  { type: "text", turn: 1, text: "inner ", agent_id: "a1" },
  // The id of the call around it, which is another agent's.
  { type: "call_start", turn: 1, call: call("c1", "file_read", '{"path":"x"}'), effects: "read", agent_id: "a1" },
  begins("deep", "a1.a1"),
  { type: "text", turn: 1, text: "deeper", agent_id: "a1.a1" },
  turnEnds("deeper", "a1.a1"),
  { type: "run_end", result: resultOf("done"), agent_id: "a1.a1" },
  {
    type: "call_end",
    turn: 1,
    id: "c1",
    name: "file_read",
    content: "x",
    error: false,
    duration_ms: 1,
    agent_id: "a1",
  },
  { type: "warning", message: "From within", agent_id: "a1" },
  turnEnds("inner", "a1"),
  { type: "run_end", result: resultOf("limit"), agent_id: "a1" },
  { type: "call_end", turn: 1, id: "c1", name: "spawn_agent", content: "why", error: true, duration_ms: 5 },
  { type: "text", turn: 1, text: "me" },
  turnEnds("Let me"),
  { type: "run_end", result: resultOf("done") },
];

test("streamed text is the run's own", async () => {
  const stdout = sink();
  const renderer = textRenderer({ stdout, stream: true, schema: false, terminal: false });
  for (const event of stamp(events)) await renderer.event(event);
  expect(stdout.text()).toBe("Let me\n");
});

test("plain progress has a line for each sub-agent, and its tokens in the run's", async () => {
  const stderr = sink();
  const options = { stderr, color: false, clock: handClock(), columns: () => 80, streaming: false };
  const renderer = progressRenderer({ ...options, mode: "plain" });
  for (const event of stamp(events)) await renderer.event(event);
  expect(stderr.text().replaceAll(/\d+(\.\d+)?m?s\b/g, "TIME")).toBe(`\
  agent deep (a1.a1): done, 0 turns, 0 calls, 120 tokens, TIME
warning: From within
  agent reader␛[2J (a1): limit, 1 turn, 1 call, 240 tokens, TIME
  spawn_agent 'reader': TIME, error
turn 1: TIME, tokens: 100 in, 20 out
done: 1 turn, 2 calls, 360 tokens, TIME
`);
});

test("the live line tells of the run's own calls", async () => {
  const stderr = sink();
  const options = { stderr, color: false, clock: handClock(), columns: () => 80, streaming: false };
  const renderer = progressRenderer({ ...options, mode: "live" });
  for (const event of stamp(events.slice(0, 8))) await renderer.event(event);
  expect(stderr.text()).toContain("turn 1 · spawn_agent 'reader'");
  expect(stderr.text()).not.toContain("file_read");
});

test("verbose says whose each call is, and mixes no texts", async () => {
  const stderr = sink();
  const renderer = verboseRenderer(stderr, false);
  for (const event of stamp(events)) await renderer.event(event);
  expect(stderr.text()).toBe('call spawn_agent {"agent":"reader"}\n[a1] call file_read {"path":"x"}\n');
});

test("texts of agents that speak at once are never joined", async () => {
  const seen: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiting = queue([
    {
      event: async (event) => {
        if (event.type === "text") seen.push(`${event.agent_id ?? "-"}:${event.text}`);
        await promise;
      },
      end: async () => undefined,
    },
  ]);
  const said = (text: string, id?: string): Event => ({
    type: "text",
    turn: 1,
    text,
    ...(id === undefined ? {} : { agent_id: id }),
  });
  for (const event of stamp([said("0"), said("a", "a1"), said("b", "a1"), said("c", "a2"), said("d"), said("e")]))
    waiting.push(event);
  resolve();
  await waiting.end(resultOf("done"));
  expect(seen).toEqual(["-:0", "a1:ab", "a2:c", "-:de"]);
});

test("a session is shown as a tree, each sub-agent whole where it began", () => {
  const shown = sessionText("s", durable({ events: stamp(events), result: resultOf("done") }));
  expect(shown.replaceAll(/\d+(\.\d+)?m?s\b/g, "TIME")).toBe(`\
session s · 1 run · 3 turns · 2 calls · tokens: 300 in, 60 out

run run1 · lead · m/x · 1970-01-01 00:16:40Z

  agent a1 · reader␛[2J · m/x

    agent a1.a1 · deep · m/x

    turn 1 · TIME · tokens: 100 in, 20 out
      deeper

    done · exit code 0 · TIME

    file_read 'x' · TIME
      x

  turn 1 · TIME · tokens: 100 in, 20 out
    inner

  limit · exit code 4 · TIME

  spawn_agent 'reader' · TIME · error
    why

turn 1 · TIME · tokens: 100 in, 20 out
  Let me

done · exit code 0 · TIME
`);
});
