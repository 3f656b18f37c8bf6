import { attachmentsOf, type Attachment, type Message, type ToolCallResult } from "../core/message.ts";
import type { ModelFailure, ModelRequest } from "../core/model.ts";
import { ok, type Result } from "../core/result.ts";

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

/** What a model can be shown beside text. `images`: their types, where it says so; none at all when the list is empty. */
export type Takes = { pdf: boolean; images?: readonly string[] };

/**
 * A request without what its service cannot be shown. Where the user attached it the request fails; where a tool returned it the
 * result's text says so, since a model can go on without it. `host` names the service.
 */
export function showable(host: string, request: ModelRequest, takes: Takes): Result<ModelRequest, ModelFailure> {
  const can = (one: Attachment) => (isPdf(one) ? takes.pdf : (takes.images?.includes(one.mediaType) ?? isImage(one)));
  const all = request.messages.flatMap(attachmentsOf);
  if (all.every(can)) return ok(request);
  const own = request.messages.flatMap((message) => (message.role === "user" ? attachmentsOf(message) : []));
  const odd = own.find((one) => !can(one));
  if (odd !== undefined) {
    const message = `Cannot show '${host}' ${described(odd)}: it takes ${takenBy(takes)}`;
    return { ok: false, error: { kind: "request", message, retryable: false } };
  }
  const messages = request.messages.map((message): Message => {
    if (message.role !== "tool") return message;
    return { ...message, results: message.results.map((result) => without(result, can, takes)) };
  });
  return ok({ ...request, messages });
}

function without(result: ToolCallResult, can: (one: Attachment) => boolean, takes: Takes): ToolCallResult {
  const { attachments = [], ...rest } = result;
  const hidden = attachments.filter((one) => !can(one));
  if (hidden.length === 0) return result;
  const note = `[Not shown: ${hidden.map(described).join(", ")}; this model takes ${takenBy(takes)}]`;
  const content = rest.content === "" ? note : `${rest.content}\n${note}`;
  return { ...rest, content, attachments: attachments.filter(can) };
}

function described({ name, mediaType }: Attachment): string {
  return name === undefined ? `a file of type '${mediaType}'` : `'${name}' (${mediaType})`;
}

function takenBy({ pdf, images }: Takes): string {
  if (images?.length === 0) return pdf ? "text and PDFs" : "text only";
  const types = images === undefined ? "" : ` of type ${images.join(", ")}`;
  return `images${types}${pdf ? " and PDFs" : " only"}`;
}
