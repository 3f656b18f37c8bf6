import type { Effects, ToolContext, ToolOutcome } from "../core/tool.ts";
import { flag, text } from "./arguments.ts";
import { builtIn } from "./built-in.ts";
import { refusedBy, schema, type Input } from "./git-arguments.ts";
import * as local from "./git-local.ts";
import { openRepository } from "./git-run.ts";
import { clone, fetchRefs, pull, push } from "./git-sync.ts";

type Row = { effects: Effects; run: local.Operation };

/** What can be done with a repository. */
const operations: Readonly<Record<Exclude<Input["operation"], "clone">, Row>> = {
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

export const gitOperations = builtIn({
  name: "git_operations",
  description:
    "Works with a git repository. Answers with JSON. " +
    "status, diff, log and show look; add, commit, branch, checkout, merge and rebase change it; " +
    "clone, fetch, pull and push reach other repositories. " +
    "After a conflict edit the files, add them, then call merge or rebase with action continue, or abort.",
  input: schema,
  examples: [
    { request: "What has changed?", input: { operation: "status" } },
    { request: "Commit a.txt", input: { operation: "commit", message: "Add a.txt", paths: ["a.txt"] } },
  ],
  needs: [{ kind: "run", target: "git" }],
  effects,
  run,
});

function effects(input: Input): Effects {
  const { operation } = input;
  if (operation === "clone") return "external";
  return operation === "branch" && text(input, "name") === "" ? "read" : operations[operation].effects;
}

async function run(input: Input, context: ToolContext): Promise<ToolOutcome> {
  if (input.operation === "clone") return clone(input, context);
  const operation = operations[input.operation];
  if (flag(input, "delete") && text(input, "name") === "")
    return { content: "Give name: the branch to delete", error: true };
  const folder = text(input, "folder");
  const access = effects(input) === "read" ? "read" : "write";
  const repository = await openRepository(folder === "" ? undefined : folder, access, context);
  return repository.ok ? operation.run(repository.value, input, context) : refusedBy(repository.error);
}
