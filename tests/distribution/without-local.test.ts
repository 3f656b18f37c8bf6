import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { weights, withWeights } from "../helpers/local-model.ts";
import { rein, run, type Ended } from "./executable.ts";

/* `make build LOCAL=0`, in a copy of the checkout. What is built of Rust already is taken as it is. */

const root = resolve(import.meta.dir, "../..");
const copy = mkdtempSync(join(tmpdir(), "rein-without-local-"));
const without = join(copy, "dist/rein");
afterAll(() => rmSync(copy, { recursive: true, force: true }));

beforeAll(async () => {
  const kept = { recursive: true, preserveTimestamps: true };
  for (const name of [
    "Makefile",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "LICENSE",
  ])
    cpSync(join(root, name), join(copy, name), kept);
  for (const name of ["src", "docs", "scripts", "bench"]) cpSync(join(root, name), join(copy, name), kept);
  const target = join(root, "native/target");
  cpSync(join(root, "native"), join(copy, "native"), { ...kept, filter: (path) => path !== target });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  cpSync(join(root, "dist/native"), join(copy, "dist/native"), { recursive: true });
  const { code, stderr } = await run(["make", "build", "LOCAL=0"], copy, process.env);
  if (code !== 0) throw new Error(stderr);
}, 300_000);

test("a build without local models is smaller by their library, and has no licence of it", async () => {
  const library = statSync(join(root, "dist/native/librein_local.so")).size;
  expect(statSync(rein).size - statSync(without).size).toBeGreaterThan(library * 0.9);
  const { code, stdout } = await run([without, "version", "--licences"], copy, {});
  expect(code).toBe(0);
  expect(stdout).toContain("\nnix ");
  expect(stdout).not.toMatch(/llama\.cpp|llguidance|node-llama-cpp/);
});

const folder = join(copy, "work");

function runOn(model: string): Promise<Ended> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "script.yaml"), "- text: Hello\n");
  writeFileSync(join(folder, "agent.yaml"), "prompt: Hi\n");
  return run([without, "run", "--model", model, "agent.yaml"], folder, { HOME: folder, REIN_MODELS: folder });
}

test("a build without local models runs agents", async () => {
  expect(await runOn("scripted/script.yaml")).toMatchObject({ code: 0, stdout: "Hello\n" });
});

withWeights("local model: a build without local models says so where one is named", async () => {
  mkdirSync(folder, { recursive: true });
  symlinkSync(weights, join(folder, basename(weights)));
  const { code, stdout, stderr } = await runOn("local/smollm2");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  const why = "this build of rein is without local models: it was made with LOCAL=0";
  expect(stderr).toBe(`error: Cannot use model 'local/smollm2': ${why}\n`);
  const listed = await run([without, "models", "list"], folder, { HOME: folder, REIN_MODELS: folder });
  expect(listed.stdout).toMatch(/^smollm2 .* unusable$/m);
  expect(listed.stdout).toEndWith(`\nsmollm2: ${why}\n`);
});
