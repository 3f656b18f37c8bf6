import type { Transform } from "node:stream";
import { NetError } from "../core/net-error.ts";

/** What services may pack their answers in. */
export const acceptEncoding = "gzip, br, zstd";

/** What is unpacked at once. */
const chunkSize = 65_536;

const unpackers = new Map<string, () => Promise<Transform>>([
  ["gzip", async () => (await import("node:zlib")).createGunzip({ chunkSize })],
  ["x-gzip", async () => (await import("node:zlib")).createGunzip({ chunkSize })],
  ["deflate", async () => (await import("node:zlib")).createInflate({ chunkSize })],
  ["br", async () => (await import("node:zlib")).createBrotliDecompress({ chunkSize })],
  ["zstd", async () => (await import("node:zlib")).createZstdDecompress({ chunkSize })],
]);

/**
 * A response whose body is unpacked as it is read, and no further: Bun would unpack all that has come, and a few kilobytes can be a
 * gigabyte. `end` ends its request, so that who cancels the body waits for nobody; `origin` is for messages.
 */
export function unpacked(response: Response, origin: string, end: () => void): Response {
  const { body, status, statusText, headers } = response;
  const packing = headers.get("content-encoding")?.toLowerCase() ?? "";
  const unpacker = unpackers.get(packing);
  if (body === null || unpacker === undefined) return response;
  const broken = (cause: unknown): NetError => {
    const text = `Cannot read the answer of '${origin}': it is cut, or not packed in '${packing}' as it says`;
    return new NetError("failed", text, undefined, { cause });
  };
  const pieces = unpack(body, unpacker, broken);
  const read = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => {
        end();
        await pieces.return(undefined).catch(() => undefined);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(read, { status, statusText, headers });
}

async function* unpack(
  body: ReadableStream<Uint8Array>,
  open: () => Promise<Transform>,
  broken: (cause: unknown) => NetError,
): AsyncGenerator<Uint8Array, void> {
  const packed = body[Symbol.asyncIterator]();
  const first = await packed.next();
  // Nothing is nothing, whatever it is said to be packed in.
  if (first.done === true) return;
  const { pipeline } = await import("node:stream");
  const unpacker = await open();
  /** The connection failed, and not the unpacking of what came. */
  let lost = false;
  const all = async function* () {
    yield first.value;
    try {
      yield* packed;
    } catch (error) {
      lost = true;
      throw error;
    }
  };
  // Its failures are the unpacker's.
  pipeline(all, unpacker, () => undefined);
  try {
    yield* unpacker;
  } catch (error) {
    throw lost ? error : broken(error);
  }
}
