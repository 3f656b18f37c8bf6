import { expect, test } from "bun:test";
import { sinceTime } from "../../src/cli/since.ts";

const now = Date.UTC(2026, 10, 23, 12);

test("a time is so long ago, or a day or a time in UTC, or all there is", () => {
  const times = [
    [undefined, 0],
    ["90m", now - 90 * 60_000],
    ["12h", now - 12 * 3_600_000],
    ["7d", now - 7 * 86_400_000],
    ["2w", now - 14 * 86_400_000],
    ["2026-11-01", Date.UTC(2026, 10, 1)],
    ["2024-02-29", Date.UTC(2024, 1, 29)],
    ["2026-11-01T08:30", Date.UTC(2026, 10, 1, 8, 30)],
    ["2026-11-01T08:30:15Z", Date.UTC(2026, 10, 1, 8, 30, 15)],
  ] as const;
  for (const [text, time] of times) expect(sinceTime(text, now)).toEqual({ ok: true, value: time });
});

test("what is no time is a failure that says what is", () => {
  for (const text of [
    "",
    "7",
    "7x",
    "-7d",
    "1.5h",
    "2026-02-29",
    "2026-13-01",
    "2026-11-01T25:00",
    "yesterday",
    "9999999d",
  ]) {
    expect(sinceTime(text, now)).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("'2026-11-01'") },
    });
  }
});
