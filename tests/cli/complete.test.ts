import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commands } from "../../src/cli/commands.ts";
import { candidates } from "../../src/cli/complete.ts";
import { completers } from "../../src/cli/complete-values.ts";

const folder = mkdtempSync(join(tmpdir(), "rein-complete-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(
  join(folder, "agent.yaml"),
  `model: fast
models: { fast: { model: openai/gpt-6-sol } }
prompt: \${{ input.max_items }}
input:
  max_items: { type: integer, default: 3, description: How many }
  model: { type: string, default: x }
  loud: { type: boolean, default: false }
permissions: { read: [docs], net: [one.example.com, two.example.com] }
`,
);
writeFileSync(join(folder, "wrong.yaml"), "promt: x\n");
writeFileSync(join(folder, ".hidden.yaml"), "prompt: x\n");
writeFileSync(join(folder, "notes.txt"), "");
mkdirSync(join(folder, "sub"));
writeFileSync(join(folder, "sub/inner.yml"), "prompt: x\n");
symlinkSync("sub", join(folder, "link"));
symlinkSync("nowhere", join(folder, "broken"));
mkdirSync(join(folder, "models"));
writeFileSync(join(folder, "models/tiny.gguf"), "");
const env = { HOME: folder, REIN_MODELS: join(folder, "models"), XDG_STATE_HOME: join(folder, "no state") };

/** The candidates' values that begin with the last word. */
async function complete(...words: string[]): Promise<string[]> {
  const found = await candidates(words, { cwd: folder, env });
  return found.map(({ value }) => value).filter((value) => value.startsWith(words.at(-1) ?? ""));
}

test("what every flag and argument takes is known, or is free text", () => {
  const free = new Set([
    "models pull --name",
    "models pull --sha256",
    "sessions show --whole",
    "sessions fork --at",
    "sessions fork NEW",
    "sessions import NAME",
    "cost --watts",
    "cost --per-kwh",
    "cost --hardware",
    "run PROMPT",
    "-e PROMPT",
    "route PROMPT",
    "mcp serve --http",
    "complete WORD",
  ]);
  const missing = commands.flatMap(({ name, positionals, flags }) => {
    const values = flags.flatMap((flag) =>
      flag.value === undefined || flag.value.choices !== undefined ? [] : [[flag.name, flag.value.name] as const],
    );
    const words = positionals.split(" ").map((word) => word.replace(/[[\]…]/g, ""));
    const all = [...values, ...words.filter((word) => word !== "").map((word) => [word, word] as const)];
    return all
      .filter(
        ([flag, value]) =>
          ![flag, `${name} ${flag}`, `${name} ${value}`, value].some((key) => Object.hasOwn(completers, key)),
      )
      .map(([flag]) => `${name} ${flag}`)
      .filter((one) => !free.has(one));
  });
  expect(missing).toEqual([]);
});

test("commands come first, then the words of a group; hidden ones never", async () => {
  expect(await complete("")).toEqual([
    ...new Set(commands.filter(({ hidden }) => !hidden).map(({ name }) => name.replace(/ .*/, ""))),
  ]);
  expect(await complete("sessions", "")).toEqual(["list", "show", "fork", "export", "import", "rm", "prune"]);
  expect(await complete("tools", "")).toEqual(["call", "agent.yaml", "link/", "models/", "sub/", "wrong.yaml"]);
  expect(await complete("tools", "call", "file_r")).toEqual(["file_read"]);
  expect(await complete("tools", "call", "file_read", "--input", "@ag")).toEqual(["@agent.yaml"]);
  expect(await complete("comp")).toEqual(["completions"]);
  expect(await complete("nonsense", "")).toEqual([]);
  expect(await complete("nonsense", "x", "")).toEqual([]);
});

test("an agent file is a YAML file or a folder on the way to one", async () => {
  expect(await complete("run", "")).toEqual(["agent.yaml", "link/", "models/", "sub/", "wrong.yaml"]);
  expect(await complete("run", "sub/")).toEqual(["sub/inner.yml"]);
  expect(await complete("run", "link/i")).toEqual(["link/inner.yml"]);
  expect(await complete("run", "~/a")).toEqual(["~/agent.yaml"]);
  expect(await complete("run", `${folder}/a`)).toEqual([`${folder}/agent.yaml`]);
  expect(await complete("run", ".h")).toEqual([".hidden.yaml"]);
  expect(await complete("run", "nowhere/")).toEqual([]);
  expect(await complete("run", "broken/")).toEqual([]);
  expect(await complete("check", "agent.yaml", "w")).toEqual(["wrong.yaml"]);
});

test("an agent's inputs are names for --set and flags of their own", async () => {
  expect(await complete("run", "agent.yaml", "--set", "")).toEqual(["max_items=", "model=", "loud="]);
  expect(await complete("run", "agent.yaml", "--set=m")).toEqual(["--set=max_items=", "--set=model="]);
  expect(await complete("run", "agent.yaml", "--set", "loud=")).toEqual(["loud=true", "loud=false"]);
  expect(await complete("run", "agent.yaml", "--set", "model=@no")).toEqual(["model=@notes.txt"]);
  expect(await complete("run", "agent.yaml", "--ma")).toEqual(["--max-items"]);
  expect(await complete("run", "agent.yaml", "--mo")).toEqual(["--model"]);
  expect(await complete("run", "agent.yaml", "--no-l")).toEqual(["--no-loud"]);
  expect(await complete("run", "agent.yaml", "--max-items", "@no")).toEqual(["@notes.txt"]);
  expect(await complete("run", "--set", "max_items=1", "agent.yaml", "--max")).toEqual(["--max-items"]);
  expect(await complete("run", "agent.yaml", "--", "--ma")).toEqual([]);
  expect(await complete("run", "wrong.yaml", "--set", "")).toEqual([]);
  expect(await complete("run", "nowhere.yaml", "--ma")).toEqual([]);
});

test("a flag that was given is not offered again, unless it may be", async () => {
  expect(await complete("run", "--output", "json", "--out")).toEqual(["--output-file"]);
  expect(await complete("run", "agent.yaml", "--set", "loud=true", "--se")).toEqual(["--set", "--session"]);
});

test("grants are what the file requests, item by item", async () => {
  expect(await complete("run", "agent.yaml", "--allow-net=")).toEqual([
    "--allow-net=one.example.com",
    "--allow-net=two.example.com",
  ]);
  expect(await complete("run", "agent.yaml", "--allow-net=one.example.com,")).toEqual([
    "--allow-net=one.example.com,two.example.com",
  ]);
  expect(await complete("run", "agent.yaml", "--deny-read=docs,n")).toEqual(["--deny-read=docs,notes.txt"]);
});

describe("a model", () => {
  test("is one of the agent file, of a provider, of the models folder, or a file", async () => {
    const models = await complete("run", "agent.yaml", "--model", "");
    expect(models).toContain("fast");
    expect(models).toContain("anthropic/");
    expect(models).toContain("local/tiny");
    expect(await complete("run", "-m", "local/./mo")).toEqual(["local/./models/"]);
    expect(await complete("run", "-m", "local/./models/")).toEqual(["local/./models/tiny.gguf"]);
    expect(await complete("run", "--model=scripted/w")).toEqual(["--model=scripted/wrong.yaml"]);
  });

  test("of the folder goes by its name alone where only such are meant", async () => {
    expect(await complete("models", "rm", "")).toEqual(["tiny"]);
    expect(await complete("models", "rm", "tiny", "t")).toEqual(["tiny"]);
  });
});

test("help knows commands, topics, the words of groups and agent files", async () => {
  expect(await complete("help", "ex")).toEqual(["exit-codes"]);
  expect(await complete("help", "models", "pu")).toEqual(["pull"]);
  expect(await complete("help", "run", "ag")).toEqual(["agent.yaml"]);
});

test("a journal that is not there has no sessions, and none is made", async () => {
  expect(await complete("run", "agent.yaml", "--session", "")).toEqual([]);
  expect(await complete("sessions", "show", "")).toEqual([]);
  expect(await Bun.file(join(folder, "no state")).exists()).toBe(false);
});

test("the sides of a comparison are completed with their models", async () => {
  expect(await complete("cost", "--compare", "")).toEqual(["cloud=", "local="]);
  expect(await complete("cost", "--compare", "cloud=anth")).toContain("cloud=anthropic/claude-sonnet-5-5");
  expect(await complete("cost", "--compare", "cloud=openai/x,")).toEqual(["cloud=openai/x,local="]);
  expect(await complete("cost", "--compare", "cloud=openai/x,local=local/t")).toEqual([
    "cloud=openai/x,local=local/tiny",
  ]);
});
