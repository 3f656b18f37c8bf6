import type { Host } from "../core/host.ts";
import { ok } from "../core/result.ts";
import type { Result } from "../core/result.ts";
import { contentOf, type Encoding } from "./content.ts";

/** Files are read in pieces of this many bytes, so that a large one never fills the memory. */
export const pieceSize = 256 * 1024;

/** A file's start, decoded, or the word for what it is when it is no text. */
export type Opened =
  | { kind: "text"; encoding: Encoding; size: number; pieces(): AsyncGenerator<Result<string>> }
  | { kind: "binary"; what: string; mediaType?: string; size: number };

/**
 * Opens a file as text. The first piece decides on its encoding, and what is malformed after it becomes U+FFFD. The byte order
 * mark is left out.
 */
export async function openText(host: Host, path: string): Promise<Result<Opened>> {
  const read = await host.fs.read(path, { offset: 0, limit: pieceSize });
  if (!read.ok) return read;
  const { bytes, size } = read.value;
  const content = contentOf(bytes, bytes.length >= size);
  if (content.kind === "binary") return ok({ ...content, size });
  const { encoding } = content;
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
