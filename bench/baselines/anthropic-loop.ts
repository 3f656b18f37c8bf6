// The same loop with the SDK that rein uses for Claude, and nothing else.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ maxRetries: 0 });
const input_schema = { type: "object" as const, properties: { path: { type: "string" } }, required: ["path"] };
const tools = [{ name: "file_read", description: "Reads a file", input_schema }];
const messages: Anthropic.MessageParam[] = [{ role: "user", content: process.argv[2] ?? "" }];

for (;;) {
  const stream = await client.messages.create({ model: "bench", max_tokens: 1000, messages, tools, stream: true });
  let text = "";
  let input = "";
  const calls: Anthropic.ToolUseBlockParam[] = [];
  for await (const event of stream) {
    if (event.type === "content_block_start" && event.content_block.type === "tool_use") {
      const { id, name } = event.content_block;
      calls.push({ type: "tool_use", id, name, input: {} });
      input = "";
    } else if (event.type === "content_block_delta") {
      if (event.delta.type === "text_delta") text += event.delta.text;
      if (event.delta.type === "input_json_delta") input += event.delta.partial_json;
    } else if (event.type === "content_block_stop") {
      const call = calls.at(-1);
      if (call !== undefined) call.input = JSON.parse(input);
    }
  }
  if (calls.length === 0) {
    console.log(text);
    break;
  }
  messages.push({ role: "assistant", content: calls });
  const results: Anthropic.ToolResultBlockParam[] = [];
  for (const { id, input } of calls) {
    const path = typeof input === "object" && input !== null && "path" in input ? String(input.path) : "";
    results.push({ type: "tool_result", tool_use_id: id, content: await Bun.file(path).text() });
  }
  messages.push({ role: "user", content: results });
}
