import { expect, test } from "bun:test";
import { clean } from "../../src/render/clean.ts";
import { liveMarkdown } from "../../src/render/live.ts";
import { markdownText } from "../../src/render/markdown.ts";
import { screenModel } from "../helpers/screen-model.ts";
import { random } from "../native/random.ts";
import { documents } from "./markdown-documents.ts";

/** What a terminal shows of a text that came whole. */
function whole(text: string, columns: number): string {
  const screen = screenModel(columns, 1000);
  screen.write(markdownText(clean(text), columns));
  return screen.text();
}

function terminal(columns: number, rows: number, reflows = true) {
  const screen = screenModel(columns, rows, reflows);
  const size = { columns, rows };
  const writes: string[] = [];
  const write = async (text: string) => {
    writes.push(text);
    screen.write(text);
  };
  const live = liveMarkdown({ write, columns: () => size.columns, rows: () => size.rows });
  return { screen, live, size, writes };
}

test("however a text is cut into pieces, what is seen at the end is the whole text rendered, and what was finished stays", async () => {
  const { below, pick } = random(11);
  for (let round = 0; round < 150; round++) {
    const text = Array.from({ length: 1 + below(4) }, () => pick(documents)).join("\n\n");
    const [columns, rows] = [pick([12, 23, 40, 80]), pick([2, 5, 24])];
    const { screen, live } = terminal(columns, rows);
    let above = "";
    for (let at = 0; at < text.length;) {
      const length = 1 + below(pick([3, 30, 300]));
      await live.push(text.slice(at, at + length));
      at += length;
      expect(screen.above()).toStartWith(above);
      above = screen.above();
    }
    await live.end();
    expect(screen.above()).toStartWith(above);
    expect(screen.text()).toBe(whole(text, columns));
  }
});

test("text is seen as it comes, and a finished block is written no more", async () => {
  const { screen, live, writes } = terminal(40, 24);
  await live.push("# Title\n\nSome **bo");
  expect(screen.text()).toBe("Title\n\nSome **bo");
  await live.push("ld** text\n\n");
  expect(screen.text()).toBe("Title\n\nSome bold text");
  writes.length = 0;
  await live.push("Next\n\nOne");
  expect(writes.join("")).not.toContain("Title");
  expect(screen.text()).toBe("Title\n\nSome bold text\n\nNext\n\nOne");
});

test("of a block that is higher than the terminal the end is shown, and all of it once it is finished", async () => {
  const { screen, live } = terminal(40, 5);
  await live.push("before\n\n```\n");
  for (let line = 0; line < 30; line++) await live.push(`line ${line}\n`);
  expect(screen.text()).toBe("before\nline 27\nline 28\nline 29\n```");
  await live.push("```\n\nafter\n");
  expect(screen.text()).toStartWith("before\n\n```\nline 0\nline 1\n");
  expect(screen.text()).toEndWith("line 29\n```\n\nafter");
});

for (const reflows of [true, false]) {
  test(`a terminal that shrinks or grows, and ${reflows ? "breaks" : "cuts"} what is too wide, keeps nothing of what was drawn before`, async () => {
    const { screen, live, size } = terminal(60, 24, reflows);
    await live.push("A first block.\n\nA paragraph that is long enough to be broken into more than one row ");
    for (const columns of [20, 33, 11, 60]) {
      screen.resize((size.columns = columns));
      await live.push("and more ");
    }
    await live.end();
    expect(screen.text()).toBe(
      "A first block.\n\nA paragraph that is long enough to be broken into more than\none row and more and more and more and more",
    );
  });
}

test("a text without an end costs in proportion to its length", async () => {
  const { live, writes } = terminal(80, 24);
  await live.push("```\n");
  for (let line = 0; line < 1000; line++) await live.push(`code ${line}\n\nx\n`);
  await live.end();
  expect(writes.at(-1)?.length).toBeGreaterThan(10_000);
  expect(Math.max(...writes.slice(0, -1).map((text) => text.length))).toBeLessThan(4000);
});

test("a line end that comes in two pieces is one", async () => {
  const { screen, live } = terminal(80, 24);
  for (const piece of ["a\r", "\n\r", "\n", "b \ud83d", "\ude00 c\r"]) await live.push(piece);
  await live.end();
  expect(screen.text()).toBe("a\n\nb 😀 c␍");
});
