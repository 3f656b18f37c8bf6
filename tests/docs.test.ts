import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startHub } from "./helpers/hub-server.ts";
import { startOpenAIServer } from "./helpers/openai-server.ts";

/*
 * Runs every command of the pages that users read. In such a page a block after a line "`NAME`:" is that file, a `console` block
 * holds commands (`$ `) with all that they print and their exit code (`[3]`, where it is not 0), and an `sh` block holds commands
 * that must end with 0. The second yaml block of a file may name it as "`NAME` tells".
 */

const root = join(import.meta.dir, "..");
const pages = ["README.md", "docs/providers.md", "docs/local-models.md"];

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
  if (block.language === "sh") return [{ command: block.text }];
  return block.text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf("\n");
      return { command: part.slice(0, end), output: part.slice(end + 1) };
    });
}

for (const page of pages) {
  describe(page, () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "rein-docs-")));
    const server = startOpenAIServer(() => ({ kind: "answer", text: "It was Ada and Grace." }));
    afterAll(async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    cpSync(join(root, "agents"), join(folder, "agents"), { recursive: true });
    const env = {
      PATH: `${join(root, "dist")}:${process.env["PATH"]}`,
      HOME: folder,
      LANG: "C.UTF-8",
      OPENAI_BASE_URL: server.baseUrl,
      HF_ENDPOINT: hub.baseUrl,
    };

    for (const block of blocksOf(readFileSync(join(root, page), "utf8"))) {
      if (block.file !== undefined) writeFileSync(join(folder, block.file), block.text);
      if (block.language !== "sh" && block.language !== "console") continue;
      for (const { command, output } of commandsOf(block)) {
        if (command.trim() === "make test") continue;
        test(
          command.trim().split("\n").join("; "),
          async () => {
            const cwd = command.startsWith("make ") ? root : folder;
            const merged = Bun.spawn(["sh", "-ec", `exec 2>&1\n${command}`], {
              cwd,
              env,
              stdin: "ignore",
              stdout: "pipe",
            });
            const printed = await merged.stdout.text();
            const code = await merged.exited;
            if (output === undefined) expect({ printed, code }).toEqual({ printed, code: 0 });
            else expect(code === 0 ? printed : `${printed}[${code}]\n`).toBe(output);
          },
          60_000,
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
