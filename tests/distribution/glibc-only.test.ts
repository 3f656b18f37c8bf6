import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { weights } from "../helpers/local-model.ts";
import { rein, run, type Ended } from "./executable.ts";

/* A root with rein, glibc and nothing else: no C++ runtime, no libgcc, no shell. Made with a user namespace. */

const root = mkdtempSync(join(tmpdir(), "rein-glibc-only-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const start = 'mount --rbind /proc "$0/proc" && exec chroot "$0" /rein "$@"';

function inside(argv: string[], env: Record<string, string> = {}): Promise<Ended> {
  const unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", start, root, ...argv];
  return run(unshare, root, { PATH: process.env["PATH"], HOME: "/home", ...env });
}

const probe = Bun.spawnSync([
  "sh",
  "-c",
  "unshare --user --map-root-user --mount sh -c 'mount --rbind /proc /proc' && ldd --version",
]);
const possible = probe.success;

/** Its name begins with "where nothing but glibc is: ", by which tests/allowed-skips.txt knows it. */
function onlyGlibc(name: string, needed: boolean, check: () => Promise<void>): void {
  test.skipIf(!possible || !needed)(`where nothing but glibc is: ${name}`, check, 30_000);
}

beforeAll(async () => {
  if (!possible) return;
  for (const folder of ["proc", "home", "tmp", "work"]) mkdirSync(join(root, folder));
  copyFileSync(rein, join(root, "rein"));
  const { stdout } = await run(["ldd", rein], root, process.env);
  const libraries = [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = ""]) => path);
  // What the library of local models needs of glibc is among them: libm.
  for (const path of libraries) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
  const scripted = "model: scripted/script.yaml\nprompt: Hi\ntools: [file_read]\n";
  const permissions = "permissions: { read: [.], run: [/rein] }\nchecks: [{ run: [/rein, --version] }]\n";
  writeFileSync(join(root, "work/agent.yaml"), `${scripted}${permissions}`);
  const calls = "- calls: [{ name: file_read, arguments: { path: /work/agent.yaml } }]\n";
  writeFileSync(join(root, "work/script.yaml"), `${calls}- text: "Read \${{ results.last }}"\n`);
  writeFileSync(join(root, "work/local.yaml"), "model: local/smollm2\nprompt: Hi\n");
});

onlyGlibc("the core library and the jail load", true, async () => {
  const { code, stdout, stderr } = await inside(["run", "-P", "--allow-read=/work", "/work/agent.yaml"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toStartWith("Read model: scripted/script.yaml");
});

onlyGlibc("a local model says which package is missing", existsSync(weights), async () => {
  copyFileSync(weights, join(root, "work/SmolLM2-135M-Instruct.Q4_1.gguf"));
  const { code, stdout, stderr } = await inside(["run", "/work/local.yaml"], { REIN_MODELS: "/work" });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain("the system has no libstdc++.so.6 (Debian's package libstdc++6)");
});
