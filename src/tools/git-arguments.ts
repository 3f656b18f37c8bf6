import { fail, type Failure, type Result } from "../core/result.ts";
import type { ToolOutcome } from "../core/tool.ts";
import { boundedText, mostCharacters } from "./bound.ts";
import { pathSchema, text } from "./arguments.ts";
import { schemaOf, type FromSchema } from "./built-in.ts";
import { firstError, type Ran } from "./git-run.ts";

export const schema = schemaOf({
  type: "object",
  properties: {
    operation: {
      type: "string",
      enum: [
        "clone",
        "status",
        "diff",
        "log",
        "show",
        "branch",
        "checkout",
        "add",
        "commit",
        "merge",
        "rebase",
        "fetch",
        "pull",
        "push",
      ],
      description: "What to do",
    },
    folder: pathSchema("The repository's folder; for clone the new folder. Default: the working folder"),
    paths: {
      type: "array",
      items: pathSchema("A path, relative to the repository's folder"),
      description: "Files to add, commit, restore (checkout), or to limit diff, log and show to",
    },
    ref: {
      type: "string",
      maxLength: 250,
      description:
        "A branch, tag, commit or range, for example: main, HEAD~1, main..dev. To show a file: HEAD:path. " +
        "For push, pull and fetch a branch; for merge and rebase the other branch",
    },
    name: {
      type: "string",
      maxLength: 250,
      description: "branch: the branch to make or delete. checkout: a branch to make",
    },
    delete: { type: "boolean", description: "branch: delete it" },
    message: { type: "string", description: "The message of a commit or merge" },
    all: { type: "boolean", description: "add: everything that changed. commit: all changed files that git knows" },
    staged: { type: "boolean", description: "diff: what is added and not yet committed" },
    limit: { type: "integer", minimum: 1, maximum: 500, description: "log: how many commits. Default: 20" },
    action: { type: "string", enum: ["start", "continue", "abort"], description: "merge and rebase. Default: start" },
    rebase: { type: "boolean", description: "pull: rebase instead of merge" },
    remote: { type: "string", maxLength: 250, description: "fetch, pull, push: the remote's name. Default: origin" },
    url: { type: "string", maxLength: 4096, description: "clone: an https or ssh address, or a path" },
    depth: { type: "integer", minimum: 1, description: "clone: only so many commits" },
  },
  required: ["operation"],
  additionalProperties: false,
});

export type Input = FromSchema<typeof schema>;

/** The commit, range or branch that a call names, "" when it names none. It can't be taken for an option of git's. */
export function revision(input: Input, name: "ref" | "name"): Result<string> {
  const value = text(input, name);
  // oxlint-disable-next-line no-control-regex
  if (/^-|[\x00-\x20\x7f]/.test(value))
    return fail("invalid", `Cannot use '${name}' '${shortened(value)}': it is no name of git's`);
  return { ok: true, value };
}

/** A branch that is to be made, deleted, pushed or fetched: one name, and nothing that git would read as more than that. */
export function branchName(input: Input, name: "ref" | "name"): Result<string> {
  const value = revision(input, name);
  if (!value.ok || !/[:^~?*[\\+]|\.\.|@\{|^@$/.test(value.value)) return value;
  return fail("invalid", `Cannot use '${name}' '${shortened(value.value)}': it is no name of a branch`);
}

export function paths(input: Input): string[] {
  return input.paths ?? [];
}

function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** A result as the model reads it: JSON, and below it what is better read as it is. */
export function answer(value: object, below = "", error = false): ToolOutcome {
  const parts = [JSON.stringify(value), below].filter((part) => part !== "");
  const shown = parts.map((part) => boundedText(part, leftOut));
  const content = shown.map((one) => one.content).join("\n\n");
  const whole = shown.map((one, index) => one.whole ?? parts[index]).join("\n\n");
  return { content, error, ...(shown.some((one) => one.whole !== undefined) ? { whole } : {}) };
}

function leftOut(count: string): string {
  return `${count} characters left out here: name fewer paths or a smaller range`;
}

export function refusedBy(failure: Failure): ToolOutcome {
  return { content: failure.message, error: true };
}

/** What git itself refused to do, and what to do next where that is known. */
export function refusedByGit(operation: string, ran: Ran): ToolOutcome {
  const said = `${ran.stderr}\n${ran.stdout}`;
  const next = hints.find(([pattern]) => pattern.test(said))?.[1];
  const detail = said
    .replace(/:\/\/[^/@\s]*@/g, "://")
    .trim()
    .slice(0, mostCharacters / 10);
  const first = `Cannot ${operation}: ${firstError(ran)}${next === undefined ? "" : `; ${next}`}`;
  return { content: detail.includes("\n") ? `${first}\n${detail}` : first, error: true };
}

const hints: ReadonlyArray<readonly [said: RegExp, next: string]> = [
  [
    /Authentication failed|could not read (Username|Password)|terminal prompts disabled|HTTP 40[13]|returned error: 40[13]/,
    "the service wants other credentials: the caller grants GIT_HOST, GIT_USERNAME and GIT_PASSWORD, or GITHUB_TOKEN or GITLAB_TOKEN",
  ],
  [
    /Permission denied \(publickey|Host key verification failed/,
    "ssh found no key or does not know the host, and asks nobody",
  ],
  [
    /returned error: 30\d|unable to update url base from redirection/,
    "redirects are not followed: use the address that it leads to",
  ],
  [
    /Please tell me who you are|empty ident|unable to auto-detect email/,
    "set user.name and user.email in the repository's config",
  ],
  [/\(non-fast-forward\)|\(fetch first\)/, "pull first, then push again"],
  [/would be overwritten by/, "commit the changes first"],
  [/not something we can merge|unknown revision|did not match any file/, "look at the branches and the log for names"],
  [/not possible to fast-forward|divergent branches/i, "pull with rebase, or merge"],
  [/dubious ownership/, "the folder belongs to another user"],
];
