import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Message, ToolCall } from "../core/message.ts";
import type { ModelRequest, ToolSpec } from "../core/model.ts";
import type { LocalChat } from "../native/local.ts";
import { callClosing, callOpening } from "./local-grammar.ts";

/**
 * How a conversation is put before a model. `template`: its template tells it of tools, in the form that our grammar has, and it was
 * trained to call them. `text`: we tell it in its instructions. `examples`: it would not make use of that; it is shown calls.
 */
export type ToolStyle = "template" | "text" | "examples";

/** The style for a model, by its template and by whether it is a small one. */
export function toolStyle(template: string, small: boolean): ToolStyle {
  const ours = /\btools\b/.test(template) && template.includes(callOpening) && !/<function=|<arg_key>/.test(template);
  return ours ? "template" : small ? "examples" : "text";
}

/** What a model that is shown calls is to do: it calls one tool, and then it answers. By itself it knows neither when to begin nor when to stop. */
export function answers({ tools, messages }: ModelRequest): "call" | "answer" {
  return tools.length === 0 || messages.at(-1)?.role === "tool" ? "answer" : "call";
}

/** A conversation as a chat template takes it. */
export function localChat(request: ModelRequest, style: ToolStyle): LocalChat {
  const { tools, instructions } = request;
  // Not before an answer: a small model would take the calls for the text that it is asked about.
  const answering = style === "examples" && answers(request) === "answer";
  const shown = style === "examples" && !answering ? examplesOf(tools) : [];
  // Nor calls of its own, in whose form it would go on. Where a schema has it answer in JSON they help: 52 of 60 reviews, 48 without.
  const told = answering && request.output === undefined ? request.messages.flatMap(withoutCalls) : request.messages;
  const messages = [...shown, ...told].flatMap((message) => turns(message, style));
  const system = [instructions, toolText(tools, style)].filter((part) => part.trim() !== "").join("\n\n");
  const all: JsonObject[] = system === "" ? messages : [{ role: "system", content: system }, ...messages];
  const chat: LocalChat = { messages: joined(all), variables: { enable_thinking: false } };
  if (style === "template" && tools.length > 0) chat.tools = tools.map(functionOf);
  return chat;
}

/** The same chat for a template that has no place for instructions: they begin the first message of the user. */
export function withoutSystem(chat: LocalChat): LocalChat {
  const [system, first, ...rest] = chat.messages;
  if (system?.["role"] !== "system" || first?.["role"] !== "user") return chat;
  const content = `${String(system["content"])}\n\n${String(first["content"])}`;
  return { ...chat, messages: [{ role: "user", content }, ...rest] };
}

function functionOf({ name, description, input }: ToolSpec): JsonObject {
  return { type: "function", function: { name, description, parameters: input } };
}

function toolText(tools: readonly ToolSpec[], style: ToolStyle): string {
  // Measured with 135 million parameters: descriptions beside the examples made it choose one and the same tool for all.
  if (style === "examples") return untold(tools.filter(({ examples = [] }) => examples.length === 0));
  if (style === "template" || tools.length === 0) return "";
  const lines = tools.map((tool) => JSON.stringify(functionOf(tool)["function"]));
  return `You can call these tools:
${lines.join("\n")}

To call one, answer with nothing but
${callOpening}
{"name": "<its name>", "arguments": {<its arguments>}}
${callClosing}`;
}

/** Tools without examples, each in a sentence. */
function untold(tools: readonly ToolSpec[]): string {
  const lines = tools.map(
    ({ name, description }) => `${name}: ${/^.*?[.!?](?=\s|$)/s.exec(description)?.[0] ?? description}`,
  );
  return lines.length === 0 ? "" : `Your tools:\n${lines.join("\n")}`;
}

/** With several tools one each: it takes more of one kind for what is asked. With one, it would repeat the only one it sees. */
function examplesOf(tools: readonly ToolSpec[]): Message[] {
  const most = tools.length > 2 ? 1 : 2;
  const all = tools.flatMap(({ name, examples = [] }) => examples.slice(0, most).map((one) => ({ name, ...one })));
  return all.flatMap(({ name, request, input }): Message[] => {
    const call = { id: "", name, arguments: JSON.stringify(input) };
    return [
      { role: "user", text: request },
      { role: "assistant", text: "", calls: [call] },
    ];
  });
}

function withoutCalls(message: Message): Message[] {
  if (message.role !== "assistant") return [message];
  return message.text === "" ? [] : [{ ...message, calls: [] }];
}

function turns(message: Message, style: ToolStyle): JsonObject[] {
  const toolsInTemplate = style === "template";
  if (message.role === "user") return [{ role: "user", content: message.text }];
  if (message.role === "tool") {
    return message.results.map(({ name, content }): JsonObject => {
      if (toolsInTemplate) return { role: "tool", name, content };
      return { role: "user", content: style === "text" ? `<tool_response>\n${content}\n</tool_response>` : content };
    });
  }
  const { text, calls } = message;
  if (toolsInTemplate && calls.length > 0) {
    const said = calls.map(({ name, arguments: given }): JsonObject => {
      return { type: "function", function: { name, arguments: parsed(given) } };
    });
    return [{ role: "assistant", content: text, tool_calls: said }];
  }
  return [{ role: "assistant", content: [text, ...calls.map(callText)].filter((part) => part !== "").join("\n") }];
}

function callText({ name, arguments: given }: ToolCall): string {
  return `${callOpening}\n{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(parsed(given))}}\n${callClosing}`;
}

/** Arguments of a call that ran are JSON; those of one that did not may be anything. */
function parsed(text: string): Json {
  try {
    const value: Json = JSON.parse(text === "" ? "{}" : text);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** Many templates want user and assistant to take turns. */
function joined(messages: readonly JsonObject[]): JsonObject[] {
  const all: JsonObject[] = [];
  for (const message of messages) {
    const last = all.at(-1);
    if (last?.["role"] === "user" && message["role"] === "user") {
      last["content"] = `${String(last["content"])}\n\n${String(message["content"])}`;
    } else all.push({ ...message });
  }
  return all;
}
