import { describe, expect, test } from "bun:test";
import { Bounded, boundedText, grouped, mostCharacters } from "../../src/tools/bound.ts";

describe("a text that is bounded", () => {
  test("and fits is shown as it is, with no whole beside it", () => {
    const text = "x".repeat(mostCharacters);
    expect(boundedText(text, (count) => count)).toEqual({ content: text });
  });

  test("and is longer says what was left out, and has its whole", () => {
    const text = `${"a".repeat(30_000)}${"b".repeat(30_000)}`;
    const { content, whole } = boundedText(text, (count) => `${count} left out`);
    expect(content).toBe(`${"a".repeat(25_000)}\n[10,000 left out]\n${"b".repeat(25_000)}`);
    expect(whole).toBe(text);
  });

  test("keeps of a whole of more than ten million characters the start and the end", () => {
    const kept = new Bounded();
    for (let piece = 0; piece < 12; piece++) kept.add(String.fromCharCode(97 + piece).repeat(1_000_000));
    const { whole = "" } = kept.whole();
    expect(whole.length).toBeLessThan(10_000_100);
    expect(whole).toStartWith("aaa");
    expect(whole).toEndWith("lll");
    expect(whole).toContain("\n[2,000,000 characters left out]\n");
  });
});

test("a count is grouped in thousands", () => {
  for (const count of [0, 999, 1000, 12_345, 123_456, 1_234_567, Number.MAX_SAFE_INTEGER]) {
    expect(grouped(count)).toBe(count.toLocaleString("en-US"));
  }
});
