// The same loop with the SDK that rein uses for OpenAI, by the Responses API, and nothing else.
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
const parameters = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
const tools: OpenAI.Responses.Tool[] = [
  { type: "function", name: "file_read", description: "Reads a file", parameters, strict: false },
];
const input: OpenAI.Responses.ResponseInput = [{ role: "user", content: process.argv[2] ?? "" }];

for (;;) {
  const stream = await client.responses.create({ model: "bench", input, tools, store: false, stream: true });
  let text = "";
  const calls: OpenAI.Responses.ResponseFunctionToolCall[] = [];
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") text += event.delta;
    if (event.type === "response.output_item.done" && event.item.type === "function_call") calls.push(event.item);
  }
  if (calls.length === 0) {
    console.log(text);
    break;
  }
  for (const call of calls) {
    const { path } = JSON.parse(call.arguments);
    const output = await Bun.file(path).text();
    input.push(call, { type: "function_call_output", call_id: call.call_id, output });
  }
}
