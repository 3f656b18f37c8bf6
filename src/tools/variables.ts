import type { Host, ProcessStart } from "../core/host.ts";
import { neededVariables } from "../core/planned-tool.ts";
import type { Template } from "../core/plan.ts";
import { ok, type Result } from "../core/result.ts";

/**
 * The variables that a tool's process gets. Needed ones pass the gate one by one, so that a person can be asked, and the process gets
 * no others but those with a `?` that were granted; of a tool that names none it gets all that were. An error names the variable.
 */
export async function grantedVariables(
  names: readonly string[] | undefined,
  host: Pick<Host, "env">,
): Promise<Result<Pick<ProcessStart, "env" | "variables">, string>> {
  if (names === undefined) return ok({});
  const env: Record<string, string> = {};
  for (const name of neededVariables({ env: [...names] })) {
    const value = await host.env.get(name);
    if (!value.ok) return { ok: false, error: value.error.message };
    if (value.value !== undefined) env[name] = value.value;
  }
  return ok({ env, variables: names.flatMap((name) => (name.endsWith("?") ? [name.slice(0, -1)] : [])) });
}

/** The variables that a template names. */
export function variablesOf(template: Template): string[] {
  return template.flatMap((piece) => ("path" in piece && piece.path[0] === "env" ? piece.path.slice(1, 2) : []));
}
