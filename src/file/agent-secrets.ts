import type { Plan } from "../core/plan.ts";
import { variablesOf } from "./models.ts";
import { entriesOf, find, quote, textsOf, type Node } from "./node.ts";
import type { Problem, Range } from "./source.ts";

/** A variable that only some services may see, and one that it goes to: a secret's host, or the base URL of a model. */
type Use = { variable: string; place: string };

/** What stands for the address that a model's provider has by itself. */
const providersOwn = "the model's provider";

/**
 * What an agent of another file would send elsewhere: where `root` says of a variable which services may see it, no agent that it
 * leads to shows it to others. Places are compared as they are written.
 */
export function secretsBeyond(root: Node, agent: string, plan: Plan, at: Range): Problem[] {
  const own = [...usesOfSecrets(root), ...usesOfModels(root)];
  const told = new Set<string>();
  return usesOf(plan).flatMap(({ variable, place }): Problem[] => {
    const places = own.filter((use) => use.variable === variable).map((use) => use.place);
    if (places.length === 0 || places.includes(place) || told.has(variable)) return [];
    told.add(variable);
    const message = `Agent ${quote(agent)} would send the variable ${quote(variable)} to ${quote(place)}`;
    return [
      { code: "permission", at, message, hint: `here it goes to ${[...new Set(places)].map(quote).join(", ")} only` },
    ];
  });
}

function usesOf({ secrets, models, env: inTexts }: Plan): Use[] {
  return [
    ...inTexts.map((variable) => ({ variable, place: "a model, in a text" })),
    ...Object.values(secrets).flatMap(({ env, hosts }) => hosts.map((place) => ({ variable: env, place }))),
    ...Object.values(models).flatMap(({ key, headers = {}, base_url: place = providersOwn }) => {
      const named = Object.values(headers).flatMap((value) => (typeof value === "string" ? [] : [value.env]));
      return [...(key === undefined ? [] : [key]), ...named].map((variable) => ({ variable, place }));
    }),
  ];
}

function usesOfSecrets(root: Node): Use[] {
  return entriesOf(find(root, "secrets")).flatMap(([, { value }]) => {
    const env = find(value, "env");
    const hosts = textsOf(find(value, "hosts"));
    return env?.kind === "text" ? hosts.map((host) => ({ variable: env.value, place: host.value })) : [];
  });
}

function usesOfModels(root: Node): Use[] {
  return entriesOf(find(root, "models")).flatMap(([, { value }]) => {
    const url = find(value, "base_url");
    const place = url?.kind === "text" ? url.value : providersOwn;
    return variablesOf(value).map((variable) => ({ variable: variable.value, place }));
  });
}
