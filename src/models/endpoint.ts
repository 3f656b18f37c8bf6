import type { ModelEndpoint } from "../core/model.ts";
import { ok, type Result } from "../core/result.ts";
import { credentials } from "./choose.ts";
import { problem, type ModelProblem } from "./problem.ts";
import type { Provider } from "./providers.ts";

/** Where a model's requests go, and what they carry. */
export type Endpoint = {
  /** An http or https URL without user or password. */
  baseUrl: string;
  key?: string;
  headers: Record<string, string>;
  /** The variable that the credentials are from; absent where there are none. */
  variable?: string;
};

/** A variable by its name; undefined or empty when it is not set. */
export type Variables = (name: string) => string | undefined;

/**
 * The endpoint of one model. A `base_url` of the agent file gets no credentials but those that the file names for it: the
 * variables of the service are for the address that the user's own environment says, or the service's own.
 */
export function endpointOf(
  provider: Provider,
  given: ModelEndpoint,
  variables: Variables,
): Result<Endpoint, ModelProblem> {
  const address = given.base_url === undefined ? standardAddress(provider, variables) : ok(given.base_url);
  if (!address.ok) return address;
  const named = headersOf(given, variables);
  if (!named.ok) return named;
  const baseUrl = withPath(address.value, provider.path);
  if (given.key !== undefined) {
    const key = read(given.key, variables);
    if (!key.ok) return key;
    return ok({ baseUrl, key: key.value, headers: named.value, variable: given.key });
  }
  if (given.base_url !== undefined) return ok({ baseUrl, headers: named.value });

  const headers = { ...standardHeaders(provider, variables), ...named.value };
  const variable = credentials(provider).find((name) => isSet(variables(name)));
  if (variable === undefined) {
    const reachable = provider.local || provider.addresses.some((name) => isSet(variables(name)));
    return reachable ? ok({ baseUrl, headers }) : noCredentials(provider);
  }
  const secret = read(variable, variables);
  if (!secret.ok) return secret;
  if (variable !== provider.token) return ok({ baseUrl, key: secret.value, headers, variable });
  return ok({ baseUrl, headers: { authorization: `Bearer ${secret.value}`, ...headers }, variable });
}

/** The address that a provider's variables say, else its own. */
function standardAddress(provider: Provider, variables: Variables): Result<string, ModelProblem> {
  const variable = provider.addresses.find((name) => isSet(variables(name)));
  if (variable === undefined) return ok(provider.url);
  const setting = (variables(variable) ?? "").trim();
  const address = provider.port === undefined ? setting : withScheme(setting, provider.port);
  // Never quoted in a message: what looks like a mistake may hold a secret.
  const url = URL.parse(address);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    return problem("usage", `Cannot use ${variable}: not an http or https URL`);
  }
  if (url.username !== "" || url.password !== "") {
    const way = provider.keys.length === 0 ? "" : `, use ${provider.keys[0]}`;
    return problem("usage", `Cannot use ${variable}: a user or password in the URL is not supported${way}`);
  }
  return ok(provider.local ? dialable(address, url) : address);
}

/** What a server listens on is, for its clients, this machine. */
function dialable(address: string, url: URL): string {
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
  else if (url.hostname === "[::]") url.hostname = "[::1]";
  else return address;
  return url.href;
}

/** `host`, `host:port` or `:port` as a URL; what has a scheme stays as it is. */
function withScheme(address: string, port: number): string {
  if (address.includes("://")) return address;
  const url = URL.parse(`http://${address.startsWith(":") ? "127.0.0.1" : ""}${address}`);
  if (url === null) return address;
  if (url.port === "" && !/:80(\/|$)/.test(address)) url.port = String(port);
  return url.href;
}

function withPath(address: string, path = ""): string {
  const base = address.replace(/\/+$/, "");
  return base.endsWith(path) ? base : base + path;
}

/** The headers that the file names; their values are texts, or in variables. */
function headersOf(given: ModelEndpoint, variables: Variables): Result<Record<string, string>, ModelProblem> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given.headers ?? {})) {
    const text = typeof value === "string" ? ok(value) : read(value.env, variables, sendableText);
    if (!text.ok) return text;
    headers[name.toLowerCase()] = text.value;
  }
  return ok(headers);
}

/** The headers that the user's environment adds to all requests to a service. */
function standardHeaders(provider: Provider, variables: Variables): Record<string, string> {
  const lines = (provider.headers === undefined ? undefined : variables(provider.headers)) ?? "";
  const headers: Record<string, string> = {};
  for (const [, name, value] of lines.matchAll(/^[ \t]*([\w!#$%&'*+.^`|~-]+)[ \t]*:[ \t]*([\x20-\x7e]*?)[ \t\r]*$/gm)) {
    if (name !== undefined && value !== undefined) headers[name.toLowerCase()] = value;
  }
  return headers;
}

const sendableKey = { form: /^[\x21-\x7e]+$/, wrong: "it holds blanks or characters that no key has" };
const sendableText = {
  form: /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/,
  wrong: "it holds characters that no header has",
};

/** A variable's value that can be sent in a header. */
function read(name: string, variables: Variables, { form, wrong } = sendableKey): Result<string, ModelProblem> {
  const value = variables(name) ?? "";
  if (value === "") return problem("credentials", `Cannot use ${name}: it is not set`);
  return form.test(value) ? ok(value) : problem("credentials", `Cannot use ${name}: ${wrong}`);
}

function noCredentials({ name, keys, addresses }: Provider): { ok: false; error: ModelProblem } {
  const address = addresses.length === 0 ? "" : `, or ${addresses[0]} for a service without a key`;
  return problem("credentials", `No credentials for '${name}': set ${keys.join(" or ")}${address}`);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}
