import { type JSONRPCMessage, parseJSONRPCMessage, ProtocolErrorCode } from "@modelcontextprotocol/client";
import { shown } from "./begin.ts";

/**
 * A text as a message; undefined where it is none. What can only be meant as an answer, and is none (`"result": null`), is one that
 * says so: else whoever asked would wait for it in vain.
 */
export function messageOf(text: string): JSONRPCMessage | undefined {
  const value = jsonOf(text);
  try {
    return parseJSONRPCMessage(value);
  } catch {
    const id = answeredBy(value);
    if (id === undefined) return undefined;
    const message = `it answers, but not as MCP: '${shown(text)}'`;
    return { jsonrpc: "2.0", id, error: { code: ProtocolErrorCode.InternalError, message } };
  }
}

/** The request that something is meant to answer. */
function answeredBy(value: unknown): string | number | undefined {
  if (typeof value !== "object" || value === null || !("jsonrpc" in value) || !("id" in value)) return undefined;
  const { jsonrpc, id } = value;
  const isAnswer = jsonrpc === "2.0" && !("method" in value) && ("result" in value || "error" in value);
  return isAnswer && (typeof id === "string" || typeof id === "number") ? id : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Which is told as what it is not.
  }
}
