/** Of an answer that is no MCP, as many bytes are shown. */
export const shownBytes = 200;

/** The begin of something that a server said, on one line, with nothing in it that a terminal would obey. */
export function shown(bytes: Uint8Array | string): string {
  const text =
    typeof bytes === "string" ? bytes.slice(0, shownBytes) : new TextDecoder().decode(bytes.slice(0, shownBytes));
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Bidi_Control}\s]+/gu, " ")
    .replace(/\uFFFD+$/u, "")
    .trim();
}

/** The first bytes of a body, at most `most`, or until they are `enough`; the rest is not read. */
export async function readBegin(
  body: ReadableStream<Uint8Array> | null,
  most: number,
  enough: (begin: string) => boolean = () => false,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  const decoder = new TextDecoder();
  let [size, text] = [0, ""];
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  try {
    while (size < most) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      size += value.length;
      text += decoder.decode(value, { stream: true });
      if (enough(text)) break;
    }
  } catch {
    // What was cut is as long as it is.
  }
  await reader.cancel().catch(() => undefined);
  return Uint8Array.from(Buffer.concat(pieces).subarray(0, most));
}
