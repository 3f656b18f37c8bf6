import * as v from "valibot";
import { entryName } from "./entry-name.ts";
import { modelVariables, requestProblems } from "./models.ts";
import { laterOr } from "./later.ts";
import { entriesOf, find, quote, textsOf, type Node } from "./node.ts";
import { wrongRule } from "./rules.ts";
import type { Problem } from "./source.ts";

const hosts = () =>
  v.pipe(
    v.array(v.pipe(v.string(), v.title("a host"))),
    v.title("a list of hosts"),
    v.minLength(1, "Expected at least one host"),
    v.description("Where it may go, as in `permissions.net`: over https, or to this machine."),
  );

/** Secrets by name: what `http_request` puts into a request without a model seeing it. */
export const secretsSchema = laterOr({}, () =>
  v.pipe(
    v.record(
      entryName("A secret"),
      v.pipe(
        v.strictObject({
          env: v.pipe(
            v.string(),
            v.title("a variable's name"),
            v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "A variable's name is letters, digits and '_'"),
            v.description(
              "The variable that holds it. It must be in `permissions.env` too; no program and no text gets it.",
            ),
          ),
          hosts: hosts(),
        }),
        v.title("a map such as { env: GITHUB_TOKEN, hosts: [api.github.com] }"),
      ),
    ),
    v.title("a map of secrets"),
    v.description(
      "Secrets by name. A model writes `{{secret:name}}` in a header, a query or a body of `http_request`; the value is put in when " +
        "the request goes to one of the secret's hosts, and is masked wherever it comes back, in what `save_to` saves too.",
    ),
    v.examples([{ github: { env: "GITHUB_TOKEN", hosts: ["api.github.com"] } }]),
  ),
);

/** The variables that an agent's secrets are in. */
export function secretVariables(agent: Node): ReturnType<typeof modelVariables> {
  return entriesOf(find(agent, "secrets")).flatMap(([, { value }]) => {
    const env = find(value, "env");
    return env?.kind === "text" ? [env] : [];
  });
}

/** `keys` are variables that hold services' keys; `root` is the whole file. */
export function secretProblems(agent: Node, root: Node, keys: readonly string[]): Problem[] {
  const taken = new Set([...keys, ...modelVariables(root).map(({ value }) => value)]);
  const variables = secretVariables(agent).flatMap((env): Problem[] => {
    if (!taken.has(env.value)) return requestProblems(agent, env, "sent");
    const message = `${quote(env.value)} is a model's own key: no request can have it`;
    return [{ code: "wrong_value", at: env.at, message, hint: "put the secret into a variable of its own" }];
  });
  const places = entriesOf(find(agent, "secrets")).flatMap(([, { value }]) =>
    textsOf(find(value, "hosts")).flatMap((host): Problem[] => {
      const wrong = host.value.includes("${{") ? undefined : wrongRule("net", host.value);
      return wrong === undefined ? [] : [{ code: "permission", at: host.at, ...wrong }];
    }),
  );
  return [...variables, ...places];
}
