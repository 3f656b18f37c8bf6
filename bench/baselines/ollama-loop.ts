// The same loop with the SDK that rein uses for Ollama, and nothing else.
import { Ollama, type Message, type ToolCall } from "ollama/browser";

const client = new Ollama({ host: process.env["OLLAMA_HOST"] ?? "" });
const parameters = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
const tools = [{ type: "function", function: { name: "file_read", description: "Reads a file", parameters } }];
const messages: Message[] = [{ role: "user", content: process.argv[2] ?? "" }];

for (;;) {
  const stream = await client.chat({ model: "bench", messages, tools, stream: true });
  let content = "";
  const calls: ToolCall[] = [];
  for await (const { message } of stream) {
    content += message.content;
    calls.push(...(message.tool_calls ?? []));
  }
  if (calls.length === 0) {
    console.log(content);
    break;
  }
  messages.push({ role: "assistant", content: "", tool_calls: calls });
  for (const { function: called } of calls) {
    const result = await Bun.file(String(called.arguments["path"])).text();
    messages.push({ role: "tool", content: result, tool_name: called.name });
  }
}
