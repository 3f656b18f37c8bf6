import { isJsonObject, type Json } from "../core/json.ts";
import type { Mask } from "../core/mask.ts";
import type { ModelFailure } from "../core/model.ts";

/** The longest part of a service's own words that a message repeats, in characters. */
const longestMessage = 500;

/** What ends a stream whose signal was aborted. The run knows why: the signal's reason says it. */
export const cancelled: ModelFailure = { kind: "network", message: "The request was cancelled", retryable: false };

/** A failure on its way out through an SDK, which may wrap it as the cause of an error of its own. */
export class Refused extends Error {
  constructor(readonly failure: ModelFailure) {
    super(failure.message);
  }
}

/** An answer of a service that is not a success. `service` names it in messages: a host, never a URL that may hold a password. */
export type Refusal = { service: string; status: number; headers: Headers; body: string };

/** What a refused request means: who has to act, and whether asking again may help. `now` in milliseconds since 1970. */
export function refusalFailure({ service, status, headers, body }: Refusal, mask: Mask, now: number): ModelFailure {
  const said = cleanText(mask.text(serviceMessage(body)));
  // Google refuses a key that it does not know as a wrong request.
  const kind = body.includes('"API_KEY_INVALID"') ? "credentials" : kindOf(status);
  const verb = kind === "credentials" ? "refused the credentials" : "refused the request";
  const message = `'${service}' ${status >= 500 ? "failed" : verb} (${status})${said === "" ? "" : `: ${said}`}`;
  const retryable = isRetryable(status, headers) && !body.includes(spentQuota);
  const failure: ModelFailure = { kind, message, status, retryable };
  const wait = retryAfterMs(headers, now) ?? retryDelayMs(body);
  if (wait !== undefined) failure.retryAfterMs = wait;
  if (kind === "request" && (status === 413 || tooLong.test(body))) failure.tooLong = true;
  return failure;
}

/** How services say that a request is longer than the model's window. */
const tooLong =
  /context[_ ](length|window|limit|size)|prompt is too long|input is too long|too many (input |prompt )?tokens|token count\b.*\bexceeds|input_too_long|reduce the length|maximum (number of )?(input )?tokens/i;

/** How OpenAI says that an account has no money left: a 429 that no wait mends. */
const spentQuota = '"insufficient_quota"';

/** The codes of an error inside a stream that speak of a wrong request. */
const wrongRequest = /^(invalid|unsupported|image|empty|context_length|data_residency)_|_policy/;

/** What an error object in the middle of a stream means. Its `code` is the HTTP status that came too late, where it is a number. */
export function streamFailure(service: string, error: Json, mask: Mask): ModelFailure {
  const said = cleanText(mask.text(messageIn(error) ?? JSON.stringify(error)));
  const message = `'${service}' broke off its answer: ${said}`;
  const code = isJsonObject(error) ? error["code"] : undefined;
  if (typeof code === "number" && code >= 400 && code < 600) {
    return { kind: kindOf(code), message, status: code, retryable: isPassing(code) };
  }
  const type = isJsonObject(error) ? error["type"] : undefined;
  const status = typeof type === "string" && Object.hasOwn(statusOfType, type) ? statusOfType[type] : undefined;
  if (status !== undefined) return { kind: kindOf(status), message, retryable: isPassing(status) };
  const wrong = typeof code === "string" && wrongRequest.test(code);
  const retryable = !wrong && !JSON.stringify(error).includes(spentQuota);
  const long = wrong && tooLong.test(JSON.stringify(error)) ? { tooLong: true as const } : {};
  return { kind: wrong ? "request" : "service", message, retryable, ...long };
}

/** The statuses that Anthropic's types of errors have where they come in time; OpenAI has some of them too. */
const statusOfType: Record<string, number> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
};

function kindOf(status: number): ModelFailure["kind"] {
  if (status === 401 || status === 403) return "credentials";
  // 402 is an account without money, 409 a conflict inside the service: neither is a wrong request.
  if (status === 402 || isPassing(status) || status < 400) return "service";
  return "request";
}

/** Request timeout, conflict, too early, rate limit, and everything that is the service's own trouble (529: overloaded). */
function isPassing(status: number): boolean {
  return status === 408 || status === 409 || status === 425 || status === 429 || status >= 500;
}

/** `x-should-retry` is how some services say that a 429 is a spent quota, which no wait brings back. */
function isRetryable(status: number, headers: Headers): boolean {
  return isPassing(status) && headers.get("x-should-retry") !== "false";
}

/** How long the service asks us to wait: `retry-after-ms`, or Retry-After in seconds or as an HTTP date. */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const exact = headers.get("retry-after-ms")?.trim();
  if (exact !== undefined && isNumber(exact)) return Math.ceil(Number(exact));
  const value = headers.get("retry-after")?.trim();
  if (value === undefined) return undefined;
  if (isNumber(value)) return Math.ceil(Number(value) * 1000);
  // An HTTP date begins with the name of a day; Date.parse alone would take "-5" for a year.
  const date = /^[A-Z][a-z]{2,8},? /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** How long Google asks us to wait, which it says in the body. */
function retryDelayMs(body: string): number | undefined {
  const seconds = /"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"/.exec(body)?.[1];
  return seconds === undefined ? undefined : Math.ceil(Number(seconds) * 1000);
}

function isNumber(text: string): boolean {
  return /^\d+(\.\d+)?$/.test(text);
}

/** The words of a service in the body of a refusal, in one of the forms that are in use; empty where there are none. */
export function serviceMessage(body: string): string {
  const text = body.trim();
  // A proxy's HTML page says nothing that the status does not.
  if (text.startsWith("<")) return "";
  let json: Json;
  try {
    json = JSON.parse(text);
  } catch {
    return text;
  }
  // Google puts the error into a list.
  return messageIn(Array.isArray(json) ? json[0] : json) ?? text;
}

function messageIn(json: Json | undefined): string | undefined {
  if (typeof json === "string") return json;
  if (!isJsonObject(json)) return undefined;
  return messageIn(json["error"]) ?? messageIn(json["message"]) ?? messageIn(json["detail"]);
}

/** Somebody else's text, fit for one line of ours: no control or direction characters, no final full stop, not too long. */
export function cleanText(text: string): string {
  const line = text
    .slice(0, 4 * longestMessage)
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\s]+/g, " ")
    .trim();
  const characters = [...line];
  if (characters.length > longestMessage) return `${characters.slice(0, longestMessage - 1).join("")}…`;
  return line.replace(/(?<!\.)\.$/, "");
}
