import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { known } from "../../src/app/known.ts";
import { checkAgent } from "../../src/file/check.ts";
import { commentsOf, formatAgent, withoutHash } from "../../src/file/format.ts";

/** What a text says as an agent file; undefined where it is none. */
function meaning(text: string): object | undefined {
  const checked = checkAgent({ file: "a.yaml", folder: "/a", bytes: new TextEncoder().encode(text) }, known);
  return checked.ok ? withoutHash(checked.value) : undefined;
}

const root = join(import.meta.dir, "../..");
const paths = ["agents/*.yaml", "tests/specs/*/*/*.yaml"].flatMap((glob) => [...new Bun.Glob(glob).scanSync(root)]);

test("each agent file of this repository keeps its meaning and its comments, and is formatted once and for all", async () => {
  let agents = 0;
  for (const path of paths) {
    const bytes = await Bun.file(join(root, path)).bytes();
    const text = new TextDecoder().decode(bytes);
    const before = meaning(text);
    if (before === undefined) continue;
    agents++;
    const formatted = formatAgent(text);
    expect({ path, ...meaning(formatted) }).toEqual({ path, ...before });
    expect({ path, comments: commentsOf(formatted) }).toEqual({ path, comments: commentsOf(text) });
    expect({ path, again: formatAgent(formatted) }).toEqual({ path, again: formatted });
  }
  expect(agents).toBeGreaterThan(200);
  // Hundreds of files, on a machine that may be busy.
}, 60_000);

test("the example agents are formatted", async () => {
  for (const path of paths.filter((path) => path.startsWith("agents/"))) {
    const text = await Bun.file(join(root, path)).text();
    expect({ path, text: formatAgent(text) }).toEqual({ path, text });
  }
});

const rows: Array<[name: string, before: string, after: string]> = [
  [
    "keys have the order of the reference, and comments go with them",
    "prompt: hi\n# after that\nlimits: { time: 5m, turns: 3 } # few\n\n# what it is\nname: x\n",
    "# what it is\nname: x\nprompt: hi\n# after that\nlimits: { turns: 3, time: 5m } # few\n",
  ],
  [
    "the shebang and what stands with it stay in front",
    "#!/usr/bin/env -S rein run -P\n# yaml-language-server: $schema=./x\n\n\n# what it does\nprompt: hi\nname: x\n",
    "#!/usr/bin/env -S rein run -P\n# yaml-language-server: $schema=./x\n\n# what it does\nname: x\nprompt: hi\n",
  ],
  [
    "indentation and blanks are the same everywhere",
    "prompt:   hi   \nlimits:\n    turns:  3\ntools:\n- file_read\npermissions: {read: [ . ]}\n\n\n\n\nname: x",
    "name: x\nprompt: hi\ntools:\n  - file_read\npermissions: { read: [.] }\nlimits:\n  turns: 3\n",
  ],
  [
    "quotes, and the lines of a literal, stay as they are",
    "name: 'x'\nprompt: |\n  # no comment\n    a\n\n  'b'  \n",
    "name: 'x'\nprompt: |\n  # no comment\n    a\n\n  'b'  \n",
  ],
  [
    "a long text on one line stays on it",
    `prompt: ${"word ".repeat(60)}\n`,
    `prompt: ${"word ".repeat(60).trimEnd()}\n`,
  ],
  [
    "what is folded is folded at the width",
    "prompt: >\n  one\n  two\n\n  three\n",
    "prompt: >\n  one two\n\n  three\n",
  ],
  ["Windows line ends become newlines", "prompt: |\r\n  a\r\n  b\r\n", "prompt: |\n  a\n  b\n"],
  [
    "a file with anchors keeps the order of its keys: an alias stands behind its anchor",
    "permissions: &all { read: [.] }\nprompt: hi\ndeny: *all\n",
    "permissions: &all { read: [.] }\nprompt: hi\ndeny: *all\n",
  ],
  [
    "a JSON Schema is the user's own, and keeps its order",
    "output: { schema: { required: [a], type: object, properties: { b: { type: string }, a: {} } } }\nprompt: hi\n",
    "prompt: hi\noutput: { schema: { required: [a], type: object, properties: { b: { type: string }, a: {} } } }\n",
  ],
  [
    "a list that is too long has a line for each item",
    longList("[", "]"),
    longList("\n    [\n      ", "\n    ]", true),
  ],
];

function longList(open: string, close: string, lines = false): string {
  const items = Array.from({ length: 12 }, (_, index) => `folder-number-${index}`);
  const value = lines ? `${open}${items.join(",\n      ")}${close}` : ` ${open}${items.join(", ")}${close}`;
  return `prompt: hi\npermissions:\n  read:${value}\n`;
}

describe("formatting", () => {
  for (const [name, before, after] of rows) {
    test(name, () => {
      expect(formatAgent(before)).toBe(after);
      expect(formatAgent(after)).toBe(after);
    });
  }

  test("the comments of a text are told from what looks like one", () => {
    expect(commentsOf("# a\nx: 'b # c' # d\ny: |\n  # e\nz: f#g\n#\n")).toEqual(["# a", "# d"]);
  });
});
