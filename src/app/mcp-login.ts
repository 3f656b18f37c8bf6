import type { TokenPlace } from "../core/oauth.ts";
import { interrupted, problemOf, type Problem } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import { systemClock } from "../host/clock.ts";
import { fillTransport, hostOf, secretTexts, secretVariables } from "./mcp-entry.ts";
import { serverHost, signInDoors } from "./mcp-host.ts";
import { chosenServers, defaultsOf, lookDoors, type McpLookRequest } from "./mcp-look.ts";

/** Has a person sign in to a remote server of the file, whatever is kept, and says where its tokens were put. */
export async function signInToServer(
  request: McpLookRequest & { server: string },
): Promise<Result<TokenPlace, Problem>> {
  const { plan, server: name, environment, signal } = request;
  const chosen = chosenServers(request);
  if (!chosen.ok) return chosen;
  const [server] = chosen.value;
  if (server === undefined || !("url" in server.transport)) {
    return problemOf("usage", `Cannot sign in to '${name}': it is a program of this machine`);
  }
  const opened = lookDoors(request, chosen.value);
  if (!opened.ok) return opened;
  const { doors, secrecy } = opened.value;
  secrecy.mask.add(secretVariables(server, environment).flatMap((one) => environment[one] ?? []));
  secrecy.mask.add(secretTexts(server));
  const filled = fillTransport(server, { input: defaultsOf(plan), run: { id: systemClock.id() } }, environment);
  if (!filled.ok) return problemOf("usage", filled.error.message, filled.error.hint);
  const transport = filled.value;
  if (!("url" in transport)) throw new Error("A filled transport is of the same kind");
  if (transport.headers.some(([header]) => header.toLowerCase() === "authorization")) {
    return problemOf("usage", `Cannot sign in to '${name}': its headers hold its credentials`);
  }
  const requested = hostOf(server.transport.url, environment);
  const host = serverHost(server, doors, { run: [], net: requested === undefined ? [] : [requested] });
  try {
    const signIn = signInDoors(
      transport,
      host.scoped(async () => undefined, signal),
      systemClock,
      signal,
    );
    const url = URL.parse(transport.url);
    if (signIn === undefined || url === null) return problemOf("usage", `Cannot sign in to '${name}': its url is none`);
    if (signIn.browser === undefined) {
      return problemOf("usage", `Cannot sign in to '${name}': nobody is at a terminal`, "run it in a terminal");
    }
    const { ServerTokens } = await import("../mcp/server-tokens.ts");
    const { headers, oauth } = transport;
    const target = { name, headers, ...(oauth === undefined ? {} : { oauth }) };
    const signed = await new ServerTokens(target, url, signIn, signal).login(signIn.browser);
    if (signed.ok) return ok(signed.value);
    if (signal.aborted) return interrupted(signal);
    const { message, denial } = signed.error;
    return problemOf(denial === undefined ? "credentials" : "denied", secrecy.mask.text(message));
  } finally {
    await host.close();
  }
}
