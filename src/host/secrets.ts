import type { SecretDoor } from "../core/host.ts";
import type { OauthSpec } from "../core/oauth.ts";
import type { AccessRequest, Denial } from "../core/permission.ts";
import type { SecretSpec } from "../core/plan.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { isLoopback, parseAddress } from "../permit/address.ts";
import { covers, exactRule, parseRule } from "../permit/rule.ts";
import { refusal, type Gate } from "./gate.ts";
import type { Environment } from "./machine.ts";

/** The secrets of an agent file. Their variables are given out by no other door. */
export function secretDoor(
  gate: Gate,
  environment: Environment,
  secrets: Readonly<Record<string, SecretSpec>>,
  signIns: {
    specs: Readonly<Record<string, OauthSpec>>;
    token(name: string, spec: OauthSpec): Promise<Result<string>>;
  },
): SecretDoor {
  const token = async (name: string, spec: OauthSpec, url: URL): Promise<Result<string>> => {
    const wrong = wrongPlace(name, spec, url);
    if (wrong === undefined) return signIns.token(name, spec);
    const request: AccessRequest = { kind: "net", target: targetOf(url), shown: name };
    const denial: Denial = { kind: "net", target: request.target, reason: wrong };
    await gate.begin("use the sign-in").tell(request, { verdict: "deny", denial });
    return { ok: false, error: refusal("use the sign-in", request, denial) };
  };
  return {
    value: async (name, url) => {
      const spec = Object.hasOwn(signIns.specs, name) ? signIns.specs[name] : undefined;
      if (spec !== undefined) return token(name, spec, url);
      const secret = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
      if (secret === undefined) return fail("not_found", `There is no secret '${name}'`);
      const request: AccessRequest = { kind: "env", target: secret.env, shown: secret.env };
      const operation = gate.begin("use the variable");
      const wrong = wrongPlace(name, secret, url);
      if (wrong !== undefined) {
        const denial: Denial = { kind: "env", target: secret.env, reason: wrong };
        await operation.tell(request, { verdict: "deny", denial });
        return { ok: false, error: refusal("use the variable", request, denial) };
      }
      const passed: Result<void> = await operation.pass(request);
      if (!passed.ok) return passed;
      const value = environment[secret.env];
      return value === undefined || value === ""
        ? fail("not_found", `Cannot use the secret '${name}': the variable '${secret.env}' is not set`)
        : ok(value);
    },
  };
}

/** Why the secret does not go there. */
function wrongPlace(name: string, { hosts }: Pick<SecretSpec, "hosts">, url: URL): string | undefined {
  const host = url.hostname.replace(/\.$/, "");
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const address = parseAddress(bare);
  const local = bare === "localhost" || (address !== undefined && isLoopback(address));
  if (url.protocol !== "https:" && !(url.protocol === "http:" && local)) {
    return `the secret '${name}' goes over https only, or to this machine`;
  }
  const target = exactRule("net", targetOf(url));
  const allowed = hosts.some((text) => {
    const rule = parseRule("net", text, unresolved, false);
    return rule.ok && covers(rule.value, target);
  });
  return allowed ? undefined : `the secret '${name}' goes to ${hosts.join(", ")} only, not to ${url.host}`;
}

function targetOf({ hostname, port, protocol }: URL): string {
  return `${hostname.replace(/\.$/, "")}:${port || (protocol === "https:" ? "443" : "80")}`;
}

/** Rules of hosts name no path and no program. */
const unresolved = { path: (rule: string) => rule, program: () => undefined };
