import { exitCode } from "../core/exit.ts";
import { permissionKinds } from "../core/permission.ts";
import type { InputSpec, Plan } from "../core/plan.ts";
import { settingText } from "../core/route.ts";
import { cleanLine } from "../render/clean.ts";
import { diagnosticsText } from "../render/diagnostics.ts";
import { readAgent } from "./agent-file.ts";
import { shown } from "./flags.ts";
import { columns } from "./help.ts";
import { about, inputFlag, valueNames } from "./input-flags.ts";
import type { Streams } from "./output.ts";

/** Prints what an agent file is and takes. It is only read; one with errors is reported like `rein check` does. */
export async function printAgentHelp(command: string, file: string, { stdout, stderr }: Streams): Promise<number> {
  const checked = readAgent(file, process.cwd());
  if (!checked.ok) {
    await stderr.write(diagnosticsText(checked.diagnostics, { color: false }));
    return exitCode("usage");
  }
  await stdout.write(agentHelp(command, checked.value));
  return 0;
}

function agentHelp(command: string, plan: Plan): string {
  const { name, description, prompt, input, model, tools } = plan;
  const inputs = Object.entries(input).map(([one, spec]) => inputRow(one, spec));
  const requests = permissionKinds.flatMap((kind): Array<[string, string]> => {
    const rules = plan.permissions[kind] ?? [];
    return rules.length === 0 ? [] : [[`--allow-${kind}`, cleanLine(rules.join(", "))]];
  });
  return [
    description === undefined ? name : `${name}: ${cleanLine(description)}`,
    "",
    `Usage: rein ${command} ${cleanLine(plan.file)} ${prompt === undefined ? "PROMPT" : "[PROMPT]"} [FLAG…]`,
    "",
    "Inputs (@FILE as a value reads it from a file):",
    ...(inputs.length === 0 ? ["  none"] : columns(inputs)),
    "",
    "Requests (-P grants all of it):",
    ...(requests.length === 0 ? ["  nothing"] : columns(requests)),
    "",
    `Model: ${model === undefined ? "none named" : cleanLine(settingText(model))}`,
    `Tools: ${tools.length === 0 ? "none" : tools.map((tool) => tool.name ?? "custom/*").join(", ")}`,
    ...(plan.mcp.length === 0 ? [] : [`MCP servers: ${plan.mcp.map((server) => server.name).join(", ")}`]),
    "",
    `'rein help ${command}' tells of the other flags.`,
    "",
  ].join("\n");
}

function inputRow(name: string, spec: InputSpec): [string, string] {
  const flag = inputFlag(name, spec);
  const help = cleanLine(about(spec));
  return flag === undefined ? [`--set ${name}=${valueNames[spec.type]}`, help] : [cleanLine(shown(flag)), help];
}
