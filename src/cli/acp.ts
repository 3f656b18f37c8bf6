import { mcpJson } from "../acp/servers.ts";
import { serveEditor, type Hosting } from "../acp/serve.ts";
import { clock } from "../app.ts";
import { openTalk } from "../app/converse.ts";
import { exitCode } from "../core/exit.ts";
import { interrupted, problemOf } from "../core/problem.ts";
import type { Plan } from "../core/plan.ts";
import type { Result } from "../core/result.ts";
import type { Source } from "../file/source.ts";
import { cleanLine } from "../render/clean.ts";
import { callLabel } from "../render/format.ts";
import { readScript, readText } from "./agent-file.ts";
import { permissionWish } from "./ask.ts";
import { attachBytes, attachPath } from "./attach.ts";
import type { Handler } from "./command.ts";
import { realFolder } from "./files.ts";
import { grantsFrom } from "./grants.ts";
import { ownCommands } from "./own-commands.ts";
import { givenInput, typedInput } from "./run-input.ts";
import { reportProblem, type Reported } from "./run-output.ts";
import { loadAgent, loadRead } from "./run.ts";
import { interruptOnSignals } from "./signals.ts";
import { usageError } from "./usage.ts";

/** The agent where no file is named. */
const bare = "name: acp\ninstructions: ''\n";

/** What the servers of an editor are told as. */
const editorServers = "the editor's MCP servers";

/** Talks with an editor in the Agent Client Protocol, on stdin and stdout. It ends when the editor goes away, or by a signal. */
export const acpCommand: Handler = async (args, io) => {
  const [file] = args.positionals;
  if (file === "-") {
    return usageError({ message: "The agent file cannot come from stdin, which is the editor's" }, io, { name: "acp" });
  }
  if (io.stdinIsTerminal) {
    const hint = "an editor starts it; to talk on a terminal: rein chat";
    return usageError({ message: "'rein acp' speaks with an editor, and stdin is a terminal", hint }, io, {
      name: "acp",
    });
  }
  /** The file is read anew for each session. */
  const load = async (more: readonly Source[]): Promise<Result<Plan, Reported>> =>
    file === undefined ? loadRead("-", bytesOf(bare), args, io, more) : loadAgent(file, args, io, more);
  const first = await load([]);
  if (!first.ok) return reportProblem(first.error, args, io);
  const given = await givenInput(args, first.value.input);
  const input = given.ok ? typedInput(first.value, given.value) : given;
  if (!input.ok) return usageError(input.error, io, { name: "acp" });

  const ending = new AbortController();
  interruptOnSignals(ending);
  const { signal } = ending;
  const log = (text: string) => void (args.has("--quiet") || io.stderr.write(`${cleanLine(text)}\n`));
  const hosting: Hosting = {
    agent: first.value.name,
    attach: { file: attachPath, bytes: attachBytes },
    label: callLabel,
    models: Object.keys(first.value.models),
    question: (request) => permissionWish(first.value.name, request),
    commands: ownCommands(first.value, io, input.value),
    log,
    sleep: clock.sleep,
    newSession: () => `acp-${clock.id()}`,
    async open({ cwd, servers, session, known }, ask, interrupts) {
      if (realFolder(cwd) === undefined) return problemOf("usage", `There is no folder '${cwd}'`);
      const more = servers.length === 0 ? [] : [{ file: editorServers, folder: cwd, bytes: bytesOf(mcpJson(servers)) }];
      const plan = await load(more);
      if (!plan.ok) return { ok: false, error: told(plan.error) };
      return openTalk({
        plan: plan.value,
        grants: grantsFrom(args),
        model: args.one("--model"),
        session: { name: session, asked: known },
        input: input.value,
        cwd,
        environment: io.env,
        ask,
        interrupts,
        files: { script: readScript, text: readText },
      });
    },
  };
  const output = new WritableStream<Uint8Array>({
    async write(bytes) {
      if (!(await io.stdout.write(new TextDecoder().decode(bytes)))) throw new Error("Nobody reads stdout");
    },
  });
  const done = await serveEditor(hosting, { input: Bun.stdin.stream(), output }, signal);
  if (!done.ok) return reportProblem({ outcome: "usage", message: done.error.message }, args, io);
  // An editor that goes away is the end that is meant.
  return signal.aborted ? exitCode(interrupted(signal).error.outcome) : 0;
};

/** What an editor is told of a file with errors: the report of it too. */
function told({ report, ...problem }: Reported): Omit<Reported, "report"> {
  return report === undefined ? problem : { ...problem, message: `${problem.message}\n${report.trimEnd()}` };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
