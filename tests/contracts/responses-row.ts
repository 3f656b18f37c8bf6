import { expect } from "bun:test";
import { make } from "../../src/models/openai.ts";
import { errorBody } from "../helpers/openai-server.ts";
import { errorEvent, startResponsesServer, type ResponsesBehaviour } from "../helpers/responses-server.ts";
import { delivered, key, schema, type Row, type Situation } from "./model-situations.ts";

const server = startResponsesServer();

function thought(summary: string) {
  return { summary: [summary], encrypted: `gAAA${summary}` };
}

function behaviour(situation: Situation): ResponsesBehaviour {
  switch (situation.does) {
    case "text": {
      const { text, stop, usage, dripMs } = situation;
      const reasons = { length: "max_output_tokens", refusal: "content_filter", unknown: "odd" };
      return {
        kind: "answer",
        text,
        end: stop === undefined ? "completed" : { incomplete: reasons[stop] },
        ...(usage === undefined ? {} : { usage }),
        ...(dripMs === undefined ? {} : { dripMs }),
      };
    }
    case "calls": {
      const { text, reasoning, split = 1, oneId } = situation;
      const calls = situation.calls.map((call, index) => ({ call_id: `call_${oneId ? 0 : index}`, ...call }));
      return {
        kind: "answer",
        text,
        calls,
        split,
        ...(reasoning === undefined ? {} : { reasoning: thought(reasoning) }),
      };
    }
    case "reasoning":
      return { kind: "answer", text: situation.text, reasoning: thought(situation.reasoning) };
    case "refuse": {
      const { status, message, headers } = situation;
      return { kind: "status", status, body: errorBody(message), ...(headers === undefined ? {} : { headers }) };
    }
    case "fail-inside":
      return { kind: "answer", text: "So", instead: errorEvent(situation.message, "server_error") };
    case "break":
      return { kind: "answer", text: situation.text, cut: { at: situation.at, by: situation.by } };
    case "break-call":
      return { kind: "answer", calls: [{ call_id: "call_0", ...situation.call }], cut: { at: "finish", by: "end" } };
    case "stall":
      return { kind: "answer", text: situation.text, stall: situation.where };
    case "page":
      return { kind: "whole", body: situation.body, type: "text/html; charset=utf-8" };
  }
}

const always = {
  model: "fake-1",
  stream: true,
  store: false,
  include: ["reasoning.encrypted_content"],
  prompt_cache_key: expect.stringMatching(/^[0-9a-f]{16}$/),
};

/** OpenAI by its Responses API. */
export const responsesRow: Row = {
  provider: "openai",
  model(situations, clock) {
    server.behave(...situations.map((situation) => delivered(behaviour(situation), situation)));
    const { baseUrl } = server;
    return make({ name: "openai/fake-1", model: "fake-1", baseUrl, key, headers: {}, options: {}, fetch, clock });
  },
  sent: () => server.requests.map((request) => request.body),
  connections: () => server.connections(),
  goesBack: (reasoning) => `"encrypted_content":"gAAA${reasoning}"`,
  conversation: {
    ...always,
    instructions: "Be brief",
    input: [
      { type: "message", role: "user", content: "Read both" },
      { type: "message", role: "assistant", content: "Reading" },
      { type: "function_call", call_id: "a", name: "file_read", arguments: '{"path":"one"}' },
      { type: "function_call", call_id: "b", name: "file_read", arguments: "{}" },
      { type: "function_call_output", call_id: "a", output: "1" },
      { type: "function_call_output", call_id: "b", output: "Arguments are not JSON" },
      { type: "function_call", call_id: "c", name: "file_list", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: "" },
      { type: "message", role: "assistant", content: "Both are read" },
      { type: "message", role: "user", content: "Thanks" },
    ],
    tools: [{ type: "function", name: "file_read", description: "Reads a file", parameters: schema, strict: false }],
    text: { format: { type: "json_schema", name: "answer", schema, strict: false } },
  },
  pictures: {
    ...always,
    input: [
      {
        type: "message",
        role: "user",
        content: [
          { type: "input_text", text: "Compare" },
          { type: "input_image", image_url: "data:image/png;base64,UE5H", detail: "auto" },
          { type: "input_file", filename: "plan.pdf", file_data: "data:application/pdf;base64,UERG" },
        ],
      },
      { type: "function_call", call_id: "a", name: "file_read", arguments: '{"path":"c.png"}' },
      {
        type: "function_call_output",
        call_id: "a",
        output: [
          { type: "input_text", text: "An image" },
          { type: "input_image", image_url: "data:image/jpeg;base64,SlBH", detail: "auto" },
        ],
      },
    ],
  },
};
