import { expect, test } from "bun:test";
import { checkAgent } from "../../src/file/check.ts";
import { known } from "./known.ts";

/** What is said of an agent file, a line each. */
function told(model: string, permissions = ""): string[] {
  const text = `model: m\nmodels:\n  m: { model: ${model} }\nprompt: Hi\n${permissions && `permissions: ${permissions}\n`}`;
  const checked = checkAgent({ file: "agent.yaml", folder: "/work", bytes: new TextEncoder().encode(text) }, known);
  const diagnostics = checked.ok ? checked.warnings : checked.diagnostics;
  return diagnostics.map(({ severity, line, column, message, hint }) =>
    [severity, `${line}:${column}`, message, hint].join(" | "),
  );
}

test("a file that a local model names by a path must be requested, and its adapter too", () => {
  const lacks = (path: string, rule: string, column: number, list = rule) =>
    `error | 3:${column} | File '${path}' can never be read: permissions has no '${rule}' in 'read' | write permissions: { read: [${list}] }`;
  expect(told("local/./x.gguf")).toEqual([lacks("./x.gguf", "agent:x.gguf", 15)]);
  expect(told("local//models/x.gguf", "{ run: [git] }")).toEqual([lacks("/models/x.gguf", "/models/x.gguf", 15)]);
  expect(told("local/smollm2, adapter: lora.gguf")).toEqual([lacks("lora.gguf", "agent:lora.gguf", 39)]);
  expect(told("local/~/x.gguf, adapter: ../lora.gguf", "{ read: [] }")).toEqual([
    lacks("~/x.gguf", "~/x.gguf", 15),
    lacks("../lora.gguf", "agent:../lora.gguf", 40),
  ]);
});

test("a file that is in nothing that is requested is a warning, since a link may lead there", () => {
  for (const [path, rule] of [
    ["./x.gguf", "agent:models"],
    ["/models/x.gguf", "/mod"],
    ["~/x.gguf", "~/models"],
    ["../x.gguf", "agent:."],
  ] as const) {
    expect(told(`local/${path}`, `{ read: ['${rule}'] }`)).toEqual([
      expect.stringContaining(`warning | 3:15 | File '${path}' is in nothing that 'read' requests | write`),
    ]);
  }
});

test("what is requested, or may be, is no problem, nor is a name in the models folder", () => {
  for (const [path, rule] of [
    ["./x.gguf", "agent:x.gguf"],
    ["./models/x.gguf", "agent:./models/"],
    ["./x.gguf", "agent:"],
    ["../x.gguf", "agent:.."],
    ["/models/x.gguf", "/"],
    ["~/models/x.gguf", "~/models"],
    ["./x.gguf", "."],
    ["./x.gguf", "/home"],
    ["/home/x.gguf", "~/"],
  ] as const)
    expect(told(`local/${path}`, `{ read: ['${rule}'] }`)).toEqual([]);
  expect(told("local/smollm2")).toEqual([]);
  expect(told("openai/x")).toEqual([]);
});
