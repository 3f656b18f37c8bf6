import { expect, test } from "bun:test";
import { expandValue } from "../../src/core/template.ts";
import { checkScript } from "../../src/file/script.ts";
import { diagnosticsText } from "../../src/render/diagnostics.ts";

function check(text: string) {
  return checkScript({ file: "answers.yaml", folder: "/agents", bytes: new TextEncoder().encode(text) });
}

function steps(text: string) {
  const checked = check(text);
  if (!checked.ok) throw new Error(diagnosticsText(checked.diagnostics, { color: false }));
  return checked.value;
}

/** All that is said against a script, as `line:column message (hint)`. */
function said(text: string): string[] {
  const checked = check(text);
  if (checked.ok) return [];
  return checked.diagnostics.map(
    ({ line, column, message, hint }) => `${line}:${column} ${message}${hint === undefined ? "" : ` (${hint})`}`,
  );
}

test("an answer has defaults: it ends, at once, in one piece, its usage estimated", () => {
  expect(steps("- text: Hello ${{ prompt }}\n")).toEqual([
    {
      kind: "reply",
      text: [{ text: "Hello " }, { path: ["prompt"] }],
      calls: [],
      stop: "end",
      delayMs: 0,
      dripMs: 0,
    },
  ]);
});

test("an answer that calls tools stops for them, and texts in arguments are templates at any depth", () => {
  const [step] = steps(`
- calls:
    - name: file_write
      arguments: { path: out.txt, lines: ["\${{ results.0 }}", 3, null, { deep: "\${{ results.last }}" }] }
    - name: file_list
    - name: bash_exec
      raw: '{"command": \${{'
  usage: { input: 10 }
  delay: 1.5s
  drip: 10ms
`);
  if (step?.kind !== "reply") throw new Error("not a reply");
  expect(step).toMatchObject({
    stop: "tool_calls",
    usage: { input: 10, output: 0, cached: 0, reasoning: 0 },
    delayMs: 1500,
    dripMs: 10,
  });
  const [write, list, raw] = step.calls;
  expect(list).toEqual({ name: "file_list", arguments: { kind: "map", entries: [] } });
  expect(raw).toEqual({ name: "bash_exec", raw: '{"command": ${{' });
  if (write === undefined || !("arguments" in write)) throw new Error("no arguments");
  expect(expandValue(write.arguments, { results: ["one", "two"] })).toEqual({
    ok: true,
    value: { path: "out.txt", lines: ["one", 3, null, { deep: "two" }] },
  });
});

test("a failure is tried again when it is the service's or the network's", () => {
  expect(
    steps("- failure: { kind: service, status: 529, retry_after: 2s }\n- failure: { kind: credentials }\n"),
  ).toEqual([
    {
      kind: "failure",
      failure: { kind: "service", message: "The script says so", retryable: true, status: 529, retryAfterMs: 2000 },
      delayMs: 0,
    },
    {
      kind: "failure",
      failure: { kind: "credentials", message: "The script says so", retryable: false },
      delayMs: 0,
    },
  ]);
});

test("a script's mistakes have places, and all are told", () => {
  expect(
    said(`
- Hello
- {}
- txt: hi
- text: "\${{ input.a }} \${{ results }} \${{ results.first }} \${{ prompt.x }}"
- failure: { kind: servise }
  text: hi
- calls: []
- calls:
    - { name: a, arguments: [1], raw: x }
    - { arguments: { b: "\${{ x + 1 }}" } }
- { text: hi, stop: done, delay: 5, usage: { input: -1 } }
`),
  ).toEqual([
    "2:3 Expected a map with 'text', 'calls' or 'failure', found text (write { text: … })",
    "3:3 A step needs 'text', 'calls' or 'failure'",
    "4:3 Unknown key 'txt' (did you mean 'text'?)",
    "5:10 Unknown name 'input' (expected 'prompt', 'results.0' or 'results.last')",
    "5:25 'results' needs the number of a call, from 0 on, or 'last' (write 'results.last')",
    "5:40 'results' needs the number of a call, from 0 on, or 'last' (write 'results.last')",
    "5:61 'prompt' is text: it has no parts (write 'prompt')",
    "6:20 Expected 'service', 'network', 'credentials' or 'request', found 'servise' (did you mean 'service'?)",
    "7:3 A step with 'failure' has no 'text' (remove one of them)",
    "8:10 Expected at least one call",
    "10:29 Expected a map of arguments, found a list (write 'raw' to send what is not an object)",
    "10:34 A call has 'arguments' or 'raw', not both (remove one of them)",
    "11:7 Key 'name' is missing",
    "11:26 'x + 1' is not a path (a template holds a path such as 'input.name', no expressions)",
    "12:21 Expected 'end', 'tool_calls', 'length' or 'refusal', found 'done'",
    "12:34 Expected a duration such as '500ms' or '2s', found a number",
    "12:53 Expected 0 or more, found -1",
  ]);
});

test("a script that is no list, or an empty one, is refused", () => {
  expect(said("text: hi\n")).toEqual(["1:1 Expected a list of answers, found a map"]);
  expect(said("[]\n")).toEqual(["1:1 A script needs at least one answer"]);
  expect(said("# nothing\n")).toEqual(["1:1 The file has no content (a script is a list of answers: - text: Hello)"]);
});

test("a script can have answers for sub-agents, by the names that lead to them", () => {
  const text = "answers: [{ text: own }]\nagents:\n  a: [{ text: of a }]\n  a/b: [{ text: of b }]\n";
  const answer = (...agents: string[]) => {
    const source = { file: "answers.yaml", folder: "/agents", bytes: new TextEncoder().encode(text) };
    const checked = checkScript(source, agents);
    if (!checked.ok) return checked.diagnostics.map(({ message }) => message);
    return checked.value.map((step) => (step.kind === "reply" ? step.text : []));
  };
  expect(answer()).toEqual([[{ text: "own" }]]);
  expect(answer("a")).toEqual([[{ text: "of a" }]]);
  expect(answer("a", "b")).toEqual([[{ text: "of b" }]]);
  expect(answer("b")).toEqual(["The script has no answers for agent 'b'"]);
  expect(said("answers: []\nagents: { a: x, b: [{ txt: y }] }\n")).toEqual([
    "1:10 A script needs at least one answer",
    "2:14 Expected a list of answers, found text",
    "2:23 Unknown key 'txt' (did you mean 'text'?)",
  ]);
});
