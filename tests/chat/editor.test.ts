import { describe, expect, test } from "bun:test";
import { Editor, type Effect } from "../../src/chat/editor.ts";
import { keyDecoder } from "../../src/chat/keys.ts";

/** Types keys by their names in <>, everything else as it is, and shows the text with a | where the cursor is. */
function play(editor: Editor, keys: string): Effect[] {
  const effects: Effect[] = [];
  const decoder = keyDecoder();
  for (const [, name, text] of keys.matchAll(/<([a-z0-9_-]+)>|([^<]+)/g)) {
    if (name !== undefined) effects.push(editor.key({ kind: "key", name }));
    else for (const key of decoder.push(new TextEncoder().encode(text))) effects.push(editor.key(key));
  }
  return effects.filter(({ type }) => type !== "none");
}

function after(keys: string, history: string[] = []): string {
  const editor = new Editor(history);
  play(editor, keys);
  return `${editor.text.slice(0, editor.cursor)}|${editor.text.slice(editor.cursor)}`;
}

describe("editing", () => {
  test.each([
    ["abc<left><left>x", "ax|bc"],
    ["abc<home>x<end>y", "xabcy|"],
    ["abc<ctrl-a><ctrl-f><ctrl-b><right>x", "ax|bc"],
    ["one two<alt-b>x<alt-b><alt-b>y", "y|one xtwo"],
    ["one, two<ctrl-a><alt-f>x", "onex|, two"],
    ["one two<ctrl-left><ctrl-left><ctrl-right>x", "onex| two"],
    ["abc<backspace><left><delete>", "a|"],
    ["abc<left><ctrl-d>", "ab|"],
    ["one two<ctrl-w>", "one |"],
    ["one/two<ctrl-w>", "|"],
    ["one/two<alt-backspace>", "one/|"],
    ["one two<ctrl-a><alt-d>", "| two"],
    ["one two<ctrl-u>", "|"],
    ["one two<ctrl-a><ctrl-k>", "|"],
    ["one two<ctrl-w><ctrl-w><ctrl-y>!", "one two!|"],
    ["one two<ctrl-w>x<ctrl-w><ctrl-y>", "one x|"],
    ["ab<ctrl-t>", "ba|"],
    ["abc<ctrl-a><right><ctrl-t>", "ba|c"],
    ["abc<ctrl-w><ctrl-_>", "abc|"],
    ["abc<ctrl-_>", "|"],
    ["a<alt-enter>b", "a\nb|"],
    ["a<ctrl-j>b<up>x", "ax|\nb"],
    ["a<shift-enter>bc<home>x", "a\nx|bc"],
    ["a\\<enter>b", "a\nb|"],
    ["ab<alt-enter>c<ctrl-u><backspace>", "ab|"],
    ["ab<alt-enter>c<up><ctrl-e><ctrl-k>", "ab|c"],
    ["abc<alt-enter>d<up><end><down>x", "abc\ndx|"],
  ])("%j is %j", (keys, expected) => expect(after(keys)).toBe(expected));

  test.each([
    ["漢字<left>x", "漢x|字"],
    ["e\u0301<backspace>", "|"],
    ["👩‍👩‍👧<left>x", "x|👩‍👩‍👧"],
    ["🇩🇪🇫🇷<backspace>", "🇩🇪|"],
    ["привет мир<ctrl-w>", "привет |"],
    ["日本語 text<alt-b><alt-b>x", "x|日本語 text"],
  ])("characters stay whole: %j is %j", (keys, expected) => expect(after(keys)).toBe(expected));

  test("a paste keeps its lines and is taken back as one", () => {
    const editor = new Editor();
    editor.key({ kind: "text", text: "a" });
    editor.key({ kind: "paste", text: "one\ntwo" });
    expect(editor.text).toBe("aone\ntwo");
    play(editor, "<ctrl-_>");
    expect(editor.text).toBe("a");
  });

  test("a long text is edited as quickly as a short one", () => {
    const editor = new Editor();
    editor.set(`${"x".repeat(1_000_000)} ${"y".repeat(1_000_000)}`);
    play(editor, "<alt-b><ctrl-w><left><right><alt-f><backspace>");
    expect(editor.text.length).toBe(999_999);
  });
});

describe("what keys ask for", () => {
  test.each<[string, Effect[]]>([
    ["hello<enter>", [{ type: "submit", text: "hello" }]],
    ["a\\\\<enter>", [{ type: "submit", text: "a\\\\" }]],
    ["<ctrl-d>", [{ type: "end" }]],
    ["<ctrl-c>", [{ type: "interrupt" }]],
    ["<ctrl-x><ctrl-e>", [{ type: "editor" }]],
    ["<ctrl-x>e", []],
    ["<tab>", [{ type: "complete" }]],
    ["<ctrl-l><ctrl-o><ctrl-z>", [{ type: "redraw" }, { type: "open" }, { type: "suspend" }]],
  ])("%j", (keys, expected) => expect(play(new Editor(), keys)).toEqual(expected));
});

describe("history", () => {
  const history = ["first", "second line\nof two", "third"];

  test.each([
    ["<up>", "third|"],
    ["<up><up>", "second line\nof two|"],
    ["<up><up><up><up>", "first|"],
    ["<up><down>", "|"],
    ["draft<up><down>", "draft|"],
    ["<up>!<up><down>", "third!|"],
    ["<ctrl-p><ctrl-n>x", "x|"],
  ])("%j is %j", (keys, expected) => expect(after(keys, history)).toBe(expected));

  test("an entry that was changed is itself again after the text was entered", () => {
    const editor = new Editor(history);
    play(editor, "<up>!<enter>");
    play(editor, "<up>");
    expect(editor.text).toBe("third");
  });

  test("the same entry twice in a row is kept once", () => {
    const editor = new Editor();
    for (const one of ["a", "a", " ", "b"]) editor.remember(one);
    play(editor, "<up><up><up>");
    expect(editor.text).toBe("a");
  });
});

describe("search", () => {
  const history = ["git status", "make test", "git commit", "ls"];

  test.each([
    ["<ctrl-r>git", "|git commit"],
    ["<ctrl-r>git<ctrl-r>", "|git status"],
    ["<ctrl-r>git<ctrl-r><ctrl-s>", "|git commit"],
    ["<ctrl-r>tes", "make |test"],
    ["<ctrl-r>git<end>!", "git commit!|"],
    ["abc<ctrl-r>git<ctrl-g>", "abc|"],
    ["abc<ctrl-r>git<ctrl-c>", "abc|"],
    ["<ctrl-r>gitx<backspace>", "|git commit"],
    ["<ctrl-r>git<end><down>", "ls|"],
  ])("%j is %j", (keys, expected) => expect(after(keys, history)).toBe(expected));

  test("what is nowhere is said to be, and what was found stays", () => {
    const editor = new Editor(history);
    play(editor, "<ctrl-r>git");
    play(editor, "z");
    expect(editor.search).toMatchObject({ query: "gitz", failed: true });
    expect(editor.text).toBe("git commit");
  });

  test("Enter enters what was found", () => {
    expect(play(new Editor(history), "<ctrl-r>mak<enter>")).toEqual([{ type: "submit", text: "make test" }]);
  });
});
