import type { Attachment } from "../core/message.ts";
import { attachmentSize } from "../core/message.ts";

/** How tokens of a model are counted: by which of the public encodings, and how many tokens the model makes of one of these. */
export type Counting = { encoding: "o200k" | "cl100k"; ratio: number };

/**
 * Families by the names of their models; the first that fits counts. Where the encoding is not public the ratio is what the service's
 * own counts of English and code come to at most, and the service corrects it with its first answer.
 */
const families: ReadonlyArray<{ name: RegExp; counting: Counting }> = [
  { name: /^openai\/(gpt-3|gpt-4(-|$))/, counting: { encoding: "cl100k", ratio: 1 } },
  { name: /^openai\/|gpt-oss/, counting: { encoding: "o200k", ratio: 1 } },
  { name: /^anthropic\//, counting: { encoding: "o200k", ratio: 1.35 } },
];

const unknown: Counting = { encoding: "o200k", ratio: 1.2 };

/** How a text is counted for a model, named `provider/model`. */
export function countingOf(name: string): Counting {
  return families.find((family) => family.name.test(name))?.counting ?? unknown;
}

/**
 * What images take: so many pixels to a token, and the most tokens of one.
 * https://platform.claude.com/docs/en/build-with-claude/vision: width × height / 750, at most 4,784
 * https://platform.openai.com/docs/guides/images-vision: squares of 32 pixels, times 1.2 for the newest and up to 2.46 for small models
 * https://ai.google.dev/gemini-api/docs/media-resolution: 1,120 at the highest resolution, whatever the size
 */
const images: Readonly<Record<string, { pixels: number; most: number }>> = {
  anthropic: { pixels: 750, most: 4784 },
  openai: { pixels: 850, most: 14_400 },
  gemini: { pixels: 0, most: 1120 },
};

const usualImage = { pixels: 750, most: 4784 };

/**
 * What a page of a PDF takes: its text and its picture.
 * https://platform.claude.com/docs/en/build-with-claude/pdf-support: 1,500 to 3,000 of text, and the image of the page
 */
const pageTokens = 4000;

/** A page of text is seldom smaller, packed. */
const leastPageBytes = 4000;

/** About how many tokens an image or a PDF takes, rather too many. */
export function attachmentTokens(name: string, attachment: Attachment): number {
  if (attachment.mediaType === "application/pdf") return pagesOf(attachment) * pageTokens;
  const { pixels, most } = images[name.slice(0, name.indexOf("/"))] ?? usualImage;
  const size = imageSize(attachment);
  return pixels === 0 || size === undefined
    ? most
    : Math.min(most, Math.ceil((size.width * size.height) / pixels) + 100);
}

/** The pages that a PDF tells of, where it is not packed; else as many as it can have. */
function pagesOf(attachment: Attachment): number {
  const text = Buffer.from(attachment.data, "base64").toString("latin1");
  const told = text.match(/\/Type\s*\/Page(?![a-zA-Z])/g)?.length ?? 0;
  return Math.max(1, told === 0 ? Math.ceil(attachmentSize(attachment) / leastPageBytes) : told);
}

/** The width and height that an image's header tells; undefined where it does not stand at the start. */
function imageSize({ mediaType, data }: Attachment): { width: number; height: number } | undefined {
  const start = Buffer.from(data.slice(0, 65_536), "base64");
  if (mediaType === "image/png" && start.length >= 24) {
    return { width: start.readUInt32BE(16), height: start.readUInt32BE(20) };
  }
  if (mediaType === "image/gif" && start.length >= 10) {
    return { width: start.readUInt16LE(6), height: start.readUInt16LE(8) };
  }
  return mediaType === "image/jpeg" ? jpegSize(start) : undefined;
}

/** Segment by segment to the one that starts the frame. */
function jpegSize(bytes: Buffer): { width: number; height: number } | undefined {
  for (let at = 2; at + 9 < bytes.length;) {
    const [marker = 0, kind = 0] = bytes.subarray(at, at + 2);
    if (marker !== 0xff) return undefined;
    // C4, C8 and CC are tables.
    if (kind >= 0xc0 && kind <= 0xcf && kind !== 0xc4 && kind !== 0xc8 && kind !== 0xcc) {
      return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    }
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}
