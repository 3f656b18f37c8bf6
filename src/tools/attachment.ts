import { largestAttachment, type Attachment } from "../core/message.ts";
import type { Result } from "../core/result.ts";
import { bytes as size } from "./bound.ts";

/** A file that a model can be shown, and a few words on it: `a PNG image of 640x480 pixels, 12 KB`. */
export type Shown = { attachment: Attachment; what: string };

/** The most pixels of a side: services refuse more. */
const longestSide = 8000;

/**
 * An image or a PDF as an attachment. The error is why no service would take it, after "it is": a request that holds one it refuses
 * fails, and in a session each one after it.
 */
export async function attachmentOf(
  name: string,
  { mediaType, what }: { mediaType: string; what: string },
  bytes: Uint8Array,
): Promise<Result<Shown, string>> {
  if (bytes.length > largestAttachment) return refuse(tooLarge(what, bytes.length));
  const judged = mediaType === "application/pdf" ? judgePdf(bytes) : await judgeImage(bytes);
  if (!judged.ok) return refuse(`${what} ${judged.error}`);
  const attachment = { mediaType, data: Buffer.from(bytes).toString("base64"), name };
  return { ok: true, value: { attachment, what: `${what}${judged.value}, ${size(bytes.length)}` } };
}

/** Why a file of this size cannot be shown. */
export function tooLarge(what: string, count: number): string {
  return `${what} of ${size(count)}, and at most ${size(largestAttachment)} can be shown`;
}

/** The error is the fault, after what it is. */
type Judged = Result<string, string>;

function judgePdf(bytes: Uint8Array): Judged {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (text.lastIndexOf("%%EOF") < Math.max(0, bytes.length - 4096)) return refuse("that is cut or damaged");
  if (/\/Encrypt\s+\d+\s+\d+\s+R/.test(text.toString("latin1"))) return refuse("that is encrypted");
  return { ok: true, value: "" };
}

/** Its header and its last pixel: what is cut is found by decoding it. */
async function judgeImage(bytes: Uint8Array): Promise<Judged> {
  try {
    const { width, height } = await new Bun.Image(bytes).metadata();
    if (Math.max(width, height) > longestSide) {
      return refuse(`of ${width}x${height} pixels, and at most ${longestSide} of a side can be shown`);
    }
    await new Bun.Image(bytes, { maxPixels: longestSide ** 2 }).resize(1, 1).png().bytes();
    return { ok: true, value: ` of ${width}x${height} pixels` };
  } catch {
    return refuse("that is cut or damaged");
  }
}

function refuse(error: string): { ok: false; error: string } {
  return { ok: false, error };
}
