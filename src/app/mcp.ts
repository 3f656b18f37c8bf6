import type { DurableEvent, Emit } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import type { JsonObject } from "../core/json.ts";
import type { Mask } from "../core/mask.ts";
import type { McpDoor, McpServer, McpStatus, StartFailure } from "../core/mcp.ts";
import type { Need } from "../core/permission.ts";
import type { Plan } from "../core/plan.ts";
import { interrupted, type Problem } from "../core/problem.ts";
import type { Result } from "../core/result.ts";
import type { Tool } from "../core/tool.ts";
import { version } from "../core/version.ts";
import type { OpenHost } from "../host/host.ts";
import type { Answers, Sampled } from "../mcp/answers.ts";
import type { Servers, ServersOptions } from "../mcp/servers.ts";
import { toolNames } from "../tools/index.ts";
import { serverTool } from "../tools/mcp-tool.ts";
import { askPerson } from "./mcp-ask.ts";
import { fillTransport, hostOf, needsInput, secretTexts, secretVariables, serverNeeds } from "./mcp-entry.ts";
import { linkTo, serverHost, type RunDoors } from "./mcp-host.ts";
import { changedPins, collisions, leftOutTexts, missingTools, problemFor, worst } from "./mcp-faults.ts";
import { wordsOf } from "./mcp-words.ts";
import { keepAnswers } from "./needs.ts";

export type McpOptions = {
  plan: Plan;
  doors: RunDoors;
  mask: Mask;
  clock: Clock;
  /** What a person allowed before there is a run to tell of it. */
  answers: DurableEvent[];
  /** Told what a server says by itself; absent where nobody listens. */
  heard?: NonNullable<ServersOptions["heard"]>;
  /** Told when a server or its tools are others. */
  changed?(): void;
};

/** What a run does with its servers once it has begun. */
export type Attached = {
  emit: Emit;
  sample(server: string, ...asked: Parameters<NonNullable<Answers["sampling"]>>): Promise<Result<Sampled>>;
};

/** The MCP servers of one agent's run. */
export type McpRun = {
  /** There when `begin` was awaited. */
  door(): McpDoor;
  /** What speaks with them, there when `begin` was awaited. */
  servers(): Servers;
  /** Starts the servers, all at once, but for those that need inputs. */
  begin(): Promise<void>;
  /** All tools of the run, its servers' included, when these are ready; or why the run cannot begin. */
  ready(values: JsonObject, own: readonly Tool[], signal: AbortSignal): Promise<Result<Tool[], Problem>>;
  /** The tools as they are now. */
  present(): Promise<Tool[]>;
  /** What its servers say of themselves, as far as the file lets the model read it; there when `ready` was awaited. */
  instructions(): string;
  /** From now on events tell how the servers are, and the run's model answers what they ask. */
  attach(to: Attached): Promise<void>;
  detach(): void;
  close(): Promise<void>;
};

/** What the servers of a plan cannot be reached without; those that it can do without need nothing. */
export function mcpNeeds(plan: Plan, environment: RunDoors["environment"]): Need[] {
  return plan.mcp.filter(({ required }) => required).flatMap((server) => serverNeeds(server, environment));
}

/** The servers of a plan's run; undefined where it has none. Nothing is loaded or started yet. */
export function makeMcp(options: McpOptions): McpRun | undefined {
  return options.plan.mcp.length === 0 ? undefined : new Run(options);
}

/** Once a server that the run cannot do without has failed, how long it is seen which others fail, in milliseconds. */
const othersMs = 500;

type Outcome = { server: McpServer; started: Promise<Result<void, StartFailure | Problem>> };

class Run implements McpRun {
  readonly #options: McpOptions;
  readonly #hosts: OpenHost[] = [];
  readonly #outcomes = new Map<string, Outcome>();
  readonly #stop = new AbortController();
  #servers: Servers | undefined;
  #own: readonly Tool[] = [];
  #attached: Attached | undefined;
  /** What is to be told when there is somebody to tell. */
  #warnings: string[] = [];
  #told = new Map<string, string>();
  #refused = new Set<string>();
  #tools: { version: number; tools: Tool[] } | undefined;

  constructor(options: McpOptions) {
    this.#options = options;
    const { plan, mask, doors } = options;
    const secret = plan.mcp.flatMap((server) => secretVariables(server, doors.environment));
    mask.add(secret.flatMap((name) => doors.environment[name] ?? []));
    mask.add(plan.mcp.flatMap(secretTexts));
  }

  door(): McpDoor {
    return this.#loaded().door;
  }

  servers(): Servers {
    return this.#loaded();
  }

  async begin(): Promise<void> {
    const { plan, clock, heard } = this.#options;
    const { makeServers } = await import("../mcp/servers.ts");
    this.#servers = makeServers({
      servers: plan.mcp,
      named: new Set(plan.tools.flatMap((tool) => (tool.kind === "mcp" ? [tool.server] : []))),
      answers: (server) => this.#answers(server),
      version,
      clock,
      changed: () => {
        this.#options.changed?.();
        this.#tellLater();
      },
      ...(heard === undefined ? {} : { heard }),
      warn: (message) => this.#warn(message),
    });
    for (const server of plan.mcp) if (!needsInput(server)) this.#start(server, {});
  }

  async ready(values: JsonObject, own: readonly Tool[], signal: AbortSignal): Promise<Result<Tool[], Problem>> {
    const { plan, mask } = this.#options;
    this.#own = own;
    for (const server of plan.mcp) if (!this.#outcomes.has(server.name)) this.#start(server, values);
    const failures = await this.#failures(signal);
    if (signal.aborted) return interrupted(signal);
    const fatal = failures.filter(({ server }) => server.required).map(({ problem }) => problem);
    const first = worst(fatal);
    if (first !== undefined) return { ok: false, error: { ...first, message: mask.text(first.message) } };
    for (const { problem } of failures) this.#warn(problem.message);
    const about = { plan, own, servers: this.#loaded(), warn: (message: string) => this.#warn(message) };
    const wrong = (await changedPins(about)) ?? missingTools(about) ?? collisions(about);
    if (wrong !== undefined) return { ok: false, error: { ...wrong, message: mask.text(wrong.message) } };
    return { ok: true, value: await this.present() };
  }

  /** What did not start, when all have started or failed; once the run cannot begin, the others are waited for no longer. */
  async #failures(signal: AbortSignal): Promise<Array<{ server: McpServer; problem: Problem }>> {
    const { clock } = this.#options;
    const outcomes = [...this.#outcomes.values()];
    const problems = new Map<McpServer, Problem>();
    const over = new AbortController();
    const hopeless = Promise.withResolvers<void>();
    const all = outcomes.map(async ({ server, started }) => {
      const end = await started;
      if (end.ok) return;
      problems.set(server, problemFor(server, end.error));
      if (server.required) hopeless.resolve();
    });
    const others = hopeless.promise.then(() => clock.sleep(othersMs, over.signal));
    await Promise.race([Promise.all(all), others, aborted(signal)]);
    over.abort();
    return outcomes.flatMap(({ server }) => {
      const problem = problems.get(server);
      return problem === undefined ? [] : [{ server, problem }];
    });
  }

  async present(): Promise<Tool[]> {
    const servers = this.#loaded();
    await servers.settled();
    const now = servers.door.version();
    if (this.#tools?.version === now) return this.#tools.tools;
    for (const { name } of this.#options.plan.mcp)
      for (const text of leftOutTexts(name, servers.leftOut(name))) this.#warnOnce(text);
    const before = new Map(this.#tools?.tools.map((tool) => [tool.name, tool]));
    const names = new Set([...toolNames, ...this.#own.map(({ name }) => name)]);
    const tools = [...this.#own];
    for (const offered of servers.door.tools()) {
      if (names.has(offered.name)) {
        // At the start that is an error.
        this.#warnOnce(`The server '${offered.server}' now has a tool '${offered.name}', which another has already`);
        continue;
      }
      names.add(offered.name);
      const made = serverTool(offered, servers.door);
      const old = before.get(offered.name);
      // The same schema, so that what was found of it is not found anew.
      tools.push(old !== undefined && Bun.deepEquals(old.input, made.input) ? { ...made, input: old.input } : made);
    }
    this.#tools = { version: now, tools };
    return tools;
  }

  instructions(): string {
    const status = this.door().status();
    const texts = this.#options.plan.mcp.flatMap(({ name, instructions }) => {
      const said = status.find((one) => one.name === name)?.instructions ?? "";
      return instructions === true && said.trim() !== "" ? [wordsOf(name, said)] : [];
    });
    return this.#options.mask.text(texts.join("\n\n"));
  }

  async attach(to: Attached): Promise<void> {
    this.#attached = to;
    await this.#tell();
    for (const message of this.#warnings.splice(0)) await to.emit({ type: "warning", message });
  }

  detach(): void {
    this.#attached = undefined;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.detach();
    await this.#servers?.close();
    await Promise.all(this.#hosts.map((host) => host.close()));
  }

  #loaded(): Servers {
    if (this.#servers === undefined) throw new Error("The MCP servers were not begun");
    return this.#servers;
  }

  #start(server: McpServer, values: JsonObject): void {
    const { doors, clock, answers } = this.#options;
    const servers = this.#loaded();
    const filled = fillTransport(server, values, doors.environment);
    if (!filled.ok) {
      const { message, hint } = filled.error;
      servers.refuse(server.name, { why: "failed", message });
      const problem: Problem = { outcome: "usage", message, ...(hint === undefined ? {} : { hint }) };
      this.#outcomes.set(server.name, { server, started: Promise.resolve({ ok: false, error: problem }) });
      return;
    }
    const transport = filled.value;
    const host = serverHost(server, doors, {
      run: transport.kind === "stdio" ? transport.command.slice(0, 1) : [],
      net: "url" in server.transport ? [hostOf(server.transport.url, doors.environment) ?? ""].filter(Boolean) : [],
    });
    this.#hosts.push(host);
    const open = linkTo({ server, transport, host, clock, decided: keepAnswers(answers) });
    this.#outcomes.set(server.name, { server, started: servers.start(server.name, open) });
  }

  #answers({ name, allow }: McpServer): Answers {
    const { doors } = this.#options;
    const { person } = doors;
    const elicitation = allow.includes("elicitation") && person !== undefined ? askPerson(name, person) : undefined;
    return {
      ...(elicitation === undefined ? {} : { elicitation }),
      ...(allow.includes("roots") ? { roots: () => rootsOf(doors) } : {}),
      ...(allow.includes("sampling")
        ? {
            sampling: async (request, signal) =>
              this.#attached?.sample(name, request, signal) ?? {
                ok: false,
                error: { code: "failed" as const, message: "There is no run yet whose model could answer" },
              },
          }
        : {}),
    };
  }

  #warn(message: string): void {
    const text = this.#options.mask.text(message);
    if (this.#attached === undefined) this.#warnings.push(text);
    else void this.#attached.emit({ type: "warning", message: text });
  }

  #warnOnce(message: string): void {
    if (this.#refused.has(message)) return;
    this.#refused.add(message);
    this.#warn(message);
  }

  /** A journal that is lost is told of by whoever waits for it. */
  #tellLater(): void {
    this.#tell().catch(() => undefined);
  }

  /** Tells of each server that is other than it was told. */
  async #tell(): Promise<void> {
    for (const status of this.#attached === undefined ? [] : this.door().status()) {
      const event = eventOf(status, this.#options.mask);
      const said = JSON.stringify(event);
      if (this.#told.get(status.name) === said) continue;
      this.#told.set(status.name, said);
      await this.#attached?.emit(event);
    }
  }
}

/** The folders that the run may read. */
function rootsOf({ policy, machine }: RunDoors): string[] {
  return policy.allow.flatMap(({ kind, scope }) => {
    if (kind !== "read") return [];
    return scope.type === "tree" ? [scope.path] : scope.type === "any" ? [machine.cwd] : [];
  });
}

function eventOf(status: McpStatus, mask: Mask): DurableEvent {
  const { name, transport, state, ready_ms, tools, error } = status;
  return {
    type: "mcp_server",
    name,
    transport,
    state,
    tools,
    ...(ready_ms === undefined ? {} : { ready_ms }),
    ...(error === undefined ? {} : { error: mask.text(error) }),
  };
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
