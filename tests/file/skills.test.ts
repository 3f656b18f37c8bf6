import { expect, test } from "bun:test";
import { checkAgent } from "../../src/file/check.ts";
import { noFiles, type AgentFiles } from "../../src/file/agent-files.ts";
import { known as base } from "./known.ts";

const known = { ...base, tools: [...base.tools, { name: "skill_read", needs: [] }] };

function reading(texts: Record<string, string>, path: string): ReturnType<AgentFiles["read"]> {
  const text = texts[path];
  return text === undefined
    ? { ok: false, error: { message: "no such file" } }
    : { ok: true, value: new TextEncoder().encode(text) };
}

function check(folders: string[], texts: Record<string, string>) {
  const files: AgentFiles = {
    read: (path) => reading(texts, path),
    folder: (path) => (Object.keys(texts).some((file) => file.startsWith(`${path}/`)) ? path : undefined),
    tools: () => () => ({ ok: false, error: { code: "unsupported", message: "it is not read here" } }),
  };
  const text = `prompt: x\ntools: [skill_read]\nskills: [${folders.join(", ")}]\n`;
  return checkAgent({ file: "a/a.yaml", folder: "/w/a", bytes: new TextEncoder().encode(text) }, known, files);
}

function told(folders: string[], texts: Record<string, string>): string[] {
  const checked = check(folders, texts);
  const all = checked.ok ? checked.warnings : checked.diagnostics;
  return all.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`);
}

const good =
  "---\nname: notes\ndescription: |\n  How notes\n  are written.\nlicense: MIT\nallowed-tools: Bash\n---\n# Notes\n---\n";

test("a skill is what its SKILL.md says; its folder is requested to be read, and nothing else is", () => {
  const checked = check(["skills/notes"], { "/w/a/skills/notes/SKILL.md": good });
  if (!checked.ok) throw new Error(JSON.stringify(checked.diagnostics));
  const folder = "/w/a/skills/notes";
  expect(checked.value.skills).toEqual([{ name: "notes", description: "How notes\nare written.", folder }]);
  expect(checked.value.permissions).toEqual({ read: ["agent:skills/notes"] });
});

test("Windows line ends and a byte order mark change nothing", () => {
  const text = `\ufeff${good.replaceAll("\n", "\r\n")}`;
  expect(told(["notes/"], { "/w/a/notes/SKILL.md": text })).toEqual([]);
});

test("a folder that is not there, or has no SKILL.md, is told of where it is named", () => {
  expect(told(["no", "empty"], { "/w/a/empty/readme.md": "x" })).toEqual([
    "a/a.yaml:3:10 There is no folder 'no'",
    "a/a.yaml:3:14 The folder 'empty' is no skill: it has no SKILL.md that can be read",
  ]);
});

test("what is wrong in a SKILL.md is told at its place in that file", () => {
  const skills = {
    "/w/a/x/SKILL.md": "# no frontmatter\n",
    "/w/a/y/SKILL.md": "---\nname: z\ndescription: ''\n---\n",
    "/w/a/Z/SKILL.md": "---\nname: Z\n---\n",
    "/w/a/l/SKILL.md": "---\n- a\n---\n",
    "/w/a/m/SKILL.md": "---\nname: m\ndescription: [\n---\n",
    "/w/a/n/SKILL.md": `---\nname: n\ndescription: ${"x".repeat(1025)}\n---\n`,
  };
  const first = told(["x", "y", "Z", "l", "m", "n"], skills);
  expect(first.map((line) => line.replace(/(m\/SKILL.md:\d+:\d+ ).*/, "$1…"))).toEqual([
    "a/x/SKILL.md:1:1 A SKILL.md begins with '---', its name and description, and '---'",
    "a/y/SKILL.md:2:7 A skill is named like its folder: 'z' lies in 'y'",
    "a/y/SKILL.md:3:14 A description cannot be empty",
    "a/Z/SKILL.md:2:1 Key 'description' is missing",
    "a/Z/SKILL.md:2:7 A skill's name is at most 64 lower case letters and digits, with single '-' between them",
    "a/l/SKILL.md:2:1 Expected a map with 'name' and 'description', found a list",
    "a/m/SKILL.md:3:14 …",
    "a/n/SKILL.md:3:14 A description has at most 1024 characters",
  ]);
});

test("two skills of one name are told of", () => {
  const texts = { "/w/a/one/notes/SKILL.md": good, "/w/a/two/notes/SKILL.md": good };
  expect(told(["one/notes", "two/notes"], texts)).toEqual(["a/a.yaml:3:21 Skill 'notes' is listed twice"]);
});

test("what the skills of a sub-agent need to be read, the agent requests too", () => {
  const texts = { "/w/a/notes/SKILL.md": good };
  const files = { ...noFiles, read: (path: string) => reading(texts, path), folder: (path: string) => path };
  const text = "prompt: x\ntools: [spawn_agent]\nagents: { a: { prompt: x, tools: [skill_read], skills: [notes] } }\n";
  const source = { file: "a/a.yaml", folder: "/w/a", bytes: new TextEncoder().encode(text) };
  const all = { ...known, tools: [...known.tools, { name: "spawn_agent", needs: [] }] };
  const checked = checkAgent(source, all, files);
  expect(checked.ok && checked.value.permissions).toEqual({ read: ["agent:notes"] });
});
