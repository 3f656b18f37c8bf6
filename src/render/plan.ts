import type { AgentView } from "../core/agent-view.ts";
import type { McpText, ServerPick } from "../core/mcp.ts";
import { permissionKinds, type PermissionLists } from "../core/permission.ts";
import { defaultCost, type Limits, type Plan } from "../core/plan.ts";
import type { PlanView } from "../core/plan-view.ts";
import { dollars } from "../core/price.ts";
import type { Routed } from "../core/route.ts";
import { clean, cleanJson, cleanLine } from "./clean.ts";
import { duration } from "./format.ts";

export function planText(view: PlanView): string {
  const { plan, permissions } = view;
  const sections: Array<[string, string[]]> = [
    ["agent", [`${plan.name} (${plan.file})`, ...(plan.description === undefined ? [] : [plan.description])]],
    [
      "model",
      [[view.model ?? "none", ...view.fallback].join(", else "), ...(view.route === null ? [] : [routed(view.route)])],
    ],
    ["instructions", [view.instructions]],
    ["prompt", [view.prompt]],
    [
      "tools",
      [
        ...view.tools.map((tool) => `${tool.name}: ${cleanLine(tool.description)}`),
        ...unloaded(plan),
        ...servers(plan),
      ],
    ],
    ["sub-agents", crew(view.agents)],
    ["skills", plan.skills.map(({ name, description }) => `${name}: ${cleanLine(description)}`)],
    ["allowed", rules(permissions.allowed)],
    ["requested, not granted", rules(permissions.ungranted)],
    ["denied", rules(permissions.denied)],
    ["child processes", children(permissions.children)],
    ["limits", limits(plan.limits)],
    ["output schema", plan.output === undefined ? [] : [cleanJson(plan.output.schema, 2)]],
    ["checks", plan.checks.map((check) => cleanLine(check.run.join(" ")))],
  ];
  return sections.map(([title, lines]) => `${title}\n${indented(lines)}\n`).join("\n");
}

function routed({ side, scorer, why }: Routed): string {
  return `${side}, by ${scorer}: ${cleanLine(why)}`;
}

export function planJson({
  plan,
  model,
  fallback,
  route,
  instructions,
  prompt,
  tools,
  agents,
  permissions,
}: PlanView): string {
  const { name, description, file, hash, output, checks, denied, limits } = plan;
  const document = {
    agent: name,
    description: description ?? null,
    file,
    hash,
    model,
    fallback,
    route,
    instructions,
    prompt,
    tools,
    unloaded: plan.tools.flatMap((tool) => (tool.kind === "unloaded" ? [tool.name ?? "custom/*"] : [])),
    ...(plan.mcp.length === 0
      ? {}
      : { mcp: plan.mcp.map(({ name, picks }) => ({ name, tools: pickedOf(plan, name, picks) })) }),
    agents,
    skills: plan.skills,
    permissions,
    limits: { ...limits, cost: limits.cost ?? defaultCost },
    output: output ?? null,
    checks,
    denied,
  };
  return `${cleanJson(document, 2)}\n`;
}

/** Tools of which only a module's code could tell more, which a look does not start. */
function unloaded({ tools }: Plan): string[] {
  return tools.flatMap((tool) =>
    tool.kind === "unloaded"
      ? [`${tool.name ?? "custom/*"}: of a module, not loaded: ${tool.modules.map(cleanLine).join(", ")}`]
      : [],
  );
}

/** Each with what it has, and those that it can spawn below it. */
function crew(agents: AgentView[]): string[] {
  return agents.flatMap(({ name, description, models, tools, skills, permissions, agents: inner }) => {
    const about = [
      `model: ${models.length === 0 ? "that of the agent that spawns it" : cleanLine(models.join(", else "))}`,
      `tools: ${cleanLine(tools.join(", ")) || "none"}`,
      ...(skills.length === 0 ? [] : [`skills: ${skills.join(", ")}`]),
      ...rules(permissions.allowed).map((rule) => `allowed to ${rule}`),
      ...rules(permissions.ungranted).map((rule) => `not granted: ${rule}`),
      ...rules(permissions.denied).map((rule) => `denied: ${rule}`),
      ...crew(inner),
    ];
    const title = description === null ? name : `${name}: ${cleanLine(description)}`;
    return [title, ...about.map((line) => `  ${line}`)];
  });
}

/** MCP servers, which a look does not start. */
function servers(plan: Plan): string[] {
  return plan.mcp.map(({ name, transport, picks }) => {
    const where =
      "command" in transport
        ? transport.command.map(textOf).join(" ")
        : "url" in transport
          ? textOf(transport.url)
          : transport.module;
    const picked = pickedOf(plan, name, picks)?.map((pick) =>
      pick.as === pick.name ? pick.name : `${pick.name} as ${pick.as}`,
    );
    return `${picked?.join(", ") ?? "all tools"} of the MCP server ${name}, not started: ${cleanLine(where)}`;
  });
}

/** The tools that a file takes of a server, and as what; null: all. */
function pickedOf({ tools }: Plan, server: string, picks: readonly ServerPick[] | undefined) {
  const own = tools.flatMap((tool) =>
    tool.kind === "mcp" && tool.server === server ? [{ name: tool.tool, as: tool.name }] : [],
  );
  const picked = (picks ?? []).map(({ name, as = name }) => ({ name, as }));
  return picks === undefined && own.length === 0 ? null : [...picked, ...own];
}

/** A text of a server's entry, with its holes as they are written. */
function textOf({ pieces }: McpText): string {
  return pieces
    .map((piece) => {
      if ("text" in piece) return piece.text;
      if ("path" in piece) return `\${{ ${piece.path.join(".")} }}`;
      return `\${${piece.variable}${piece.otherwise === undefined ? "" : `:-${piece.otherwise}`}}`;
    })
    .join("");
}

function rules(lists: PermissionLists): string[] {
  return permissionKinds.flatMap((kind) => {
    const list = lists[kind];
    return list === undefined ? [] : [`${kind}: ${cleanLine(list.join(", "))}`];
  });
}

function children({ contained, env }: PlanView["permissions"]["children"]): string[] {
  return [
    contained ? "held to these rules by the kernel" : "not held to these rules by the kernel",
    `environment: ${env.join(", ")}`,
  ];
}

function limits({ turns, tool_calls, tokens, time, cost = defaultCost }: Limits): string[] {
  return [
    `turns: ${turns}`,
    `tool calls: ${tool_calls}`,
    `tokens: ${tokens ?? "no limit"}`,
    `cost: ${dollars(cost)} US dollars`,
    `time: ${duration(time)}`,
  ];
}

function indented(lines: string[]): string {
  const text = clean(lines.join("\n")).trimEnd();
  return text === "" ? "  none" : text.replace(/^(?=.)/gm, "  ");
}
