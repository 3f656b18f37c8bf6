import { expect, test } from "bun:test";
import { clean } from "../../src/render/clean.ts";
import { markdownText } from "../../src/render/markdown.ts";
import { random } from "../native/random.ts";
import { documents } from "./markdown-documents.ts";

const plain = (text: string, columns = 80) => Bun.stripANSI(markdownText(clean(text), columns));

test.each([
  ["[docs](https://example.com/a)", "docs (https://example.com/a)\n"],
  ["[https://good.example](https://evil.example/x)", "https://good.example (https://evil.example/x)\n"],
  ["[https://same.example](https://same.example)", "https://same.example\n"],
  ["[аpple](https://аpple.com)", "аpple (https://xn--pple-43d.com/)\n"],
  ["[a file](src/a.ts)", "a file (src/a.ts)\n"],
  ["![a picture](https://example.com/p.png)", "a picture (https://example.com/p.png)\n"],
  ["[run](javascript:alert(1))", "run (javascript:alert(1))\n"],
])("the target of the link %s is shown", (text, shown) => {
  expect(plain(text)).toBe(shown);
});

test("only addresses of the web can be opened, and none can end its own sequence", () => {
  const opened = (text: string) =>
    [...markdownText(clean(text), 200).matchAll(/\u001b\]8;;([^\u001b]+)/g)].map(([, address]) => address);
  expect(opened("[a](https://example.com/ä?b=c)")).toEqual(["https://example.com/%C3%A4?b=c"]);
  expect(opened("[a](file:///etc/passwd) [b](javascript:x) [c](#d) [e](mailto:a@b.example)")).toEqual([]);
  expect(opened("[a](<https://example.com/\u001b\\x>) [b](https://example.com/&#27;)").join()).not.toMatch(/\p{Cc}/u);
});

test("nothing that a terminal would obey comes through, not as an entity either", () => {
  const text =
    "a\u001b[31m &#27;[2J &#x9b;1m &#8238; `\u0007` [l](https://x.example/&#7;)\n\n```&#27;x\n\u001b]0;t\u0007\n```\n";
  const ours = /\u001b\[(?:\d+)m|\u001b\]8;;[\x21-\x7e]*\u001b\\/g;
  const foreign = markdownText(clean(text), 80).replace(ours, "");
  expect(foreign.match(/(?!\n)[\p{Cc}\p{Bidi_Control}]/gu)).toBeNull();
});

test("a style inside a style of the same end leaves the outer one on, and no line ends with one open", () => {
  expect(markdownText("# a **b** c", 80)).toBe(
    "\u001b[1m\u001b[4ma \u001b[1mb\u001b[22m\u001b[1m c\u001b[24m\u001b[22m\n",
  );
  const open = /\u001b\[(?:1|2|3|4|9|36)m(?![^]*\u001b\[(?:2[2349]|39)m)/;
  for (const line of markdownText(clean(documents.join("\n\n")), 20).split("\n")) expect(line).not.toMatch(open);
});

test.each([8, 15, 40, 120])("in %d columns no line but code is wider", (columns) => {
  const { below } = random(columns);
  const text = Array.from({ length: 30 }, () => documents[below(documents.length)])
    .filter((document) => !/^(```|~~~| {4}|1\. loose|- ```|> quoted)/.test(document ?? ""))
    .join("\n\n---\n\n");
  // A list may go so deep that the text has no room: ten columns it always gets.
  const allowed = Math.max(columns, 24);
  for (const line of plain(text, columns).split("\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(allowed);
});

test("a table is as wide as its cells, or as the terminal; wide characters stand in their columns", () => {
  const table = "| name | 数 |\n|---|--:|\n| 漢字 | 1 |\n| b *c* | 22 |";
  expect(plain(table)).toBe("name │ 数\n─────┼───\n漢字 │  1\nb c  │ 22\n");
  expect(plain("| a | b |\n|---|---|\n| one two three | four five six |", 19)).toBe(
    "a        │ b\n─────────┼─────────\none two  │ four\nthree    │ five six\n",
  );
  expect(plain("| a | b | c |\n|---|---|---|\n| one | two | three |", 12)).toBe("a | b | c\none | two |\nthree\n");
});

test("lists keep their numbers, and what is in an item stands below its text", () => {
  expect(plain("3. a\n4. b\n   - c\n     d\n\n     e\n5. f\n\n- [x] done")).toBe(
    "3. a\n4. b\n   • c\n     d\n\n     e\n5. f\n\n• [x] done\n",
  );
});

test("code is as it was written, HTML too, and money is no formula", () => {
  expect(plain("```py\n  x\t= '*a*'  # &amp;\n\n```")).toBe("```py\n  x\t= '*a*'  # &amp;\n\n```\n");
  expect(plain("<b>bold</b> $5 and $10")).toBe("<b>bold</b> $5 and $10\n");
});
