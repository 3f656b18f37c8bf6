/**
 * Spec cases: folders `tests/specs/<command>/<case>/` whose `command` is run by `sh -c` in a fresh copy of the folder against the
 * built executable, and whose `stdout`, `stderr` and `exit` say what must come out, byte for byte (absent: nothing, and 0). `shared`
 * names files that cases have in common.
 */
import { cp, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { killAll, processesOf } from "./spec-processes.ts";
import { serverFiles, startServer, type SpecServer } from "./spec-server.ts";

/** What came out, with the case's own paths and port replaced by `$DIR`, `$HOME` and `$PORT`. */
export type SpecOutcome = { stdout: string; stderr: string; exit: number; problems: string[] };

export const specRoot = join(import.meta.dir, "../specs");
const executableFolder = join(import.meta.dir, "../../dist");
/** Not part of the folder that the command sees. */
const ownFiles = new Set(["command", "stdout", "stderr", "exit", "stdin", "shared", ...serverFiles]);

/** The names `<command>/<case>` of all cases, in order. */
export async function findSpecs(root: string = specRoot): Promise<string[]> {
  const names: string[] = [];
  for (const path of await readdir(root, { recursive: true })) {
    if (/^[^/]+\/[^/]+\/command$/.test(path)) names.push(dirname(path));
  }
  return names.toSorted();
}

export async function runSpec(name: string, root: string = specRoot, limitMs = 60_000): Promise<SpecOutcome> {
  const source = join(root, name);
  const temporary = await realpath(tmpdir());
  const dir = await mkdtemp(join(temporary, "rein-spec-"));
  const home = await mkdtemp(join(temporary, "rein-home-"));
  const servers: SpecServer[] = [];
  try {
    for (const file of serverFiles) {
      const behaviours = await readText(join(source, file));
      if (behaviours !== undefined) servers.push(startServer(file, behaviours));
    }
    for (const entry of await readdir(source)) {
      if (!ownFiles.has(entry))
        await cp(join(source, entry), join(dir, entry), { recursive: true, verbatimSymlinks: true });
    }
    for (const [from, to] of sharedFiles(await readText(join(source, "shared")))) {
      await cp(join(import.meta.dir, "../..", from), join(dir, to));
    }
    const outcome = await execute(source, dir, limitMs, {
      PATH: `${executableFolder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      HOME: home,
      LANG: "C.UTF-8",
      TERM: "dumb",
      TZ: "UTC",
      ...Object.assign({}, ...servers.map(({ env }) => env)),
    });
    const replace = (text: string): string => {
      const shown = text.replaceAll(dir, "$DIR").replaceAll(home, "$HOME");
      return servers.reduce((text, { port }) => text.replaceAll(`:${port}`, ":$PORT"), shown);
    };
    return { ...outcome, stdout: replace(outcome.stdout), stderr: replace(outcome.stderr) };
  } finally {
    for (const server of servers) await server.stop();
    await rm(dir, { recursive: true, force: true });
    await rm(home, { recursive: true, force: true });
  }
}

/** What `shared` says: a line for each file that cases have in common, by its path in the repository, and its name in the case. */
function sharedFiles(text = ""): Array<[from: string, to: string]> {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [from = "", to = basename(from)] = line.split(" ");
      return [from, to];
    });
}

/** Runs the case's command until it ended and its output is complete; kills and reports what it leaves behind. */
async function execute(
  source: string,
  dir: string,
  limitMs: number,
  env: Record<string, string>,
): Promise<SpecOutcome> {
  const stdin = Bun.file(join(source, "stdin"));
  const child = Bun.spawn(["sh", "-c", await readFile(join(source, "command"), "utf8")], {
    cwd: dir,
    env,
    stdin: (await stdin.exists()) ? stdin : "ignore",
    stdout: "pipe",
    stderr: "pipe",
    // A session of its own: no terminal, and a mark by which its processes are found.
    detached: true,
  });
  const problems: string[] = [];
  const timer = setTimeout(() => {
    problems.push(`It did not end within ${limitMs / 1000} s`);
    killAll(processesOf(child.pid, dir));
  }, limitMs);
  const output = Promise.all([child.stdout.bytes(), child.stderr.bytes()]);
  await child.exited;
  clearTimeout(timer);
  // A process that is being ended may take a moment to be gone.
  let left = processesOf(child.pid, dir);
  for (let waited = 0; left.length > 0 && waited < 3000; waited += 20) {
    await Bun.sleep(20);
    left = processesOf(child.pid, dir);
  }
  for (const process of left) problems.push(`It left a process behind: ${process.command}`);
  killAll(left);
  const [stdout, stderr] = await output;
  return { stdout: decode(stdout), stderr: decode(stderr), exit: child.exitCode ?? 128, problems };
}

/** What the case's files expect. */
export async function expectedOutcome(name: string, root: string = specRoot): Promise<SpecOutcome> {
  const read = async (file: string): Promise<string> => (await readText(join(root, name, file))) ?? "";
  return { stdout: await read("stdout"), stderr: await read("stderr"), exit: Number(await read("exit")), problems: [] };
}

/** Makes what came out the expectation. */
export async function updateExpected(name: string, outcome: SpecOutcome, root: string = specRoot): Promise<void> {
  const texts = { stdout: outcome.stdout, stderr: outcome.stderr, exit: outcome.exit === 0 ? "" : `${outcome.exit}\n` };
  for (const [file, text] of Object.entries(texts)) {
    const path = join(root, name, file);
    if (text === "") await rm(path, { force: true });
    else if (text.startsWith(notUtf8)) await writeFile(path, text.slice(notUtf8.length), "latin1");
    else await writeFile(path, text);
  }
}

async function readText(path: string): Promise<string | undefined> {
  const file = Bun.file(path);
  return (await file.exists()) ? decode(await file.bytes()) : undefined;
}

/** Begins what is no UTF-8, and is one character a byte. So different bytes are always different text. */
const notUtf8 = "(not UTF-8) ";

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return notUtf8 + Buffer.from(bytes).toString("latin1");
  }
}
