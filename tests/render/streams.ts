import { isDurable, type DurableEvent, type Event, type Stamped } from "../../src/core/event.ts";
import { exitCode, type OutcomeName } from "../../src/core/exit.ts";
import type { Clock } from "../../src/core/host.ts";
import type { Writer } from "../../src/core/render.ts";
import type { RunResult } from "../../src/core/result-document.ts";

/** A run as its events, the last of which holds the result. */
export type Recorded = { events: Stamped[]; result: RunResult };

/** Numbers events and gives them times, 100 ms apart. */
export function stamp(events: Event[]): Stamped[] {
  return events.map((event, seq) => ({ seq, time: 1_000_000 + seq * 100, ...event }));
}

export function resultOf(outcome: OutcomeName, rest: Partial<RunResult> = {}): RunResult {
  return {
    outcome,
    exit_code: exitCode(outcome),
    answer: null,
    error: null,
    model: null,
    usage: {},
    cost: null,
    denied: [],
    run_id: "run1",
    ...rest,
  };
}

const usage = { input: 100, output: 20, cached: 0, reasoning: 0 };
const begin: Event[] = [
  {
    type: "run_start",
    version: 1,
    run_id: "run1",
    agent: "demo",
    hash: "h",
    model: "scripted/x",
    instructions: "",
  },
  { type: "user", text: "Do it" },
  { type: "turn_start", turn: 1 },
];
const call = { id: "c1", name: "bash_exec", arguments: '{"command":"cat \\u001b[31mx"}' };

function turnEnd(turn: number, text: string, calls: Array<typeof call>): Event {
  return {
    type: "turn_end",
    turn,
    message: { role: "assistant", text, calls },
    stop: calls.length > 0 ? "tool_calls" : "end",
    usage,
    duration_ms: 1200,
    first_token_ms: 300,
  };
}

const withCall: Event[] = [
  ...begin,
  { type: "text", turn: 1, text: "Let me " },
  { type: "text", turn: 1, text: "look" },
  turnEnd(1, "Let me look", [call]),
  { type: "call_start", turn: 1, call, effects: "external" },
];

function recorded(events: Event[], result: RunResult): Recorded {
  return { events: stamp([...events, { type: "run_end", result }]), result };
}

/** What every renderer is shown: one stream for each way that a run can end. */
export const streams = {
  done: recorded(
    [
      ...withCall,
      { type: "output", call: "c1", text: "file \u001b[2Jtext\n" },
      { type: "call_end", turn: 1, id: "c1", name: "bash_exec", content: "file text", error: false, duration_ms: 3 },
      { type: "turn_start", turn: 2 },
      { type: "text", turn: 2, text: "It is \u001b]0;x\u0007\u009b31mred\u202e.\r\n" },
      turnEnd(2, "It is \u001b]0;x\u0007\u009b31mred\u202e.\r\n", []),
    ],
    resultOf("done", { answer: "It is \u001b]0;x\u0007\u009b31mred\u202e.\r\n" }),
  ),
  denied: recorded(
    [
      ...withCall,
      {
        type: "decision",
        call: "c1",
        kind: "run",
        target: "/bin/cat",
        verdict: "deny",
        by: "gate",
        reason: "not granted",
      },
      { type: "call_end", turn: 1, id: "c1", name: "bash_exec", content: "denied", error: true, duration_ms: 0 },
      { type: "turn_start", turn: 2 },
      { type: "text", turn: 2, text: "I could not" },
      turnEnd(2, "I could not", []),
    ],
    resultOf("denied", {
      answer: "I could not",
      denied: [{ kind: "run", target: "/bin/cat", reason: "not granted", flag: "--allow-run=cat" }],
    }),
  ),
  drawn: recorded(
    [
      ...withCall,
      {
        type: "canvas",
        call: "c1",
        picture: { kind: "tree", title: "T", text: "a\u001b[2J\n b" },
        text: "T\na\u001b[2J\n└─ b\n",
      },
    ],
    resultOf("done", { answer: "" }),
  ),
  limit: recorded(
    [...withCall, { type: "limit", limit: "tool_calls", value: 1, max: 0 }],
    resultOf("limit", { error: { message: "The limit of 0 tool calls was reached" } }),
  ),
  service: recorded(
    [
      ...begin,
      { type: "text", turn: 1, text: "Le" },
      { type: "retry", turn: 1, attempt: 1, of: 3, wait_ms: 1500, reason: "status 503" },
      { type: "warning", message: "slow\nservice" },
    ],
    resultOf("service", { error: { message: "Cannot reach 'x'", hint: "try again" } }),
  ),
  cancelled: recorded(
    [...begin, { type: "text", turn: 1, text: "Le" }],
    resultOf("interrupt", { error: { message: "Interrupted" } }),
  ),
} as const satisfies Record<string, Recorded>;

/** What a journal keeps of a run. */
export function durable({ events }: Recorded): Stamped<DurableEvent>[] {
  return events.flatMap((event) => (isDurable(event) ? [event] : []));
}

/** A writer that keeps what it is given. */
export function sink(): Writer & { text(): string } {
  let kept = "";
  return {
    async write(text) {
      kept += text;
      return true;
    },
    text: () => kept,
  };
}

/** A clock that a test moves. A sleeper wakes when its time has come. */
export function handClock(): Pick<Clock, "now" | "sleep"> & { pass(ms: number): Promise<void> } {
  let now = 1_000_000;
  let sleepers: Array<{ until: number; wake: () => void }> = [];
  return {
    now: () => now,
    sleep(ms, signal) {
      return new Promise((resolve) => {
        sleepers.push({ until: now + ms, wake: resolve });
        signal.addEventListener("abort", () => resolve());
      });
    },
    async pass(ms) {
      now += ms;
      const due = sleepers.filter((sleeper) => sleeper.until <= now);
      sleepers = sleepers.filter((sleeper) => sleeper.until > now);
      for (const { wake } of due) wake();
      await Bun.sleep(0);
    },
  };
}
