import type { JsonObject } from "../core/json.ts";
import type { Effects, Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { flag, pathSchema, text } from "./arguments.ts";
import { refusedBy } from "./git-arguments.ts";
import * as local from "./git-local.ts";
import { openRepository } from "./git-run.ts";
import { clone, fetchRefs, pull, push } from "./git-sync.ts";

type Row = { effects: Effects; run: local.Operation };

/** What can be done with a repository. */
const operations: Readonly<Record<string, Row>> = {
  status: { effects: "read", run: local.status },
  diff: { effects: "read", run: local.diff },
  log: { effects: "read", run: local.log },
  show: { effects: "read", run: local.show },
  branch: { effects: "write", run: local.branch },
  checkout: { effects: "write", run: local.checkout },
  add: { effects: "write", run: local.add },
  commit: { effects: "write", run: local.commit },
  merge: { effects: "write", run: local.merge },
  rebase: { effects: "write", run: local.rebase },
  fetch: { effects: "external", run: fetchRefs },
  pull: { effects: "external", run: pull },
  push: { effects: "external", run: push },
};

export const gitOperations: Tool = {
  name: "git_operations",
  description:
    "Works with a git repository. Answers with JSON. " +
    "status, diff, log and show look; add, commit, branch, checkout, merge and rebase change it; " +
    "clone, fetch, pull and push reach other repositories. " +
    "After a conflict edit the files, add them, then call merge or rebase with action continue, or abort.",
  input: {
    type: "object",
    properties: {
      operation: { type: "string", enum: ["clone", ...Object.keys(operations)], description: "What to do" },
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
  },
  examples: [
    { request: "What has changed?", input: { operation: "status" } },
    { request: "Commit a.txt", input: { operation: "commit", message: "Add a.txt", paths: ["a.txt"] } },
  ],
  needs: [{ kind: "run", target: "git" }],
  effects,
  run,
};

function effects(input: JsonObject): Effects {
  const operation = text(input, "operation");
  if (operation === "branch" && text(input, "name") === "") return "read";
  return operations[operation]?.effects ?? "external";
}

async function run(input: JsonObject, context: ToolContext): Promise<ToolOutcome> {
  const operation = operations[text(input, "operation")];
  if (operation === undefined) return clone(input, context);
  if (flag(input, "delete") && text(input, "name") === "")
    return { content: "Give name: the branch to delete", error: true };
  const folder = text(input, "folder");
  const access = effects(input) === "read" ? "read" : "write";
  const repository = await openRepository(folder === "" ? undefined : folder, access, context);
  return repository.ok ? operation.run(repository.value, input, context) : refusedBy(repository.error);
}
