import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { parse } from "yaml";
import { toolNames } from "../../src/tools/index.ts";
import { specRoot } from "../helpers/spec.ts";

// The cases `bad-input/*` of the specs call tools wrongly, and show what each call came to. Here is who must be in them.

/** The other kinds of tools: of the YAML (`run`, `http`, `agent`) and of a tools folder (a program, a module). */
const own = ["word", "page", "ask", "loud", "greet"];

const all = [...toolNames, ...own];

const takingText = all.filter((tool) => tool !== "mcp_server_list");

const starting = ["bash_exec", "git_operations", "lsp_integration", "word", "loud"];

/** A file or folder that the call names. `oauth_flow` opens files by names of its own: tests/host/credentials.test.ts. */
const opening = all.filter((tool) => /^(file|git|bash|lsp|skill|memory|canvas)_|^http_request$/.test(tool));

/** What a case tries, turn by turn, and the tools that each turn must call. */
const cases: ReadonlyArray<{ name: string; turns: ReadonlyArray<readonly [what: string, tools: readonly string[]]> }> =
  [
    {
      name: "arguments",
      turns: [
        ["nothing that it requires", all.filter((tool) => !/^(file_list|memory_read|mcp_.*)$/.test(tool))],
        ["arguments of a wrong type", all],
        ["what leads outside", takingText],
        ["what begins like an option", takingText],
        ["what holds a NUL character", takingText],
      ],
    },
    { name: "unreadable", turns: [["what the system does not let it read or write", opening]] },
    {
      name: "no-program",
      turns: [
        ["a first call, in which the programs go", ["bash_exec"]],
        ["a program that is gone", starting],
      ],
    },
  ];

test("bad-input/two-megabytes gives each tool two megabytes in a string", () => {
  const calls = readFileSync(join(specRoot, "bad-input/two-megabytes/command"), "utf8").matchAll(/^call (\w+) .*%s/gm);
  expect([...calls].map(([, tool = ""]) => tool).toSorted()).toEqual(takingText.toSorted());
});

const call = v.object({ name: v.string() });
const turns = v.array(v.object({ calls: v.optional(v.array(call), []), text: v.optional(v.string()) }));
const script = v.union([
  turns,
  v.pipe(
    v.object({ answers: turns }),
    v.transform(({ answers }) => answers),
  ),
]);

for (const { name, turns } of cases) {
  const answers = v.parse(script, parse(readFileSync(join(specRoot, "bad-input", name, "script.yaml"), "utf8")));
  for (const [index, [what, tools]] of turns.entries()) {
    test(`bad-input/${name} gives each tool ${what}`, () => {
      const called = answers[index]?.calls.map((one) => one.name) ?? [];
      expect([...new Set(called)].toSorted()).toEqual(tools.toSorted());
    });
  }
  test(`bad-input/${name} shows what every call came to`, () => {
    const shown = answers.at(-1)?.text ?? "";
    const calls = answers.flatMap((answer) => answer.calls.map((one) => one.name));
    // The first call of this case is not what it is about.
    const hidden = name === "no-program" ? 1 : 0;
    const lines = calls.map((tool, at) => `${tool}: \${{ results.${at} }}`).slice(hidden);
    expect(shown.split("\n")).toEqual(lines);
    expect(answers).toHaveLength(turns.length + 1);
  });
}
