import { describe, expect, test } from "bun:test";
import type { Event } from "../../src/core/event.ts";
import { makeMask } from "../../src/core/mask.ts";
import { defaultContext } from "../../src/core/plan.ts";
import type { Tool } from "../../src/core/tool.ts";
import { run } from "../../src/loop/run.ts";
import { countTokens } from "../../src/native/tokens.ts";
import { testClock } from "../helpers/clock.ts";
import { memoryHost } from "../helpers/memory-host.ts";
import { anthropicRow } from "./anthropic-row.ts";
import { chatRows } from "./chat-rows.ts";
import type { Row, Situation } from "./model-situations.ts";
import { ollamaRow } from "./ollama-row.ts";
import { responsesRow } from "./responses-row.ts";

// The fake services refuse a conversation that theirs would: a call without its result, a result without its call.

const rows: Row[] = [anthropicRow, responsesRow, ollamaRow, ...chatRows];

const limit = 8000;
const turns = 25;

const lines = Array.from({ length: 60 }, (_, line) => `line ${line} holds some words and a number ${line * 7919}`).join(
  "\n",
);

const look: Tool = {
  name: "look",
  description: "Looks",
  input: { type: "object", properties: { n: { type: "integer" } } },
  needs: [],
  effects: () => "read",
  run: async ({ n }) => ({ content: `result ${JSON.stringify(n)}\n${lines}` }),
};

const calling = Array.from({ length: turns }, (_, turn): Situation => {
  const call = (n: number) => ({ name: "look", arguments: JSON.stringify({ n }) });
  return { does: "calls", text: "", calls: [call(2 * turn), call(2 * turn + 1)], split: 1000 };
});

async function converse(row: Row, situations: Situation[]) {
  const clock = testClock();
  const model = row.model(situations, clock);
  if (model === undefined) throw new Error(`'${row.provider}' has no such situation`);
  const events: Event[] = [];
  const result = await run({
    runId: "r",
    agent: "test",
    hash: "",
    model,
    tools: [look],
    instructions: "Be thorough",
    prompt: "Look at everything",
    context: {
      spec: { ...defaultContext, max_tokens: limit, keep_turns: 3 },
      gauge: { count: (text) => countTokens(text, "o200k"), attachment: () => 0, ratio: 1 },
    },
    attachments: [],
    keep: async () => [],
    keepText: async () => undefined,
    checks: [],
    denied: "fail",
    limits: { turns: 100, tool_calls: 1000, time: 600_000 },
    host: () => memoryHost({}),
    check: async () => ({ ok: true, detail: "" }),
    emit: async (event) => void events.push(event),
    clock,
    signal: new AbortController().signal,
    mask: makeMask([]),
    explainJson: async () => "",
    repairJson: async () => undefined,
  });
  const compacts = events.filter((event) => event.type === "compact");
  return { result, compacts, sent: (row.sent?.() ?? []).map(messagesOf) };
}

/** The messages of a request's body as they were sent, each as JSON; a mark for a cache, and the block that it needs, is no part of them. */
function messagesOf(body: unknown): string[] {
  const told: { messages?: unknown[]; input?: unknown[] } = JSON.parse(
    JSON.stringify(body, (key, value: unknown) => (key === "cache_control" ? undefined : value)),
  );
  const plain = /"content":\[\{"type":"text","text":("(?:[^"\\]|\\.)*")\}\]/;
  return (told.messages ?? told.input ?? []).map((message) => JSON.stringify(message).replace(plain, '"content":$1'));
}

for (const row of rows) {
  describe(row.provider, () => {
    test("no request of a long conversation is larger than the limit, or refused", async () => {
      const { result, sent, compacts } = await converse(row, [...calling, { does: "text", text: "Done" }]);
      expect(result).toMatchObject({ outcome: "done", answer: "Done" });
      expect(sent).toHaveLength(turns + 1);
      expect(compacts.length).toBeGreaterThan(2);
      for (const messages of sent) {
        expect(messages.join("")).toContain("Look at everything");
        expect(await countTokens(messages.join(""), "o200k")).toBeLessThan(limit * 1.15);
      }
    });

    test("what was sent before is sent again byte by byte, but where the conversation was cut down", async () => {
      const { sent, compacts } = await converse(row, [...calling, { does: "text", text: "Done" }]);
      const changed = sent.filter((messages, index) => {
        const before = sent[index - 1] ?? [];
        return before.some((message, at) => message !== messages[at]);
      });
      expect(changed).toHaveLength(compacts.length);
      expect(changed.length).toBeLessThan(turns / 2);
    });

    test("a request that the service finds too long is sent once more, shorter", async () => {
      const tooLong: Situation = {
        does: "refuse",
        status: 400,
        message: "This model's maximum context length is 5000 tokens",
      };
      const { result, sent, compacts } = await converse(row, [
        ...calling.slice(0, 4),
        tooLong,
        { does: "text", text: "Done" },
      ]);
      expect(result).toMatchObject({ outcome: "done", answer: "Done" });
      expect(compacts.map(({ reason }) => reason)).toContain("refused");
      const [refused = [], again = []] = sent.slice(-2);
      expect(again.join("").length).toBeLessThan(refused.join("").length * 0.8);
    });
  });
}
