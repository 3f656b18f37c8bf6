/**
 * The exit codes: one table for the code, the help topic and the docs. What stopped the run decides; `unfit` and then `denied`
 * rank only for a run that ended by itself.
 */
export const exits = [
  {
    code: 0,
    name: "done",
    when: "Done: the output schema and every check held, and no call was denied (or `denied: report` is set)",
  },
  { code: 1, name: "service", when: "The model's service or the network failed after its retries: worth a retry" },
  { code: 2, name: "usage", when: "Usage, an agent file with errors, or a rule that this host cannot enforce" },
  { code: 3, name: "denied", when: "A permission was refused (also by a person); the answer is still printed" },
  {
    code: 4,
    name: "limit",
    when: "A limit was reached: turns, tool calls, tokens, cost, output length, or the same failing call three times in a row",
  },
  { code: 5, name: "unfit", when: "The answer does not fit its schema, a check failed, or the model refused" },
  { code: 6, name: "missing", when: "A required MCP server or tool is missing, or its pinned tool list changed" },
  { code: 7, name: "credentials", when: "No credentials (or several and no model named), or the service refused them" },
  { code: 70, name: "bug", when: "A bug in rein: the message says what to report" },
  { code: 124, name: "timeout", when: "The time limit was reached" },
  { code: 129, name: "hangup", when: "SIGHUP" },
  { code: 130, name: "interrupt", when: "SIGINT (Ctrl-C)" },
  { code: 141, name: "reader_gone", when: "The reader of stdout went away while events or text were streamed" },
  { code: 143, name: "terminated", when: "SIGTERM" },
] as const;

export type OutcomeName = (typeof exits)[number]["name"];

export function exitCode(name: OutcomeName): number {
  for (const exit of exits) if (exit.name === name) return exit.code;
  throw new Error(`No exit code for '${name}'`);
}

/** What can end a run from outside. It is the reason of the run's abort signal. */
export type Interruption = Extract<OutcomeName, "timeout" | "hangup" | "interrupt" | "reader_gone" | "terminated">;
