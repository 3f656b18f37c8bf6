import { describe, expect, test } from "bun:test";
import { commands } from "../../src/cli/commands.ts";
import { topics } from "../../src/cli/topics.ts";
import { exits } from "../../src/core/exit.ts";
import { rein, run } from "../distribution/executable.ts";

const page = (await run([rein, "man"], ".", {})).stdout;

/** A program's standard output and errors for the page on its stdin. */
async function pipe(argv: string[]): Promise<string> {
  const child = Bun.spawn(argv, {
    stdin: new Blob([page]),
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, MANWIDTH: "100" },
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return stdout + stderr;
}

describe("the manual page", () => {
  test("has every command for people, every flag, exit code and topic", () => {
    const plain = page.replaceAll("\\-", "-");
    for (const { name, hidden, flags } of commands) {
      expect(plain.includes(`.SS rein ${name}`)).toBe(hidden === undefined);
      for (const flag of flags) expect(plain).toContain(flag.name);
    }
    for (const { code } of exits) expect(plain).toContain(`.TP\n.B ${code}\n`);
    for (const { name } of topics) if (name !== "exit-codes") expect(plain).toContain(`.SH ${name.toUpperCase()}\n`);
  });

  test("is ASCII, and no line of text is taken for a request", () => {
    expect(page).toMatch(/^[\n -~]*$/);
    const requests = page.split("\n").filter((line) => /^[.']/.test(line));
    expect(requests.filter((line) => !/^\.(TH|SH|SS|TP|PP|B|nf|fi)\b/.test(line))).toEqual([]);
  });

  test.skipIf(Bun.which("mandoc") === null)("is right for mandoc, but for a date, which it has none of", async () => {
    const told = await pipe(["mandoc", "-Tlint", "-Wwarning"]);
    expect(told.trim().split("\n")).toEqual([expect.stringContaining("missing date")]);
  });
});
