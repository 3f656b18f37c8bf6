import { expect, test } from "bun:test";
import type { McpStatus, OfferedTool } from "../../src/core/mcp.ts";
import { serversJson, serversText, serverToolsJson, serverToolsText } from "../../src/render/mcp.ts";

const ready: McpStatus = {
  name: "files",
  transport: "stdio",
  required: true,
  state: "ready",
  ready_ms: 1240,
  tools: 3,
  server: { name: "\u001b[2Jfiles\n", version: "1" },
};
const failed: McpStatus = {
  name: "tracker",
  transport: "http",
  required: false,
  state: "failed",
  tools: 0,
  error: "it ended: \u001b]0;x\u0007\nfiles: all is well",
};

test("a server's own words neither move the cursor nor pass for another's line", () => {
  const text = serversText([ready, failed], false);
  expect(text).toBe(
    "NAME     STATE   TRANSPORT  READY  TOOLS  SERVER\n" +
      "files    ready   stdio      1.2s   3      ␛[2Jfiles 1\n" +
      "tracker  failed  http       -      -      -\n" +
      "\ntracker: it ended: ␛]0;x␇\n  files: all is well\n",
  );
  expect(serversJson([ready, failed])).not.toContain("\u001b");
});

const tool: OfferedTool = {
  server: "files",
  name: "read",
  facts: {
    name: "read",
    description: `\n  Reads \u202e${"x".repeat(200)}\nmore`,
    input: { type: "object" },
    annotations: { readOnly: true },
    raw: {},
  },
};

test("a tool has one line, with the first of its description", () => {
  const [, line = ""] = serverToolsText([tool]).split("\n");
  expect(line).toStartWith("files   read  read     Reads \ufffdxxx");
  expect(line).toEndWith("x…");
  expect(line).not.toContain("more");
});

test("a script gets all that a tool says", () => {
  expect(JSON.parse(serverToolsJson([tool]))).toEqual({
    version: 1,
    tools: [
      {
        server: "files",
        name: "read",
        title: null,
        effects: "read",
        description: tool.facts.description,
        input: { type: "object" },
        output: null,
        annotations: { readOnly: true },
      },
    ],
  });
});
