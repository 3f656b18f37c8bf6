import type { ModelSpec, Usage } from "../core/model.ts";
import type { Price, PriceSpec } from "../core/price.ts";
import { parseModelName } from "./choose.ts";
import { endpointOf, type Variables } from "./endpoint.ts";

/** Our providers by the names that the price list has for them. */
const listed: Readonly<Record<string, string>> = { anthropic: "anthropic", openai: "openai", gemini: "google" };

/** Models that Ollama runs on its own machines, for a fee that is not by token. */
const ollamaCloud = /[:-]cloud$/;

/** What costs nothing: a model on the user's own machine, or a script. */
const free: Price = { cost: () => 0 };

const million = 1e6;

/**
 * What a model's requests cost: as the agent file says, else by the list that comes with rein. Undefined where neither knows. A
 * provider that is one service is found in the list by its name, wherever its requests go, any other by its address.
 */
export async function priceOf(spec: ModelSpec, variables: Variables): Promise<Price | undefined> {
  if (spec.price !== undefined) return namedPrice(spec.price);
  const parsed = parseModelName(spec.model);
  if (!parsed.ok) return undefined;
  if (parsed.value.provider === "scripted" || parsed.value.provider === "local") return free;
  const { provider, id } = parsed.value;
  const endpoint = endpointOf(provider, spec, variables);
  const ownUrl = `${provider.url}${provider.path ?? ""}`;
  // Without a key nothing can be asked of it, but what it would cost.
  const { baseUrl, key } = endpoint.ok ? endpoint.value : { baseUrl: ownUrl, key: "" };
  if (provider.name === "ollama") {
    const elsewhere = ollamaCloud.test(id) || /(^|\.)ollama\.com$/.test(new URL(baseUrl).hostname);
    return elsewhere ? undefined : free;
  }
  const own = baseUrl === ownUrl && key !== undefined;
  return listedPrice(provider.name, id, baseUrl, own || listed[provider.name] === undefined);
}

/** The price that an agent file names. */
function namedPrice({ input, output, cached = input, cache_write = input }: PriceSpec): Price {
  return {
    cost(usage) {
      const written = usage.cache_write ?? 0;
      const read = Math.max(0, usage.input - usage.cached - written);
      return (read * input + usage.cached * cached + written * cache_write + usage.output * output) / million;
    },
  };
}

async function listedPrice(
  provider: string,
  model: string,
  baseUrl: string,
  billed: boolean,
): Promise<Price | undefined> {
  const { calcPrice, findProvider } = await import("@pydantic/genai-prices");
  const providerId = listed[provider] ?? findProvider({ providerApiUrl: baseUrl })?.id;
  if (providerId === undefined) return undefined;
  const price = (usage: Usage, time: number) =>
    calcPrice(countsOf(usage), model, { providerId, timestamp: new Date(time) })?.total_price;
  if (price({ input: 1, output: 1, cached: 0, reasoning: 0 }, 0) === undefined) return undefined;
  return {
    cost(usage, time) {
      const cost = price(usage, time);
      if (cost === undefined) throw new Error(`No price for '${model}' at ${time}`);
      return cost;
    },
    ...(billed ? {} : { notional: true }),
  };
}

/** A usage in the list's own terms, which refuse a part that is larger than its whole. */
function countsOf({ input, output, cached, cache_write: told = 0, cache_write_1h: hour = 0 }: Usage) {
  const read = Math.min(cached, input);
  const written = Math.min(told, input - read);
  return {
    input_tokens: input,
    output_tokens: output,
    cache_read_tokens: read,
    cache_write_tokens: written,
    cache_write_1h_tokens: Math.min(hour, written),
  };
}
