import { afterAll, expect, test } from "bun:test";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chatHistory } from "../../src/cli/chat-history.ts";

const root = mkdtempSync(join(tmpdir(), "rein-history-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let made = 0;

function place(lines?: string): { env: Record<string, string>; file: string } {
  const state = join(root, String(++made));
  const file = join(state, "rein/chat-history");
  mkdirSync(join(state, "rein"), { recursive: true });
  if (lines !== undefined) writeFileSync(file, lines);
  return { env: { XDG_STATE_HOME: state }, file };
}

test("entries are there again, lines within them too, and only their owner can read them", () => {
  const { env, file } = place();
  const history = chatHistory({ env });
  history.add("one");
  history.add("two\nlines \u001b[2J");
  expect(chatHistory({ env }).entries).toEqual(["one", "two\nlines \u001b[2J"]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, "utf8").split("\n").length).toBe(3);
});

test("the newest thousand are kept, and the file does not grow for ever", () => {
  const { env, file } = place(Array.from({ length: 2500 }, (_, index) => `"entry ${index}"\n`).join(""));
  expect(chatHistory({ env }).entries.slice(0, 1)).toEqual(["entry 1500"]);
  expect(readFileSync(file, "utf8").split("\n").length).toBe(1001);
  const long = place(`${JSON.stringify("x".repeat(90_000))}\n`.repeat(30));
  expect(chatHistory({ env: long.env }).entries.length).toBe(11);
  expect(statSync(long.file).size).toBeLessThan(1_000_001);
});

test("what is no entry is passed over, and no history is no error", () => {
  const { env } = place('"one"\nbroken\n{"a":1}\n"two"\n"cut');
  expect(chatHistory({ env }).entries).toEqual(["one", "two"]);
  const folder = place();
  mkdirSync(folder.file);
  const history = chatHistory(folder);
  history.add("lost");
  expect(history.entries).toEqual([]);
  expect(chatHistory({ env: {} }).entries).toEqual([]);
});

test("what is no file is neither written nor waited for, and keeps its mode", () => {
  const { env, file } = place();
  Bun.spawnSync(["mkfifo", "-m", "644", file]);
  const reader = openSync(file, "r+");
  chatHistory({ env }).add("lost");
  expect(statSync(file).mode & 0o777).toBe(0o644);
  closeSync(reader);
  expect(chatHistory({ env }).entries).toEqual([]);
});
