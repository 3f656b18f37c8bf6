import { expect, test } from "bun:test";
import { keyDecoder, type Key } from "../../src/chat/keys.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function shown(keys: readonly Key[]): string[] {
  return keys.map((key) =>
    key.kind === "key" ? `<${key.name}>` : key.kind === "paste" ? `paste:${key.text}` : key.text,
  );
}

function typed(...pieces: string[]): string[] {
  const decoder = keyDecoder();
  return shown([...pieces.flatMap((piece) => decoder.push(bytes(piece))), ...decoder.flush()]);
}

test.each([
  ["a", ["a"]],
  ["\r", ["<enter>"]],
  ["\n", ["<ctrl-j>"]],
  ["\t", ["<tab>"]],
  ["\u007f\b", ["<backspace>", "<backspace>"]],
  ["\u0001\u0005\u0000\u001f", ["<ctrl-a>", "<ctrl-e>", "<ctrl-space>", "<ctrl-_>"]],
  ["\u001b[A\u001bOB", ["<up>", "<down>"]],
  ["\u001b[1;5D\u001b[1;3C\u001b[1;2A", ["<ctrl-left>", "<alt-right>", "<shift-up>"]],
  ["\u001b[3~\u001b[H\u001b[4~", ["<delete>", "<home>", "<end>"]],
  ["\u001bb\u001b\r\u001b\u007f", ["<alt-b>", "<alt-enter>", "<alt-backspace>"]],
  ["\u001b[13;2u\u001b[27;2;13~\u001b[97;5u", ["<shift-enter>", "<shift-enter>", "<ctrl-a>"]],
  ["\u001b[Z", ["<shift-tab>"]],
  ["ab漢字👩‍👩‍👧é", ["ab漢字👩‍👩‍👧é"]],
])("%j is %j", (text, expected) => expect(typed(text)).toEqual(expected));

test("a paste is one key, whatever is in it, and its line ends are line ends", () => {
  expect(typed("a\u001b[200~one\r\ntwo\rthree\t\u0003\u001b[A\u001b[201~b")).toEqual([
    "a",
    "paste:one\ntwo\nthree\t\u0003\u001b[A",
    "b",
  ]);
});

test("a key that comes in pieces is the same key, wherever it is cut", () => {
  const text = "é\u001b[1;5D漢\u001b[200~x\ny漢\u001b[201~\u001bOA\u001b[3~z";
  const whole = typed(text);
  const all = bytes(text);
  for (let cut = 1; cut < all.length; cut++) {
    const decoder = keyDecoder();
    const keys = [...decoder.push(all.subarray(0, cut)), ...decoder.push(all.subarray(cut)), ...decoder.flush()];
    const joined: string[] = [];
    for (const one of shown(keys)) {
      const before = joined.at(-1);
      if (before !== undefined && !/^[<p]/.test(one) && !/^[<p]/.test(before)) joined[joined.length - 1] = before + one;
      else joined.push(one);
    }
    expect(joined).toEqual(whole);
  }
});

test("an escape waits for what may belong to it, and is itself when nothing comes", () => {
  const decoder = keyDecoder();
  expect(decoder.push(bytes("\u001b"))).toEqual([]);
  expect(decoder.waits()).toBe(true);
  expect(shown(decoder.flush())).toEqual(["<escape>"]);
  expect(decoder.waits()).toBe(false);
  expect(shown(decoder.push(bytes("a")))).toEqual(["a"]);
});

test("what a terminal answers is not typed", () => {
  expect(typed("a\u001b]11;rgb:0000/0000/0000\u0007b\u001b[?62;4cc\u001bP1$r0m\u001b\\d")).toEqual([
    "a",
    "b",
    "c",
    "d",
  ]);
});

test("a sequence that never ends does not swallow what is typed after it for ever", () => {
  expect(typed(`\u001b[${"1".repeat(5000)}`, "x").at(-1)).toContain("x");
});
