import { ok, type Result } from "../core/result.ts";
import type { ToolContext } from "../core/tool.ts";
import { send } from "./web-send.ts";

/** Whether a site lets programs read a page. `unknown`: it did not say, which counts as no. The failure is why it cannot be asked. */
export type Robots = (url: URL, context: ToolContext) => Promise<Result<"allowed" | "disallowed" | "unknown">>;

/** More of a site's rules is not read. Matching takes time by the length of rules and path. */
const mostRules = 256_000;
const longestPath = 1000;

/** How often a site may send on for its rules, within itself. */
const mostRedirects = 5;

type Rules = Result<((url: string) => boolean) | "unknown">;

/** Makes the reader of robots.txt for one run: each site is asked once. */
export function makeRobots(): Robots {
  const known = new Map<string, Promise<Rules>>();
  return async (url, context) => {
    const asked = known.get(url.origin) ?? rulesOf(url.origin, context);
    known.set(url.origin, asked);
    const rules = await asked;
    if (!rules.ok || rules.value === "unknown") known.delete(url.origin);
    if (!rules.ok) return rules;
    if (rules.value === "unknown") return ok("unknown");
    const allowed = rules.value(url.origin + (url.pathname + url.search).slice(0, longestPath));
    return ok(allowed ? "allowed" : "disallowed");
  };
}

/** As RFC 9309 has it: what is not there forbids nothing, a service that fails forbids all. */
async function rulesOf(origin: string, context: ToolContext): Promise<Rules> {
  let at = new URL("/robots.txt", origin);
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const answer = await send(at, { redirect: "manual" }, { timeoutMs: 10_000, most: mostRules }, context);
    // The page itself may still answer.
    if (!answer.ok) return answer.error.code === "timeout" ? ok("unknown") : answer;
    const { status, headers, bytes } = answer.value;
    if (status >= 500 || status === 429) return ok("unknown");
    if (status >= 200 && status < 300) {
      const { default: parse } = await import("robots-parser");
      const rules = parse(`${origin}/robots.txt`, new TextDecoder().decode(bytes));
      return ok((url) => rules.isAllowed(url, "rein") !== false);
    }
    const next = status >= 300 && status < 400 ? URL.parse(headers.get("location") ?? "", at.href) : null;
    // Another site's rules are not asked for: nobody has granted to reach it.
    if (next?.origin !== origin) break;
    at = next;
  }
  return ok(() => true);
}
