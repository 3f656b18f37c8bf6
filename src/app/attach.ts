import type { Attachment } from "../core/message.ts";
import type { Result } from "../core/result.ts";
import { attachmentOf } from "../tools/attachment.ts";
import { contentOf } from "../tools/content.ts";

/** A file that goes to the model with the prompt: a text as a part of it, an image or a PDF beside it. */
export type AttachedFile = { name: string } & ({ text: string } | { attachment: Attachment; what: string });

/** What the caller attaches, by its content and not by its name. The error is what the model cannot be shown: "a gzip file". */
export async function attachedFile(name: string, bytes: Uint8Array): Promise<Result<AttachedFile, string>> {
  const content = contentOf(bytes, true);
  if (content.kind === "text") {
    return { ok: true, value: { name, text: new TextDecoder(content.encoding).decode(bytes) } };
  }
  const { what, mediaType } = content;
  if (mediaType === undefined) {
    return { ok: false, error: `${what}, and a model is shown text, PNG, JPEG, GIF and WebP images, and PDFs` };
  }
  const shown = await attachmentOf(name, { mediaType, what }, bytes);
  return shown.ok ? { ok: true, value: { name, ...shown.value } } : shown;
}

/** The parts of a prompt that attached files make: each text under its name, and a line that names what is beside them. */
export function attachedTexts(files: readonly AttachedFile[]): string[] {
  const texts = files.flatMap((file) => {
    if (!("text" in file)) return [];
    const end = file.text.endsWith("\n") || file.text === "" ? "" : "\n";
    return [`<file name=${JSON.stringify(file.name)}>\n${file.text}${end}</file>`];
  });
  const shown = files.flatMap((file) => ("text" in file ? [] : [`${JSON.stringify(file.name)} (${file.what})`]));
  return shown.length === 0 ? texts : [...texts, `[Attached: ${shown.join(", ")}]`];
}

/** The images and PDFs among attached files. */
export function attachmentsAmong(files: readonly AttachedFile[]): Attachment[] {
  return files.flatMap((file) => ("text" in file ? [] : [file.attachment]));
}
