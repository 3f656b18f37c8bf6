import { misfits } from "../core/json-schema.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Person } from "../core/host.ts";
import type { McpContent, McpDoor, McpServer, McpStatus, OfferedTool } from "../core/mcp.ts";
import { nearest } from "../core/nearest.ts";
import type { Grants } from "../core/permission.ts";
import type { Plan } from "../core/plan.ts";
import { interrupted, problemOf, type Problem } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import { systemClock } from "../host/clock.ts";
import { readMachine, type Environment } from "../host/machine.ts";
import { decide, missing } from "../permit/decide.ts";
import { makePolicy } from "../permit/policy.ts";
import { callOutcome } from "../tools/mcp-outcome.ts";
import { leftOutText } from "./mcp-faults.ts";
import type { RunDoors } from "./mcp-host.ts";
import { makeMcp, mcpNeeds, type McpRun } from "./mcp.ts";
import { secrecyOf, secretDoors, type Secrecy } from "./secrecy.ts";

export type McpLookRequest = {
  plan: Plan;
  /** Of its servers only this one. */
  server?: string;
  grants: Grants;
  cwd: string;
  environment: Environment;
  signal: AbortSignal;
  /** Shows lines to a person; absent where there is nobody. */
  tell?: Person["tell"];
};

/** The servers of a plan, started without a run: each as it is when its deadline is over at the latest. */
export type McpLook = {
  status(): McpStatus[];
  /** All that a server has, whatever the file picks of it. */
  tools(server: string): OfferedTool[];
  door: McpDoor;
  mask(text: string): string;
  close(): Promise<void>;
};

/** Starts the servers of a plan. A server that does not start is no failure: its status tells. */
export async function lookAtServers(request: McpLookRequest): Promise<Result<McpLook, Problem>> {
  const { plan, signal } = request;
  const servers = chosenServers(request);
  if (!servers.ok) return servers;
  const opened = lookDoors(request, servers.value);
  if (!opened.ok) return opened;
  const { doors, secrecy } = opened.value;
  // What a run would stop for is told by their status here.
  const loose = servers.value.map(({ picks: _picks, pin: _pin, ...server }): McpServer => ({
    ...server,
    required: false,
  }));
  const look: Plan = { ...plan, mcp: loose, tools: [] };
  const run = makeMcp({ plan: look, doors, mask: secrecy.mask, clock: systemClock, answers: [] });
  if (run === undefined) return problemOf("usage", `'${plan.name}' has no MCP servers`);
  await run.begin();
  const values = { input: defaultsOf(plan), run: { id: systemClock.id() } };
  const ready = await run.ready(values, [], signal);
  if (signal.aborted) {
    await run.close();
    return interrupted(signal);
  }
  // Two servers with a tool of one name are each looked at alone; anything else is what no server started for.
  if (!ready.ok && ready.error.outcome !== "usage") {
    await run.close();
    return ready;
  }
  return ok(lookOf(run, (text) => secrecy.mask.text(text)));
}

/** The doors to servers that are spoken to without a run. */
export function lookDoors(
  request: McpLookRequest,
  servers: McpServer[],
): Result<{ doors: RunDoors; secrecy: Secrecy }, Problem> {
  const { plan, grants, cwd, environment } = request;
  const machine = readMachine({ cwd, agentFolder: plan.folder, environment });
  if (!machine.ok) return problemOf("usage", machine.error.message);
  const policy = makePolicy(plan, grants, machine.value);
  if (!policy.ok) return problemOf("usage", policy.error.join("\n"));
  const needs = mcpNeeds({ ...plan, mcp: servers }, environment);
  const unmet = missing(policy.value, needs, false);
  if (unmet.length > 0) {
    const hint = `add ${unmet.join(" ")}, or -P to grant all that is requested`;
    return problemOf("denied", `The MCP servers of '${plan.name}' cannot be reached: not granted`, hint);
  }
  for (const { kind, target = "" } of needs) {
    const asked = kind === "run" ? (machine.value.resolve.program(target) ?? target) : target;
    const { verdict, ...refused } = decide(
      policy.value,
      { kind, target: asked, shown: target },
      { canAsk: false, answers: [] },
    );
    if (verdict !== "deny" || !("denial" in refused)) continue;
    return problemOf(
      "denied",
      `The MCP servers of '${plan.name}' cannot be reached: '${target}': ${refused.denial.reason}`,
    );
  }
  const secrecy = secrecyOf(plan, [], environment);
  const base = { machine: machine.value, policy: policy.value, clock: systemClock, environment };
  const doors = { ...base, ...secretDoors(plan, plan, secrecy, request) };
  return ok({ doors, secrecy });
}

function lookOf(run: McpRun, mask: McpLook["mask"]): McpLook {
  const door = run.door();
  return {
    status: () =>
      door.status().map(({ error, left_out: leftOut, ...one }) => ({
        ...one,
        ...(leftOut === undefined
          ? {}
          : { left_out: leftOut.map(({ tool, why }) => ({ tool: mask(tool), why: mask(why) })) }),
        ...(error === undefined ? {} : { error: mask(error) }),
      })),
    // By the names that the server knows.
    tools: (server) =>
      door.tools().flatMap((tool) => (tool.server === server ? [{ ...tool, name: tool.facts.name }] : [])),
    door,
    mask,
    close: () => run.close(),
  };
}

/** The servers that are looked at. */
export function chosenServers({ plan, server }: McpLookRequest): Result<McpServer[], Problem> {
  if (plan.mcp.length === 0) return problemOf("usage", `'${plan.name}' has no MCP servers`, "name them under 'mcp'");
  const named = server === undefined ? plan.mcp : plan.mcp.filter(({ name }) => name === server);
  const names = plan.mcp.map(({ name }) => name);
  if (named.length === 0) {
    const close = nearest(server ?? "", names);
    const hint = close === undefined ? `there are: ${names.join(", ")}` : `did you mean '${close}'?`;
    return problemOf("usage", `There is no MCP server '${server}'`, hint);
  }
  for (const one of named) {
    const input = missingInput(one, plan);
    if (input === undefined) continue;
    const message = `The MCP server '${one.name}' needs the input '${input}', which only a run has`;
    return problemOf("usage", message, "give it a 'default'");
  }
  return ok([...named]);
}

/** An input without a default that a server's entry names. */
function missingInput({ transport }: McpServer, { input }: Plan): string | undefined {
  const texts = [
    ...("command" in transport ? transport.command : []),
    ...("url" in transport ? [transport.url] : []),
    ...("env" in transport ? transport.env : "headers" in transport ? transport.headers : []).map(([, text]) => text),
  ];
  return texts
    .flatMap(({ pieces }) =>
      pieces.flatMap((piece) => ("path" in piece && piece.path[0] === "input" ? (piece.path[1] ?? []) : [])),
    )
    .find((name) => input[name]?.default === undefined);
}

/** The inputs of a plan, where nobody gives any. */
export function defaultsOf({ input }: Plan): JsonObject {
  const given = Object.entries(input).flatMap(([name, spec]): Array<[string, Json]> =>
    spec.default === undefined ? [] : [[name, spec.default]],
  );
  return Object.fromEntries(given);
}

/** What one call came to: as a model would get it, and its parts as they came. */
export type McpCalled = { text: string; content: McpContent[]; structured: Json | null; error: boolean };

/** Calls a tool of a server by hand. */
export async function callServer(
  look: McpLook,
  server: string,
  tool: string,
  input: JsonObject,
  call: { signal: AbortSignal; progress(text: string): void },
): Promise<Result<McpCalled, Problem>> {
  const [status] = look.status();
  if (status?.state !== "ready") {
    return problemOf("missing", `Cannot start the MCP server '${server}': ${status?.error ?? "it is not ready"}`);
  }
  const tools = look.tools(server);
  const found = tools.find(({ name }) => name === tool);
  if (found === undefined) {
    const unusable = status.left_out?.find((one) => one.tool === tool);
    if (unusable !== undefined) return problemOf("missing", leftOutText(server, unusable));
    const names = tools.map(({ name }) => name);
    const close = nearest(tool, names);
    const hint = close === undefined ? `it has: ${names.join(", ") || "none"}` : `did you mean '${close}'?`;
    return problemOf("missing", `The MCP server '${server}' has no tool '${tool}'`, hint);
  }
  const problems = misfits(found.facts.input, input);
  if (problems.length > 0) return problemOf("usage", `The arguments do not fit '${tool}': ${problems.join("; ")}`);
  const called = await look.door.call(server, tool, input, call);
  if (call.signal.aborted) return interrupted(call.signal);
  if (!called.ok) return problemOf("service", look.mask(called.error.message));
  const { content, structured = null, error } = called.value;
  const outcome = await callOutcome(called);
  return ok({ text: look.mask(outcome.content), content, structured, error });
}
