import type { Result } from "../core/result.ts";
import type { ToolContext, ToolOutcome } from "../core/tool.ts";
import { flag, number, text } from "./arguments.ts";
import { answer, branchName, paths, refusedBy, refusedByGit, revision, type Input } from "./git-arguments.ts";
import { userSettings, type Git, type Ran, type Repository } from "./git-run.ts";
import { logFormat, parseLog, parseNumstat, parseStatus, type Status } from "./git-text.ts";

/** One operation on a repository that was looked at. */
export type Operation = (repository: Repository, input: Input, context: ToolContext) => Promise<ToolOutcome>;

/** A run that has to succeed. */
async function must(operation: string, running: Promise<Result<Ran>>): Promise<Result<string, ToolOutcome>> {
  const ran = await running;
  if (!ran.ok) return { ok: false, error: refusedBy(ran.error) };
  if (ran.value.code !== 0) return { ok: false, error: refusedByGit(operation, ran.value) };
  return { ok: true, value: ran.value.stdout };
}

const simple = ["--no-color", "--no-ext-diff", "--no-textconv"];
/** With files: what a submodule is at stands in a folder of its own, which nobody has judged. */
const plain = [...simple, "--ignore-submodules=all"];
/** Of what is added or committed. */
const kept = [...simple, "--ignore-submodules=dirty", "--submodule=short"];

export async function readStatus(git: Git): Promise<Result<Status, ToolOutcome>> {
  const args = ["status", "--porcelain=v2", "-z", "--branch", "--untracked-files=normal", "--ignore-submodules=all"];
  const ran = await must("see the status", git.run(args));
  return ran.ok ? { ok: true, value: parseStatus(ran.value) } : ran;
}

export const status: Operation = async ({ git, gitFolder, ignored }, _, { host }) => {
  const read = await readStatus(git);
  if (!read.ok) return read.error;
  const going = [];
  for (const [file, what] of [
    ["MERGE_HEAD", "merge"],
    ["rebase-merge", "rebase"],
    ["rebase-apply", "rebase"],
  ]) {
    if ((await host.fs.stat(`${gitFolder}/${file}`)).ok) going.push(what);
  }
  const more = {
    ...(going.length === 0 ? {} : { unfinished: going[0] }),
    ...(ignored.length === 0 ? {} : { ignored_config: ignored }),
  };
  return answer({ ...read.value, ...more });
};

export const diff: Operation = async ({ git }, input) => {
  const ref = revision(input, "ref");
  if (!ref.ok) return refusedBy(ref.error);
  const what = [
    ...(flag(input, "staged") ? ["--cached", ...kept] : plain),
    ...(ref.value === "" ? [] : [ref.value]),
    "--",
    ...paths(input),
  ];
  const files = await must("diff", git.run(["diff", "--numstat", "-z", ...what]));
  const patch = await must("diff", git.run(["diff", ...what], { part: true }));
  if (!files.ok) return files.error;
  return patch.ok ? answer({ files: parseNumstat(files.value) }, patch.value) : patch.error;
};

export const log: Operation = async ({ git }, input) => {
  const ref = revision(input, "ref");
  if (!ref.ok) return refusedBy(ref.error);
  const limit = number(input, "limit", 20);
  const which = [...(ref.value === "" ? [] : [ref.value]), "--", ...paths(input)];
  const format = ["-z", `--format=${logFormat}`, "--no-show-signature", "--no-color"];
  const ran = await must("see the log", git.run(["log", `--max-count=${limit + 1}`, ...format, ...which]));
  if (!ran.ok) return ran.error;
  const commits = parseLog(ran.value);
  return answer({ commits: commits.slice(0, limit), ...(commits.length > limit ? { more: true } : {}) });
};

export const show: Operation = async ({ git }, input) => {
  const named = revision(input, "ref");
  if (!named.ok) return refusedBy(named.error);
  const ref = named.value === "" ? "HEAD" : named.value;
  if (ref.includes(":")) {
    const file = await must("show", git.run(["cat-file", "-p", ref]));
    return file.ok ? answer({ ref, size: file.value.length }, file.value) : file.error;
  }
  const commit = ["--verify", "--quiet", "--end-of-options", `${ref}^{commit}`];
  const found = await git.run(["rev-parse", ...commit]);
  if (!found.ok) return refusedBy(found.error);
  if (found.value.code !== 0)
    return { content: `Cannot show '${ref}': there is no such commit; look at the log for names`, error: true };
  const id = found.value.stdout.trim();
  const only = ["--", ...paths(input)];
  const about = await must(
    "show",
    git.run(["log", "-z", "-1", `--format=${logFormat}`, "--no-show-signature", id, "--"]),
  );
  const tree = ["diff-tree", "--root", "-r", "-M", "--no-commit-id", "-m", "--first-parent", ...kept];
  const files = await must("show", git.run([...tree, "--numstat", "-z", id, ...only]));
  const patch = await must("show", git.run([...tree, "-p", id, ...only], { part: true }));
  if (!about.ok) return about.error;
  if (!files.ok) return files.error;
  return patch.ok
    ? answer({ ...parseLog(about.value)[0], files: parseNumstat(files.value) }, patch.value)
    : patch.error;
};

export const branch: Operation = async ({ git }, input) => {
  const name = branchName(input, "name");
  const ref = revision(input, "ref");
  if (!name.ok) return refusedBy(name.error);
  if (!ref.ok) return refusedBy(ref.error);
  if (name.value !== "") {
    const removes = flag(input, "delete");
    const args = removes
      ? ["--delete", name.value]
      : ["--no-track", name.value, ...(ref.value === "" ? [] : [ref.value])];
    const ran = await must(removes ? "delete the branch" : "make the branch", git.run(["branch", ...args]));
    if (!ran.ok) return ran.error;
  }
  const fields = ["%(HEAD)", "%(refname:short)", "%(objectname:short)", "%(upstream:short)", "%(contents:subject)"];
  const args = ["for-each-ref", `--format=${fields.join("%1f")}`, "refs/heads", "refs/remotes"];
  const listed = await must("list the branches", git.run(args));
  if (!listed.ok) return listed.error;
  const branches = listed.value.split("\n").flatMap((line) => {
    const [head = "", short = "", commit = "", upstream = "", subject = ""] = line.split("\x1f");
    if (short === "") return [];
    const more = { ...(head === "*" ? { current: true } : {}), ...(upstream === "" ? {} : { upstream }) };
    return [{ name: short, commit, subject, ...more }];
  });
  return answer({ branches });
};

export const checkout: Operation = async ({ git }, input) => {
  const ref = revision(input, "ref");
  const name = branchName(input, "name");
  if (!ref.ok) return refusedBy(ref.error);
  if (!name.ok) return refusedBy(name.error);
  const files = paths(input);
  const from = ref.value === "" ? [] : [ref.value];
  if (name.value === "" && files.length === 0 && ref.value === "") {
    return {
      content: "Give ref (a branch or commit), name (a branch to make), or paths (files to restore)",
      error: true,
    };
  }
  const args =
    files.length > 0
      ? ["checkout", ...from, "--", ...files]
      : name.value === ""
        ? ["checkout", ...from, "--"]
        : ["switch", "-c", name.value, ...from];
  const ran = await must("check out", git.run(args));
  if (!ran.ok) return ran.error;
  return now(git);
};

export const add: Operation = async ({ git }, input) => {
  const files = paths(input);
  if (files.length === 0 && !flag(input, "all")) return { content: "Give paths, or set all", error: true };
  const ran = await must("add", git.run(["add", ...(files.length === 0 ? ["--all"] : ["--", ...files])]));
  return ran.ok ? now(git) : ran.error;
};

export const commit: Operation = async ({ git }, input) => {
  const message = text(input, "message");
  if (message.trim() === "") return { content: "Give a message that says what changes", error: true };
  if (message.includes("\0")) return { content: "Cannot commit: the message holds a NUL byte", error: true };
  const known = git.with(await userSettings(git));
  const only = paths(input);
  const args = ["commit", "--no-verify", "--no-gpg-sign", "--quiet", "--cleanup=strip", "--file=-"];
  if (flag(input, "all")) args.push("--all");
  const ran = await must("commit", known.run([...args, "--", ...only], { stdin: message }));
  if (!ran.ok) return ran.error;
  const made = await must("commit", git.run(["log", "-z", "-1", `--format=${logFormat}`, "--no-show-signature"]));
  const files = await must(
    "commit",
    git.run(["diff-tree", "--root", "-r", "--no-commit-id", "--numstat", "-z", ...kept, "HEAD"]),
  );
  if (!made.ok) return made.error;
  return files.ok ? answer({ ...parseLog(made.value)[0], files: parseNumstat(files.value) }) : files.error;
};

export const merge: Operation = async ({ git }, input) => {
  const ref = revision(input, "ref");
  if (!ref.ok) return refusedBy(ref.error);
  const known = git.with(await userSettings(git));
  switch (text(input, "action", "start")) {
    case "abort":
      return ended(git, "abort the merge", await git.run(["merge", "--abort"]));
    case "continue":
      return ended(
        git,
        "end the merge",
        await known.run(["commit", "--no-edit", "--no-verify", "--no-gpg-sign", "--quiet"]),
      );
    default: {
      if (ref.value === "") return { content: "Give ref: the branch to merge", error: true };
      const message = text(input, "message");
      const told = message === "" ? [] : [`--message=${message}`];
      const args = [
        "merge",
        "--no-edit",
        "--no-verify",
        "--no-gpg-sign",
        "--no-verify-signatures",
        "--quiet",
        ...told,
        ref.value,
      ];
      return ended(git, "merge", await known.run(args));
    }
  }
};

export const rebase: Operation = async ({ git, gitFolder }, input, { host }) => {
  const ref = revision(input, "ref");
  if (!ref.ok) return refusedBy(ref.error);
  const known = git.with(await userSettings(git));
  const action = text(input, "action", "start");
  if (action === "abort") return ended(git, "abort the rebase", await git.run(["rebase", "--abort"]));
  if (action === "continue") {
    for (const list of ["git-rebase-todo", "git-rebase-todo.backup"]) {
      const todo = await host.fs.read(`${gitFolder}/rebase-merge/${list}`, { offset: 0, limit: 1_000_000 });
      const line = todo.ok ? foreignStep(new TextDecoder().decode(todo.value.bytes)) : undefined;
      if (line !== undefined)
        return {
          content: `Cannot continue the rebase: its list has '${line}', which is not a step for a commit; abort it`,
          error: true,
        };
    }
    return ended(git, "continue the rebase", await known.run(["rebase", "--continue"]));
  }
  if (ref.value === "") return { content: "Give ref: the branch to rebase on", error: true };
  const args = ["rebase", "--quiet", "--no-verify", "--no-gpg-sign", "--no-autosquash", ref.value];
  return ended(git, "rebase", await known.run(args));
};

/** The first step of a rebase that is more than taking or leaving a commit: `exec` runs a command. */
function foreignStep(todo: string): string | undefined {
  const known = /^(pick|p|reword|r|edit|e|squash|s|fixup|f|drop|d|noop|break|b)(\s|$)/;
  const lines = todo.split("\n").map((line) => line.trim());
  return lines.find((line) => line !== "" && !line.startsWith("#") && !known.test(line));
}

/** How things stand after an operation: what is left to settle is told as what to do next. */
export async function ended(git: Git, operation: string, ran: Result<Ran>): Promise<ToolOutcome> {
  if (!ran.ok) return refusedBy(ran.error);
  if (ran.value.code === 0) return now(git);
  const read = await readStatus(git);
  if (!read.ok || read.value.conflicts.length === 0) return refusedByGit(operation, ran.value);
  const next = "edit these files, add them, then call again with action continue (or abort)";
  return answer({ conflicts: read.value.conflicts, next }, "", true);
}

/** Where the repository stands. */
async function now(git: Git): Promise<ToolOutcome> {
  const read = await readStatus(git);
  return read.ok ? answer(read.value) : read.error;
}
