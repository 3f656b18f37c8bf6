import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run } from "../distribution/executable.ts";

// A disk that is really full: a small one of memory, mounted in a namespace of the test's own, with nothing left but names.

const home = realpathSync(mkdtempSync(join(tmpdir(), "rein-full-disk-")));
const dist = resolve(import.meta.dir, "../../dist");
const site = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("<p>the page".repeat(100)) });
afterAll(async () => {
  rmSync(home, { recursive: true, force: true });
  await site.stop(true);
});

const namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"];
const small = 'mount -t tmpfs -o size=1m none "$HOME/full" && cd "$HOME/full"';
mkdirSync(join(home, "full"));
const here = Bun.spawnSync([...namespace, small], { env: { ...process.env, HOME: home } }).success;
const needed = (name: string, check: () => Promise<void>) => test.skipIf(!here)(`a full disk > ${name}`, check, 30_000);

const fill = "cat /dev/zero > filler 2> /dev/null";

/** Runs commands in a folder with files and then no room. */
function onFullDisk(prepare: string, command: string, env: Record<string, string> = {}) {
  const environment = { PATH: `${dist}:${process.env["PATH"]}`, HOME: home, LC_ALL: "C.UTF-8", ...env };
  const script = `${small} && cp ../agent.yaml ../script.yaml . && { ${prepare}\n${fill}; ${command}\n}`;
  return run([...namespace, script], home, environment);
}

function agent(calls: string[], tools: string): void {
  const shown = calls.map((_, index) => `\${{ results.${index} }}`).join("\\n--\\n");
  const turns = calls.map((call) => `- calls: [{ ${call} }]\n`).join("");
  writeFileSync(join(home, "script.yaml"), `${turns}- text: "${shown}"\n`);
  writeFileSync(
    join(home, "agent.yaml"),
    `model: scripted/script.yaml
prompt: Fill it
tools: [${tools}]
permissions: { read: [.], write: [.], run: [bash, git], net: ["127.0.0.1:${site.port}"] }
`,
  );
}

needed("is said by each tool that writes, and what was there is as it was", async () => {
  agent(
    [
      "name: file_write, arguments: { path: new, content: x }",
      "name: file_write, arguments: { path: old, content: y }",
      "name: file_edit, arguments: { path: old, edits: [{ old_text: text, new_text: 'other text' }] }",
      "name: canvas_render, arguments: { kind: bar, labels: [a], values: [1], svg: a.svg }",
      `name: http_request, arguments: { url: 'http://127.0.0.1:${site.port}/', save_to: page }`,
      "name: bash_exec, arguments: { command: 'echo x > y' }",
      "name: git_operations, arguments: { operation: add, paths: [staged] }",
      "name: git_operations, arguments: { operation: commit, message: m }",
      "name: git_operations, arguments: { operation: clone, url: repository, folder: copy }",
    ],
    "file_write, file_edit, canvas_render, http_request, bash_exec, git_operations",
  );
  const prepare = `git init -q . && git init -q repository; git config user.name Ada; git config user.email ada@example.test
git add agent.yaml && echo text > old && head -c 5000 /dev/urandom > staged`;
  const { stdout, stderr, code } = await onFullDisk(prepare, "rein run agent.yaml -P && cat old && rm filler && ls -A");
  const [answer = "", after = ""] = stdout.split("\ntext\n");
  const full = "no space is left on the device";
  expect(answer.split("\n--\n")).toEqual([
    `Cannot write 'new': ${full}`,
    `Cannot write 'old': ${full}`,
    `Cannot write 'old': ${full}`,
    `Cannot write 'a.svg': ${full}`,
    `HTTP 200\ncontent-type: text/plain;charset=utf-8\n\nCannot write 'page': ${full}`,
    "bash: line 1: echo: write error: No space left on device\n[exit code 1]",
    "Cannot add: unable to write loose object file: No space left on device",
    "Cannot commit: unable to write loose object file: No space left on device",
    "Cannot clone: unable to write symref for HEAD: No space left on device",
  ]);
  expect(after.trim().split("\n")).toEqual([".git", "agent.yaml", "old", "repository", "script.yaml", "staged", "y"]);
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
});

needed("under the journal is told of, and ends the run before anything more is done", async () => {
  agent(
    [
      "name: bash_exec, arguments: { command: 'cat /dev/zero > filler' }",
      "name: bash_exec, arguments: { command: 'head -c 40000 /dev/zero | tr \\\\0 x' }",
      "name: bash_exec, arguments: { command: 'touch ../done' }",
    ],
    "bash_exec",
  );
  const once = (flags: string) =>
    onFullDisk("rm -f ../done", `rm filler; rein run agent.yaml -P ${flags} > answer; echo $?; ls ../done`, {
      XDG_STATE_HOME: join(home, "full"),
    });
  const alone = await once("");
  expect(alone.stdout).toBe("2\n");
  expect(alone.stderr).toContain("database or disk is full; the rest of this run is not journaled\n");
  expect(alone.stderr).toContain("database or disk is full; the run was ended before it changed anything more\n");
  const session = await once("--session s");
  expect(session.stdout).toBe("2\n");
  expect(session.stderr.replaceAll(home, "~")).toStartWith(
    "error: Cannot keep the session 's': Cannot write the journal '~/full/rein/rein.db': database or disk is full\n",
  );
});

needed(
  "under the journal leaves it readable: what there is is shown, what would be written is refused, and nothing is lost",
  async () => {
    agent([], "");
    const change = ["fork talk", "rm talk", "prune --older 0", "import talk.jsonl new"];
    const { stdout, stderr } = await onFullDisk(
      "sed -i '/^tools/d; /^permissions/d' agent.yaml; rein run agent.yaml -q --session talk; rein run agent.yaml -q; rein sessions export talk -o talk.jsonl",
      `rein sessions list --output json | jq -c 'map([.name, .runs])'
rein sessions show talk | grep -c '^turn'; rein sessions export talk | cmp - talk.jsonl; rein cost --output json | jq .total.calls
${change.map((one) => `rein sessions ${one}; echo $?`).join("\n")}
rm filler; rein sessions export talk | cmp - talk.jsonl && rein sessions list --output json | jq length`,
      { XDG_STATE_HOME: join(home, "full") },
    );
    expect(stdout.split("\n").slice(0, 3)).toEqual(['[[null,1],["talk",1]]', "1", "2"]);
    expect(stdout).toEndWith("\n2\n");
    const refused = stderr.replaceAll(home, "~").trim().split("\n");
    for (const line of refused)
      expect(line).toMatch(
        /^error: .*Cannot (open|write) the journal '~\/full\/rein\/rein.db': (database or disk is full|disk I\/O error|unable to open database file)$/,
      );
    expect(stdout.split("\n").slice(3, 7)).toEqual(["2", "2", "2", "2"]);
  },
);

needed("takes no token, and leaves none that is cut", async () => {
  agent([], "");
  const asker = join(import.meta.dir, "../helpers/keychain-asker.ts");
  const { stdout } = await onFullDisk(
    ":",
    `'${process.execPath}' '${asker}' "$PWD/tokens" 1000 | head -n 1; ls -A tokens`,
  );
  const message = "Cannot write '~/full/tokens/key.json': no space is left on the device";
  expect(stdout.replaceAll(home, "~")).toBe(`{"ok":false,"error":{"code":"failed","message":"${message}"}}\n`);
});
