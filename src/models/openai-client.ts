import { OpenAI } from "openai";
import type { Fetch } from "../core/host.ts";
import type { Json } from "../core/json.ts";
import { listField, objectField, textField } from "./fields.ts";
import type { ServiceConfig } from "./service.ts";

/** OpenAI's SDK as a mere way to one service: what it does by itself beyond a request is turned off. */
export function openaiClient({ baseUrl, key, headers }: ServiceConfig, fetch: Fetch): OpenAI {
  return new OpenAI({
    baseURL: baseUrl,
    // The SDK insists on a key. A header that is null is not sent.
    apiKey: key ?? "none",
    defaultHeaders: { ...(key === undefined ? { Authorization: null } : {}), ...headers },
    // What is not given here the SDK takes from the environment; OPENAI_CUSTOM_HEADERS it reads in any case.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: "off",
    maxRetries: 0,
    // The longest timer there is: our own patience decides.
    timeout: 2 ** 31 - 1,
    fetch,
  });
}

/** The names of the service's models. Not `models.list`, which trusts that a list is one. */
export async function* modelNames(client: OpenAI, signal: AbortSignal): AsyncIterable<string> {
  const list = await client.get<Json>("/models", { signal });
  for (const model of listField(objectField(list)["data"])) {
    const name = textField(objectField(model)["id"]);
    if (name !== "") yield name;
  }
}
