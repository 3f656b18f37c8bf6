import type { Attachment, Message } from "../core/message.ts";
import type { ModelFailure } from "../core/model.ts";

export function isImage(attachment: Attachment): boolean {
  return attachment.mediaType.startsWith("image/");
}

export function isPdf(attachment: Attachment): boolean {
  return attachment.mediaType === "application/pdf";
}

/** A URL that holds the attachment itself. */
export function dataUrl({ mediaType, data }: Attachment): string {
  return `data:${mediaType};base64,${data}`;
}

/** The attachments of a message: a user's, or those of tool results. */
export function attachmentsOf(message: Message): Attachment[] {
  if (message.role === "user") return message.attachments ?? [];
  return message.role === "tool" ? message.results.flatMap((result) => result.attachments ?? []) : [];
}

/** Why a service can't be shown all that a conversation holds; undefined where it can. `host` names the service. */
export function unshowable(
  host: string,
  messages: Message[],
  takes: { pdf: boolean; images?: readonly string[] },
): ModelFailure | undefined {
  const shown = (one: Attachment) => (isPdf(one) ? takes.pdf : (takes.images?.includes(one.mediaType) ?? isImage(one)));
  const odd = messages.flatMap(attachmentsOf).find((one) => !shown(one));
  if (odd === undefined) return undefined;
  const what = odd.name === undefined ? `a file of type '${odd.mediaType}'` : `'${odd.name}' (${odd.mediaType})`;
  const images = takes.images === undefined ? "" : ` of type ${takes.images.join(", ")}`;
  const message = `Cannot show '${host}' ${what}: it takes images${images}${takes.pdf ? " and PDFs" : " only"}`;
  return { kind: "request", message, retryable: false };
}
