import type { ModelEndpoint, ModelOptions } from "../core/model.ts";
import type { MakeModel } from "./service.ts";

/** One service that models can be had from, or one kind of service. */
export type Provider = {
  /** What stands before the slash of a model's name. */
  name: string;
  aliases: readonly string[];
  /** Who runs it and what it speaks, for the docs. */
  service: string;
  /** Variables that may hold the key. The first that is set counts. */
  keys: readonly string[];
  /** The variable that may hold a token, sent as a bearer token where there is no key. */
  token?: string;
  /** Variables that may hold the base URL. The first that is set counts. */
  addresses: readonly string[];
  /** The port of an address without a scheme. Absent: an address is a whole URL. */
  port?: number;
  /** The base URL where no variable holds one. */
  url: string;
  /** What follows a base URL, where the service's own tools leave it out. */
  path?: string;
  /** The variable that may hold further headers, `Name: value` a line. */
  headers?: string;
  /** It is used without a key, and never unless it is named. */
  local?: true;
  /** The model that the provider alone means. Absent: one must be named. */
  model?: string;
  /** The fewest tokens that it lets an answer be limited to; default 1. */
  leastTokens?: number;
  options: ReadonlyArray<keyof ModelOptions>;
  /** Its models may write their tool calls as text, and it passes them on like that. */
  textCalls?: true;
  /** Loads its SDK, and only that one. */
  load(): Promise<MakeModel>;
};

export const providers: readonly Provider[] = [
  {
    name: "anthropic",
    aliases: ["claude"],
    service: "Anthropic, by Messages",
    keys: ["ANTHROPIC_API_KEY"],
    token: "ANTHROPIC_AUTH_TOKEN",
    addresses: ["ANTHROPIC_BASE_URL"],
    url: "https://api.anthropic.com",
    headers: "ANTHROPIC_CUSTOM_HEADERS",
    model: "claude-sonnet-5-5",
    options: ["max_tokens", "effort", "thinking", "stop", "service_tier", "extra_body"],
    load: async () => (await import("./anthropic.ts")).make,
  },
  {
    name: "openai",
    aliases: [],
    service: "OpenAI, by Responses",
    keys: ["OPENAI_API_KEY"],
    addresses: ["OPENAI_BASE_URL"],
    url: "https://api.openai.com/v1",
    headers: "OPENAI_CUSTOM_HEADERS",
    // The newest of middle price that the list knows: with one that it does not, each run would warn.
    model: "gpt-6-sol",
    leastTokens: 16,
    options: ["temperature", "max_tokens", "effort", "service_tier", "extra_body"],
    load: async () => (await import("./openai.ts")).make,
  },
  {
    name: "gemini",
    aliases: [],
    service: "Google Gemini, by Chat Completions",
    keys: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    addresses: ["GOOGLE_GEMINI_BASE_URL"],
    url: "https://generativelanguage.googleapis.com",
    path: "/v1beta/openai",
    model: "gemini-3.8-flash",
    options: ["temperature", "max_tokens", "effort", "stop", "extra_body"],
    load: async () => (await import("./openai-compatible.ts")).make,
  },
  {
    name: "huggingface",
    aliases: [],
    service: "Hugging Face Inference Providers, by Chat Completions",
    keys: ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"],
    addresses: ["HF_INFERENCE_ENDPOINT"],
    url: "https://router.huggingface.co/v1",
    model: "openai/gpt-oss-120b",
    options: ["temperature", "max_tokens", "effort", "seed", "stop", "extra_body"],
    textCalls: true,
    load: async () => (await import("./openai-compatible.ts")).make,
  },
  {
    name: "ollama",
    aliases: [],
    service: "Ollama on this machine or elsewhere, by its own API",
    keys: ["OLLAMA_API_KEY"],
    addresses: ["OLLAMA_HOST"],
    port: 11434,
    url: "http://127.0.0.1:11434",
    local: true,
    model: "gpt-oss:20b",
    options: ["temperature", "max_tokens", "effort", "seed", "stop", "context", "extra_body"],
    textCalls: true,
    load: async () => (await import("./ollama.ts")).make,
  },
  {
    name: "openai-compatible",
    aliases: [],
    service: "Any other service with Chat Completions: llama-server, vLLM, OpenRouter",
    keys: ["OPENAI_API_KEY"],
    addresses: ["OPENAI_BASE_URL"],
    url: "https://api.openai.com/v1",
    headers: "OPENAI_CUSTOM_HEADERS",
    options: ["temperature", "max_tokens", "effort", "seed", "stop", "service_tier", "extra_body"],
    textCalls: true,
    load: async () => (await import("./openai-compatible.ts")).make,
  },
];

/** Models that run in this process, from GGUF files: no service. Never used unless it is named. */
export const localProvider = {
  name: "local",
  aliases: [],
  service: "A GGUF file, in this process",
  model: "smollm2",
  options: ["temperature", "max_tokens", "seed", "stop", "context", "adapter", "scale"],
} as const satisfies Pick<Provider, "name" | "aliases" | "service" | "model" | "options">;

/** The one provider that has no model: it says what a file says. */
export const scriptedProvider = "scripted";

/** The names and aliases that may stand before the slash of a model's name. */
export const providerNames: readonly string[] = [
  ...providers.flatMap(({ name, aliases }) => [name, ...aliases]),
  localProvider.name,
  scriptedProvider,
];

/** The variables that hold what only their own service may see. No tool, no child, no text of an agent file gets them. */
export const keyVariables: readonly string[] = [
  ...new Set(providers.flatMap(({ keys, token, headers }) => [...keys, token ?? [], headers ?? []].flat())),
];

/** What an agent file says of where a named model is. Every service has these, a script has none. */
const endpointKeys: ReadonlyArray<keyof ModelEndpoint> = ["base_url", "key", "headers", "ca_file"];

/** The providers as `rein check` needs them: what an entry of `models:` may say for each. */
export const providerKeys = [
  ...providers.map(({ name, aliases, model, options }) => ({
    name,
    aliases,
    alone: model !== undefined,
    options: [...options, ...endpointKeys],
  })),
  { name: localProvider.name, aliases: localProvider.aliases, alone: true, options: localProvider.options },
  { name: scriptedProvider, aliases: [], alone: false, options: [] },
];
