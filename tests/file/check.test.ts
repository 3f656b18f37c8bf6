import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expand } from "../../src/core/template.ts";
import { checkAgent } from "../../src/file/check.ts";
import { maxFileBytes } from "../../src/file/source.ts";
import { diagnosticsText } from "../../src/render/diagnostics.ts";
import { known } from "./known.ts";

const cases = join(import.meta.dir, "../specs/check");

function check(text: string | Uint8Array, file = "agent.yaml") {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return checkAgent({ file, folder: "/agents", bytes }, known);
}

/** What is said against a text, without places. */
function complaints(text: string): string[] {
  const checked = check(text);
  return (checked.ok ? checked.warnings : checked.diagnostics).map(({ message }) => message);
}

/** The plan of a text that has no errors. */
function plan(text: string, file?: string) {
  const checked = check(text, file);
  if (!checked.ok) throw new Error(diagnosticsText(checked.diagnostics, { color: false }));
  return checked.value;
}

for (const name of readdirSync(cases)) {
  const file = join(cases, name, "agent.yaml");
  if (!existsSync(file) || name.startsWith("output-")) continue;
  test(`check/${name}: the file is told what its spec expects`, async () => {
    const expected = await Bun.file(join(cases, name, "stdout")).text();
    const checked = check(await Bun.file(file).bytes());
    const said = diagnosticsText(checked.ok ? checked.warnings : checked.diagnostics, { color: false });
    expect(checked.ok ? `agent.yaml: ok\n${said}` : said).toBe(expected);
    expect(existsSync(join(cases, name, "exit"))).toBe(!checked.ok);
  });
}

test("a file of one key is a plan with every default", () => {
  expect(plan("prompt: Say hello\n", "agents/hello there.yaml")).toEqual({
    file: "agents/hello there.yaml",
    folder: "/agents",
    hash: "5989ab140325ebde501d1cba3bbc82d03a30d3506312153c8d8595bd53dcf9d7",
    name: "hello-there",
    models: {},
    input: {},
    instructions: [],
    prompt: [{ text: "Say hello" }],
    tools: [],
    agents: {},
    skills: [],
    lsp: {},
    mcp: [],
    secrets: {},
    oauth: {},
    permissions: {},
    deny: {},
    limits: { turns: 50, tool_calls: 200, time: 600_000 },
    context: { keep_turns: 10, compact: "trim" },
    checks: [],
    denied: "fail",
    env: [],
  });
});

test("the program of a check counts as requested, once", () => {
  const checks = "checks: [{ run: [jq, -e, .] }, { run: [git, diff] }, { run: [jq, .] }]\n";
  expect(plan(`prompt: hi\npermissions: { run: [git] }\n${checks}`).permissions).toEqual({ run: ["git", "jq"] });
});

test("a file that is piped in has a name too", () => {
  expect(plan("prompt: hi", "-").name).toBe("agent");
});

test("merged keys count, and a map's own keys win over them", () => {
  const { input } = plan(`prompt: hi
input:
  a: &a { type: string, default: x, description: A }
  b: { <<: [*a, { type: number, enum: [x] }], description: B }
`);
  expect(input["b"]).toEqual({ description: "B", type: "string", default: "x", enum: ["x"] });
});

test("a quoted '<<' is a key like any other", () => {
  expect(complaints('prompt: hi\nlimits: { "<<": { turns: 3 } }\n')).toEqual(["Unknown key '<<'"]);
});

test("values of an output schema are kept as they are, names of object properties included", () => {
  const { output } = plan(`prompt: hi
output:
  schema:
    properties: { constructor: { const: null }, __proto__: { type: string }, 1: {} }
`);
  const properties = JSON.stringify(output?.schema["properties"]);
  expect(JSON.parse(properties)).toEqual(
    JSON.parse('{"constructor":{"const":null},"__proto__":{"type":"string"},"1":{}}'),
  );
});

test("the templates of a plan fill with values, and a literal stays one", () => {
  const { prompt } = plan("input: { a: { type: object } }\nprompt: '$${{ x }} ${{ input.a.b.0 }} ${{ input.a.c }}$'\n");
  expect(expand(prompt ?? [], { input: { a: { b: ["${{ input.a.c }}"], c: [1, null] } } })).toEqual({
    ok: true,
    value: "${{ x }} ${{ input.a.c }} [1,null]$",
  });
});

test("a value that an object input lacks is a failure, not an empty text", () => {
  const { prompt } = plan("input: { a: { type: object } }\nprompt: ${{ input.a.toString }}\n");
  expect(expand(prompt ?? [], { input: { a: {} } })).toMatchObject({
    ok: false,
    error: { message: "Cannot fill '${{ input.a.toString }}': no such value" },
  });
});

test("a file of exactly the largest size is read, one byte more is refused", () => {
  const head = "prompt: hi\n";
  expect(check(`${head}${"#".repeat(maxFileBytes - head.length)}`).ok).toBe(true);
  expect(complaints(`${head}${"#".repeat(maxFileBytes - head.length + 1)}`)).toEqual([
    "The file is larger than 1 MiB (1048577 bytes)",
  ]);
});

test("a file with more errors than anybody reads tells the first of them", () => {
  const text = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1\n`).join("");
  expect(complaints(text)).toHaveLength(201);
});

test("a chain of anchors, each around the last, ends at the bound on aliases", () => {
  const text = Array.from(
    { length: 20_000 },
    (_, index) => `a${index}: &a${index} [${index === 0 ? "" : `*a${index - 1}`}]\n`,
  );
  expect(complaints(text.join(""))).toEqual(["The aliases of this file stand for more than 10000 values"]);
});

test("merge keys cannot unfold what aliases may not", () => {
  const keys = Array.from({ length: 1000 }, (_, index) => `k${index}: 1`).join(", ");
  const text = `a: &a { ${keys} }\nb: [${"{ <<: *a }, ".repeat(1000)}]\n`;
  expect(complaints(text)).toEqual(["The aliases of this file stand for more than 10000 values"]);
});

test("a large map with many keys is read in linear time", () => {
  const keys = Array.from({ length: 10_000 }, (_, index) => `      k${index}: {}\n`).join("");
  expect(complaints(`prompt: hi\noutput:\n  schema:\n    properties:\n${keys}`)).toEqual([]);
});

test("flow nesting below the bound is read, above it has a place", () => {
  const nested = (depth: number) =>
    `prompt: hi\noutput: { schema: { default: ${"[".repeat(depth)}${"]".repeat(depth)} } }\n`;
  expect(complaints(nested(90))).toEqual([]);
  expect(complaints(nested(200_000))).toEqual(["Lists and maps are nested more than 100 deep"]);
});

test("a file with more tokens than any agent has is refused where they end", () => {
  expect(complaints(`a: [${"x,".repeat(500_000)}]`)).toEqual(["The file has more than 200000 YAML tokens"]);
});

test("a text with a hundred thousand wrong templates is told of the first", () => {
  expect(complaints(`prompt: '${"${{ x }}".repeat(100_000)}'`)).toHaveLength(201);
});

test("explicit keys and block lists cannot nest without bound either", () => {
  expect(complaints("? ".repeat(50_000))).toEqual(["Lists and maps are nested more than 100 deep"]);
  expect(complaints("- ".repeat(50_000))).toEqual(["Lists and maps are nested more than 100 deep"]);
});
