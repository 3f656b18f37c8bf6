import { make } from "../../src/models/openai-compatible.ts";
import { errorBody, startOpenAIServer, type Answer, type Behaviour, type WireCall } from "../helpers/openai-server.ts";
import { delivered, key, schema, type Row, type Situation } from "./model-situations.ts";

/** What the services of one wire have of their own. */
type Habits = {
  provider: string;
  reasoning: "reasoning_content" | "reasoning" | "content";
  call(name: string, args: string, index: number): WireCall;
  finish?: "stop";
  apart?: true;
  error(message: string, type?: string): string;
  /** Sent with the first call of an answer that another service wrote. */
  foreign: object;
  goesBack(reasoning: string): string;
  /** The part that holds a PDF; undefined where there is none. */
  pdf?: object;
};

const usual = {
  call: (name: string, args: string, index: number) => ({ id: `call_${index}`, index, name, arguments: args }),
  error: errorBody,
  foreign: {},
};

const habits: Habits[] = [
  {
    ...usual,
    provider: "openai-compatible",
    reasoning: "reasoning_content",
    goesBack: (reasoning) => `"reasoning_content":"${reasoning}"`,
    pdf: { type: "file", file: { filename: "plan.pdf", file_data: "data:application/pdf;base64,UERG" } },
  },
  {
    ...usual,
    provider: "huggingface",
    reasoning: "reasoning",
    goesBack: (reasoning) => `"reasoning":"${reasoning}"`,
  },
  {
    provider: "gemini",
    reasoning: "content",
    // Calls come whole, without an index, the first one signed; and the answer stops as if there were none.
    call: (name, args, index) => ({
      id: `function-call-${index}`,
      name,
      arguments: args,
      ...(index === 0 ? { extra_content: { google: { thought_signature: "c2lnbmVk" } } } : {}),
    }),
    finish: "stop",
    goesBack: () => '"thought_signature":"c2lnbmVk"',
    apart: true,
    error: (message) => JSON.stringify([{ error: { code: 400, message, status: "INVALID_ARGUMENT" } }]),
    foreign: { extra_content: { google: { thought_signature: "skip_thought_signature_validator" } } },
    pdf: { type: "image_url", image_url: { url: "data:application/pdf;base64,UERG" } },
  },
];

function behaviour(situation: Situation, { reasoning, call, finish, apart, error }: Habits): Behaviour {
  switch (situation.does) {
    case "text": {
      const { text, stop = "stop", usage, dripMs } = situation;
      const finishes = { stop: "stop", length: "length", refusal: "content_filter", unknown: "odd" };
      const answer: Answer = { kind: "answer", text, finish: finishes[stop], apart: apart ?? false };
      if (dripMs !== undefined) answer.dripMs = dripMs;
      return usage === undefined ? answer : { ...answer, usage };
    }
    case "calls": {
      const { text, split = 1, oneId, reasoning: thought } = situation;
      const calls = situation.calls.map(({ name, arguments: args }, index) => {
        return { ...call(name, args, index), ...(oneId ? { id: "call_0" } : {}) };
      });
      const answer: Answer = { kind: "answer", text, calls, split };
      if (thought !== undefined) answer.reasoning = { field: reasoning, text: thought };
      return finish === undefined ? answer : { ...answer, finish };
    }
    case "reasoning":
      return { kind: "answer", text: situation.text, reasoning: { field: reasoning, text: situation.reasoning } };
    case "refuse": {
      const { status, message, headers } = situation;
      return { kind: "status", status, body: error(message), ...(headers === undefined ? {} : { headers }) };
    }
    case "fail-inside":
      return { kind: "answer", text: "So", instead: `data: ${errorBody(situation.message, "server_error")}\n\n` };
    case "break":
      return { kind: "answer", text: situation.text, cut: { at: situation.at, by: situation.by } };
    case "break-call": {
      const { name, arguments: args } = situation.call;
      return { kind: "answer", calls: [call(name, args, 0)], cut: { at: "finish", by: "end" } };
    }
    case "stall":
      return { kind: "answer", text: situation.text, stall: situation.where };
    case "page":
      return { kind: "whole", body: situation.body, type: "text/html; charset=utf-8" };
  }
}

function conversationOf({ foreign }: Habits): object {
  return {
    model: "fake-1",
    stream: true,
    stream_options: { include_usage: true },
    messages: [
      { role: "system", content: "Be brief" },
      { role: "user", content: "Read both" },
      {
        role: "assistant",
        content: "Reading",
        tool_calls: [
          { id: "a", type: "function", function: { name: "file_read", arguments: '{"path":"one"}' }, ...foreign },
          { id: "b", type: "function", function: { name: "file_read", arguments: "{}" } },
        ],
      },
      { role: "tool", tool_call_id: "a", content: "1" },
      { role: "tool", tool_call_id: "b", content: "Arguments are not JSON" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "c", type: "function", function: { name: "file_list", arguments: "{}" }, ...foreign }],
      },
      { role: "tool", tool_call_id: "c", content: "" },
      { role: "assistant", content: "Both are read" },
      { role: "user", content: "Thanks" },
    ],
    tools: [{ type: "function", function: { name: "file_read", description: "Reads a file", parameters: schema } }],
    response_format: { type: "json_schema", json_schema: { name: "answer", schema, strict: false } },
  };
}

function picturesOf({ foreign, pdf }: Habits): object | undefined {
  if (pdf === undefined) return undefined;
  const image = (url: string) => ({ type: "image_url", image_url: { url } });
  const call = { id: "a", type: "function", function: { name: "file_read", arguments: '{"path":"c.png"}' } };
  return {
    model: "fake-1",
    stream: true,
    stream_options: { include_usage: true },
    messages: [
      { role: "user", content: [{ type: "text", text: "Compare" }, image("data:image/png;base64,UE5H"), pdf] },
      { role: "assistant", content: null, tool_calls: [{ ...call, ...foreign }] },
      { role: "tool", tool_call_id: "a", content: "An image" },
      {
        role: "user",
        content: [{ type: "text", text: "What 'file_read' returned:" }, image("data:image/jpeg;base64,SlBH")],
      },
    ],
  };
}

/** The services that speak Chat Completions. */
export const chatRows: Row[] = habits.map((service) => {
  const server = startOpenAIServer();
  return {
    provider: service.provider,
    model(situations, clock) {
      server.behave(...situations.map((situation) => delivered(behaviour(situation, service), situation)));
      const { baseUrl } = server;
      const name = `${service.provider}/fake-1`;
      return make({ name, model: "fake-1", baseUrl, key, headers: {}, options: {}, fetch, clock });
    },
    sent: () => server.requests.map((request) => request.body),
    connections: () => server.connections(),
    goesBack: service.goesBack,
    conversation: conversationOf(service),
    pictures: picturesOf(service),
  };
});
