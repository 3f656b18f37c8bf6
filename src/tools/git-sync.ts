import { fail, ok, type Result } from "../core/result.ts";
import type { ToolContext, ToolOutcome } from "../core/tool.ts";
import { flag, number, text } from "./arguments.ts";
import { answer, branchName, refusedBy, refusedByGit, type Input } from "./git-arguments.ts";
import { always, parseSettings, screen, type Override } from "./git-config.ts";
import { ended, readStatus, type Operation } from "./git-local.ts";
import { credentialHelper, parseRemote, passRemote, shownUrl, type Remote } from "./git-remote.ts";
import { gitIn, userSettings, type Git } from "./git-run.ts";
import { parsePush } from "./git-text.ts";

type Direction = "fetch" | "push";

/** Git, ready to reach one repository, with what it must be told about the other side. */
type Reached = { git: Git; name: string; options: string[] };

export async function clone(input: Input, context: ToolContext): Promise<ToolOutcome> {
  const url = text(input, "url");
  const branch = branchName(input, "ref");
  if (!branch.ok) return refusedBy(branch.error);
  const remote = parseRemote(url);
  if (!remote.ok) return { content: `Cannot clone '${shownUrl(url)}': ${remote.error}`, error: true };
  const folder = text(input, "folder") || folderOf(url);
  if (folder === "" || folder.startsWith("-"))
    return { content: "Give folder: a new folder for the clone", error: true };
  const target = await context.host.fs.pass("write", folder);
  if (!target.ok) return refusedBy(target.error);
  const git = gitIn(undefined, context);
  const reached = await reach(git, [remote.value], "fetch", context);
  if (!reached.ok) return refusedBy(reached.error);
  const depth = number(input, "depth", 0);
  const ran = await reached.value.git.run([
    "clone",
    "--quiet",
    "--template=",
    "--no-recurse-submodules",
    "--no-local",
    ...reached.value.options,
    ...(depth === 0 ? [] : [`--depth=${depth}`]),
    ...(branch.value === "" ? [] : [`--branch=${branch.value}`]),
    "--",
    url,
    target.value,
  ]);
  if (!ran.ok) return refusedBy(ran.error);
  if (ran.value.code !== 0) return refusedByGit("clone", ran.value);
  const made = await readStatus(gitIn(target.value, context));
  if (!made.ok) return made.error;
  const { branch: at, commit } = made.value;
  return answer({ folder, branch: at, commit });
}

/** The last part of an address, without `.git`. */
function folderOf(url: string): string {
  return /([^/:]+?)(?:\.git)?\/*$/.exec(url)?.[1] ?? "";
}

export const fetchRefs: Operation = async ({ git }, input, context) => {
  const branch = branchName(input, "ref");
  if (!branch.ok) return refusedBy(branch.error);
  const reached = await reachNamed(git, input, "fetch", context);
  if (!reached.ok) return refusedBy(reached.error);
  const { name, options } = reached.value;
  const before = await refs(git);
  const ran = await reached.value.git.run(["fetch", ...quietly, ...options, "--", name, ...given(branch.value)]);
  if (!ran.ok) return refusedBy(ran.error);
  if (ran.value.code !== 0) return refusedByGit("fetch", ran.value);
  const after = await refs(git);
  const updated = [...after].flatMap(([ref, to]) =>
    before.get(ref) === to ? [] : [{ ref, from: before.get(ref) ?? null, to }],
  );
  return answer({ remote: name, updated });
};

export const pull: Operation = async ({ git }, input, context) => {
  const branch = branchName(input, "ref");
  if (!branch.ok) return refusedBy(branch.error);
  const reached = await reachNamed(git, input, "fetch", context);
  if (!reached.ok) return refusedBy(reached.error);
  const { name, options } = reached.value;
  const how = flag(input, "rebase") ? "--rebase=true" : "--rebase=false";
  const known = reached.value.git.with(await userSettings(git));
  const merging = ["--no-edit", "--no-gpg-sign", "--no-verify-signatures", how];
  const ran = await known.run(["pull", ...quietly, ...merging, ...options, "--", name, ...given(branch.value)]);
  return ended(git, "pull", ran);
};

export const push: Operation = async ({ git }, input, context) => {
  const named = branchName(input, "ref");
  if (!named.ok) return refusedBy(named.error);
  let branch = named.value;
  if (branch === "") {
    const head = await git.run(["symbolic-ref", "--quiet", "--short", "HEAD"]);
    if (!head.ok) return refusedBy(head.error);
    branch = head.value.stdout.trim();
    if (head.value.code !== 0) return { content: "Cannot push: no branch is checked out; give ref", error: true };
  }
  const reached = await reachNamed(git, input, "push", context);
  if (!reached.ok) return refusedBy(reached.error);
  const { name, options } = reached.value;
  const upstream = await git.run(["config", "--get", `branch.${branch}.remote`]);
  const track = upstream.ok && upstream.value.code !== 0 ? ["--set-upstream"] : [];
  const how = ["--porcelain", "--no-verify", "--no-signed", "--no-recurse-submodules", ...track];
  const ran = await reached.value.git.run([
    "push",
    ...how,
    ...options,
    "--",
    name,
    `refs/heads/${branch}:refs/heads/${branch}`,
  ]);
  if (!ran.ok) return refusedBy(ran.error);
  if (ran.value.code !== 0) return refusedByGit("push", ran.value);
  return answer({ remote: name, pushed: parsePush(ran.value.stdout) });
};

const quietly = ["--quiet", "--no-recurse-submodules"];

function given(branch: string): string[] {
  return branch === "" ? [] : [branch];
}

/** Finds a remote's addresses as git would use them, and judges each. */
async function reachNamed(
  git: Git,
  input: Input,
  direction: Direction,
  context: ToolContext,
): Promise<Result<Reached>> {
  const listed = await git.run(["remote"]);
  if (!listed.ok) return listed;
  const names = listed.value.stdout.split("\n").filter((name) => name !== "");
  const name = text(input, "remote", names.length === 1 ? names[0] : "origin");
  if (!names.includes(name)) {
    const known = names.length === 0 ? "there is none" : `there are: ${names.join(", ")}`;
    return fail("not_found", `Cannot ${direction}: there is no remote '${name}'; ${known}`);
  }
  const which = direction === "push" ? ["--push"] : [];
  const urls = await git.run(["remote", "get-url", "--all", ...which, name]);
  if (!urls.ok) return urls;
  const remotes: Remote[] = [];
  for (const url of urls.value.stdout.split("\n").filter((line) => line !== "")) {
    const remote = parseRemote(url);
    if (!remote.ok)
      return fail("invalid", `Cannot ${direction}: the remote '${name}' is '${shownUrl(url)}': ${remote.error}`);
    remotes.push(remote.value);
  }
  const reached = await reach(git, remotes, direction, context);
  return reached.ok ? ok({ ...reached.value, name }) : reached;
}

async function reach(
  git: Git,
  remotes: readonly Remote[],
  direction: Direction,
  context: ToolContext,
): Promise<Result<Reached>> {
  const overrides: Override[] = [...(await userSettings(git)), credentialHelper];
  const options: string[] = [];
  for (const remote of remotes) {
    const passed = await passRemote(context.host, remote, direction, context.signal);
    if (!passed.ok) return passed;
    overrides.push(...passed.value);
    if (remote.kind !== "file") continue;
    const option = await localSide(remote.path, direction, context);
    if (!option.ok) return option;
    options.push(option.value);
  }
  return ok({ git: git.with(overrides), name: "", options });
}

/** A repository on this machine is served by a git of its own, which must not run what that repository's config names either. */
async function localSide(path: string, direction: Direction, context: ToolContext): Promise<Result<string>> {
  const there = gitIn(path, context);
  const config = await there.run(["config", "--list", "-z", "--includes", "--show-scope"]);
  if (!config.ok) return config;
  const screened = screen(parseSettings(config.value.stdout));
  if (!screened.ok) return fail("unsupported", `Cannot use the repository '${path}': ${screened.error}`);
  const settings = [...always, ...screened.value.overrides].map(([key, value]) => `-c ${quoted(`${key}=${value}`)}`);
  const program = direction === "push" ? "receive-pack" : "upload-pack";
  return ok(`--${program}=git ${settings.join(" ")} ${program}`);
}

/** A word for a shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

async function refs(git: Git): Promise<Map<string, string>> {
  const ran = await git.run([
    "for-each-ref",
    "--format=%(refname:short)%09%(objectname:short)%09%(symref)",
    "refs/remotes",
    "refs/tags",
  ]);
  const lines = ran.ok ? ran.value.stdout.split("\n") : [];
  const named = lines.flatMap((line) => {
    const [ref = "", commit = "", alias = ""] = line.split("\t");
    return ref === "" || alias !== "" ? [] : [[ref, commit] as const];
  });
  return new Map(named);
}
