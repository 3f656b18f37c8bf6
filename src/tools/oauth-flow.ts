import { isOver, type OauthReach, type OauthSpec, type OauthTokens, type TokenPlace } from "../core/oauth.ts";
import type { Need } from "../core/permission.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { text } from "./arguments.ts";
import { shownPath } from "./bound.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";

const actions = ["sign_in", "status", "refresh", "sign_out"] as const;
const methods = ["browser", "device"] as const;

type Specs = Readonly<Record<string, OauthSpec>>;

const schema = schemaOf({
  type: "object",
  properties: {
    action: {
      type: "string",
      enum: [...actions],
      description:
        "sign_in asks the person, where it is needed; status says whether somebody has signed in; refresh gets a new token " +
        "after the service refused the old one (HTTP 401); sign_out revokes and forgets it",
    },
    name: { type: "string", minLength: 1, maxLength: 64, description: "The name of the sign-in" },
    method: {
      type: "string",
      enum: [...methods],
      description:
        "For sign_in: browser (the default) opens a page on this machine, device shows a code to type on any other device",
    },
  },
  required: ["action", "name"],
  additionalProperties: false,
});

type Input = FromSchema<typeof schema>;

/** `oauth_flow` of one run: it knows the sign-ins of its agent file. */
export function oauthFlow({ oauth }: { oauth: Specs }): Tool {
  return builtIn({
    name: "oauth_flow",
    description:
      "Has the person at the terminal sign in to a service, once; later calls and runs use it. You never see the token: write " +
      `{{secret:name}} in a header of http_request, and it is put in. The sign-ins are: ${listed(oauth)}.`,
    input: schema,
    examples: [{ request: "Sign in to the tracker", input: { action: "sign_in", name: "tracker" } }],
    needs: needsOf(oauth),
    effects: (input) => (text(input, "action") === "status" ? "read" : "external"),
    run: (input, context) => run(oauth, input, context),
  });
}

function listed(oauth: Specs): string {
  const known = Object.entries(oauth).map(([name, { hosts }]) => `${name} (for ${hosts.join(", ")})`);
  return known.length === 0 ? "none" : known.join("; ");
}

/** Its server, where there is one sign-in: without any other it could do something. */
function needsOf(oauth: Specs): Need[] {
  const [first, ...more] = Object.values(oauth);
  if (first === undefined) return [];
  if (more.length > 0) return [{ kind: "net" }];
  const { hostname, port, protocol } = new URL(first.issuer);
  return [{ kind: "net", target: `${hostname}:${port || (protocol === "https:" ? "443" : "80")}` }];
}

async function run(oauth: Specs, input: Input, context: ToolContext): Promise<ToolOutcome> {
  const name = text(input, "name");
  const spec = Object.hasOwn(oauth, name) ? oauth[name] : undefined;
  if (spec === undefined) {
    const known = Object.keys(oauth).map((one) => `'${one}'`);
    return {
      content: `There is no sign-in '${name}': ${known.join(", ") || "the agent file has none"}`,
      error: true,
    };
  }
  const done = await act(text(input, "action"), name, spec, input, context);
  return done.ok ? { content: done.value } : { content: done.error.message, error: true };
}

async function act(
  action: string,
  name: string,
  spec: OauthSpec,
  input: Input,
  context: ToolContext,
): Promise<Result<string>> {
  switch (action) {
    case "sign_in":
      return signIn(name, spec, text(input, "method") === "device" ? "device" : "browser", context);
    case "refresh":
      return refresh(name, spec, context);
    case "sign_out":
      return signOut(name, spec, context);
    default:
      return status(name, spec, context);
  }
}

async function signIn(
  name: string,
  spec: OauthSpec,
  method: (typeof methods)[number],
  context: ToolContext,
): Promise<Result<string>> {
  const { host, clock } = context;
  const { person } = host;
  const kept = await host.oauth.read(name);
  // What cannot be read is replaced.
  if (!kept.ok && kept.error.code !== "invalid") return kept;
  if (kept.ok && kept.value !== undefined && lasts(kept.value, clock.now())) {
    const renewed = isOver(kept.value, clock.now()) ? await refresh(name, spec, context) : kept;
    const again = "if the service refuses it all the same, sign_out and sign in again";
    if (renewed.ok) return ok(`Somebody has signed in to '${name}' already. ${use(name, spec)}; ${again}`);
  }
  if (person === undefined) {
    const call = `rein tools call oauth_flow FILE -P --input '{"action": "sign_in", "name": "${name}"}'`;
    return fail(
      "unsupported",
      `Cannot sign in to '${name}': nobody is at a terminal; a person can do it before the run with ${call}`,
    );
  }
  const flow = await import("./oauth-sign-in.ts");
  const signed = await flow.signIn({ name, spec, person, context }, method);
  if (!signed.ok) return signed;
  const place = await host.oauth.change(name, async () => signed);
  if (!place.ok) return place;
  return ok(`Signed in to '${name}'. ${use(name, spec)}${placeNote(place.value)}`);
}

async function status(name: string, spec: OauthSpec, { host, clock }: ToolContext): Promise<Result<string>> {
  const kept = await host.oauth.read(name);
  if (!kept.ok) return kept;
  if (kept.value === undefined) return ok(`Nobody has signed in to '${name}' yet`);
  if (!lasts(kept.value, clock.now())) return ok(`The sign-in to '${name}' has ended: sign in again`);
  return ok(`Somebody has signed in to '${name}'. ${use(name, spec)}`);
}

async function refresh(name: string, spec: OauthSpec, context: ToolContext): Promise<Result<string>> {
  const { renewTokens } = await import("./oauth-client.ts");
  const changed = await context.host.oauth.change(name, async (kept) =>
    kept === undefined
      ? fail("not_found", `Nobody has signed in to '${name}' yet`)
      : renewTokens(spec, kept, reachOf(context)),
  );
  return changed.ok ? ok(`The token of '${name}' is new. ${use(name, spec)}`) : changed;
}

/** What the server does not take back is forgotten here all the same. */
async function signOut(name: string, spec: OauthSpec, context: ToolContext): Promise<Result<string>> {
  const kept = await context.host.oauth.read(name);
  if (kept.ok && kept.value === undefined) return ok(`Nobody has signed in to '${name}'`);
  const { revokeTokens } = await import("./oauth-client.ts");
  let note = "";
  const changed = await context.host.oauth.change(name, async (tokens) => {
    if (tokens === undefined) return ok(undefined);
    const revoked = await revokeTokens(spec, tokens, reachOf(context));
    if (!revoked.ok && revoked.error.code === "cancelled") return revoked;
    if (!revoked.ok) note = `, but the server was not told: ${revoked.error.message}`;
    else if (!revoked.value) note = ", but the server has no way to revoke it: it ends there by itself";
    return ok(undefined);
  });
  return changed.ok ? ok(`The sign-in to '${name}' is forgotten${note}`) : changed;
}

function reachOf({ host, clock, signal }: ToolContext): OauthReach {
  return { fetch: host.net.fetch, clock, signal };
}

function lasts(tokens: OauthTokens, now: number): boolean {
  return tokens.refresh !== undefined || !isOver(tokens, now);
}

function use(name: string, { hosts }: OauthSpec): string {
  return `Use it in http_request with the header Authorization: Bearer {{secret:${name}}}, for ${hosts.join(", ")}`;
}

function placeNote(place: TokenPlace): string {
  return place.kind === "keychain" ? "" : `\n[The token is in '${shownPath(place.path)}', mode 0600: ${place.why}]`;
}
