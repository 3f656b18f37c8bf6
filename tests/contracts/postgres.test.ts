import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run } from "../distribution/executable.ts";
import { password, postgresFolder, startPostgres } from "../helpers/postgres.ts";

// The executable with a PostgreSQL database as its journal.

const folder = postgresFolder();
const server = folder === undefined ? undefined : await startPostgres(folder);
const home = realpathSync(mkdtempSync(join(tmpdir(), "rein-pg-run-")));
const dist = resolve(import.meta.dir, "../../dist");
afterAll(async () => {
  rmSync(home, { recursive: true, force: true });
  await server?.stop();
});

const encoded = encodeURIComponent(password);

function rein(command: string, url: string) {
  const env = { PATH: `${dist}:${process.env["PATH"]}`, HOME: home, REIN_STORE: url, LC_ALL: "C.UTF-8" };
  return run(["sh", "-c", command], home, env);
}

function agent(answer: string, calls: string): void {
  writeFileSync(join(home, "script.yaml"), `${calls}- text: ${JSON.stringify(answer)}\n`);
  writeFileSync(
    join(home, "agent.yaml"),
    `model: scripted/script.yaml\nprompt: Go\n${calls === "" ? "" : "tools: [bash_exec]\npermissions: { run: [bash] }\n"}`,
  );
}

describe.skipIf(server === undefined)("runs with a journal in PostgreSQL", () => {
  test("a session is continued, listed, shown, counted, forked, moved to a file's journal and removed", async () => {
    const url = server?.database({ password: true }) ?? "";
    agent("hello", "");
    const lines = [
      "rein run agent.yaml --session talk && rein run agent.yaml --session talk && rein run agent.yaml",
      "rein sessions list --output json | jq -c 'map([.name, .runs, .turns, .outcome])'",
      "rein sessions show talk | grep -c '^turn'",
      "rein cost --output json | jq .total.calls",
      "rein sessions fork talk",
      "rein sessions export talk -o talk.jsonl",
      "env -u REIN_STORE rein sessions import talk.jsonl && env -u REIN_STORE rein sessions list --output json | jq -c 'map([.name, .runs])'",
      "rein sessions rm talk talk-2 | sed 's/,.*//'",
      "rein sessions prune --older 0 | sed 's/,.*//'",
      "rein sessions list --output json; rein cost --output json | jq .total.calls",
      "rein resume last; echo $?",
    ];
    const { stdout, stderr } = await rein(lines.join("\n"), url);
    expect({ stdout, stderr }).toEqual({
      stdout: `hello
hello
hello
[[null,1,1,"done"],["talk",2,2,"done"]]
2
3
talk-2
talk
[["talk",2]]
Removed session talk · 2 runs
Removed session talk-2 · 2 runs
Removed 1 run
[]
3
2
`,
      stderr: "error: There is no run yet\n",
    });
  });

  test("no child and no model sees the database's password", async () => {
    const url = server?.database({ password: true }) ?? "";
    // What finds it elsewhere is told no more of it.
    writeFileSync(join(home, "found"), `${password} ${encoded} ${url}\n`);
    const command = "env | grep -c REIN_STORE; cat found";
    agent("${{ results.0 }}", `- calls: [{ name: bash_exec, arguments: { command: "${command}" } }]\n`);
    const { stdout } = await rein("rein run agent.yaml -P && rein sessions export last", url);
    expect(stdout).toStartWith("0\n[masked] [masked] [masked]\n");
    for (const secret of [password, encoded]) expect(stdout).not.toContain(secret);
  });

  test("a database that is not there is a warning for a run, and an error for a session and for what reads it", async () => {
    agent("hello", "");
    const url = `postgres://ada:${encoded}@127.0.0.1:1/x`;
    const commands = ["run agent.yaml", "run agent.yaml --session talk", "sessions list", "cost", "sessions prune"];
    const { stdout, stderr } = await rein(commands.map((one) => `rein ${one}; echo $?`).join("\n"), url);
    expect(stdout).toBe("hello\n0\n2\n2\n2\n2\n");
    const shown = "'postgres://ada@127.0.0.1:1/x'";
    expect(stderr).toContain(
      `warning: This run is not journaled: Cannot open the journal ${shown}: Failed to connect\n`,
    );
    expect(stderr).toContain(`error: Cannot open the journal ${shown}: Failed to connect\n`);
    expect(stderr).not.toContain(encoded);
  });
});
