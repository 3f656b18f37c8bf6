import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expectedOutcome, findSpecs, runSpec, updateExpected } from "./spec.ts";

const root = mkdtempSync(join(tmpdir(), "rein-spec-test-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function plant(name: string, files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    const path = join(root, name, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

test("a case sees a copy of its folder, without the files that say what it must do", async () => {
  plant("a/copy", { command: "find . | sort; rm data/x", "data/x": "1", stdout: ".\n./data\n./data/x\n", exit: "0\n" });
  expect(await runSpec("a/copy", root)).toEqual(await expectedOutcome("a/copy", root));
  expect(existsSync(join(root, "a/copy/data/x"))).toBe(true);
});

test("a case sees the files that it has in common with others, by the names that it gives them", async () => {
  plant("a/shared", { command: "ls; head -n 1 mine", shared: "LICENSE mine\npackage.json\n" });
  expect((await runSpec("a/shared", root)).stdout).toBe("mine\npackage.json\nMIT License\n");
});

test("stdout, stderr and the exit code are what the files say, and nothing without them", async () => {
  plant("a/fails", { command: "printf out; printf err >&2; exit 3" });
  expect(await expectedOutcome("a/fails", root)).toEqual({ stdout: "", stderr: "", exit: 0, problems: [] });
  const outcome = await runSpec("a/fails", root);
  expect(outcome).toEqual({ stdout: "out", stderr: "err", exit: 3, problems: [] });
  await updateExpected("a/fails", outcome, root);
  expect(await expectedOutcome("a/fails", root)).toEqual(outcome);
  plant("a/fails", { command: "true" });
  await updateExpected("a/fails", await runSpec("a/fails", root), root);
  expect(["stdout", "stderr", "exit"].filter((file) => existsSync(join(root, "a/fails", file)))).toEqual([]);
});

test("the folder, the home and the server's port have names in what is expected", async () => {
  plant("a/names", { command: 'pwd; echo "$HOME"; echo "$OPENAI_BASE_URL"', server: '{"kind":"answer"}\n' });
  expect((await runSpec("a/names", root)).stdout).toBe("$DIR\n$HOME\nhttp://127.0.0.1:$PORT/v1\n");
});

test("the environment is small and holds no key without a server", async () => {
  plant("a/env", { command: "env | cut -d= -f1 | sort" });
  expect((await runSpec("a/env", root)).stdout.split("\n")).toEqual(
    expect.not.arrayContaining(["OPENAI_API_KEY", "XDG_STATE_HOME", "CI"]),
  );
});

test("stdin is empty without a file for it, else that file", async () => {
  plant("a/stdin", { command: "cat; echo end" });
  expect((await runSpec("a/stdin", root)).stdout).toBe("end\n");
  plant("a/stdin", { stdin: "given\n" });
  expect((await runSpec("a/stdin", root)).stdout).toBe("given\nend\n");
});

test("bytes that are no text still differ from each other", async () => {
  plant("a/bytes", { command: "printf 'a\\377'" });
  await updateExpected("a/bytes", await runSpec("a/bytes", root), root);
  expect([...readFileSync(join(root, "a/bytes/stdout"))]).toEqual([97, 255]);
  plant("a/bytes", { command: "printf 'a\\303\\277'" });
  expect(await runSpec("a/bytes", root)).not.toEqual(await expectedOutcome("a/bytes", root));
});

test("a process that is left behind is a problem, and is ended", async () => {
  plant("a/leaves", { command: "sleep 97 & echo started" });
  const outcome = await runSpec("a/leaves", root);
  expect(outcome.problems).toEqual(["It left a process behind: sleep 97"]);
  expect(outcome.stdout).toBe("started\n");
});

test("a case that does not end is ended", async () => {
  plant("a/hangs", { command: "sleep 98" });
  expect((await runSpec("a/hangs", root, 100)).problems).toEqual(["It did not end within 0.1 s"]);
});

test("cases are the folders that hold a command", async () => {
  plant("b/one", { command: "true" });
  plant("b/none", { note: "" });
  plant("b/one/deeper", { command: "true" });
  expect((await findSpecs(root)).filter((name) => name.startsWith("b/"))).toEqual(["b/one"]);
});
