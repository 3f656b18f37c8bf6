import type { Host } from "../core/host.ts";
import { ok } from "../core/result.ts";
import type { Result } from "../core/result.ts";

/** Files are read in pieces of this many bytes, so that a large one never fills the memory. */
export const pieceSize = 256 * 1024;

export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "latin1";

/** A file's start, decoded, or the word for what it is when it is no text. */
export type Opened =
  | { kind: "text"; encoding: Encoding; size: number; pieces(): AsyncGenerator<Result<string>> }
  | { kind: "binary"; what: string; size: number };

/**
 * Opens a file as text. UTF-8, UTF-16 with a byte order mark, or else Latin-1 (as browsers do: Windows-1252); the first piece
 * decides, and what is malformed after it becomes U+FFFD. The byte order mark is left out.
 */
export async function openText(host: Host, path: string): Promise<Result<Opened>> {
  const read = await host.fs.read(path, { offset: 0, limit: pieceSize });
  if (!read.ok) return read;
  const { bytes, size } = read.value;
  const what = binaryKind(bytes);
  if (what !== undefined) return ok({ kind: "binary", what, size });
  const encoding = encodingOf(bytes, bytes.length >= size);
  return ok({ kind: "text", encoding, size, pieces: () => decoded(host, path, encoding, bytes) });
}

async function* decoded(
  host: Host,
  path: string,
  encoding: Encoding,
  first: Uint8Array,
): AsyncGenerator<Result<string>> {
  const decoder = new TextDecoder(encoding);
  let offset = 0;
  let bytes = first;
  while (bytes.length > 0) {
    yield ok(decoder.decode(bytes, { stream: true }));
    offset += bytes.length;
    const read = await host.fs.read(path, { offset, limit: pieceSize });
    if (!read.ok) return yield read;
    bytes = read.value.bytes;
  }
  const rest = decoder.decode();
  if (rest !== "") yield ok(rest);
}

function encodingOf(start: Uint8Array, whole: boolean): Encoding {
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  if (start[0] === 0xfe && start[1] === 0xff) return "utf-16be";
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(start, { stream: !whole });
    return "utf-8";
  } catch {
    return "latin1";
  }
}

/** How files of a kind start, in Latin-1. */
const signatures: ReadonlyArray<readonly [start: string, what: string]> = [
  ["\x89PNG\r\n\x1a\n", "a PNG image"],
  ["\xff\xd8\xff", "a JPEG image"],
  ["GIF8", "a GIF image"],
  ["%PDF-", "a PDF document"],
  ["PK\x03\x04", "a ZIP archive (or a document in one: docx, xlsx, jar)"],
  ["\x7fELF", "an ELF program or library"],
  ["\x1f\x8b", "gzip data"],
  ["BZh", "bzip2 data"],
  ["\xfd7zXZ\0", "xz data"],
  ["\x28\xb5\x2f\xfd", "zstd data"],
  ["SQLite format 3\0", "an SQLite database"],
  ["\0asm", "a WebAssembly module"],
  ["RIFF", "a RIFF file (WAV, AVI or WebP)"],
  ["OggS", "an Ogg file"],
  ["ID3", "an MP3 file"],
  ["MZ", "a Windows program or library"],
];

/** What a file is that is no text: by its first bytes, or because there is a NUL among its first 8,000 (as git decides). */
function binaryKind(start: Uint8Array): string | undefined {
  const head = Buffer.from(start.subarray(0, 8000));
  const wide = (start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff);
  if (wide) return undefined;
  const hasNul = head.includes(0);
  const known = signatures.find(([signature]) => head.toString("latin1", 0, signature.length) === signature);
  // A text may start like some binary file ("MZ", "BZh"): those without control characters count only with a NUL.
  if (known !== undefined && (hasNul || /[^ -~]|^%PDF-/.test(known[0]))) return known[1];
  return hasNul ? "binary data" : undefined;
}
