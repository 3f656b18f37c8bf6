/** Small GGUF files for tests, written as https://github.com/ggml-org/ggml/blob/master/docs/gguf.md has it. */

/** A list of texts or of 32-bit numbers; a number is a u32, a number with a fraction an f32. */
export type GgufTestValue = string | number | boolean | bigint | string[] | number[];
export type GgufTestTensor = { name: string; shape: number[]; type: number; bytes: number };

const typeNumbers = { u32: 4, f32: 6, bool: 7, text: 8, list: 9, u64: 10 };

/** A whole file. The tensors' bytes are zeros. */
export function makeGguf(
  metadata: Record<string, GgufTestValue>,
  tensors: GgufTestTensor[] = [],
  { version = 3 }: { version?: number } = {},
): Uint8Array<ArrayBuffer> {
  const parts: Buffer[] = [Buffer.from("GGUF"), u32(version), u64(tensors.length), u64(Object.keys(metadata).length)];
  for (const [key, value] of Object.entries(metadata)) parts.push(text(key), ...typed(value));
  let offset = 0;
  for (const { name, shape, type, bytes } of tensors) {
    parts.push(text(name), u32(shape.length), ...shape.map((size) => u64(size)), u32(type), u64(offset));
    offset += Math.ceil(bytes / 32) * 32;
  }
  const header = Buffer.concat(parts);
  const padding = tensors.length === 0 ? 0 : Math.ceil(header.length / 32) * 32 - header.length;
  return new Uint8Array(Buffer.concat([header, Buffer.alloc(padding + offset)]));
}

/** A model that says what a real one says of itself. `values` are 32-bit numbers of its only large tensor. */
export function tinyModel(metadata: Record<string, GgufTestValue> = {}, values = 64): Uint8Array<ArrayBuffer> {
  const usual = {
    "general.architecture": "llama",
    "general.name": "Tiny",
    "general.license": "mit",
    "general.file_type": 15,
    "llama.block_count": 2,
    "llama.context_length": 4096,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 8,
    "llama.attention.head_count_kv": 2,
    "tokenizer.ggml.tokens": ["<s>", "a", "b"],
    "tokenizer.chat_template": "{{ messages }}",
  };
  return makeGguf({ ...usual, ...metadata }, [
    { name: "token_embd.weight", shape: [values], type: 0, bytes: values * 4 },
  ]);
}

function typed(value: GgufTestValue): Buffer[] {
  if (typeof value === "string") return [u32(typeNumbers.text), text(value)];
  if (typeof value === "boolean") return [u32(typeNumbers.bool), Buffer.from([value ? 1 : 0])];
  if (typeof value === "bigint") return [u32(typeNumbers.u64), u64(value)];
  if (typeof value === "number")
    return [u32(Number.isInteger(value) ? typeNumbers.u32 : typeNumbers.f32), number(value)];
  const type = typeof value[0] === "string" ? typeNumbers.text : typeNumbers.u32;
  const elements = value.map((one) => (typeof one === "string" ? text(one) : number(one)));
  return [u32(typeNumbers.list), u32(type), u64(value.length), ...elements];
}

function number(value: number): Buffer {
  if (Number.isInteger(value)) return u32(value);
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
