import { expect, test } from "bun:test";
import { errorText } from "../../src/render/error.ts";

test("an error is shown with its hint, on lines that a quoted message cannot imitate", () => {
  const error = { message: "Cannot read 'x':\nhint: run \u001b[1mrm\u001b[0m", hint: "try y" };
  expect(errorText({ error, denied: [] }, false)).toBe(
    "error: Cannot read 'x':\n  hint: run ␛[1mrm␛[0m\nhint: try y\n",
  );
});

test("each refusal is shown once, with the flag that allows it", () => {
  const denial = { kind: "read" as const, target: "/etc/a\nb", reason: "not granted", flag: "--allow-read=/etc" };
  const other = { kind: "net" as const, target: "x:443", reason: "denied by the file" };
  expect(errorText({ error: null, denied: [denial, denial, other] }, false)).toBe(
    "denied: read '/etc/a b': not granted (--allow-read=/etc allows it)\ndenied: net 'x:443': denied by the file\n",
  );
});

test("a run without an error says nothing", () => {
  expect(errorText({ error: null, denied: [] }, true)).toBe("");
});

test("only labels are coloured, and only when they may be", () => {
  expect(errorText({ error: { message: "m" }, denied: [] }, true)).toBe("\u001b[31merror:\u001b[0m m\n");
});
