import { expect, test } from "bun:test";
import { readBegin, shown } from "../../src/mcp/begin.ts";
import { watched } from "../../src/mcp/watched.ts";

function bodyOf(pieces: readonly string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  const left = [...pieces];
  return new ReadableStream({
    pull: (controller) => {
      const next = left.shift();
      if (next === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(next));
    },
  });
}

/** What comes through, and how it ends. */
async function read(
  pieces: readonly string[],
  bounds: { largest?: number; largestEvent?: number },
): Promise<{ text: string; end: string; told: number }> {
  let told = 0;
  const stream = watched(bodyOf(pieces), { ...bounds, piece: () => undefined, ended: () => void told++ });
  let text = "";
  try {
    for await (const piece of stream) text += new TextDecoder().decode(piece);
    return { text, end: "whole", told };
  } catch (error) {
    return { text, end: error instanceof Error ? error.message : "?", told };
  }
}

const tooLong = "it sent a message that is too long: more than 0.00001 MB";

test("a body goes through unharmed as long as it is within its bound", async () => {
  expect(await read(["12345", "67890"], { largest: 10 })).toEqual({ text: "1234567890", end: "whole", told: 1 });
  expect(await read(["12345", "678901"], { largest: 10 })).toEqual({ text: "12345", end: tooLong, told: 1 });
});

test("of an event stream each event has the bound, wherever it is cut into pieces", async () => {
  const streams = [
    ["data: 1\n\ndata: 2\n\ndata: 3\n\n"],
    ["data: 1\n", "\ndata: 2\n", "\n", "data: 3\n\n"],
    ["data: 1\r\n\r\n", "data: 2\r\n\r", "\ndata: 3\r\n\r\n"],
    ["data: 1\r\rdata: 2\r", "\rdata: 3\r\r"],
  ];
  for (const pieces of streams) {
    expect(await read(pieces, { largestEvent: 12 })).toEqual({ text: pieces.join(""), end: "whole", told: 1 });
  }
});

test("an event that goes on and on is ended, whatever line ends it has", async () => {
  for (const line of ["a\n", "a\r", "a\r\n", "a"]) {
    const { end, told } = await read(["data: 1\n\n", ...Array.from({ length: 20 }, () => line)], { largestEvent: 10 });
    expect({ line, end, told }).toEqual({ line, end: tooLong, told: 1 });
  }
});

test("of an endless body only the begin is read", async () => {
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => {
      pulled++;
      controller.enqueue(new TextEncoder().encode("x".repeat(100)));
    },
  });
  expect((await readBegin(endless, 250)).length).toBe(250);
  expect(pulled).toBeLessThan(6);
});

test("what is shown is one line, without what a terminal or a reader's eye obeys", () => {
  expect(shown(" a\r\n\tb\u001b[31m\u0007c\u202ed\u0000 ")).toBe("a b [31m c d");
  expect(shown(new Uint8Array([104, 105, 0xc3]))).toBe("hi");
  expect(shown("x".repeat(500))).toHaveLength(200);
});
