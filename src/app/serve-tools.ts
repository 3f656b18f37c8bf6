import type { Decided } from "../core/host.ts";
import type { Denial, Grants } from "../core/permission.ts";
import type { Plan } from "../core/plan.ts";
import type { PlannedTool } from "../core/planned-tool.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Tool } from "../core/tool.ts";
import { systemClock } from "../host/clock.ts";
import { openHost, type OpenHost } from "../host/host.ts";
import { readMachine, type Environment } from "../host/machine.ts";
import { Gateway } from "../mcp/gateway.ts";
import type { Heard } from "../mcp/heard.ts";
import type { ServedTool } from "../mcp/serve.ts";
import { makeServers, type Servers } from "../mcp/servers.ts";
import { missing } from "../permit/decide.ts";
import { makePolicy } from "../permit/policy.ts";
import { makeMcp, mcpNeeds } from "./mcp.ts";
import { defaultsOf } from "./mcp-look.ts";
import { secrecyOf, secretDoors } from "./secrecy.ts";
import type { Served } from "./serving.ts";
import { openToolbox } from "./toolbox.ts";

export type ServeToolsRequest = {
  plan: Plan;
  grants: Grants;
  cwd: string;
  environment: Environment;
  signal: AbortSignal;
  /** Told of each call, and of what goes wrong, for a log. */
  log(text: string): void;
};

/** How a client reads the resources of servers, where the file lets a model do so. */
const resourceTool = "mcp_read_resource";

/** What a run alone has: its journal, its sub-agents. */
const ofRuns = new Set(["context_recall", "spawn_agent"]);

/** The tools of a file, without its model: ready to be offered, its servers started. */
export async function servedTools(request: ServeToolsRequest): Promise<Result<Served, Problem>> {
  const { plan, grants, cwd, environment, signal, log } = request;
  const runs = plan.tools.find((tool) => tool.kind === "agent" || (tool.kind === "builtin" && ofRuns.has(tool.name)));
  if (runs !== undefined) {
    const message = `Cannot serve the tool '${runs.name}' of '${plan.name}': it works only in a run`;
    return problemOf("usage", message, "serve the agent itself, without --tools");
  }
  const machine = readMachine({ cwd, agentFolder: plan.folder, environment });
  if (!machine.ok) return problemOf("usage", machine.error.message);
  const policy = makePolicy(plan, grants, machine.value);
  if (!policy.ok) return problemOf("usage", policy.error.join("\n"));
  const secrecy = secrecyOf(plan, plan.tools, environment);
  const mask = (text: string) => secrecy.mask.text(text);
  const doors = {
    machine: machine.value,
    policy: policy.value,
    clock: systemClock,
    environment,
    ...secretDoors(plan, plan, secrecy, { environment }),
  };
  const host = openHost({ ...doors, inputs: new Map() });
  let gateway: Gateway | undefined;
  const mcp = makeMcp({
    plan,
    doors,
    mask: secrecy.mask,
    clock: systemClock,
    answers: [],
    heard: (server: string, heard: Heard) => gateway?.heard(server, heard),
    changed: () => gateway?.toolsChanged(),
  });
  const close = async () => {
    await mcp?.close();
    await host.close();
  };
  const about = mcp === undefined ? plan : { ...plan, servers: () => mcp.door() };
  const planned = plan.tools.filter(({ name }) => name !== resourceTool);
  const tools = await openToolbox(planned, host, about);
  const unmet = missing(policy.value, [...tools.flatMap(({ needs }) => needs), ...mcpNeeds(plan, environment)], false);
  if (unmet.length > 0) {
    await close();
    const message = `The tools of '${plan.name}' can do nothing without what was not granted`;
    return problemOf("denied", message, `add ${unmet.join(" ")}, or -P to grant all that the file requests`);
  }
  await mcp?.begin();
  const ready = await mcp?.ready({ input: defaultsOf(plan), run: { id: systemClock.id() } }, tools, signal);
  if (ready?.ok === false) {
    await close();
    return ready;
  }
  await mcp?.attach({
    emit: async (event) => {
      if (event.type === "warning") log(event.message);
    },
    sample: async () => fail("failed", "Only a client's model could answer, and this server cannot ask for that one"),
  });
  gateway = new Gateway({
    servers: mcp?.servers() ?? noServers(),
    names: plan.mcp.map(({ name }) => name),
    own: limited(tools.map((tool) => servedTool(tool, host, mask))),
    instructions: () => mcp?.instructions() ?? "",
    resources: plan.tools.some(isResourceTool),
    allow: (name) => plan.mcp.find((one) => one.name === name)?.allow ?? [],
    mask,
    log,
  });
  const { factory } = gateway;
  return ok({
    factory,
    tellChanges: (changes) => {
      if (gateway !== undefined) gateway.also = changes;
    },
    end: close,
  });
}

function isResourceTool(tool: PlannedTool): boolean {
  return tool.kind === "builtin" && tool.name === resourceTool;
}

function noServers(): Servers {
  return makeServers({
    servers: [],
    named: new Set(),
    answers: () => ({}),
    version: "",
    clock: systemClock,
    warn: () => undefined,
  });
}

/** So many calls run at once; a further one is refused, with the reason. */
const mostRunning = 16;

function limited(tools: ServedTool[]): ServedTool[] {
  let running = 0;
  return tools.map((tool) => ({
    ...tool,
    async call(...given) {
      if (running >= mostRunning) {
        const content = [`${mostRunning} calls are under way: try again when one has ended`];
        return { content, error: true, meta: {} };
      }
      running++;
      try {
        return await tool.call(...given);
      } finally {
        running--;
      }
    },
  }));
}

/** A tool of ours, each of whose calls passes the gate. */
function servedTool(tool: Tool, host: OpenHost, mask: (text: string) => string): ServedTool {
  const { name, description, input } = tool;
  return {
    name,
    description,
    input,
    async call(given, { signal, progress }) {
      const denied: Denial[] = [];
      const decided: Decided = async (_, decision) => {
        if (decision.verdict === "deny") denied.push(decision.denial);
      };
      const context = {
        host: host.scoped(decided, signal),
        signal,
        clock: systemClock,
        output: (text: string) => progress(mask(text)),
        draw: async (_picture: unknown, text: string) => progress(mask(text)),
      };
      const { content, error = false } = await tool.run(given, context);
      const reasons = denied.map(({ kind, target, reason, flag }) => {
        const way = flag === undefined ? "" : ` (allowed by ${flag})`;
        return `denied: ${kind} '${target}': ${reason}${way}`;
      });
      return { content: [mask(content), ...reasons], error, meta: {} };
    },
  };
}
