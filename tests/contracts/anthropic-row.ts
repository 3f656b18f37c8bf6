import { make } from "../../src/models/anthropic.ts";
import {
  claudeError,
  claudeErrorEvent,
  startAnthropicServer,
  type ClaudeBehaviour,
  type ClaudeBlock,
} from "../helpers/anthropic-server.ts";
import { key, schema, type Row, type Situation } from "./model-situations.ts";

const server = startAnthropicServer();

function said(text: string): ClaudeBlock[] {
  return text === "" ? [] : [{ type: "text", text }];
}

function called(calls: Array<{ name: string; arguments: string }>): ClaudeBlock[] {
  return calls.map((call, index) => ({
    type: "tool_use",
    id: `toolu_${index}`,
    name: call.name,
    input: call.arguments,
  }));
}

function behaviour(situation: Situation): ClaudeBehaviour {
  switch (situation.does) {
    case "text": {
      const { text, stop, usage } = situation;
      const reasons = { length: "max_tokens", refusal: "refusal" };
      return {
        kind: "answer",
        content: said(text),
        stop: stop === undefined ? "end_turn" : reasons[stop],
        ...(usage === undefined ? {} : { usage }),
      };
    }
    case "calls":
      return { kind: "answer", content: [...said(situation.text), ...called(situation.calls)], split: 1 };
    case "reasoning":
      return {
        kind: "answer",
        content: [{ type: "thinking", thinking: situation.reasoning }, ...said(situation.text)],
      };
    case "refuse": {
      const { status, message, headers } = situation;
      return { kind: "status", status, body: claudeError(message), ...(headers === undefined ? {} : { headers }) };
    }
    case "fail-inside":
      return { kind: "answer", content: said("So"), instead: claudeErrorEvent(situation.message, "overloaded_error") };
    case "break":
      return { kind: "answer", content: said(situation.text), cut: { at: situation.at, by: situation.by } };
    case "break-call":
      return { kind: "answer", content: called([situation.call]), cut: { at: "finish", by: "end" } };
    case "stall":
      return { kind: "answer", content: said(situation.text), stall: situation.where };
  }
}

const always = { model: "fake-1", max_tokens: 32_000, stream: true };

/** Claude by the Messages API. */
export const anthropicRow: Row = {
  provider: "anthropic",
  stop: server.stop,
  model(situations, clock) {
    server.behave(...situations.map(behaviour));
    const { baseUrl } = server;
    return make({ name: "anthropic/fake-1", model: "fake-1", baseUrl, key, headers: {}, options: {}, fetch, clock });
  },
  sent: () => server.requests.map((request) => request.body),
  connections: () => server.connections(),
  conversation: {
    ...always,
    system: `Be brief\n\nYour final answer must be JSON that fits this JSON Schema, with nothing before or after it:\n${JSON.stringify(schema)}`,
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
      { role: "user", content: [{ type: "tool_result", tool_use_id: "c" }] },
      { role: "assistant", content: [{ type: "text", text: "Both are read" }] },
      { role: "user", content: "Thanks" },
    ],
    tools: [{ name: "file_read", description: "Reads a file", input_schema: schema }],
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
          { type: "text", text: "Compare" },
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
          },
        ],
      },
    ],
  },
};
