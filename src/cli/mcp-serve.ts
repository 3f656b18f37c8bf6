import { clock } from "../app.ts";
import { judgeAgents, servedAgents, type ServedAgent } from "../app/serve-mcp.ts";
import { servedTools } from "../app/serve-tools.ts";
import { serveOverHttp, serveStdio, type Served } from "../app/serving.ts";
import { commandLabel } from "../core/command-label.ts";
import type { Stamped } from "../core/event.ts";
import { exitCode } from "../core/exit.ts";
import type { Plan } from "../core/plan.ts";
import { interrupted, type Problem } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import { cleanLine } from "../render/clean.ts";
import { errorText } from "../render/error.ts";
import { callLabel } from "../render/format.ts";
import { readScript, readText } from "./agent-file.ts";
import type { Handler } from "./command.ts";
import type { Arguments, UsageProblem } from "./flags.ts";
import { grantsFrom } from "./grants.ts";
import type { Io } from "./io.ts";
import { loadAgent } from "./run.ts";
import { reportProblem } from "./run-output.ts";
import { interruptOnSignals } from "./signals.ts";
import { usageError } from "./usage.ts";

/** The variable that may hold the token which clients must show. */
const tokenVariable = "REIN_MCP_TOKEN";

/** Serves agents as tools, each call a run; or the tools of one. It ends when its client goes away, or by a signal. */
export const serveCommand: Handler = async (args, io) => {
  const address = addressOf(args);
  if (!address.ok) return usageError(address.error, io, { name: "mcp serve" });
  if (args.has("--tools") && args.positionals.length > 1) {
    return usageError({ message: "'--tools' serves the tools of one file" }, io, { name: "mcp serve" });
  }
  const plans = await plansFrom(args, io);
  if (typeof plans === "number") return plans;
  const interrupts = new AbortController();
  interruptOnSignals(interrupts);
  const { signal } = interrupts;
  const served = await servedFrom(plans, args, io, signal);
  if (!served.ok) return told(served.error, io);
  if (address.value === undefined) {
    await serveStdio(served.value, { input: process.stdin, output: process.stdout }, signal);
    // A client that goes away is the end that is meant.
    return signal.aborted ? exitCode(interrupted(signal).error.outcome) : 0;
  }
  const given = io.env[tokenVariable] ?? "";
  const token = args.has("--no-token") ? undefined : given === "" ? clock.id() + clock.id() : given;
  const listening = async (url: string) => {
    await io.stderr.write(`Serving ${plans.map(({ name }) => name).join(", ")} at ${url}\n`);
    if (token !== undefined && given === "") await io.stderr.write(`Clients send 'Authorization: Bearer ${token}'\n`);
  };
  const done = await serveOverHttp(served.value, { ...address.value, token }, listening, signal);
  return done.ok ? exitCode(interrupted(signal).error.outcome) : told(done.error, io);
};

async function servedFrom(
  plans: Plan[],
  args: Arguments,
  io: Io,
  signal: AbortSignal,
): Promise<Result<Served, Problem>> {
  const [only] = plans;
  if (args.has("--tools") && only !== undefined) {
    const { cwd, env: environment } = io;
    return servedTools({ plan: only, grants: grantsFrom(args), cwd, environment, signal, log: logTo(args, io) });
  }
  const agents = plans.map((plan) => servedAgent(plan, args, io));
  const judged = await judgeAgents(agents, signal);
  return judged.ok ? ok(servedAgents(agents)) : judged;
}

function logTo(args: Arguments, io: Io): (text: string) => void {
  return (text) => void (args.has("--quiet") || io.stderr.write(`${cleanLine(text)}\n`));
}

async function plansFrom(args: Arguments, io: Io): Promise<Plan[] | number> {
  const plans: Plan[] = [];
  for (const file of args.positionals) {
    if (file === "-") {
      const message = "An agent file to serve cannot come from stdin, which is the client's";
      return usageError({ message }, io, { name: "mcp serve" });
    }
    const plan = await loadAgent(file, args, io);
    if (!plan.ok) return reportProblem(plan.error, args, io);
    const twin = plans.find(({ name }) => name === plan.value.name);
    if (twin !== undefined) {
      const message = `Two agents are named '${twin.name}': '${twin.file}' and '${file}'`;
      return usageError({ message, hint: "give one of them another 'name'" }, io, { name: "mcp serve" });
    }
    plans.push(plan.value);
  }
  return plans;
}

function servedAgent(plan: Plan, args: Arguments, io: Io): ServedAgent {
  return {
    request: {
      plan,
      grants: grantsFrom(args),
      model: args.one("--model"),
      cwd: io.cwd,
      environment: io.env,
      files: { script: readScript, text: readText },
    },
    progress,
    log: logTo(args, io),
  };
}

/** What a client is told of a run while it goes on. */
function progress(event: Stamped): string | undefined {
  const who = event.agent_id === undefined ? "" : `${event.agent_id}: `;
  if (event.type === "turn_start") return `${who}turn ${event.turn}`;
  if (event.type === "call_start") return `${who}${callLabel(event.call)}`;
  if (event.type === "check") return `${who}check ${cleanLine(commandLabel(event.run))}: ${event.ok ? "ok" : "failed"}`;
  if (event.type === "warning") return `${who}${cleanLine(event.message)}`;
  return undefined;
}

/** `--http=HOST:PORT`, `--http=PORT`, `--http`: an address that other machines do not reach. Undefined without the flag. */
function addressOf(args: Arguments): Result<{ hostname: string; port: number } | undefined, UsageProblem> {
  const [value] = args.all("--http");
  if (value === undefined) {
    if (!args.has("--no-token")) return ok(undefined);
    return { ok: false, error: { message: "'--no-token' goes with --http", hint: "a client on stdin shows no token" } };
  }
  const text = value === true ? "" : value;
  const found = /^(?:(127\.0\.0\.1|localhost|\[::1\])(?::|$))?(\d{1,5})?$/.exec(text);
  const [, hostname = "127.0.0.1", port = "0"] = found ?? [];
  if (found !== null && Number(port) <= 65_535) return ok({ hostname, port: Number(port) });
  const message = `Cannot serve on '${text}': expected a port of 127.0.0.1, localhost or [::1]`;
  const hint = "to offer agents to other machines, put a proxy of yours before it, with TLS";
  return { ok: false, error: { message, hint } };
}

async function told({ outcome, message, hint }: Problem, io: Io): Promise<number> {
  const error = hint === undefined ? { message } : { message, hint };
  await io.stderr.write(errorText({ error, denied: [] }, io.stderr.color));
  return exitCode(outcome);
}
