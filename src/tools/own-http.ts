import type { JsonObject } from "../core/json.ts";
import { NetError } from "../core/net-error.ts";
import type { Need } from "../core/permission.ts";
import { neededVariables, type HttpTool } from "../core/planned-tool.ts";
import type { Result } from "../core/result.ts";
import type { Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import { Bounded, bytes } from "./bound.ts";
import { contentOf } from "./content.ts";
import { fillHeader, fillJson, fillUrl, withDefaults } from "./fill.ts";
import { whole } from "./own-run.ts";
import { variablesOf } from "./variables.ts";

/** A longer answer is cut off. */
const mostRead = 16_000_000;

/** How often a service may send on to another of its own addresses. */
const mostRedirects = 5;

/** One HTTP request as a tool. The answer's text is the result; a status that is no success is a failure. */
export function httpTool(planned: HttpTool): Tool {
  const { name, description, input, effects } = planned;
  return {
    name,
    description,
    input,
    needs: httpNeeds(planned),
    effects: () => effects,
    run: (given, context) => call(planned, withDefaults(given, input), context),
  };
}

/** The host it reaches, and the variables in its headers. */
function httpNeeds({ url, headers, permissions }: HttpTool): Need[] {
  const { hostname, port, protocol } = new URL(url.map((piece) => ("text" in piece ? piece.text : "x")).join(""));
  const target = `${hostname}:${port || (protocol === "https:" ? "443" : "80")}`;
  const names = new Set([...neededVariables(permissions), ...headers.flatMap(([, value]) => variablesOf(value))]);
  return [{ kind: "net", target }, ...[...names].map((variable): Need => ({ kind: "env", target: variable }))];
}

async function call(planned: HttpTool, args: JsonObject, context: ToolContext): Promise<ToolOutcome> {
  const url = fillUrl(planned.url, { args });
  if (!url.ok) return { content: url.error, error: true };
  const headers = await filledHeaders(planned, args, context);
  if (!headers.ok) return { content: headers.error, error: true };
  const body = planned.body === undefined ? undefined : JSON.stringify(fillJson(planned.body, { args }));
  const { signal, clock, host } = context;
  const enough = new AbortController();
  const settled = new AbortController();
  void clock.sleep(planned.timeout, AbortSignal.any([settled.signal, signal])).then(() => enough.abort());
  const request = { method: planned.method, headers: headers.value, signal: AbortSignal.any([signal, enough.signal]) };
  try {
    const response = await send(host.net.fetch, url.value, body === undefined ? request : { ...request, body });
    return await outcomeOf(response);
  } catch (error) {
    if (signal.aborted) return { content: "Interrupted", error: true };
    if (enough.signal.aborted) return failure(planned, `'${url.value.origin}' did not answer in time`);
    if (error instanceof NetError) return { content: error.message, error: true };
    return failure(planned, error instanceof Error ? error.message : String(error));
  } finally {
    settled.abort();
  }
}

async function filledHeaders(
  { headers, body }: HttpTool,
  args: JsonObject,
  { host }: ToolContext,
): Promise<Result<Headers, string>> {
  const filled = new Headers(body === undefined ? {} : { "content-type": "application/json" });
  for (const [name, template] of headers) {
    const env: JsonObject = {};
    for (const variable of variablesOf(template)) {
      const value = await host.env.get(variable);
      if (!value.ok) return { ok: false, error: value.error.message };
      if (value.value === undefined)
        return { ok: false, error: `Cannot read the variable '${variable}': it is not set` };
      env[variable] = value.value;
    }
    const value = fillHeader(template, { args, env });
    if (!value.ok) return value;
    filled.set(name, value.value);
  }
  return { ok: true, value: filled };
}

/** Sends it, and goes on where a GET is sent on to within the origin: headers with secrets go nowhere else. */
async function send(
  fetch: ToolContext["host"]["net"]["fetch"],
  url: URL,
  request: RequestInit & { method: string },
): Promise<Response> {
  let at = url;
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(at.href, { ...request, redirect: "manual" });
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (location === null) return response;
    const next = URL.parse(location, at.href);
    await response.body?.cancel();
    if (next?.origin !== url.origin || request.method !== "GET" || redirects === mostRedirects) {
      throw new NetError(
        "failed",
        `Cannot reach '${url.origin}': it redirects to '${next?.origin ?? location}', which is not followed`,
      );
    }
    at = next;
  }
}

async function outcomeOf(response: Response): Promise<ToolOutcome> {
  const kept = new Bounded();
  const { status } = response;
  let start: Uint8Array | undefined;
  let decoder: TextDecoder | undefined;
  let size = 0;
  for await (const piece of response.body ?? []) {
    if (start === undefined) {
      start = piece;
      const content = contentOf(piece, false);
      if (content.kind === "binary")
        return { content: `The answer is ${content.what}, not text (HTTP ${status})`, error: true };
      decoder = new TextDecoder(content.encoding);
    }
    size += piece.length;
    if (size > mostRead) break;
    kept.add(decoder?.decode(piece, { stream: true }) ?? "");
  }
  kept.add(decoder?.decode() ?? "");
  const cut = size > mostRead ? `\n[the answer is cut after ${bytes(mostRead)}]` : "";
  const text = whole(kept) + cut;
  if (response.ok) return { content: text === "" ? `[no content, HTTP ${status}]` : text, ...kept.whole() };
  return { content: `HTTP ${status}${text === "" ? "" : `: ${text}`}`, error: true, ...kept.whole() };
}

function failure({ name }: HttpTool, why: string): ToolOutcome {
  return { content: `'${name}' failed: ${why}`, error: true };
}
