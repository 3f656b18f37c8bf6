/**
 * The header of a GGUF file: its metadata and its list of tensors, as https://github.com/ggml-org/ggml/blob/master/docs/gguf.md has
 * it. Of the vendor's reader on npm (@huggingface/gguf) a file that was cut is whole, and it brings a quarter of a megabyte along.
 */
import { ok, type Result } from "../core/result.ts";
import { quantOf, type Quant } from "./gguf-quants.ts";

/** Reads `length` bytes of the file from `offset`; fewer only at its end. */
export type ReadBytes = (offset: number, length: number) => Uint8Array;

/** A list holds what is in it only where that is a few numbers; of a vocabulary only the length is kept. */
export type GgufValue = string | number | boolean | { length: number; numbers: number[] | undefined };

export type GgufHeader = {
  metadata: ReadonlyMap<string, GgufValue>;
  /** Of all tensors together. */
  parameters: number;
  /** Bytes of the weights by how they are quantised. */
  bytes: ReadonlyMap<string, number>;
};

/** No real header is larger; what is read of a hostile file is bounded by it. */
const largestHeader = 128 * 1024 * 1024;
/** A chat template has some 10,000 bytes; names have fewer. */
const longestText = 1024 * 1024;
/** Lists are kept for what differs from layer to layer. */
const longestList = 4096;
const mostDimensions = 4;

/** Reads the header of a file of `size` bytes. The error is the end of a message: "it is not a GGUF file". */
export function readGguf(read: ReadBytes, size: number): Result<GgufHeader, string> {
  try {
    return ok(readHeader(new Cursor(read, size), size));
  } catch (error) {
    if (error instanceof Broken) return { ok: false, error: error.message };
    throw error;
  }
}

class Broken extends Error {}

function readHeader(cursor: Cursor, size: number): GgufHeader {
  const magic = size < 4 ? "" : cursor.ascii(4);
  if (magic !== "GGUF") throw new Broken(`it is not a GGUF file${whatItIs(magic)}`);
  const version = cursor.uint32();
  if ((version & 0xffff) === 0) throw new Broken("it is a GGUF file for big-endian machines");
  if (version !== 2 && version !== 3) throw new Broken(`it is of GGUF version ${version}, and 2 and 3 can be read`);
  const tensors = cursor.count();
  const pairs = cursor.count();
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < pairs; index++) metadata.set(cursor.text(), readValue(cursor, cursor.uint32()));

  let parameters = 0;
  let end = 0;
  const bytes = new Map<string, number>();
  for (let index = 0; index < tensors; index++) {
    const tensor = readTensor(cursor);
    parameters += tensor.elements;
    bytes.set(tensor.quant.name, (bytes.get(tensor.quant.name) ?? 0) + tensor.bytes);
    end = Math.max(end, tensor.offset + tensor.bytes);
  }
  // Even at one bit a number, so many bytes hold no more.
  if (parameters > size * 8) throw new Broken("it is cut or damaged: its bytes cannot hold its tensors");
  if (tensors > 0) {
    const alignment = metadata.get("general.alignment") ?? 32;
    if (typeof alignment !== "number" || !(alignment > 0)) throw new Broken("its alignment is no number");
    end += Math.ceil(cursor.position / alignment) * alignment;
    if (end > size) throw new Broken(`it is cut: it has ${size} of ${end} bytes`);
  }
  return { metadata, parameters, bytes };
}

/** What a file is that is no GGUF, where its first bytes tell. */
function whatItIs(magic: string): string {
  const known = otherFiles.find(([beginnings]) => beginnings.includes(magic))?.[1];
  const what = known ?? (/^...\0$/s.test(magic) ? "it may be safetensors, which must be converted" : undefined);
  return what === undefined ? "" : `: ${what}`;
}

const otherFiles: ReadonlyArray<readonly [beginnings: readonly string[], what: string]> = [
  [["PK\u0003\u0004"], "it is a zip archive, as PyTorch writes them"],
  [["vers"], "it is a pointer of Git LFS, not what it points to"],
  [["<!DO", "<!do", "<htm"], "it is a web page"],
  [["ggjt", "ggml", "lmgg", "tjgg"], "it is of a format before GGUF"],
];

function readTensor(cursor: Cursor): { elements: number; bytes: number; offset: number; quant: Quant } {
  cursor.text();
  const dimensions = cursor.uint32();
  if (dimensions > mostDimensions) throw new Broken(`a tensor has ${dimensions} dimensions`);
  let elements = 1;
  for (let index = 0; index < dimensions; index++) elements *= cursor.uint64();
  const quant = quantOf(cursor.uint32());
  return { elements, bytes: (elements / quant.block) * quant.bytes, offset: cursor.uint64(), quant };
}

/** The bytes of a value of each type, by its number; text and list have none of their own. */
const widths = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];
const types = { bool: 7, text: 8, list: 9 };

function readValue(cursor: Cursor, type: number): GgufValue {
  if (type === types.text) return cursor.text();
  if (type === types.list) return readList(cursor);
  const number = cursor.number(type);
  return type === types.bool ? number !== 0 : number;
}

function readList(cursor: Cursor): GgufValue {
  const type = cursor.uint32();
  const length = cursor.count();
  if (type === types.list) throw new Broken("it holds a list of lists");
  if (type === types.text) {
    for (let index = 0; index < length; index++) cursor.skip(cursor.uint64());
    return { length, numbers: undefined };
  }
  if (length > longestList) {
    cursor.skip(length * widthOf(type));
    return { length, numbers: undefined };
  }
  return { length, numbers: Array.from({ length }, () => cursor.number(type)) };
}

function widthOf(type: number): number {
  const width = widths[type];
  if (width === undefined) throw new Broken(`it holds a value of the unknown type ${type}`);
  return width;
}

/** Goes through the file from its beginning, a piece of it in memory. */
class Cursor {
  position = 0;
  #piece: DataView = new DataView(new ArrayBuffer(0));
  #start = 0;

  constructor(
    readonly read: ReadBytes,
    readonly size: number,
  ) {}

  /** How many of something follow. Each takes a byte at least, so that no number is larger than the file. */
  count(): number {
    const count = this.uint64();
    if (count > this.size) throw new Broken("it is cut or damaged: its header counts more than it has bytes");
    return count;
  }

  /** As many bytes as characters. */
  ascii(length: number): string {
    const at = this.#take(length);
    return String.fromCharCode(...new Uint8Array(this.#piece.buffer, this.#piece.byteOffset + at, length));
  }

  uint32(): number {
    const at = this.#take(4);
    return this.#piece.getUint32(at, true);
  }

  /** A number that fits into no double is none of a real file. */
  uint64(): number {
    const at = this.#take(8);
    const value = Number(this.#piece.getBigUint64(at, true));
    if (!Number.isSafeInteger(value)) throw new Broken("it is damaged: a number in its header is too large");
    return value;
  }

  text(): string {
    const length = this.uint64();
    if (length > longestText) throw new Broken(`it is damaged: a text in its header has ${length} bytes`);
    const at = this.#take(length);
    return new TextDecoder().decode(new Uint8Array(this.#piece.buffer, this.#piece.byteOffset + at, length));
  }

  number(type: number): number {
    const at = this.#take(widthOf(type));
    const piece = this.#piece;
    switch (type) {
      case 0:
      case types.bool:
        return piece.getUint8(at);
      case 1:
        return piece.getInt8(at);
      case 2:
        return piece.getUint16(at, true);
      case 3:
        return piece.getInt16(at, true);
      case 4:
        return piece.getUint32(at, true);
      case 5:
        return piece.getInt32(at, true);
      case 6:
        return piece.getFloat32(at, true);
      case 10:
        return Number(piece.getBigUint64(at, true));
      case 11:
        return Number(piece.getBigInt64(at, true));
      default:
        return piece.getFloat64(at, true);
    }
  }

  skip(length: number): void {
    this.#advance(length);
  }

  /** Where in the piece the next bytes are. */
  #take(length: number): number {
    const at = this.position;
    this.#advance(length);
    if (at < this.#start || this.position > this.#start + this.#piece.byteLength) {
      const bytes = this.read(at, Math.min(Math.max(length, longestText), this.size - at));
      this.#piece = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#start = at;
      if (bytes.byteLength < length) throw new Broken("it became shorter while it was read");
    }
    return at - this.#start;
  }

  #advance(length: number): void {
    this.position += length;
    if (this.position > this.size) throw new Broken("it is cut in the middle of its header");
    if (this.position > largestHeader) throw new Broken("its header is too large");
  }
}
