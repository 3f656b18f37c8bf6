import type { Clock } from "../core/host.ts";
import type { Result } from "../core/result.ts";
import { openHost, type OpenHost } from "../host/host.ts";
import { readMachine, type Environment } from "../host/machine.ts";
import { makePolicy } from "../permit/policy.ts";

/** The doors of a command, to which nothing is granted. No child gets the variables of `secretNames`. */
export function openBareHost(
  place: { cwd: string; environment: Environment },
  clock: Clock,
  secretNames: readonly string[],
): Result<OpenHost, string> {
  const { cwd, environment } = place;
  const machine = readMachine({ cwd, agentFolder: cwd, environment });
  if (!machine.ok) return { ok: false, error: machine.error.message };
  const policy = makePolicy({ permissions: {}, deny: {} }, { all: false, allow: {}, deny: {} }, machine.value);
  if (!policy.ok) return { ok: false, error: policy.error.join("\n") };
  const rules = { machine: machine.value, policy: policy.value };
  return { ok: true, value: openHost({ ...rules, clock, environment, secretNames, inputs: new Map() }) };
}
