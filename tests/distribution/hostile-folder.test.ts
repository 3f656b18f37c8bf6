import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { rein, run } from "./executable.ts";

/** A stranger's folder, a temp folder that a stranger wrote to, and where each plant leaves its mark when it is run. */
const root = mkdtempSync(join(tmpdir(), "rein-hostile-"));
const folder = join(root, "folder");
const temp = join(root, "temp");
const marks = join(root, "marks");
const hostile = {
  PATH: `.:${folder}:${folder}/bin:/usr/local/bin:/usr/bin:/bin`,
  HOME: join(root, "home"),
  TMPDIR: temp,
};

const mark = (name: string): string => `require("node:fs").writeFileSync(${JSON.stringify(join(marks, name))}, "");\n`;
const marked = (): string[] => readdirSync(marks).toSorted();

function plant(path: string, text: string, mode = 0o644): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
}

const agent = `name: t
model: scripted/script.yaml
instructions: Do it
prompt: Do it
tools: [file_read, file_list, file_search, file_write, bash_exec]
permissions: { read: [.], write: [.], run: [bash, git] }
checks:
  - run: [git, --version]
`;
const script = `- calls:
    - { name: file_read, arguments: { path: agent.yaml } }
    - { name: file_list, arguments: { path: . } }
    - { name: file_search, arguments: { pattern: needle } }
    - { name: file_write, arguments: { path: out.txt, content: text } }
    - { name: bash_exec, arguments: { command: git --version && cat agent.yaml && echo "planted=$PLANTED" } }
- text: \${{ results.4 }}
`;

const programs = ["git", "jq", "bash", "sh", "cat", "env", "node", "bun", "rein-jail", "curl"];

beforeAll(() => {
  for (const made of [folder, temp, marks, hostile.HOME]) mkdirSync(made);
  plant("agent.yaml", agent);
  plant("script.yaml", script);
  plant(".env", "PLANTED=yes\nREIN_MODEL=scripted/planted.yaml\nBUN_OPTIONS=--preload ./preload.ts\n");
  plant(".env.local", "PLANTED=yes\n");
  plant(".env.production", "PLANTED=yes\n");
  plant("bunfig.toml", 'preload = ["./preload.ts"]\n[run]\nbun = true\n');
  plant("preload.ts", mark("preload"));
  plant("package.json", '{ "type": "module", "imports": { "#x": "./tools/plant.ts" } }');
  plant(
    "tsconfig.json",
    '{ "compilerOptions": { "paths": { "openai": ["./tools/plant.ts"], "yaml": ["./tools/plant.ts"] } } }',
  );
  for (const name of ["openai", "yaml", "valibot"]) {
    plant(`node_modules/${name}/index.js`, mark(`module-${name}`));
    plant(`node_modules/${name}/package.json`, `{ "name": "${name}", "main": "index.js" }`);
  }
  plant("tools/plant.ts", mark("tool"));
  plant(".rein/tools/plant.ts", mark("tool"));
  plant(".mcp.json", '{ "mcpServers": { "planted": { "command": "./mcp" } } }');
  plant("mcp", `#!/bin/sh\n: > '${marks}/mcp'\n`, 0o755);
  for (const name of programs) {
    for (const place of [name, `bin/${name}`]) plant(place, `#!/bin/sh\n: > '${marks}/program-${name}'\n`, 0o755);
  }
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Compiles a program that is not built as rein is. */
async function compile(name: string, source: string): Promise<string> {
  writeFileSync(join(root, `${name}.ts`), source);
  const out = join(root, name);
  const { code, stderr } = await run([process.execPath, "build", "--compile", `${out}.ts`, "--outfile", out], root, {
    ...process.env,
  });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return out;
}

test("the plants bite: a program compiled with Bun's defaults loads .env and runs bunfig's preload", async () => {
  const victim = await compile("victim", "console.log(process.env.PLANTED);\n");
  expect(await run([victim], folder, hostile)).toMatchObject({ stdout: "yes\n" });
  expect(marked()).toEqual(["preload"]);
  rmSync(join(marks, "preload"));
  await run(["/bin/sh", "-c", "git --version"], folder, hostile);
  expect(marked()).toEqual(["program-git"]);
  rmSync(join(marks, "program-git"));
});

const commands: Array<{ what: string; argv: string[]; shows: string }> = [
  { what: "--version", argv: ["--version"], shows: "rein" },
  { what: "help", argv: ["help", "run"], shows: "rein run" },
  { what: "schema", argv: ["schema"], shows: "instructions" },
  { what: "check", argv: ["check", "agent.yaml"], shows: "" },
  { what: "run --dry-run", argv: ["run", "-P", "--dry-run", "agent.yaml"], shows: "scripted/script.yaml" },
  { what: "run with every tool and a check", argv: ["run", "-P", "agent.yaml"], shows: "git version" },
  { what: "sessions list", argv: ["sessions", "list"], shows: "" },
];

for (const { what, argv, shows } of commands) {
  test(`'rein ${what}' in a stranger's folder runs nothing of it`, async () => {
    const result = await run([rein, ...argv], folder, hostile);
    expect(marked()).toEqual([]);
    expect(result.code).toBe(0);
    expect(result.stdout).toContain(shows);
    expect(result.stdout).not.toContain("planted=yes");
  });
}

test("a changed library in the temp folder is not loaded, under the name that Bun would take", async () => {
  const library = join(import.meta.dir, "../../dist/native/librein_core.so");
  const loads = await compile(
    "loads",
    `import { dlopen } from "bun:ffi";
import so from ${JSON.stringify(library)} with { type: "file" };
dlopen(so, { rein_free: { args: ["ptr", "u64"], returns: "void" } });
`,
  );
  expect(await run([loads], root, hostile)).toMatchObject({ code: 0 });
  const [extracted = ""] = readdirSync(temp).filter((name) => name.endsWith(".so"));
  expect(extracted).not.toBe("");

  // As long as the real one: that is all that Bun compares.
  const source = `#include <fcntl.h>\n__attribute__((constructor)) static void plant(void) { creat("${marks}/library", 0600); }\n`;
  writeFileSync(join(root, "plant.c"), source);
  expect(await run(["cc", "-shared", "-fPIC", "-o", "plant.so", "plant.c"], root, process.env)).toMatchObject({
    code: 0,
  });
  const fake = Buffer.alloc(readFileSync(library).length);
  expect(readFileSync(join(root, "plant.so")).copy(fake)).toBeLessThanOrEqual(fake.length);
  writeFileSync(join(temp, extracted), fake);
  await run([loads], root, hostile);
  expect(marked()).toEqual(["library"]);
  rmSync(join(marks, "library"));

  const before = readdirSync(temp).toSorted();
  expect(await run([rein, "run", "-P", "agent.yaml"], folder, hostile)).toMatchObject({ code: 0 });
  expect(marked()).toEqual([]);
  expect(readdirSync(temp).toSorted()).toEqual(before);
});
