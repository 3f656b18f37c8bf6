import { McpServer } from "@modelcontextprotocol/server";

/** A wide schema: what goes through unharmed is compared with it. */
export const wideSchema = {
  type: "object",
  $defs: { point: { type: "object", properties: { x: { type: "number" }, y: { type: "number" } }, required: ["x"] } },
  properties: {
    at: { $ref: "#/$defs/point" },
    when: { type: "string", format: "date-time" },
    which: { anyOf: [{ const: "a" }, { type: "integer", minimum: 3 }] },
  },
  required: ["at"],
  "x-own": { kept: true },
};

/** A picture of one pixel. */
export const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** How many calls of this process were cancelled by whoever made them. */
let cancelled = 0;

/** A server that has one of each: the cases of the contract suite go through it over every transport. */
export function caseServer({ grown = false } = {}): McpServer {
  const server = new McpServer(
    { name: "cases", version: "1.2.3" },
    { capabilities: { tools: { listChanged: true }, resources: {}, prompts: {} } },
  );
  const { server: low } = server;
  const plain = (name: string, description = "", inputSchema: object = { type: "object" }) => ({
    name,
    description,
    inputSchema: { type: "object" as const, ...inputSchema },
  });
  low.setRequestHandler("tools/list", () => ({
    tools: [
      { ...plain("echo", "Says it again"), annotations: { readOnlyHint: true }, title: "Echo" },
      plain("wide", "Has a wide schema\nin two lines", wideSchema),
      { ...plain("sum"), outputSchema: { type: "object", properties: { sum: { type: "number" } }, required: ["sum"] } },
      ...["fail", "slow", "picture", "links", "huge", "grow", "steps", "wrong", "cancelled"].map((name) => plain(name)),
      ...(grown ? [plain("grown")] : []),
    ],
  }));
  low.setRequestHandler("tools/call", async ({ params: { name, arguments: args = {}, _meta } }, { mcpReq }) => {
    const text = (said: string, rest: object = {}) => ({ content: [{ type: "text" as const, text: said }], ...rest });
    const tell = async (progress: number) => {
      const progressToken = _meta?.progressToken;
      if (progressToken === undefined) return;
      const params = { progressToken, progress, total: 2, message: `step ${progress}` };
      await mcpReq.notify({ method: "notifications/progress", params });
    };
    switch (name) {
      case "echo":
        return text(String(args["text"]));
      case "sum":
        return text("three", { structuredContent: { sum: 3 } });
      case "wrong":
        throw new Error("nobody knows why");
      case "fail":
        return text("no such thing", { isError: true });
      case "slow": {
        const aborted = new Promise((resolve) => mcpReq.signal.addEventListener("abort", resolve));
        await tell(0);
        await aborted;
        cancelled++;
        return text("late");
      }
      case "picture":
        return { content: [{ type: "image" as const, data: pixel, mimeType: "image/png" }] };
      case "links":
        return {
          content: [
            { type: "resource_link" as const, uri: "case://a", name: "a", description: "The first" },
            { type: "resource" as const, resource: { uri: "case://b", mimeType: "text/plain", text: "inside" } },
          ],
        };
      case "cancelled":
        return text(String(cancelled));
      case "huge":
        return text(`start ${"x".repeat(10_000_000)} end`);
      case "grow":
        grown = true;
        await server.sendToolListChanged();
        return text("grown");
      case "steps":
        for (const step of [1, 2]) await tell(step);
        return text("done");
      default:
        return text(`what is ${name}?`);
    }
  });
  server.registerResource("a", "case://a", { description: "The first", mimeType: "text/plain" }, async () => ({
    contents: [{ uri: "case://a", mimeType: "text/plain", text: "content of a" }],
  }));
  server.registerPrompt("greet", { description: "Greets" }, async () => ({
    messages: [{ role: "user", content: { type: "text", text: "Say hello" } }],
  }));
  return server;
}
