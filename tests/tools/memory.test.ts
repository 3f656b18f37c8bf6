import { expect, test } from "bun:test";
import type { ToolOutcome } from "../../src/core/tool.ts";
import { memoryRead } from "../../src/tools/memory-read.ts";
import { memoryWrite } from "../../src/tools/memory-write.ts";
import { parseNotes, printNotes, type Note } from "../../src/tools/notes.ts";
import { testClock } from "../helpers/clock.ts";
import { memoryHost } from "../helpers/memory-host.ts";
import { random } from "../native/random.ts";

const file = "/work/notes.md";

function open(host = memoryHost({})) {
  const context = {
    host,
    signal: new AbortController().signal,
    clock: testClock(),
    output: () => undefined,
    draw: async () => undefined,
  };
  const write = (action: string, key: string, text?: string): Promise<ToolOutcome> =>
    memoryWrite({ memory: file }).run({ action, key, ...(text === undefined ? {} : { text }) }, context);
  const read = (input: { key?: string; query?: string } = {}): Promise<ToolOutcome> =>
    memoryRead({ memory: file }).run(input, context);
  return { write, read };
}

test("what is parsed of printed notes is what was printed, whatever their texts look like", () => {
  const { below: chance, pick } = random(7);
  const pieces = [
    "## ",
    "\\## ",
    "\\\\## x",
    "# a",
    "\n",
    "\n\n",
    "text",
    "  ",
    "```",
    "## 2026-01-01 b",
    "é",
    "\\",
    "\u2028",
  ];
  const some = () =>
    Array.from({ length: chance(12) }, () => pick(pieces))
      .join("")
      .replace(/^(?:[ \t]*\n)+|\s+$/g, "");
  for (let round = 0; round < 500; round++) {
    const notes = Array.from({ length: chance(4) }, (_, n): Note => {
      const dated = chance(2) === 0 ? {} : { date: "2026-11-23" };
      return { key: pick(["a key", "2026-01-01 x", "## y", "é"]), ...dated, text: `${some()}${n}` };
    }).map((note) =>
      // The date of one without any is what its key begins with.
      note.date === undefined && /^\d{4}/.test(note.key) ? { ...note, key: `a ${note.key}` } : note,
    );
    const kept = { intro: "Written by hand", notes };
    expect(parseNotes(printNotes(kept))).toEqual(kept);
  }
});

test("notes of a person are read as they are, and kept when another is written", async () => {
  const byHand = "# Mine\r\n\r\nSome words.\r\n\r\n##  \r\n## cat\r\nMimi\r\n";
  const host = memoryHost({ files: { [file]: byHand } });
  const { write, read } = open(host);
  expect((await write("add", "dog", "None")).error).toBeUndefined();
  const { content } = await read();
  expect(content).toContain("## cat\n\nMimi");
  expect(content).not.toContain("Some words.");
  const whole = await host.fs.read(file, { offset: 0, limit: 1000 });
  expect(whole.ok && new TextDecoder().decode(whole.value.bytes)).toBe(
    "# Mine\n\nSome words.\n\n##\n\n## cat\n\nMimi\n\n## 2026-01-01 dog\n\nNone\n",
  );
});

test("of more notes than fit the newest are shown, and the others named", async () => {
  const { write, read } = open();
  for (let n = 1; n <= 20; n++) await write("add", `note ${n}`, "x".repeat(1900));
  const { content } = await read();
  expect(content.length).toBeLessThan(22_000);
  expect(content).toContain("## 2026-01-01 note 20\n");
  expect(content).not.toContain("## 2026-01-01 note 1\n");
  expect(content).toContain("'note 1'. Name a key]");
});

test("a note is removed from a memory that has more than fits", async () => {
  const byHand = Array.from({ length: 6000 }, (_, n) => `## k${n}\nx\n`).join("");
  const { write } = open(memoryHost({ files: { [file]: byHand } }));
  expect(await write("add", "k", "x")).toMatchObject({ error: true });
  expect((await write("remove", "k5")).error).toBeUndefined();
});

test("what another process writes meanwhile is not lost", async () => {
  const host = memoryHost({});
  let others = 3;
  const racing = {
    ...host,
    fs: {
      ...host.fs,
      write: async (...args: Parameters<typeof host.fs.write>) => {
        if (others-- > 0) await host.fs.write(file, new TextEncoder().encode(`## other ${others}\n\nx\n`));
        return host.fs.write(...args);
      },
    },
  };
  const { write, read } = open(racing);
  expect((await write("add", "mine", "y")).error).toBeUndefined();
  const { content } = await read();
  expect(content).toContain("## other 0");
  expect(content).toContain("mine");
});

test("one who is always overtaken gives up and says so", async () => {
  const host = memoryHost({});
  const changed = { ok: false, error: { code: "changed", message: "Cannot write: changed" } } as const;
  const { write } = open({ ...host, fs: { ...host.fs, write: async () => changed } });
  expect((await write("add", "a", "b")).content).toContain("others are writing");
});

test("without a memory both tools say what is missing", async () => {
  const context = {
    host: memoryHost({}),
    signal: new AbortController().signal,
    clock: testClock(),
    output: () => undefined,
    draw: async () => undefined,
  };
  const outcome = { content: "There is no memory: the agent file has no 'memory'", error: true };
  expect(await memoryRead({}).run({}, context)).toEqual(outcome);
  expect(await memoryWrite({}).run({ action: "add", key: "a", text: "b" }, context)).toEqual(outcome);
});
