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
} from "./oauth-client.ts";

/** How long a person has, in milliseconds. */
export const patienceMs = 300_000;

/** Where the browser comes back to. */
const callbackPath = "/callback";

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
  const answered = Promise.withResolvers<URLSearchParams>();
  const listener = await host.net.listen((request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== callbackPath) return page(404, "Not here");
    if (request.method !== "GET") return page(405, "Only GET");
    answered.resolve(searchParams);
    return page(200, "rein has the answer. You can close this page and go back to the terminal.");
  });
  if (!listener.ok) return listener;
  const settled = new AbortController();
  try {
    const request = await codeRequest(server, spec, `${listener.value.origin}${callbackPath}`);
    if (!request.ok) return request;
    const passed = await passUrl(request.value.url, context);
    if (!passed.ok) return passed;
    await person.tell(`Sign in to '${name}' with a browser of this machine:\n  ${request.value.url.href}`);
    const ending = AbortSignal.any([settled.signal, signal]);
    void openBrowser(person.browser, request.value.url.href, context, ending);
    const answer = await Promise.race([answered.promise, clock.sleep(patienceMs, ending)]);
    if (signal.aborted) return fail("cancelled", "Cannot sign in: cancelled");
    if (answer === undefined) return tooLate(name);
    return await exchangeCode(server, spec, request.value, answer, reach);
  } finally {
    settled.abort();
    await listener.value.close();
  }
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
  const passed = await passUrl(url.value, context);
  if (!passed.ok) return passed;
  if (!/^[!-~ ]{1,40}$/.test(code))
    return fail("invalid", `Cannot sign in: the server's code is no code: ${quoted(code)}`);
  await person.tell(`Sign in to '${name}' on any device:\n  ${url.value.href}\nThe code is ${code}`);
  const until = clock.now() + Math.min(seconds * 1000, patienceMs);
  for (let interval = Math.min(begun.value.interval ?? 5, 60); ;) {
    await clock.sleep(interval * 1000, signal);
    if (signal.aborted) return fail("cancelled", "Cannot sign in: cancelled");
    if (clock.now() >= until) return tooLate(name);
    const polled = await pollDevice(server, spec, begun.value, reach);
    if (!polled.ok) return polled;
    if ("access" in polled.value) return ok(polled.value);
    interval += polled.value.wait;
  }
}

/** A page that a person is sent to is judged like one that we reach: a server cannot send them just anywhere. */
async function passUrl({ hostname, port, protocol }: URL, { host }: ToolContext): Promise<Result<unknown>> {
  return host.net.pass(hostname.replace(/^\[(.*)\]$/, "$1"), Number(port || (protocol === "https:" ? "443" : "80")));
}

/** Opens the page where that was granted; the person has been told of it in any case. */
async function openBrowser(command: string, url: string, { host }: ToolContext, signal: AbortSignal): Promise<void> {
  const words =
    command
      .split(":", 1)[0]
      ?.split(/\s+/)
      .filter((word) => word !== "") ?? [];
  const [program] = words;
  if (program === undefined || !(await host.process.may(program))) return;
  const argv = words.some((word) => word.includes("%s"))
    ? words.map((word) => word.replaceAll("%s", () => url))
    : [...words, url];
  await host.process.run(argv, { signal, onOutput: () => undefined });
}

function tooLate(name: string) {
  return fail("timeout", `Cannot sign in to '${name}': nobody signed in within ${patienceMs / 60_000} minutes`);
}

function page(status: number, text: string): Response {
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    connection: "close",
  };
  return new Response(`${text}\n`, { status, headers });
}
