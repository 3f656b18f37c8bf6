import { ProtocolError, SdkError, SdkErrorCode, UnsupportedProtocolVersionError } from "@modelcontextprotocol/client";
import type { StartFailure } from "../core/mcp.ts";
import type { Link } from "./link.ts";

/** What happened, and what the server's program says of it. */
export function explained({ message, said = "" }: Pick<StartFailure, "message" | "said">): string {
  return said === "" ? message : `${message}: ${said}`;
}

/** Why a start came to nothing: what it was given up for, or what was thrown. */
export async function failureFor(
  end: "deadline" | "cancelled" | { error: unknown },
  link: Link,
  deadline: number,
): Promise<StartFailure> {
  if (end === "cancelled") return { why: "cancelled", message: "it was interrupted" };
  const known = await link.explain(end === "deadline" ? undefined : end.error);
  if (known !== undefined) return known;
  const late: StartFailure = { why: "deadline", message: `it was not ready within ${deadline / 1000} s` };
  if (end === "deadline" || isCode(end.error, SdkErrorCode.RequestTimeout)) return late;
  const { error } = end;
  const text = errorText(error);
  const versions = error instanceof UnsupportedProtocolVersionError || /protocol version/i.test(text);
  return versions || isCode(error, SdkErrorCode.EraNegotiationFailed)
    ? { why: "protocol", message: `it speaks no version of the protocol that rein speaks (${text})` }
    : { why: "failed", message: text };
}

export function isCode(error: unknown, code: SdkErrorCode): boolean {
  return error instanceof SdkError && error.code === code;
}

/** Whether something came that is no message at all: the SDK throws what its parsers throw. */
export function isMisread(error: unknown): boolean {
  return error instanceof SyntaxError || (error instanceof Error && error.name === "ZodError");
}

/** What an error of the SDK says, less what only its callers understand. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (isMisread(error)) return "its answer is no message of the protocol";
  if (error instanceof ProtocolError) return text.replace(/^MCP error -?\d+: /, "");
  const misfits = misfitsOf(error);
  if (misfits === undefined) return text;
  const texts = misfits.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  return `${misfits.what}${texts.slice(0, 3).join("; ")}${texts.length > 3 ? ` and ${texts.length - 3} more` : ""}`;
}

export type Issue = { path: Array<string | number>; message: string };

/** What of a result does not fit the protocol: the SDK tells it as JSON, behind what the result is of. */
export function misfitsOf(error: unknown): { what: string; issues: Issue[] } | undefined {
  const text = error instanceof Error ? error.message : "";
  const [, what = "", json = ""] = /^(Invalid result for \S+: )(\[.*)$/s.exec(text) ?? [];
  try {
    const issues: Issue[] = JSON.parse(json);
    return { what, issues };
  } catch {
    return undefined; // It is something else.
  }
}
