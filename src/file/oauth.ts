import * as v from "valibot";
import { entryName } from "./entry-name.ts";
import { isUnread } from "../core/oauth.ts";
import { laterOr } from "./later.ts";
import { entriesOf, find, itemsOf, quote, textsOf, type Node } from "./node.ts";
import { wrongRule } from "./rules.ts";
import type { Problem } from "./source.ts";

const shown = "Expected a text without blanks";

/** Sign-ins by name: what `oauth_flow` can ask a person for. */
export const oauthSchema = laterOr({}, () =>
  v.pipe(
    v.record(
      entryName("A sign-in"),
      v.pipe(
        v.strictObject({
          issuer: v.pipe(
            v.string(),
            v.title("a URL"),
            v.description(
              "The authorization server's name, a URL: where it says what it can do (RFC 8414 or OpenID Connect Discovery). Its host " +
                "counts as requested in `permissions.net`; other hosts that it sends on to must be named there.",
            ),
          ),
          client_id: v.pipe(
            v.string(),
            v.title("text"),
            v.regex(/^[!-~]{1,512}$/, shown),
            v.description(
              "The client's identifier there. It is a public client: it has no secret, and PKCE is always used.",
            ),
          ),
          scopes: v.optional(
            v.pipe(
              v.array(v.pipe(v.string(), v.title("text"), v.regex(/^[!#-[\]-~]{1,256}$/, shown))),
              v.title("a list of scopes"),
              v.description("What is asked for. `offline_access` or the like makes a sign-in last."),
            ),
            [],
          ),
          hosts: v.pipe(
            v.array(v.pipe(v.string(), v.title("a host"))),
            v.title("a list of hosts"),
            v.minLength(1, "Expected at least one host"),
            v.description("Where the token may go, as in `permissions.net`: over https, or to this machine."),
          ),
        }),
        v.title("a map such as { issuer: https://login.example.com, client_id: rein, hosts: [api.example.com] }"),
      ),
    ),
    v.title("a map of sign-ins"),
    v.description(
      "Sign-ins by name. With `oauth_flow` the model has a person sign in, in a browser or with a code on another device. It never " +
        "sees the token: it writes `{{secret:name}}` in `http_request`, as for `secrets`. The token is kept in the system's keychain, " +
        "or in a file that only its owner can read, for agent files of the same folder with the same entry.",
    ),
    v.examples([
      {
        tracker: {
          issuer: "https://login.example.com",
          client_id: "rein",
          scopes: ["issues:read"],
          hosts: ["api.example.com"],
        },
      },
    ]),
  ),
);

/** What is wrong with the sign-ins of an agent, and ones that no tool could make. */
export function oauthProblems(agent: Node): Problem[] {
  const entries = entriesOf(find(agent, "oauth"));
  const problems = entries.flatMap(([name, { key, value }]): Problem[] => {
    const issuer = find(value, "issuer");
    const wrong = issuer?.kind === "text" && !issuer.value.includes("${{") ? wrongIssuer(issuer.value) : undefined;
    const at = issuer?.at ?? key;
    const taken = find(agent, "secrets", name) === undefined ? [] : [`There is a secret ${quote(name)} too`];
    return [
      ...taken.map((message): Problem => ({ code: "wrong_value", at: key, message, hint: "rename one" })),
      ...(wrong === undefined ? [] : [{ code: "wrong_value" as const, at, ...wrong }]),
      ...textsOf(find(value, "hosts")).flatMap((host): Problem[] => {
        const bad = host.value.includes("${{") ? undefined : wrongRule("net", host.value);
        return bad === undefined ? [] : [{ code: "permission", at: host.at, ...bad }];
      }),
    ];
  });
  const tool = itemsOf(find(agent, "tools")).find((one) => one.kind === "text" && one.value === "oauth_flow");
  if (tool === undefined || find(agent, "oauth") !== undefined) return problems;
  const message = "Tool 'oauth_flow' can do nothing: there are no 'oauth'";
  const hint = "write oauth: { NAME: { issuer: …, client_id: …, hosts: […] } }";
  return [...problems, { code: "wrong_value", at: tool.at, message, hint }];
}

function wrongIssuer(text: string): { message: string; hint?: string } | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return { message: `${quote(text)} is not an https URL` };
  if (!isUnread(url)) return { message: "A sign-in goes over https, or to this machine", hint: "write 'https://…'" };
  if (url.username !== "" || url.password !== "") return { message: "A URL cannot hold a user or password" };
  return url.search === "" && url.hash === "" ? undefined : { message: `${quote(text)} has a query or fragment` };
}
