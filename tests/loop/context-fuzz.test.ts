import { expect, test } from "bun:test";
import type { DurableEvent, Event } from "../../src/core/event.ts";
import { attachmentsOf, type Attachment, type Message, type ToolCallResult } from "../../src/core/message.ts";
import type { Model, ModelRequest } from "../../src/core/model.ts";
import type { ContextSpec } from "../../src/core/plan.ts";
import { Context } from "../../src/loop/context.ts";
import { conversation } from "../../src/loop/history.ts";
import { Measure, type Gauge } from "../../src/loop/measure.ts";
import { Tally } from "../../src/loop/tally.ts";
import { testClock } from "../helpers/clock.ts";
import { random as chance } from "../native/random.ts";

const rounds = process.env["REIN_CAMPAIGN"] ? 20_000 : 400;
const imageTokens = 300;
const gauge: Gauge = { count: async (text) => Math.ceil(text.length / 4), attachment: () => imageTokens, ratio: 1 };

/** One session of several runs, with whatever lengths and calls chance gives; what is wrong with any of its requests. */
async function play(seed: number): Promise<string[]> {
  const { below, pick: pickFrom } = chance(seed);
  const pick = <T>(...values: T[]): T => pickFrom(values);
  const text = () => pick("", "é", "word ", "🦀\ud83e", "x").repeat(below(pick(2, 40, 900, 9000)));
  const image = (): Attachment[] =>
    below(6) === 0 ? [{ mediaType: "image/png", data: "AAAA", name: `${below(9)}.png` }] : [];
  const window = pick(0, 3000, 6000, 20_000) || undefined;
  const model: Model = {
    name: "test/model",
    ...(window === undefined ? {} : { window, answer: 0 }),
    async *stream() {},
  };
  const spec: ContextSpec = {
    keep_turns: 1 + below(12),
    compact: "trim",
    ...(below(3) === 0 ? { max_messages: 4 + below(30) } : {}),
    ...(below(3) === 0 ? { max_tokens: 2000 + below(9000) } : {}),
  };
  const summarizer = async () => {
    const said = pick("\n.", "word ", "🦀\ud83e").repeat(below(pick(2, 90, 9000)));
    const small: Model = {
      name: "test/small",
      async *stream() {
        yield { type: "text", text: said };
        if (below(4) > 0) yield { type: "stop", reason: "end" };
      },
    };
    return { ok: true, value: small } as const;
  };
  const limit = Math.min(window ?? Infinity, spec.max_tokens ?? Infinity);
  const measure = new Measure(gauge);
  const events: DurableEvent[] = [];
  const problems: string[] = [];
  const facts = (own: Attachment[]) =>
    own.length === 0
      ? {}
      : {
          attachments: own.map(({ mediaType: media_type, name = "", data }) => ({
            media_type,
            name,
            size: 3,
            sha256: data,
          })),
        };
  let firstText: string | undefined;

  for (let run = 0; run < 1 + below(3); run++) {
    const history = conversation(events, (sha256) => sha256);
    const request: ModelRequest = { instructions: "brief", messages: history.messages, tools: [] };
    const emit = async (event: Event) => {
      if (event.type === "compact") events.push(event);
    };
    const context = new Context({
      conversation: history,
      request,
      spec,
      gauge,
      ...(below(2) === 0 ? {} : { summarizer }),
      tally: new Tally({ turns: 1e9, tool_calls: 1e9, time: 1e9 }),
      emit,
      clock: testClock(),
      signal: new AbortController().signal,
    });
    const task: Message = { role: "user", text: `task ${run} ${text()}`.slice(0, 3000), attachments: image() };
    if (task.attachments?.length === 0) delete task.attachments;
    events.push({ type: "user", text: task.text, ...facts(task.attachments ?? []) });
    context.task(task);
    firstText ??= task.text;

    let everRefused = false;
    const turns = below(40);
    for (let turn = 1; turn <= turns; turn++) {
      const refused = below(25) === 0;
      everRefused ||= refused;
      const fitted = refused ? { ok: await context.shorten(model, turn) } : await context.fit(model, turn);
      const { messages } = history;
      if (fitted.ok) {
        let tokens = 2;
        for (const message of messages) tokens += await measure.tokens(message);
        if (tokens > limit) problems.push(`${tokens} tokens of ${limit}`);
        if (!refused && messages.length > Math.max(spec.max_messages ?? Infinity, run + 4))
          problems.push("too many messages");
      } else if (!everRefused && limit > 4500) problems.push(`does not fit: ${JSON.stringify(fitted)}`);
      problems.push(...invalid(messages, firstText, task));
      const told = conversation(events, (sha256) => sha256);
      if (JSON.stringify(told.messages) !== JSON.stringify(messages))
        problems.push("the events tell another conversation");
      if (problems.length > 0) return problems;
      if (!fitted.ok) break;

      const calls = Array.from({ length: below(4) }, (_, index) => {
        return {
          id: `${run}-${turn}-${index}`,
          name: pick("look", "write"),
          arguments: JSON.stringify({ text: text() }).slice(0, 1000),
        };
      });
      const message = { role: "assistant", text: text().slice(0, 2000), calls } as const;
      events.push({
        type: "turn_end",
        turn,
        message,
        stop: "end",
        usage: { input: 0, output: 0, cached: 0, reasoning: 0 },
        duration_ms: 1,
        first_token_ms: 1,
      });
      context.push(message, turn);
      if (calls.length === 0) break;
      const results = calls.map(({ id, name }): ToolCallResult => {
        const own = image();
        const result = { id, name, content: text(), error: below(9) === 0 };
        events.push({ type: "call_end", turn, ...result, duration_ms: 1, ...facts(own) });
        return own.length === 0 ? result : { ...result, attachments: own };
      });
      context.push({ role: "tool", results }, turn);
    }
  }
  return problems;
}

/** What a service would refuse in a conversation, and what must be in it whatever is left out. */
function invalid(messages: readonly Message[], first: string, task: Extract<Message, { role: "user" }>): string[] {
  const problems: string[] = [];
  const [start] = messages;
  if (start?.role !== "user" || !start.text.startsWith(first)) problems.push("the first prompt is gone");
  const own = messages.find((message) => message.role === "user" && message.text.startsWith(task.text));
  if (own?.role !== "user") problems.push("the prompt is gone");
  else if (own.attachments?.length !== task.attachments?.length) problems.push("what was attached is gone");
  let open: string[] = [];
  for (const message of messages) {
    if (message.role === "tool") {
      const answered = message.results.map(({ id }) => id);
      if (answered.join() !== open.join()) problems.push(`results of ${answered.join()} for calls ${open.join()}`);
      open = [];
      continue;
    }
    if (open.length > 0) problems.push(`no results of ${open.join()}`);
    open = message.role === "assistant" ? message.calls.map(({ id }) => id) : [];
  }
  if (open.length > 0) problems.push(`no results of ${open.join()}`);
  const order = messages.flatMap((message) => (message.role === "tool" ? message.results.map(({ id }) => id) : []));
  const sorted = order.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
  if (order.join() !== sorted.join()) problems.push("the order has changed");
  const notes = messages.filter(
    (message) => message.role === "user" && /earlier messages summarized\]/.test(message.text),
  );
  if (notes.length > 1) problems.push("there is more than one note");
  if (messages.flatMap(attachmentsOf).some(({ data }) => data !== "AAAA")) problems.push("an attachment has changed");
  return problems;
}

test(`whatever a conversation is like, each request of it is whole and fits (${rounds} of them)`, async () => {
  for (let seed = 1; seed <= rounds; seed++) expect([seed, await play(seed)]).toEqual([seed, []]);
}, 600_000);
