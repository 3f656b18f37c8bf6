import { expect, test } from "bun:test";
import { picture, type Seen } from "../../src/chat/picture.ts";

const seen = (rows: number, more: Partial<Seen> = {}): Seen => ({
  columns: 40,
  rows,
  color: false,
  work: { label: "working", view: undefined, now: 0 },
  waiting: ["next"],
  typed: { text: "typed", cursor: 5 },
  candidates: ["one", "two"],
  below: "the footer",
  ...more,
});

test.each([
  [2, ["> typed"]],
  [3, ["waits: next", "> typed"]],
  [4, ["⠋ working · Ctrl-C stops", "waits: next", "> typed"]],
  [6, ["", "⠋ working · Ctrl-C stops", "waits: next", "> typed", "one  two"]],
  [7, ["", "⠋ working · Ctrl-C stops", "waits: next", "> typed", "one  two", "the footer"]],
])("in %i rows there is what is typed, then what is under way", (rows, expected) => {
  expect(picture(seen(rows))).toEqual({ rows: expected, cursor: { row: expected.indexOf("> typed"), column: 7 } });
});
