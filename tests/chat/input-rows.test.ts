import { expect, test } from "bun:test";
import { inputRows } from "../../src/chat/input-rows.ts";

const shape = { prompt: "> ", more: "  ", width: 10, height: 5 };
const rows = (text: string, cursor = text.length, more = {}) => inputRows(text, cursor, { ...shape, ...more });

test.each([
  ["", { rows: ["> "], row: 0, column: 2 }],
  ["abc", { rows: ["> abc"], row: 0, column: 5 }],
  ["abcdefgh", { rows: ["> abcdefgh", "  "], row: 1, column: 2 }],
  ["abcdefghi", { rows: ["> abcdefgh", "  i"], row: 1, column: 3 }],
  ["a\nb", { rows: ["> a", "  b"], row: 1, column: 3 }],
  ["a\n", { rows: ["> a", "  "], row: 1, column: 2 }],
  ["a\r\nb", { rows: ["> a", "  b"], row: 1, column: 3 }],
  ["漢字漢字漢", { rows: ["> 漢字漢字", "  漢"], row: 1, column: 4 }],
  ["a\tb", { rows: ["> a    b"], row: 0, column: 8 }],
  ["\u001b[2Jx", { rows: ["> ␛[2Jx"], row: 0, column: 7 }],
])("%j", (text, expected) => expect(rows(text)).toEqual(expected));

test("no row is wider than it may be, and the cursor stands before its character", () => {
  const text = "some 漢字 words\tand é 👩‍👩‍👧 more\nand a second line that is long";
  for (let width = 4; width < 30; width++) {
    for (let cursor = 0; cursor <= text.length; cursor++) {
      const { rows: made, row, column } = rows(text, cursor, { width, height: 50 });
      for (const one of made) expect(Bun.stringWidth(one)).toBeLessThanOrEqual(width);
      expect(row).toBeLessThan(made.length);
      expect(column).toBeLessThan(width + 1);
    }
  }
});

test("of a long text the rows around the cursor are shown, at any length as quickly", () => {
  const text = Array.from({ length: 100_000 }, (_, index) => `line ${index}`).join("\n");
  const at = text.indexOf("line 5000\n");
  expect(rows(text, at, { width: 40 })).toEqual({
    rows: ["  line 4998", "  line 4999", "  line 5000", "  line 5001", "  line 5002"],
    row: 2,
    column: 2,
  });
  const wide = "x".repeat(1_000_000);
  expect(rows(wide, 500_000, { width: 40 }).rows.length).toBe(5);
});
