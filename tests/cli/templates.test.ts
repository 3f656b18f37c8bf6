import { expect, test } from "bun:test";
import { known } from "../../src/app/known.ts";
import { commands } from "../../src/cli/commands.ts";
import { templates } from "../../src/cli/templates.ts";
import { checkAgent } from "../../src/file/check.ts";
import { formatAgent } from "../../src/file/format.ts";

for (const [name, { text, next }] of Object.entries(templates)) {
  test(`the template '${name}' is right, formatted, and says how it is run`, () => {
    const checked = checkAgent({ file: "a.yaml", folder: "/a", bytes: new TextEncoder().encode(text) }, known);
    expect(checked).toMatchObject({ ok: true, warnings: [] });
    expect(formatAgent(text)).toBe(text);
    expect(text).toMatch(/^#   .*rein run .*FILE/m);
    expect(next).toContain("FILE");
  });
}

test("help names each template, and has an example for each", () => {
  const init = commands.find(({ name }) => name === "init");
  const choices = init?.flags.find(({ name }) => name === "--template")?.value?.choices;
  expect(choices).toEqual(Object.keys(templates));
  const examples = init?.examples.map(({ command }) => command) ?? [];
  const shown = examples.map((command) => /--template (\w+)/.exec(command)?.[1] ?? "minimal");
  expect(shown.toSorted()).toEqual(Object.keys(templates).toSorted());
});
