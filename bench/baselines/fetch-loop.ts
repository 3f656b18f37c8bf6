// The least that a loop over a streamed chat service with one tool can do: fetch and JSON.parse.
export type Call = { id: string; type: "function"; function: { name: string; arguments: string } };
type Message = { role: string; content: string | null; tool_calls?: Call[]; tool_call_id?: string };

const url = `${process.env["OPENAI_BASE_URL"]}/chat/completions`;
const parameters = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
const tools = [{ type: "function", function: { name: "file_read", description: "Reads a file", parameters } }];
const messages: Message[] = [{ role: "user", content: process.argv[2] ?? "" }];

for (;;) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${process.env["OPENAI_API_KEY"]}` },
    body: JSON.stringify({ model: "bench", messages, tools, stream: true }),
  });
  let content = "";
  const calls: Call[] = [];
  for (const line of (await response.text()).split("\n")) {
    if (!line.startsWith("data: {")) continue;
    const delta = JSON.parse(line.slice(6)).choices[0]?.delta ?? {};
    content += delta.content ?? "";
    for (const call of delta.tool_calls ?? []) calls.push(call);
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
