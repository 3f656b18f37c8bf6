import { signInToServer } from "../app/mcp-login.ts";
import type { TokenPlace } from "../core/oauth.ts";
import { clean, cleanLine } from "../render/clean.ts";
import type { Handler } from "./command.ts";
import { grantsFrom } from "./grants.ts";
import { ended, serversPlan } from "./mcp-common.ts";
import { interruptOnSignals } from "./signals.ts";

/** Has a person sign in to a remote server. Its tokens are kept; that they are, and where, is told on stdout. */
export const loginCommand: Handler = async (args, io) => {
  const [server = "", file] = args.positionals;
  const plan = await serversPlan(file, args, io);
  if (!plan.ok) return ended(plan, io);
  const interrupts = new AbortController();
  const leaveSignals = interruptOnSignals(interrupts);
  const signed = await signInToServer({
    plan: plan.value,
    server,
    grants: grantsFrom(args),
    cwd: io.cwd,
    environment: io.env,
    signal: interrupts.signal,
    ...(io.canAsk ? { tell: async (text: string) => void (await io.stderr.write(`${clean(text)}\n`)) } : {}),
  });
  leaveSignals();
  if (!signed.ok) return ended(signed, io);
  await io.stdout.write(`Signed in to '${cleanLine(server)}': the tokens are ${placeText(signed.value)}\n`);
  return 0;
};

function placeText(place: TokenPlace): string {
  return place.kind === "keychain" ? "in the keychain" : `in ${cleanLine(place.path)}, since ${cleanLine(place.why)}`;
}
