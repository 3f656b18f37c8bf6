import { expect, test } from "bun:test";
import { clean, cleanJson, cleanLine } from "../../src/render/clean.ts";

test("every character that a terminal obeys becomes one that it shows, line ends and tabs apart", () => {
  const codes = Array.from({ length: 0x3000 }, (_, code) => String.fromCharCode(code));
  for (const one of codes) {
    const shown = clean(one);
    const obeyed = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(one);
    if (one === "\n" || one === "\t" || !obeyed) expect(shown).toBe(one);
    else expect(shown).toMatch(/^[\u2400-\u2421\ufffd]$/u);
  }
});

test("line ends of other systems are line ends, a return alone is shown", () => {
  expect(clean("a\r\nb\rc")).toBe("a\nb␍c");
});

test("one line stays one line", () => {
  expect(cleanLine("  a\r\n\tb\u2028 c \u001b[2K")).toBe("a b c ␛[2K");
});

test("JSON says the same and holds nothing that a terminal obeys", () => {
  const value = { "\u009b\u202e": ["\u007f\u0085\u2066", 'é 🙂 \\ " \n \ud800'] };
  const json = cleanJson(value, 2);
  expect(JSON.parse(json)).toEqual(value);
  expect(json).toContain('"\\u009b\\u202e"');
  expect(/[\u007f-\u009f\u202e\u2066]/u.test(json)).toBe(false);
});
