import type { Host } from "../core/host.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { bytes as sized } from "./bound.ts";
import { contentOf, type Encoding } from "./content.ts";

/** A larger file is not edited, nor shown with anchors. */
export const largestText = 10_000_000;

/** A text file, whole. `version` is the file's when it was read. */
export type WholeText = {
  text: string;
  version: string;
  encoding: Encoding;
  /** Another text as this file's bytes would have it: its encoding and byte order mark kept. The error names what it cannot hold. */
  encode(text: string): Result<Uint8Array, string>;
};

/** Reads a text so that what is not changed of it can be written back to the byte. */
export async function readWholeText(host: Host, path: string): Promise<Result<WholeText>> {
  const read = await host.fs.read(path, { offset: 0, limit: largestText + 1 });
  if (!read.ok) return read;
  const { bytes, size, version } = read.value;
  const content = contentOf(bytes, true);
  if (content.kind === "binary") {
    return fail("invalid", `Cannot read '${path}' as text: it is ${content.what}, ${sized(size)}`);
  }
  if (size > largestText) {
    return fail("too_large", `Cannot take '${path}' whole: it has more than 10 MB`);
  }
  const { encoding } = content;
  const mark = marks[encoding].find((mark) => mark.every((byte, index) => bytes[index] === byte)) ?? [];
  const text = new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes.subarray(mark.length));
  const encode = (changed: string): Result<Uint8Array, string> => {
    const encoded = encoders[encoding](changed);
    return encoded.ok ? ok(Buffer.concat([Uint8Array.from(mark), encoded.value])) : encoded;
  };
  // A decoder replaces what is malformed: written back, it would be lost.
  const same = encode(text);
  if (!same.ok || Buffer.compare(same.value, bytes) !== 0) {
    return fail("invalid", `Cannot read '${path}' as text: parts of it are malformed`);
  }
  return ok({ text, version, encoding, encode });
}

/** Byte order marks. */
const marks: Record<Encoding, ReadonlyArray<readonly number[]>> = {
  "utf-8": [[0xef, 0xbb, 0xbf]],
  "utf-16le": [[0xff, 0xfe]],
  "utf-16be": [[0xfe, 0xff]],
  latin1: [],
};

const encoders: Record<Encoding, (text: string) => Result<Uint8Array, string>> = {
  "utf-8": (text) => ok(Buffer.from(text)),
  "utf-16le": (text) => ok(Buffer.from(text, "utf16le")),
  "utf-16be": (text) => ok(Buffer.from(text, "utf16le").swap16()),
  latin1: encodeLatin1,
};

/** The other way round of what TextDecoder calls Latin-1, which is Windows-1252. */
function encodeLatin1(text: string): Result<Uint8Array, string> {
  const every = new TextDecoder("latin1").decode(Uint8Array.from({ length: 256 }, (_, byte) => byte));
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const byte = code < 128 ? code : every.indexOf(text.charAt(index), 128);
    if (byte < 0) {
      const character = String.fromCodePoint(text.codePointAt(index) ?? 0);
      return { ok: false, error: `it is written in Latin-1, which has no '${character}'; use other characters` };
    }
    bytes[index] = byte;
  }
  return ok(bytes);
}
