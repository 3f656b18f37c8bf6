import { expect, test } from "bun:test";
import { callLabel, duration, short } from "../../src/render/format.ts";

test("durations are rounded once, and never to 1000ms or 60.0s", () => {
  const shown = [0, 3.4, 999.4, 999.6, 59_949, 59_960, 119_600, 3_599_900, 3_661_000].map(duration);
  expect(shown).toEqual(["0ms", "3ms", "999ms", "1.0s", "59.9s", "1m00s", "2m00s", "1h00m", "1h01m"]);
});

test("a text is cut to columns, not to characters", () => {
  expect(short("日本語のテキスト", 7)).toBe("日本語…");
  expect(short("a\nb", 7)).toBe("a b");
});

test("a call is shown by the first text among its arguments, on one line", () => {
  expect(callLabel({ id: "1", name: "x", arguments: '{"n":1,"path":"a\\nb"}' })).toBe("x 'a b'");
  expect(callLabel({ id: "1", name: "x", arguments: "{}" })).toBe("x");
  expect(callLabel({ id: "1", name: "x", arguments: "[1" })).toBe("x '[1'");
});
