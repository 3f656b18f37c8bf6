import { makeMask, type Mask } from "../core/mask.ts";
import type { Person } from "../core/host.ts";
import type { PlannedTool } from "../core/planned-tool.ts";
import { plansOf, type Plan } from "../core/plan.ts";
import { storeVariable } from "../core/store.ts";
import type { HostOptions } from "../host/host.ts";
import { holdsSecret } from "../core/secret-name.ts";
import type { Environment } from "../host/machine.ts";
import { keyVariables } from "../models/providers.ts";
import { storeSecrets } from "./journal.ts";
import { planSecrets } from "./model.ts";
import { personAt, signInsOf } from "./sign-ins.ts";
import { toolVariables, withheldVariables } from "./toolbox.ts";

/** The variables that no tool and no child gets, and what masks their values, and those of tools' variables, in every text. */
export type Secrecy = { secretNames: readonly string[]; mask: Mask };

/** What is secret in the runs of an agent file, its sub-agents' included, and of the tools that are offered beside it. */
export function secrecyOf(plan: Plan | undefined, tools: readonly PlannedTool[], environment: Environment): Secrecy {
  const plans = plan === undefined ? [] : plansOf(plan);
  const secretNames = [...keyVariables, storeVariable, ...plans.flatMap(planSecrets)];
  const variables = toolVariables([...tools, ...plans.flatMap((one) => one.tools)]);
  const inTexts = plans.flatMap(({ env }) => env.filter(holdsSecret));
  const mask = makeMask([...secretNames, ...variables, ...inTexts].flatMap((name) => environment[name] ?? []));
  mask.add(storeSecrets(environment));
  return { secretNames, mask };
}

/** What the doors of an agent do with secrets. `whole` is the file that the run began with: what it keeps from children all keep. */
export function secretDoors(
  plan: Plan,
  whole: Plan,
  { secretNames, mask }: Secrecy,
  { environment, ...person }: Partial<Pick<Person, "tell" | "line">> & { environment: Environment },
): Pick<HostOptions, "secretNames" | "secrets" | "signIns" | "person" | "withheld" | "learned"> {
  const signIns = signInsOf(plan, mask);
  const withheld = withheldVariables(whole);
  const { add: learned } = mask;
  return { secretNames, secrets: plan.secrets, signIns, withheld, learned, ...personAt(person, environment) };
}
