import { isJsonObject, type Json } from "../core/json.ts";
import type { McpContent, McpResult } from "../core/mcp.ts";
import type { Attachment } from "../core/message.ts";
import type { Result } from "../core/result.ts";
import type { ToolOutcome } from "../core/tool.ts";
import { attachmentOf } from "./attachment.ts";
import { Bounded, bytes as size } from "./bound.ts";
import { contentOf } from "./content.ts";
import { whole } from "./own-run.ts";

/** What a call of a server's tool came to, as a model gets it. */
export async function callOutcome(called: Result<McpResult>): Promise<ToolOutcome> {
  if (!called.ok) return { content: called.error.message, error: true };
  const { content, structured, error } = called.value;
  const outcome = await contentOutcome(content, structured);
  return error ? { ...outcome, error: true } : outcome;
}

/** Contents as text, of which start and end are kept, and as attachments. `structured` is added where no text says the same. */
export async function contentOutcome(contents: readonly McpContent[], structured?: Json): Promise<ToolOutcome> {
  const text = new Bounded();
  const attachments: Attachment[] = [];
  let first = true;
  const add = (part: string) => {
    text.add(first ? part : `\n${part}`);
    first = false;
  };
  for (const content of contents) {
    const shown = await partOf(content);
    if (typeof shown === "string") add(shown);
    else {
      attachments.push(shown.attachment);
      add(`[${shown.what}]`);
    }
  }
  if (structured !== undefined && !contents.some((content) => saysTheSame(content, structured))) {
    add(JSON.stringify(structured));
  }
  return {
    content: whole(text),
    ...text.whole(),
    ...(attachments.length === 0 ? {} : { attachments }),
  };
}

async function partOf(content: McpContent): Promise<string | { attachment: Attachment; what: string }> {
  switch (content.kind) {
    case "text":
      return content.text;
    case "resource":
      return `[${content.uri}]\n${content.text}`;
    case "link": {
      const { uri, name, description, mediaType } = content;
      const about = [mediaType, description].filter((part) => part !== undefined && part !== "").join(", ");
      return `[resource ${name}: ${uri}${about === "" ? "" : ` (${about})`}]`;
    }
    case "media":
      return media(content.mediaType.split("/")[0] ?? "file", content.mediaType, content.data);
    case "blob":
      return media(content.uri, content.mediaType ?? "", content.data);
  }
}

/** Bytes are judged by what they are: a server may call them anything. */
async function media(name: string, said: string, data: string) {
  const bytes = Buffer.from(data, "base64");
  const kind = contentOf(bytes, true);
  if (kind.kind === "binary" && kind.mediaType !== undefined) {
    const shown = await attachmentOf(name, { mediaType: kind.mediaType, what: kind.what }, bytes);
    return shown.ok ? shown.value : `[Not shown: it is ${shown.error}]`;
  }
  if (kind.kind === "text" && kind.encoding === "utf-8" && !said.startsWith("audio/")) {
    return `[${name}]\n${bytes.toString()}`;
  }
  const what = said !== "" ? said : kind.kind === "binary" ? kind.what : "text";
  return `[Not shown: ${what}, ${size(bytes.length)}]`;
}

function saysTheSame(content: McpContent, structured: Json): boolean {
  if (content.kind !== "text") return false;
  // A server that gives structure gives its text too: a look at the ends saves the reading of what is no JSON.
  const text = content.text.trim();
  if (!/^[[{"\-\dtfn]/.test(text)) return false;
  try {
    const value: Json = JSON.parse(text);
    return (
      Bun.deepEquals(value, structured) || (isJsonObject(structured) && Bun.deepEquals(value, structured["result"]))
    );
  } catch {
    return false;
  }
}
