import { describe, expect, test } from "bun:test";
import { Lines } from "../../src/mcp/lines.ts";
import { Tail } from "../../src/mcp/tail.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function read(...pieces: Uint8Array[]) {
  const messages: unknown[] = [];
  let tooLong = 0;
  const lines = new Lines({ message: (message) => void messages.push(message), tooLong: () => void tooLong++ });
  for (const piece of pieces) lines.push(piece);
  return { messages, lines, tooLong: () => tooLong };
}

const ping = { jsonrpc: "2.0", id: 1, method: "ping" } as const;

describe("messages that come one a line", () => {
  test("are read however they are cut, in the middle of a character too", () => {
    const whole = bytes(`${JSON.stringify({ ...ping, params: { text: "häß🙂" } })}\r\n${JSON.stringify(ping)}\n`);
    for (const size of [1, 2, 3, 7, whole.length]) {
      const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, n) =>
        whole.subarray(n * size, (n + 1) * size),
      );
      expect(read(...pieces).messages).toEqual([{ ...ping, params: { text: "häß🙂" } }, ping]);
    }
  });

  test("are kept apart from what is none, whose start is kept", () => {
    const { messages, lines } = read(
      bytes(`Welcome!\n\n{"a":1}\n[]\nnull\n${JSON.stringify(ping)}\n${"x".repeat(500)}\n`),
    );
    expect(messages).toEqual([ping]);
    expect(lines.noise()).toBe(`Welcome!\n{"a":1}\n[]\nnull\n${"x".repeat(175)}`);
  });

  test("that are meant as answers and are none fail what they answer, so that nobody waits for it", () => {
    const wrong = ['{"jsonrpc":"2.0","id":1,"result":null}', '{"jsonrpc":"2.0","id":"a","error":"no"}'];
    const none = ['{"jsonrpc":"2.0","id":null,"result":{}}', '{"jsonrpc":"2.0","id":1}', '{"id":1,"result":null}'];
    const { messages } = read(bytes([...wrong, ...none].map((line) => `${line}\n`).join("")));
    const failure = (text: string | undefined) => ({ code: -32603, message: `it answers, but not as MCP: '${text}'` });
    expect(messages).toEqual([
      { jsonrpc: "2.0", id: 1, error: failure(wrong[0]) },
      { jsonrpc: "2.0", id: "a", error: failure(wrong[1]) },
    ]);
  });

  test("are waited for to their end; what is there of one that is none is told", () => {
    const { messages, lines } = read(bytes("220 smtp.example.com ready"));
    expect(messages).toEqual([]);
    expect(lines.noise()).toBe("220 smtp.example.com ready");
  });

  test("of more than 64 MB end it, and nothing is kept of them", () => {
    const piece = new Uint8Array(16_000_000).fill(120);
    const { tooLong, messages, lines } = read(
      ...Array<Uint8Array>(6).fill(piece),
      bytes(`\n${JSON.stringify(ping)}\n`),
    );
    expect(tooLong()).toBe(1);
    expect(messages).toEqual([]);
    expect(lines.noise().length).toBeLessThan(300);
  });

  test("hold no bytes that their reader may use again", () => {
    const piece = bytes('{"jsonrpc":"2.0",');
    const { messages, lines } = read(piece);
    piece.fill(0);
    lines.push(bytes('"method":"note"}\n'));
    expect(messages).toEqual([{ jsonrpc: "2.0", method: "note" }]);
  });
});

describe("the end of what a program says", () => {
  test("is all of it where that is short", () => {
    const tail = new Tail(100);
    tail.push(bytes("one\ntw"));
    tail.push(bytes("o\n"));
    expect(tail.text()).toBe("one\ntwo");
  });

  test("starts at a line where it was cut", () => {
    const tail = new Tail(20);
    for (let line = 0; line < 100; line++) tail.push(bytes(`line ${line}\n`));
    expect(tail.text()).toBe("line 98\nline 99");
  });

  test("of one piece that is a flood is the end of the flood", () => {
    const tail = new Tail(10);
    tail.push(bytes(`${"x".repeat(1_000_000)}the end`));
    expect(tail.text()).toBe("xxxthe end");
  });
});
