/**
 * Runs every check and test, and counts them into one last line. `--static` runs only the checks that need no build.
 * A step is one check, or a run of many tests whose results are read from what its runner prints.
 */
import { readFileSync, rmSync } from "node:fs";
import { allowedSkips, bunResults, cargoResults, type Result } from "./results.ts";

type Step = { name: string; argv: string[]; read?: (output: string, code: number) => Result[]; needs?: string[] };

const junit = "dist/.junit.xml";
const bun = process.execPath;
const manifest = ["--locked", "--manifest-path", "native/Cargo.toml", "--workspace"];
const checks: Step[] = [
  { name: "type check", argv: [bun, "check"] },
  { name: "lint", argv: [bun, "node_modules/.bin/oxlint", "--deny-warnings", "src", "tests", "bench", "scripts"] },
  { name: "format", argv: [bun, "fmt", "--check", "src", "tests", "bench", "scripts"] },
  {
    name: "cargo fmt",
    argv: ["scripts/cargo", "fmt", "--all", "--check", "--manifest-path", "native/Cargo.toml"],
    needs: ["scripts/cargo", "fmt", "--version"],
  },
  {
    name: "cargo clippy",
    argv: ["scripts/cargo", "clippy", "--quiet", ...manifest, "--all-targets", "--", "-D", "warnings"],
    needs: ["scripts/cargo", "clippy", "--version"],
  },
];
const tests: Step[] = [
  { name: "cargo test", argv: ["scripts/cargo", "test", "--quiet", ...manifest], read: cargoResults },
  {
    name: "bun test",
    // A test that has its own time says so; on a busy machine the usual five seconds end some that only start programs.
    argv: [
      bun,
      "test",
      "--parallel",
      "--timeout=60000",
      "--only-failures",
      "--reporter=junit",
      `--reporter-outfile=${junit}`,
      "tests",
    ],
    read: (output, code) => bunResults(readFileSync(junit, "utf8"), output, code),
  },
];
/** No step may hang the run: this is far above what the slowest takes. */
const stepLimitMs = 15 * 60_000;

async function run(step: Step): Promise<Result[]> {
  const started = performance.now();
  if (step.needs !== undefined && Bun.spawnSync(step.needs, { stdout: "ignore", stderr: "ignore" }).exitCode !== 0) {
    return [{ name: step.name, outcome: "skipped" }];
  }
  const env = { ...process.env, ...(step.read === undefined ? { NO_COLOR: "1" } : {}) };
  const child = Bun.spawn(step.argv, { env, stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: stepLimitMs });
  // Failures of tests are shown as they come; a check prints only when it fails.
  const [out, err] = await Promise.all([collect(child.stdout, step), collect(child.stderr, step)]);
  const code = await child.exited;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  let results: Result[];
  if (step.read === undefined) {
    if (code !== 0) console.log(out + err);
    results = [{ name: step.name, outcome: code === 0 ? "passed" : "failed" }];
  } else {
    results = step.read(out + err, code);
  }
  const failed = results.filter((result) => result.outcome === "failed").length;
  console.log(`${failed === 0 ? "ok    " : "FAILED"}  ${step.name}: ${results.length} in ${seconds} s`);
  return results;
}

async function collect(stream: ReadableStream<Uint8Array>, step: Step): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    const piece = decoder.decode(bytes, { stream: true });
    if (step.read !== undefined) process.stdout.write(piece);
    text += piece;
  }
  return text + decoder.decode();
}

const onlyStatic = process.argv.includes("--static");
rmSync(junit, { force: true });
const results: Result[] = [];
for (const step of onlyStatic ? checks : [...checks, ...tests]) results.push(...(await run(step)));

const allowed = allowedSkips(readFileSync("tests/allowed-skips.txt", "utf8"));
for (const result of results) {
  if (result.outcome !== "skipped") continue;
  const reason = allowed(result.name);
  if (reason === undefined) {
    result.outcome = "failed";
    result.detail = "skipped, and not in tests/allowed-skips.txt";
  } else {
    console.log(`skipped  ${result.name}: ${reason}`);
  }
}
for (const result of results) {
  if (result.outcome === "failed") {
    console.log(`FAILED  ${result.name}${result.detail === undefined ? "" : `: ${result.detail}`}`);
  }
}
const count = (outcome: Result["outcome"]): number => results.filter((result) => result.outcome === outcome).length;
console.log(`${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
process.exitCode = count("failed") === 0 ? 0 : 1;
