import type { ContentBlock } from "@agentclientprotocol/sdk";
import { fail, ok, type Result } from "../core/result.ts";
import type { TalkFile } from "../core/talk.ts";

/** What is attached: a file that a person named, and bytes under a name. The error is a whole sentence. */
export type Attach = {
  file(path: string): Promise<Result<TalkFile, string>>;
  bytes(name: string, bytes: Uint8Array): Promise<Result<TalkFile, string>>;
};

/** The words and files of a prompt. */
export type Said = { text: string; files: TalkFile[] };

/**
 * What a person says in an editor. A file that they link is attached as `-f` would do it; what cannot be attached, such as a folder,
 * stays a link, which the agent's tools may follow as far as they are allowed to.
 */
export async function saidIn(blocks: readonly ContentBlock[], attach: Attach): Promise<Result<Said>> {
  const parts: string[] = [];
  const files: TalkFile[] = [];
  for (const block of blocks) {
    if (block.type === "text") parts.push(block.text);
    else if (block.type === "resource_link") {
      const path = pathOf(block.uri);
      parts.push(`[${block.name}](${path ?? block.uri})`);
      const file = path === undefined ? undefined : await attach.file(path);
      if (file?.ok === true && !files.some(({ name }) => name === file.value.name)) files.push(file.value);
    } else if (block.type === "resource" && "text" in block.resource) {
      files.push({ name: pathOf(block.resource.uri) ?? block.resource.uri, text: block.resource.text });
    } else {
      const given = embedded(block);
      if (!given.ok) return given;
      const file = await attach.bytes(given.value.name, given.value.bytes);
      if (!file.ok) return fail("invalid", file.error);
      files.push(file.value);
    }
  }
  return ok({ text: parts.join(""), files });
}

function embedded(block: ContentBlock): Result<{ name: string; bytes: Uint8Array }> {
  if (block.type === "image") return decoded(block.uri ?? "image", block.data);
  if (block.type === "resource" && "blob" in block.resource) return decoded(block.resource.uri, block.resource.blob);
  return fail("invalid", `Cannot take a prompt with content of type '${block.type}'`);
}

function decoded(uri: string, data: string): Result<{ name: string; bytes: Uint8Array }> {
  const name = pathOf(uri) ?? uri;
  try {
    return ok({ name, bytes: Uint8Array.fromBase64(data) });
  } catch {
    return fail("invalid", `Cannot attach '${name}': its data is not base64`);
  }
}

/** The path of a file that a URI names; a part of the file behind `#` is left to the words. */
function pathOf(uri: string): string | undefined {
  if (!/^file:/i.test(uri) || !URL.canParse(uri)) return undefined;
  try {
    return decodeURIComponent(new URL(uri).pathname);
  } catch {
    return undefined; // It has a '%' that stands for nothing.
  }
}
