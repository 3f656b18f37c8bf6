import { askAtBrowser, passPage, patienceMs, tooLate } from "../core/browser.ts";
import type { Person } from "../core/host.ts";
import type { OauthReach, OauthSpec, OauthTokens } from "../core/oauth.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { ToolContext } from "../core/tool.ts";
import {
  codeRequest,
  deviceRequest,
  discover,
  endpoint,
  exchangeCode,
  pollDevice,
  quoted,
  type AuthorizationServer,
  type CodeRequest,
} from "./oauth-client.ts";

const unused = fail("timeout", "Cannot sign in: the code was not used in time");

type Asked = { name: string; spec: OauthSpec; person: Person; context: ToolContext };

/** Has a person sign in: in a browser of this machine, or on any device with a code. */
export async function signIn(asked: Asked, method: "browser" | "device"): Promise<Result<OauthTokens>> {
  const { host, clock, signal } = asked.context;
  const reach: OauthReach = { fetch: host.net.fetch, clock, signal };
  const server = await discover(asked.spec.issuer, reach);
  if (!server.ok) return server;
  return method === "browser" ? byBrowser(asked, server.value, reach) : byDevice(asked, server.value, reach);
}

async function byBrowser(
  { name, spec, person, context }: Asked,
  server: AuthorizationServer,
  reach: OauthReach,
): Promise<Result<OauthTokens>> {
  const { host, clock, signal } = context;
  let request: CodeRequest | undefined;
  const answer = await askAtBrowser(name, { host, person, clock, signal }, async (redirect) => {
    const made = await codeRequest(server, spec, redirect);
    if (!made.ok) return made;
    request = made.value;
    return ok(made.value.url);
  });
  if (!answer.ok) return answer;
  if (request === undefined) throw new Error("There is no answer without a request");
  return exchangeCode(server, spec, request, answer.value, reach);
}

async function byDevice(
  { name, spec, person, context }: Asked,
  server: AuthorizationServer,
  reach: OauthReach,
): Promise<Result<OauthTokens>> {
  const { clock, signal } = context;
  const begun = await deviceRequest(server, spec, reach);
  if (!begun.ok) return begun;
  const {
    verification_uri: page_,
    verification_uri_complete: whole,
    user_code: code,
    expires_in: seconds,
  } = begun.value;
  const url = endpoint(whole ?? page_, "verification_uri");
  if (!url.ok) return url;
  const passed = await passPage(url.value, context.host);
  if (!passed.ok) return passed;
  if (!/^[!-~ ]{1,40}$/.test(code))
    return fail("invalid", `Cannot sign in: the server's code is no code: ${quoted(code)}`);
  await person.tell(`Sign in to '${name}' on any device:\n  ${url.value.href}\nThe code is ${code}`);
  const until = clock.now() + Math.min(seconds * 1000, patienceMs);
  for (let interval = Math.min(Math.max(begun.value.interval ?? 5, 1), 60); ;) {
    await clock.sleep(interval * 1000, signal);
    if (signal.aborted) return fail("cancelled", "Cannot sign in: cancelled");
    if (clock.now() >= until) return seconds * 1000 < patienceMs ? unused : tooLate(name);
    const polled = await pollDevice(server, spec, begun.value, reach);
    if (!polled.ok) return polled;
    if ("access" in polled.value) return ok(polled.value);
    interval += polled.value.wait;
  }
}
