/** How a text is written. */
export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "latin1";

/** What a file holds, by its bytes and not by its name. `mediaType`: it is an image or a PDF, as models can be shown them. */
export type Content = { kind: "text"; encoding: Encoding } | { kind: "binary"; what: string; mediaType?: string };

/**
 * What a file holds, by its start. Text is UTF-8, UTF-16 with a byte order mark, or else Latin-1 (as browsers do: Windows-1252).
 * `whole`: the start is all of it.
 */
export function contentOf(start: Uint8Array, whole: boolean): Content {
  if (Buffer.compare(start.subarray(0, 4), utf32) === 0) return { kind: "binary", what: "text in UTF-32" };
  const wide = start[0] === 0xff && start[1] === 0xfe ? "utf-16le" : undefined;
  const encoding = wide ?? (start[0] === 0xfe && start[1] === 0xff ? "utf-16be" : undefined);
  if (encoding !== undefined) return { kind: "text", encoding };
  return binary(start) ?? { kind: "text", encoding: isUtf8(start, whole) ? "utf-8" : "latin1" };
}

/** The byte order mark of UTF-32 (little endian) begins as that of UTF-16 does. */
const utf32 = Uint8Array.from([0xff, 0xfe, 0, 0]);

/** What a model reads beside a text that is not UTF-8. */
export const encodingNotes: Readonly<Record<Exclude<Encoding, "utf-8">, string>> = {
  "utf-16le": "decoded from UTF-16 (little endian)",
  "utf-16be": "decoded from UTF-16 (big endian)",
  latin1: "decoded from Latin-1, since it is not valid UTF-8",
};

function isUtf8(start: Uint8Array, whole: boolean): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(start, { stream: !whole });
    return true;
  } catch {
    return false;
  }
}

type Signature = { at?: number; bytes: string; what: string; mediaType?: string };

/** How files of a kind start, in Latin-1. The first one that fits counts. */
const signatures: readonly Signature[] = [
  { bytes: "\x89PNG\r\n\x1a\n", what: "a PNG image", mediaType: "image/png" },
  { bytes: "\xff\xd8\xff", what: "a JPEG image", mediaType: "image/jpeg" },
  { bytes: "GIF87a", what: "a GIF image", mediaType: "image/gif" },
  { bytes: "GIF89a", what: "a GIF image", mediaType: "image/gif" },
  { at: 8, bytes: "WEBPVP8", what: "a WebP image", mediaType: "image/webp" },
  { bytes: "%PDF-", what: "a PDF document", mediaType: "application/pdf" },
  { bytes: "II*\0", what: "a TIFF image" },
  { bytes: "MM\0*", what: "a TIFF image" },
  { bytes: "BM", what: "a BMP image" },
  { at: 4, bytes: "ftyp", what: "a film or an image of the MP4 family (MP4, MOV, HEIC, AVIF)" },
  { bytes: "PK\x03\x04", what: "a ZIP archive (or a document in one: docx, xlsx, jar)" },
  { bytes: "\x7fELF", what: "an ELF program or library" },
  { bytes: "\xcf\xfa\xed\xfe", what: "a macOS program or library" },
  { bytes: "\xca\xfe\xba\xbe", what: "a Java class, or a macOS program" },
  { bytes: "\x1f\x8b", what: "gzip data" },
  { bytes: "BZh", what: "bzip2 data" },
  { bytes: "\xfd7zXZ\0", what: "xz data" },
  { bytes: "\x28\xb5\x2f\xfd", what: "zstd data" },
  { bytes: "7z\xbc\xaf\x27\x1c", what: "a 7-Zip archive" },
  { bytes: "Rar!\x1a\x07", what: "a RAR archive" },
  { at: 257, bytes: "ustar", what: "a tar archive" },
  { bytes: "SQLite format 3\0", what: "an SQLite database" },
  { bytes: "\0asm", what: "a WebAssembly module" },
  { bytes: "GGUF", what: "a GGUF model" },
  { bytes: "RIFF", what: "a RIFF file (WAV or AVI)" },
  { bytes: "OggS", what: "an Ogg file" },
  { bytes: "ID3", what: "an MP3 file" },
  { bytes: "MZ", what: "a Windows program or library" },
];

/** A file that is no text: by its signature, or because there is a NUL among its first 8,000 bytes (as git decides). */
function binary(start: Uint8Array): Content | undefined {
  const head = Buffer.from(start.subarray(0, 8000));
  const hasNul = head.includes(0);
  const known = signatures.find(({ at = 0, bytes }) => head.toString("latin1", at, at + bytes.length) === bytes);
  // A text may start like some binary file ("MZ", "BZh"): those of plain letters count only with a NUL.
  if (known !== undefined && (hasNul || /[^ -~]|^%PDF-/.test(known.bytes))) {
    const { what, mediaType } = known;
    return { kind: "binary", what, ...(mediaType === undefined ? {} : { mediaType }) };
  }
  return hasNul ? { kind: "binary", what: "binary data" } : undefined;
}
