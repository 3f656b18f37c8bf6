import type { ModelSpec } from "../core/model.ts";
import type { Price, PriceSpec } from "../core/price.ts";
import { parseModelName } from "./choose.ts";
import { endpointOf, type Variables } from "./endpoint.ts";
import { isListed, listedCost, listedModel, listedService } from "./price-list.ts";

/** Models that Ollama runs on its own machines, for a fee that is not by token. */
const ollamaCloud = /[:-]cloud$/;

/** What costs nothing: a model on the user's own machine, or a script. */
const free: Price = { cost: () => 0 };

const million = 1e6;

/**
 * What a model's requests cost: as the agent file says, else by the list that comes with rein. Undefined where neither knows. A
 * provider that is one service is found in the list by its name, wherever its requests go, any other by its address.
 */
export function priceOf(spec: ModelSpec, variables: Variables): Price | undefined {
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
  const service = listedService(provider.name, baseUrl);
  const model = service === undefined ? undefined : listedModel(service, id);
  if (model === undefined) return undefined;
  const billed = own || !isListed(provider.name);
  return { cost: (usage, time) => listedCost(model, usage, time), ...(billed ? {} : { notional: true }) };
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
