// The same loop with the SDK that rein uses for this service, and nothing else.
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
const parameters = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
const tools: OpenAI.ChatCompletionTool[] = [
  { type: "function", function: { name: "file_read", description: "Reads a file", parameters } },
];
const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: process.argv[2] ?? "" }];

for (;;) {
  const stream = await client.chat.completions.create({ model: "bench", messages, tools, stream: true });
  let content = "";
  const calls: OpenAI.ChatCompletionMessageFunctionToolCall[] = [];
  for await (const chunk of stream) {
    const delta = chunk.choices[0]?.delta;
    content += delta?.content ?? "";
    for (const { id = "", function: { name = "", arguments: text = "" } = {} } of delta?.tool_calls ?? []) {
      calls.push({ id, type: "function", function: { name, arguments: text } });
    }
  }
  if (calls.length === 0) {
    console.log(content);
    break;
  }
  messages.push({ role: "assistant", content: null, tool_calls: calls });
  for (const call of calls) {
    const { path } = JSON.parse(call.function.arguments);
    messages.push({ role: "tool", tool_call_id: call.id, content: await Bun.file(path).text() });
  }
}
