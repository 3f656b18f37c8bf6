import type { EnvDoor } from "../core/host.ts";
import { ok } from "../core/result.ts";
import { refusal, type Gate } from "./gate.ts";
import type { Environment } from "./machine.ts";

/** Single variables of rein's own environment. One that holds a service's key is never given out. `given` is told what is. */
export function envDoor(
  gate: Gate,
  environment: Environment,
  secretNames: readonly string[],
  given: (name: string) => void,
): EnvDoor {
  return {
    get: async (name) => {
      const request = { kind: "env" as const, target: name, shown: name };
      const operation = gate.begin("read the variable");
      if (secretNames.includes(name)) {
        const denial = { kind: request.kind, target: name, reason: "it holds a service's key" };
        await operation.tell(request, { verdict: "deny", denial });
        return { ok: false, error: refusal("read the variable", request, denial) };
      }
      const passed = await operation.pass(request);
      if (!passed.ok) return passed;
      given(name);
      return ok(environment[name]);
    },
    look: (name) => (secretNames.includes(name) ? "no" : gate.look("env", name)),
  };
}
