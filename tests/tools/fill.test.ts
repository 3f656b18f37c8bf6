import { describe, expect, test } from "bun:test";
import type { Template } from "../../src/core/plan.ts";
import { fillHeader, fillJson, fillUrl, fillWords, withDefaults } from "../../src/tools/fill.ts";

const hole = (name: string): Template => [{ path: ["args", name] }];
const args = (value: string) => ({ args: { a: value } });

/** What a model might send to be read as something else. */
const hostile = [
  "$(id)",
  "`id`",
  "; rm -rf /",
  "a b\tc",
  "'\"\\",
  "${{ args.b }}",
  "a\nb",
  "%2e%2e/",
  "../../etc/passwd",
  "a?x=1&y=2#f",
  "@evil.example.com/",
  "//evil.example.com/",
  "\\evil",
  ":8080",
  "\ud800",
  "x".repeat(2_000_000),
];

describe("a word of a command", () => {
  test("is the argument, whole and unread, whatever it holds", () => {
    for (const text of hostile) {
      expect(fillWords([[{ text: "echo" }], hole("a")], args(text))).toEqual({ ok: true, value: ["echo", text] });
    }
  });

  test("cannot become an option, unless the author wrote '--' or the start of the word", () => {
    const refused = {
      ok: false,
      error: "The argument 'a' begins with '-', which would be an option of the program",
    } as const;
    expect(fillWords([[{ text: "git" }], hole("a")], args("--upload-pack=x"))).toEqual(refused);
    expect(fillWords([[{ text: "git" }], hole("a")], args("-x"))).toEqual(refused);
    expect(fillWords([[{ text: "git" }], [{ text: "--" }], hole("a")], args("-x"))).toMatchObject({ ok: true });
    expect(fillWords([[{ text: "git" }], [{ text: "--a=" }, ...hole("a")]], args("-x"))).toEqual({
      ok: true,
      value: ["git", "--a=-x"],
    });
    expect(fillWords([[{ text: "git" }], hole("a")], { args: { a: -5 } })).toEqual(refused);
  });

  test("holds no NUL", () => {
    expect(fillWords([[{ text: "echo" }], hole("a")], args("a\0b"))).toEqual({
      ok: false,
      error: "The argument 'a' holds a NUL character",
    });
  });

  test("of another type is its JSON", () => {
    const value = { args: { a: [1, { b: "c" }], n: 3, t: true } };
    expect(fillWords([hole("n"), hole("t"), hole("a")], value)).toEqual({
      ok: true,
      value: ["3", "true", '[1,{"b":"c"}]'],
    });
  });
});

describe("a part of a URL", () => {
  const inPath: Template = [
    { text: "https://api.example.com/items/" },
    { path: ["args", "a"] },
    { text: "/x?q=" },
    { path: ["args", "a"] },
  ];

  test("stays that part: host, path and query are those of the author", () => {
    for (const text of hostile) {
      const url = fillUrl(inPath, args(text));
      if (!url.ok) throw new Error(url.error);
      const { origin, pathname, search, hash } = url.value;
      expect({ origin, parts: pathname.split("/").length, hash }).toEqual({
        origin: "https://api.example.com",
        parts: 4,
        hash: "",
      });
      expect(decodeURIComponent(pathname.split("/")[2] ?? "")).toBe(text.toWellFormed());
      expect([...new URLSearchParams(search)]).toEqual([["q", text.toWellFormed()]]);
    }
  });

  test("that is '.' or '..' is refused, also when the author wrote a part of it", () => {
    const dotted: Template = [{ text: "https://api.example.com/a/." }, { path: ["args", "a"] }];
    for (const [template, text] of [
      [inPath, "."],
      [inPath, ".."],
      [dotted, "."],
      [dotted, ""],
    ] as const) {
      expect(fillUrl(template, args(text))).toEqual({
        ok: false,
        error: "The argument 'a' is '.' or '..', which would lead to another path",
      });
    }
  });
});

describe("a header", () => {
  test("holds no line break and nothing that headers cannot", () => {
    for (const text of ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b"]) {
      expect(fillHeader(hole("a"), args(text))).toEqual({
        ok: false,
        error: "The argument 'a' holds a line break, which a header cannot",
      });
    }
    expect(fillHeader(hole("a"), args("snow ☃"))).toEqual({
      ok: false,
      error: "The argument 'a' holds a character that a header cannot",
    });
    expect(fillHeader([{ text: "Bearer " }, { path: ["env", "T"] }], { env: { T: "x" } })).toEqual({
      ok: true,
      value: "Bearer x",
    });
  });
});

describe("a JSON value", () => {
  test("keeps its type where it is whole, and is text within text", () => {
    const value = { args: { a: 'x", "admin": true, "y": "', n: 3, list: ["p"] } };
    const text = (template: Template) => ({ kind: "text", template }) as const;
    const template = {
      kind: "map",
      entries: [
        ["a", text(hole("a"))],
        ["n", text(hole("n"))],
        ["list", text(hole("list"))],
        ["both", text([{ text: "n=" }, ...hole("n")])],
        ["whole", text([{ path: ["args"] }])],
      ],
    } satisfies Parameters<typeof fillJson>[0];
    expect(fillJson(template, value)).toEqual({ a: value.args.a, n: 3, list: ["p"], both: "n=3", whole: value.args });
  });
});

test("what was not given is what the schema says", () => {
  const schema = { properties: { a: { default: 1 }, b: { type: "string" }, c: { default: 2 } } };
  expect(withDefaults({ a: 5 }, schema)).toEqual({ a: 5, c: 2 });
});
