import { make } from "../../src/models/anthropic.ts";
import {
  claudeError,
  claudeErrorEvent,
  signatureOf,
  startAnthropicServer,
  type ClaudeBehaviour,
  type ClaudeBlock,
} from "../helpers/anthropic-server.ts";
import { delivered, key, schema, type Calls, type Row, type Situation } from "./model-situations.ts";

const server = startAnthropicServer();

function said(text: string): ClaudeBlock[] {
  return text === "" ? [] : [{ type: "text", text }];
}

function called({ calls, oneId }: Pick<Calls, "calls" | "oneId">): ClaudeBlock[] {
  return calls.map(({ name, arguments: input }, index) => {
    return { type: "tool_use", id: `toolu_${oneId ? 0 : index}`, name, input };
  });
}

function thought(thinking: string): ClaudeBlock {
  return { type: "thinking", thinking };
}

function behaviour(situation: Situation): ClaudeBehaviour {
  switch (situation.does) {
    case "text": {
      const { text, stop, usage, dripMs } = situation;
      const reasons = { length: "max_tokens", refusal: "refusal", unknown: "odd" };
      return {
        kind: "answer",
        content: said(text),
        stop: stop === undefined ? "end_turn" : reasons[stop],
        ...(usage === undefined ? {} : { usage }),
        ...(dripMs === undefined ? {} : { dripMs }),
      };
    }
    case "calls": {
      const { text, reasoning, split = 1 } = situation;
      const before = reasoning === undefined ? [] : [thought(reasoning)];
      return { kind: "answer", content: [...before, ...said(text), ...called(situation)], split };
    }
    case "reasoning":
      return { kind: "answer", content: [thought(situation.reasoning), ...said(situation.text)] };
    case "refuse": {
      const { status, message, headers } = situation;
      return { kind: "status", status, body: claudeError(message), ...(headers === undefined ? {} : { headers }) };
    }
    case "fail-inside":
      return { kind: "answer", content: said("So"), instead: claudeErrorEvent(situation.message, "overloaded_error") };
    case "break":
      return { kind: "answer", content: said(situation.text), cut: { at: situation.at, by: situation.by } };
    case "break-call":
      return { kind: "answer", content: called({ calls: [situation.call] }), cut: { at: "finish", by: "end" } };
    case "stall":
      return { kind: "answer", content: said(situation.text), stall: situation.where };
    case "page":
      return { kind: "whole", body: situation.body, type: "text/html; charset=utf-8" };
  }
}

const cache_control = { type: "ephemeral" };

const always = { model: "fake-1", max_tokens: 32_000, stream: true };

/** Claude by the Messages API. */
export const anthropicRow: Row = {
  provider: "anthropic",
  model(situations, clock) {
    server.behave(...situations.map((situation) => delivered(behaviour(situation), situation)));
    const { baseUrl } = server;
    return make({ name: "anthropic/fake-1", model: "fake-1", baseUrl, key, headers: {}, options: {}, fetch, clock });
  },
  sent: () => server.requests.map((request) => request.body),
  connections: () => server.connections(),
  goesBack: (thinking) => JSON.stringify({ type: "thinking", thinking, signature: signatureOf(thinking) }),
  conversation: {
    ...always,
    system: [
      {
        type: "text",
        text: `Be brief\n\nYour final answer must be JSON that fits this JSON Schema, with nothing before or after it:\n${JSON.stringify(schema)}`,
        cache_control,
      },
    ],
    messages: [
      { role: "user", content: "Read both" },
      {
        role: "assistant",
        content: [
          { type: "text", text: "Reading" },
          { type: "tool_use", id: "a", name: "file_read", input: { path: "one" } },
          { type: "tool_use", id: "b", name: "file_read", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "a", content: "1" },
          { type: "tool_result", tool_use_id: "b", content: "Arguments are not JSON", is_error: true },
        ],
      },
      { role: "assistant", content: [{ type: "tool_use", id: "c", name: "file_list", input: {} }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "c", cache_control }] },
      { role: "assistant", content: [{ type: "text", text: "Both are read" }] },
      { role: "user", content: [{ type: "text", text: "Thanks", cache_control }] },
    ],
    tools: [{ name: "file_read", description: "Reads a file", input_schema: schema, cache_control }],
  },
  pictures: {
    ...always,
    messages: [
      {
        role: "user",
        content: [
          { type: "image", source: { type: "base64", media_type: "image/png", data: "UE5H" } },
          {
            type: "document",
            source: { type: "base64", media_type: "application/pdf", data: "UERG" },
            title: "plan.pdf",
          },
          { type: "text", text: "Compare", cache_control },
        ],
      },
      { role: "assistant", content: [{ type: "tool_use", id: "a", name: "file_read", input: { path: "c.png" } }] },
      {
        role: "user",
        content: [
          {
            type: "tool_result",
            tool_use_id: "a",
            content: [
              { type: "text", text: "An image" },
              { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "SlBH" } },
            ],
            cache_control,
          },
        ],
      },
    ],
  },
};
