import type { CallToolResult, ContentBlock, ReadResourceResult, Tool } from "@modelcontextprotocol/client";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { McpContent, McpResult, McpToolFacts } from "../core/mcp.ts";

/** A value of the SDK as the JSON that it came as. */
export function asJson(value: unknown): Json {
  const text = JSON.stringify(value);
  return text === undefined ? null : JSON.parse(text);
}

function asObject(value: unknown): JsonObject {
  const json = asJson(value);
  return isJsonObject(json) ? json : {};
}

export function factsOf(tool: Tool): McpToolFacts {
  const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = tool.annotations ?? {};
  const title = tool.title ?? tool.annotations?.title;
  return {
    name: tool.name,
    ...(title === undefined ? {} : { title }),
    description: tool.description ?? title ?? "",
    input: asObject(tool.inputSchema),
    ...(tool.outputSchema === undefined ? {} : { output: asObject(tool.outputSchema) }),
    annotations: {
      ...(readOnlyHint === undefined ? {} : { readOnly: readOnlyHint }),
      ...(destructiveHint === undefined ? {} : { destructive: destructiveHint }),
      ...(idempotentHint === undefined ? {} : { idempotent: idempotentHint }),
      ...(openWorldHint === undefined ? {} : { openWorld: openWorldHint }),
    },
    raw: asObject(tool),
  };
}

export function resultOf({ content, structuredContent, isError }: CallToolResult): McpResult {
  return {
    content: content.map(contentOf),
    ...(structuredContent === undefined ? {} : { structured: asJson(structuredContent) }),
    error: isError === true,
  };
}

export function contentOf(block: ContentBlock): McpContent {
  switch (block.type) {
    case "text":
      return { kind: "text", text: block.text };
    case "image":
    case "audio":
      return { kind: "media", mediaType: block.mimeType, data: block.data };
    case "resource":
      return resourceOf(block.resource);
    case "resource_link": {
      const { uri, name, description, mimeType } = block;
      return {
        kind: "link",
        uri,
        name,
        ...(description === undefined ? {} : { description }),
        ...(mimeType === undefined ? {} : { mediaType: mimeType }),
      };
    }
  }
}

export function resourceOf(resource: ReadResourceResult["contents"][number]): McpContent {
  const { uri, mimeType } = resource;
  const about = { uri, ...(mimeType === undefined ? {} : { mediaType: mimeType }) };
  return "text" in resource
    ? { kind: "resource", ...about, text: resource.text }
    : { kind: "blob", ...about, data: resource.blob };
}
