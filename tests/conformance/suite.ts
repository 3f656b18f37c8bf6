/**
 * Runs the published conformance suite of the protocol against the built executable, as a client and as a server, on the scenarios
 * that a revision requires. `bun tests/conformance/suite.ts` runs all of it and counts.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";

const home = resolve(import.meta.dir);
const suite = resolve("node_modules/@modelcontextprotocol/conformance");
const rein = resolve("dist/rein");

export const revisions = ["2025-11-25", "2026-07-28"] as const;
export const sides = ["client", "server"] as const;

type Revision = (typeof revisions)[number];
type Side = (typeof sides)[number];

export type Outcome = {
  side: Side;
  revision: Revision;
  required: string[];
  passed: string[];
  /** Required ones that are known to fail. */
  known: string[];
  /** Whether the suite finds that nothing else fails, and that what is known to fail does. */
  expected: boolean;
  output: string;
};

/** What a server under the suite has to offer: rein, with the tools of an agent file. */
export function serveGateway() {
  return serve(home, "--tools", "gateway.yaml");
}

/** Agents that are called as some scenarios call their tools. */
export function serveAgents() {
  return serve(join(home, "agents"), ...agents);
}

const agents = ["test_simple_text.yaml", "test_error_handling.yaml", "test_tool_with_progress.yaml"];

async function serve(cwd: string, ...args: string[]): Promise<{ url: string } & AsyncDisposable> {
  const state = mkdtempSync(join(tmpdir(), "rein-conformance-"));
  const child = Bun.spawn([rein, "mcp", "serve", ...args, "-P", "--http", "--no-token", "--quiet"], {
    cwd,
    env: { PATH: process.env["PATH"], HOME: state },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const stop = async () => {
    child.kill();
    await child.exited;
    rmSync(state, { recursive: true });
  };
  let said = "";
  for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
    said += piece;
    const url = /http:\S+/.exec(said)?.[0];
    if (url !== undefined) return { url, [Symbol.asyncDispose]: stop };
  }
  throw new Error(said);
}

export async function runSuite(side: Side, revision: Revision, url: string): Promise<Outcome> {
  const under = {
    client: ["--command", `${process.execPath} ${join(home, "client.ts")}`],
    server: ["--url", url],
  }[side];
  const list = join(home, "expected-failures.yaml");
  const options = ["--requirements", revision, "--expected-failures", list, "--timeout", "90000"];
  const argv = [process.execPath, join(suite, "dist/index.js"), side, ...under, ...options];
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const required = namesIn(join(suite, `requirements/${revision}.yaml`), side);
  const failing = namesIn(list, side).map((entry) => entry.replace(/:.*/, ""));
  return {
    side,
    revision,
    required,
    // A scenario in which nothing was checked has not been passed.
    passed: required.filter((one) => new RegExp(`^✓ ${one}: [1-9]`, "m").test(output)),
    known: required.filter((one) => failing.includes(one)),
    expected: (await child.exited) === 0,
    output: output + errors,
  };
}

function namesIn(path: string, side: Side): string[] {
  const lists: Record<Side, string[]> = parse(readFileSync(path, "utf8"));
  return lists[side];
}

/** What the suite says of one scenario of a server. */
export async function runScenario(scenario: string, revision: Revision, url: string): Promise<string> {
  const options = ["--scenario", scenario, "--spec-version", revision];
  const argv = [process.execPath, join(suite, "dist/index.js"), "server", "--url", url, ...options];
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  return (await child.stdout.text()) + (await child.stderr.text());
}

/** All of both sides. Revisions of a side run one after another: in one there are many runs at a time already. */
export async function runAll(): Promise<Outcome[]> {
  await using gateway = await serveGateway();
  const outcomes = sides.map(async (side) => {
    const ofSide: Outcome[] = [];
    for (const revision of revisions) ofSide.push(await runSuite(side, revision, gateway.url));
    return ofSide;
  });
  return (await Promise.all(outcomes)).flat();
}

if (import.meta.main) {
  const outcomes = await runAll();
  for (const { side, revision, required, passed, expected, output } of outcomes) {
    if (!expected) {
      console.log(output);
      process.exitCode = 1;
    }
    for (const one of required) if (!passed.includes(one)) console.log(`${side} ${revision}: ${one} does not pass`);
  }
  for (const side of sides) {
    const ofSide = outcomes.filter((one) => one.side === side);
    const count = (of: "passed" | "required") => ofSide.reduce((sum, one) => sum + one[of].length, 0);
    console.log(`${side}: ${count("passed")} of ${count("required")}`);
  }
}
