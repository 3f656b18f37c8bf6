import { fstatSync } from "node:fs";
import { defaultContext, defaultLimits, type Plan } from "../core/plan.ts";
import type { Handler } from "./command.ts";
import { runPlan } from "./run-plan.ts";
import { usageError } from "./usage.ts";

/** Asks the model without an agent file: no instructions, no tools, nothing permitted. */
export const oneShotCommand: Handler = async (args, io) => {
  const [prompt = ""] = args.positionals;
  const files = args.all("--attach");
  if (prompt === "" && files.length === 0) return usageError({ message: "The prompt is empty" }, io, { name: "-e" });
  // Nobody knows whether a pipe ever ends, so it is read only where it is named; who expects otherwise must not miss it.
  const unread = prompt !== "-" && !files.includes("-") && holdsText();
  if (unread && !args.has("--quiet"))
    await io.stderr.write("warning: stdin is not read: '-f -' shows it to the model\n");
  return runPlan(bareAgent(io.cwd, "one-shot"), prompt, args, io);
};

/** Whether stdin is a pipe, or a file with something in it. */
function holdsText(): boolean {
  try {
    const stat = fstatSync(0);
    return stat.isFIFO() || (stat.isFile() && stat.size > 0);
  } catch {
    return false; // It is closed.
  }
}

/** An agent without a file: it has no instructions and no tools, and nothing is permitted. */
export function bareAgent(folder: string, name: string): Plan {
  return {
    file: "-e",
    folder,
    text: "",
    hash: new Bun.CryptoHasher("sha256").digest("hex"),
    name,
    models: {},
    input: {},
    instructions: [],
    tools: [],
    agents: {},
    skills: [],
    secrets: {},
    oauth: {},
    lsp: {},
    mcp: [],
    permissions: {},
    deny: {},
    limits: defaultLimits,
    context: defaultContext,
    checks: [],
    denied: "fail",
    env: [],
  };
}
