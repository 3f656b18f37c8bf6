/** What `git status --porcelain=v2 -z --branch` says. */
export type Status = {
  branch: string | null;
  commit: string | null;
  upstream?: string;
  ahead?: number;
  behind?: number;
  staged: Change[];
  unstaged: Change[];
  untracked: string[];
  conflicts: Change[];
};

export type Change = { path: string; change: string; from?: string };

/** The letters that git has for changes. */
const changes: Record<string, string> = {
  M: "modified",
  T: "type changed",
  A: "added",
  D: "deleted",
  R: "renamed",
  C: "copied",
};

const conflicts: Record<string, string> = {
  DD: "deleted by both",
  AU: "added by us",
  UD: "deleted by them",
  UA: "added by them",
  DU: "deleted by us",
  AA: "added by both",
  UU: "modified by both",
};

export function parseStatus(output: string): Status {
  const status: Status = { branch: null, commit: null, staged: [], unstaged: [], untracked: [], conflicts: [] };
  const records = output.split("\0");
  for (let i = 0; i < records.length; i++) {
    const record = records[i] ?? "";
    const words = record.split(" ");
    const rest = (count: number) => words.slice(count).join(" ");
    switch (words[0]) {
      case "#":
        readHeader(status, words[1] ?? "", rest(2));
        break;
      case "1":
        addChange(status, words[1] ?? "", rest(8));
        break;
      case "2":
        addChange(status, words[1] ?? "", rest(9), records[++i]);
        break;
      case "u":
        status.conflicts.push({ path: rest(10), change: conflicts[words[1] ?? ""] ?? words[1] ?? "" });
        break;
      case "?":
        status.untracked.push(rest(1));
    }
  }
  return status;
}

function readHeader(status: Status, name: string, value: string): void {
  if (name === "branch.oid") status.commit = value === "(initial)" ? null : value;
  if (name === "branch.head") status.branch = value === "(detached)" ? null : value;
  if (name === "branch.upstream") status.upstream = value;
  const counts = name === "branch.ab" ? /^\+(\d+) -(\d+)$/.exec(value) : null;
  if (counts === null) return;
  status.ahead = Number(counts[1]);
  status.behind = Number(counts[2]);
}

function addChange(status: Status, letters: string, path: string, from?: string): void {
  const [index = ".", tree = "."] = letters;
  const change = (letter: string) => ({
    path,
    change: changes[letter] ?? letter,
    ...(from === undefined || (letter !== "R" && letter !== "C") ? {} : { from }),
  });
  if (index !== ".") status.staged.push(change(index));
  if (tree !== ".") status.unstaged.push(change(tree));
}

/** A file of a diff; the counts are null where it is binary. */
export type FileDiff = { path: string; added: number | null; deleted: number | null; from?: string };

/** Reads `--numstat -z`. */
export function parseNumstat(output: string): FileDiff[] {
  const files: FileDiff[] = [];
  const records = output.split("\0");
  for (let i = 0; i < records.length; i++) {
    const match = /^\n?(\d+|-)\t(\d+|-)\t(.*)$/s.exec(records[i] ?? "");
    if (match === null) continue;
    const [, added = "-", deleted = "-", name = ""] = match;
    const counts = { added: count(added), deleted: count(deleted) };
    // A rename has its two names in records of their own.
    if (name !== "") files.push({ path: name, ...counts });
    else files.push({ path: records[i + 2] ?? "", from: records[(i += 2) - 1] ?? "", ...counts });
  }
  return files;
}

function count(text: string): number | null {
  return text === "-" ? null : Number(text);
}

export type Commit = { commit: string; author: string; date: string; subject: string; body?: string };

/** What `parseLog` reads, for `--format`. */
export const logFormat = "%H%x1f%an <%ae>%x1f%aI%x1f%s%x1f%b";

/** Reads what `git log -z` writes in `logFormat`. */
export function parseLog(output: string): Commit[] {
  return output.split("\0").flatMap((record) => {
    const [commit = "", author = "", date = "", subject = "", body = ""] = record.split("\x1f");
    if (date === "") return [];
    return [{ commit, author, date, subject, ...(body.trim() === "" ? {} : { body: body.trim() }) }];
  });
}

/** What became of each ref of a push. */
export type Pushed = { from: string; to: string; result: string };

/** Reads `git push --porcelain`. */
export function parsePush(output: string): Pushed[] {
  return output.split("\n").flatMap((line) => {
    const match = /^[ +\-*!=]\t([^:\t]*):([^\t]*)\t(.*)$/.exec(line);
    if (match === null) return [];
    const [, from = "", to = "", result = ""] = match;
    return [{ from, to, result: result.replace(/^\[(.*?)\]/, "$1") }];
  });
}
