import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startHub } from "./helpers/hub-server.ts";
import { startOpenAIServer, type Answer } from "./helpers/openai-server.ts";

/*
 * Runs every command of the pages that users read. In such a page a block after a line "`NAME`:" is that file, a `console` block
 * holds commands (`$ `) with all that they print and their exit code (`[3]`, where it is not 0), and an `sh` or `bash` block holds
 * commands that must end with 0. The second yaml block of a file may name it as "`NAME` tells".
 */

const root = join(import.meta.dir, "..");
const pages = [
  "README.md",
  "docs/providers.md",
  "docs/local-models.md",
  "docs/cost.md",
  "docs/sessions.md",
  "docs/routing.md",
  "docs/mcp.md",
  "docs/chat.md",
  "docs/resume.md",
  "docs/memory.md",
  "docs/editors.md",
  "docs/guides/from-python.md",
  "docs/guides/pipes.md",
  "docs/guides/ci.md",
  "docs/guides/tools-folder.md",
];

/** A repository with the example agents, in which fixtures/price.diff is staged. */
const repository = `git init -q -b main
git config user.name Ada
git config user.email ada@example.com
git add agents
git commit -q -m 'Import catalogues'
git update-ref refs/remotes/origin/main main
git apply --index agents/fixtures/price.diff`;

/** rein as the pages' commands find it: an example agent, wherever its file stands, has its scripted model. */
const executable = `#!/bin/sh
for argument; do
  script=agents/scripts/\${argument##*/}
  case $argument in *.yaml) [ -f "$script" ] && export REIN_MODEL="scripted/$script" ;; esac
done
exec '${join(root, "dist/rein")}' "$@"
`;

/** What a page's folder is made ready by. */
const preparations: Record<string, string> = {
  "docs/guides/pipes.md": repository,
  "docs/guides/ci.md": `${repository}\ngit switch -q -c change\ngit commit -q -m 'Read prices in German notation'`,
};

/**
 * The pages' service. A harness that asks about the failing log is told to read the code that it names, by the tool that it has, and
 * then answers; anyone else is answered at once.
 */
function answer(body: unknown): Answer {
  const request = JSON.stringify(body);
  const tool = /"name":"(read_file|file_read)"/.exec(request)?.[1];
  const how: Pick<Answer, "whole"> = request.includes('"stream":true') ? {} : { whole: true };
  if (!request.includes("explain failing builds") || tool === undefined) {
    return { kind: "answer", text: "It was Ada and Grace.", ...how };
  }
  if (!request.includes("def parse_price")) {
    const args = JSON.stringify({ path: "agents/fixtures/shop/price.py" });
    return { kind: "answer", calls: [{ index: 0, id: "call_1", name: tool, arguments: args }], ...how };
  }
  const explained = {
    cause: "A price in German notation",
    file: "agents/fixtures/shop/price.py",
    line: 8,
    fix: "Read it",
  };
  return { kind: "answer", text: JSON.stringify(explained), ...how };
}

/** What the pages pull, as small files. */
const hub = startHub([
  {
    repo: "Qwen/Qwen3-8B-GGUF",
    licence: "apache-2.0",
    files: [{ path: "Qwen3-8B-Q8_0.gguf" }, { path: "Qwen3-8B-Q4_K_M.gguf" }],
  },
]);
afterAll(() => hub.stop());

type Block = { language: string; file: string | undefined; text: string };

function blocksOf(page: string): Block[] {
  const found: Block[] = [];
  for (const match of page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    const before = page.slice(0, match.index).trimEnd().split("\n\n").at(-1) ?? "";
    const file = /^`([^`\n]+)`:$|`([^`\n]+)` tells/.exec(before.replaceAll("\n", " "));
    found.push({ language: match[1] ?? "", file: file?.[1] ?? file?.[2], text: match[2] ?? "" });
  }
  return found;
}

/** The commands of an `sh` block that are run as they are; `make test` is what runs this. */
function commandsOf(block: Block): Array<{ command: string; output?: string }> {
  if (block.language !== "console") return [{ command: block.text }];
  return block.text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf("\n");
      return { command: part.slice(0, end), output: part.slice(end + 1) };
    });
}

/** The shell of a pipeline's file: each `run` of GitHub's, each `script` of GitLab's. */
function stepsOf(value: unknown, key = ""): string[] {
  if (typeof value === "string") return key === "run" ? [value] : [];
  if (Array.isArray(value)) return key === "script" ? [value.join("\n")] : value.flatMap((item) => stepsOf(item));
  return Object.entries(value ?? {}).flatMap(([name, item]) => stepsOf(item, name));
}

/** What runners tell their steps. */
const runner = { CI: "true", GITHUB_BASE_REF: "main", CI_MERGE_REQUEST_TARGET_BRANCH_NAME: "main" };

for (const page of pages) {
  describe(page, () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "rein-docs-")));
    const server = startOpenAIServer(answer);
    afterAll(async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
      rmSync(bin, { recursive: true, force: true });
    });
    cpSync(join(root, "agents"), join(folder, "agents"), { recursive: true });
    // Not in the working folder, where no program counts.
    const bin = realpathSync(mkdtempSync(join(tmpdir(), "rein-docs-bin-")));
    writeFileSync(join(bin, "rein"), executable, { mode: 0o755 });
    const env = {
      PATH: `${bin}:${process.env["PATH"]}`,
      HOME: folder,
      LANG: "C.UTF-8",
      OPENAI_BASE_URL: server.baseUrl,
      HF_ENDPOINT: hub.baseUrl,
      // The weights are those that the tests have, or none.
      PIP_NO_INDEX: "1",
    };
    const preparation = preparations[page];
    if (preparation !== undefined) Bun.spawnSync(["sh", "-ec", preparation], { cwd: folder, env });

    for (const block of blocksOf(readFileSync(join(root, page), "utf8"))) {
      if (block.file !== undefined) {
        mkdirSync(dirname(join(folder, block.file)), { recursive: true });
        writeFileSync(join(folder, block.file), block.text);
      }
      for (const step of block.file?.endsWith(".yml") ? stepsOf(Bun.YAML.parse(block.text)) : []) {
        test(`${block.file} ends with the code of the review`, async () => {
          const temporary = mkdtempSync(join(folder, "runner-"));
          const merged = Bun.spawn(["sh", "-ec", `exec 2>&1\n${step}`], {
            cwd: folder,
            env: { ...env, ...runner, RUNNER_TEMP: temporary, CI_BUILDS_DIR: temporary },
            stdin: "ignore",
            stdout: "pipe",
          });
          const printed = await merged.stdout.text();
          const finding =
            block.file === ".gitlab-ci.yml"
              ? "failed: exit code 1: agents/fixtures/shop/price.py:8: A price"
              : "\n::error file=agents/fixtures/shop/price.py,line=8::A price";
          expect({ printed, code: await merged.exited }).toEqual({
            printed: expect.stringContaining(finding),
            code: 5,
          });
        });
      }
      if (!["sh", "bash", "console"].includes(block.language)) continue;
      for (const { command, output } of commandsOf(block)) {
        if (command.trim() === "make test") continue;
        test(
          command.trim().split("\n").join("; "),
          async () => {
            const shell = block.language === "bash" ? "bash" : "sh";
            const merged = Bun.spawn([shell, "-ec", `exec 2>&1\n${command}`], {
              cwd: /^make (run|test)\b/.test(command) ? root : folder,
              env,
              stdin: "ignore",
              stdout: "pipe",
            });
            const printed = await merged.stdout.text();
            const code = await merged.exited;
            if (output === undefined) expect({ printed, code }).toEqual({ printed, code: 0 });
            else expect(code === 0 ? printed : `${printed}[${code}]\n`).toBe(output);
          },
          180_000,
        );
      }
    }
  });
}

test("a page's files, commands and expected output are told apart", () => {
  const page =
    "`a.yaml`:\n\n```yaml\nx: 1\n```\n\nthen\n\n```console\n$ one\nout\n[3]\n$ two\n```\n\n```sh\nthree\n```\n";
  const blocks = blocksOf(page);
  expect(blocks.map(({ language, file }) => [language, file])).toEqual([
    ["yaml", "a.yaml"],
    ["console", undefined],
    ["sh", undefined],
  ]);
  expect(blocks.slice(1).flatMap(commandsOf)).toEqual([
    { command: "one", output: "out\n[3]\n" },
    { command: "two", output: "" },
    { command: "three\n" },
  ]);
});
