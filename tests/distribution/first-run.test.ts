import { afterAll, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { weights, withWeights } from "../helpers/local-model.ts";
import { run, type Ended } from "./executable.ts";

/* What a newcomer sees of `make run`, once it has built. */

const root = resolve(import.meta.dir, "../..");
const folder = mkdtempSync(join(tmpdir(), "rein-first-run-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A PATH with these programs and no other: no pip, and no Python. */
const few = join(folder, "bin");
mkdirSync(few);
for (const name of "sh dirname mktemp mkdir rm sha256sum cut grep tail ln cp mv".split(" ")) {
  const path = Bun.which(name);
  if (path !== null) symlinkSync(path, join(few, name));
}

async function examples(home: string, argv: string[] = []): Promise<Ended> {
  return run(["sh", "scripts/examples", ...argv], root, { PATH: few, HOME: join(folder, home), TERM: "dumb" });
}

withWeights(
  "local model: make run shows a real model that sorts what it reads, and one that calls a tool",
  async () => {
    const { code, stdout, stderr } = await examples("home");
    expect(code).toBe(0);
    expect(stdout).toContain(`agents/sort-review.yaml\n{\n  "sentiment": "positive"\n}\n`);
    expect(stdout).toContain(`agents/sort-review-file.yaml\n{\n  "sentiment": "negative"\n}\n`);
    expect(stdout).toContain("$ dist/rein run -P agents/explain-log.yaml");
    expect(stderr).toContain("'local/smollm2' is a small model");
    expect(stderr).toMatch(/ {2}file_read 'agents\/fixtures\/review.txt': \w+\n/);
  },
);

withWeights("local model: the weights that the tests have are not downloaded again", async () => {
  const own = join(folder, "models");
  const { code, stdout } = await run(["sh", "scripts/weights", own], root, { PATH: few });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(statSync(join(own, "SmolLM2-135M-Instruct.Q4_1.gguf")).size).toBe(statSync(weights).size);
});

test("where the weights cannot be got, make run says how to get them and shows what needs none", async () => {
  const elsewhere = join(folder, "checkout");
  mkdirSync(join(elsewhere, "scripts"), { recursive: true });
  for (const name of ["agents", "scripts/weights", "scripts/examples"])
    cpSync(join(root, name), join(elsewhere, name), { recursive: true });
  symlinkSync(join(root, "dist"), join(elsewhere, "dist"));
  const { code, stdout } = await run(["sh", "scripts/examples"], elsewhere, { PATH: few, HOME: join(folder, "new") });
  expect(code).toBe(0);
  expect(stdout).toStartWith(
    "The model 'smollm2' is not here: there is no pip to get it with. 'rein models pull smollm2' gets it",
  );
  expect(stdout).toContain("$ dist/rein run -P agents/explain-log.yaml");
  expect(stdout).not.toContain("sort-review");
  expect(existsSync(join(folder, "new/.cache/rein/models/SmolLM2-135M-Instruct.Q4_1.gguf"))).toBe(false);
});

test("a build without local models shows what needs none", async () => {
  const { code, stdout } = await examples("home", ["0"]);
  expect(code).toBe(0);
  expect(stdout).not.toContain("smollm2");
  expect(stdout).toContain("$ dist/rein run -P agents/explain-log.yaml");
});
