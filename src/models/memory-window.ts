import type { ModelSize } from "../core/model.ts";

const gigabyte = 1e9;

/** The longest context that is good with so much memory for inference, in gigabytes; the first row that fits counts. */
const steps: ReadonlyArray<{ memory: number; window: number }> = [
  { memory: 24, window: 131_072 },
  { memory: 16, window: 32_768 },
  { memory: 8, window: 8192 },
  { memory: 0, window: 4096 },
];

/** The window that memory has room for; `memory` is in bytes, and nothing is known of it where it is undefined. */
function roomFor(memory: number | undefined): number {
  if (memory === undefined) return Infinity;
  return steps.find((step) => memory >= step.memory * gigabyte)?.window ?? Infinity;
}

/**
 * The window of a model on one's own hardware: what the agent file asks for, else what the memory has room for; never more than it
 * was made for. All in tokens, `memory` in bytes.
 */
export function ownWindow(
  name: string,
  { longest = Infinity, wanted }: { longest?: number | undefined; wanted?: number | undefined },
  memory: number | undefined,
): ModelSize & { warning?: string } {
  const room = roomFor(memory);
  const window = Math.min(wanted ?? room, longest);
  const size = window === Infinity ? {} : { window };
  if (window <= room || memory === undefined) return size;
  const [asked, good] = [window, room].map((tokens) => tokens.toLocaleString("en-US"));
  const has = `${(memory / gigabyte).toFixed(0)} GB of memory are good for ${good}`;
  return {
    ...size,
    warning: `The context of '${name}' is ${asked} tokens, and ${has}: it may be slow, or answer worse`,
  };
}

/** What REIN_VRAM says, in bytes: a number of gigabytes. Undefined where it says nothing that can be read. */
export function memoryIn(text: string | undefined): number | undefined {
  const gigabytes = /^\s*(\d+(?:\.\d+)?)\s*(?:g|gb|gib)?\s*$/i.exec(text ?? "")?.[1];
  return gigabytes === undefined ? undefined : Number(gigabytes) * gigabyte;
}
