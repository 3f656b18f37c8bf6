import { make } from "../../src/models/ollama.ts";
import { ollamaError, startOllamaServer, type OllamaBehaviour } from "../helpers/ollama-server.ts";
import { delivered, key, schema, type Calls, type Row, type Situation } from "./model-situations.ts";

const server = startOllamaServer();

function called({ calls, oneId }: Pick<Calls, "calls" | "oneId">) {
  return calls.map(({ name, arguments: text }, index) => {
    const args: object = JSON.parse(text);
    return { id: `call_${oneId ? 0 : index}`, name, arguments: args };
  });
}

/** Undefined for what Ollama's API has no words for. */
function behaviour(situation: Situation): OllamaBehaviour | undefined {
  switch (situation.does) {
    case "text": {
      const { text, stop, usage, dripMs } = situation;
      if (stop === "refusal" || (usage?.cached ?? 0) > 0 || (usage?.reasoning ?? 0) > 0) return undefined;
      const reason = stop === undefined ? "stop" : { length: "length", unknown: "odd" }[stop];
      return {
        kind: "answer",
        text,
        reason,
        ...(usage === undefined ? {} : { usage }),
        ...(dripMs === undefined ? {} : { dripMs }),
      };
    }
    case "calls": {
      const { text, reasoning = "" } = situation;
      return { kind: "answer", thinking: reasoning, text, calls: called(situation) };
    }
    case "reasoning":
      return { kind: "answer", thinking: situation.reasoning, text: situation.text };
    case "refuse": {
      const { status, message, headers } = situation;
      return { kind: "status", status, body: ollamaError(message), ...(headers === undefined ? {} : { headers }) };
    }
    case "fail-inside":
      return { kind: "answer", text: "So", instead: `${ollamaError(situation.message)}\n` };
    case "break":
      return { kind: "answer", text: situation.text, cut: { at: situation.at, by: situation.by } };
    case "break-call":
      return { kind: "answer", calls: called({ calls: [situation.call] }), cut: { at: "finish", by: "end" } };
    case "stall":
      return { kind: "answer", text: situation.text, stall: situation.where };
    case "page":
      return { kind: "whole", body: situation.body, type: "text/html; charset=utf-8" };
  }
}

const always = { model: "fake-1", stream: true, truncate: false, shift: false, options: { num_ctx: 8192 } };

/** Ollama by its own API. */
export const ollamaRow: Row = {
  provider: "ollama",
  model(situations, clock) {
    const behaviours = situations.flatMap((situation) => {
      const one = behaviour(situation);
      return one === undefined ? [] : [delivered(one, situation)];
    });
    if (behaviours.length < situations.length) return undefined;
    server.behave(...behaviours);
    const { baseUrl } = server;
    return make({ name: "ollama/fake-1", model: "fake-1", baseUrl, key, headers: {}, options: {}, fetch, clock });
  },
  sent: () => server.requests.map((request) => request.body),
  connections: () => server.connections(),
  goesBack: (thinking) => JSON.stringify({ thinking }).slice(1, -1),
  conversation: {
    ...always,
    messages: [
      { role: "system", content: "Be brief" },
      { role: "user", content: "Read both" },
      {
        role: "assistant",
        content: "Reading",
        tool_calls: [
          { id: "a", function: { name: "file_read", arguments: { path: "one" } } },
          { id: "b", function: { name: "file_read", arguments: {} } },
        ],
      },
      { role: "tool", content: "1", tool_name: "file_read", tool_call_id: "a" },
      { role: "tool", content: "Arguments are not JSON", tool_name: "file_read", tool_call_id: "b" },
      { role: "assistant", content: "", tool_calls: [{ id: "c", function: { name: "file_list", arguments: {} } }] },
      { role: "tool", content: "", tool_name: "file_list", tool_call_id: "c" },
      { role: "assistant", content: "Both are read" },
      { role: "user", content: "Thanks" },
    ],
    tools: [{ type: "function", function: { name: "file_read", description: "Reads a file", parameters: schema } }],
  },
};
