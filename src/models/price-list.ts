import type { Usage } from "../core/model.ts";
import { priceFile } from "../native/price-file.ts";

/** Which names of models, in lower case, are meant. */
export type Match =
  | { or: Match[] }
  | { and: Match[] }
  | { equals: string }
  | { starts_with: string }
  | { ends_with: string }
  | { contains: string }
  | { regex: string };

/** US dollars for a million tokens; or that, and what all cost instead where the input has more tokens than `above`, in rising order. */
export type Rate = number | [base: number, ...tiers: Array<[above: number, rate: number]>];

/** What is not named is a part of what has it, as `cached` is of `input`, or costs nothing. */
export type ListedPrice = {
  /** Milliseconds since 1970. */
  from?: number;
  /** Seconds of each day, in UTC. */
  daily?: [start: number, end: number];
  input?: Rate;
  cached?: Rate;
  cache_write?: Rate;
  cache_write_1h?: Rate;
  output?: Rate;
  /** For a thousand requests. */
  requests?: number;
};

/** `window` in tokens. The last price counts whose time it is, or else the first, which is of any time. */
export type ListedModel = { match: Match; window?: number; prices: [ListedPrice, ...ListedPrice[]] };

/** The first model that a name matches is meant; `others` are services whose models it has besides. */
export type ListedService = { models: ListedModel[]; others?: string[] };

/** A service has the addresses that begin with what the regular expression matches; all of them begin with `prefix`. */
export type ListedAddress = [service: string, prefix: string, regex: string];

/** Our providers that are one service, by the names that the list has for them. */
const named: Readonly<Record<string, string>> = { anthropic: "anthropic", openai: "openai", gemini: "google" };

/** Its first line are the addresses, each other the name of a service and its models: what is not asked for is not parsed. */
let file: string | undefined;
const services = new Map<string, ListedService>();

/** Whether a provider is one service, that is found by its name wherever its requests go. */
export function isListed(provider: string): boolean {
  return named[provider] !== undefined;
}

/** The service in the list that a provider of ours is, by its name or else by its address. */
export function listedService(provider: string, baseUrl: string): string | undefined {
  const name = named[provider];
  if (name !== undefined) return name;
  file ??= priceFile();
  const addresses: ListedAddress[] = JSON.parse(file.slice(0, file.indexOf("\n")));
  return addresses.find(([, prefix, regex]) => baseUrl.startsWith(prefix) && new RegExp(regex).test(baseUrl))?.[0];
}

/** The model that a service means by a name. */
export function listedModel(service: string, name: string): ListedModel | undefined {
  const id = name.toLowerCase().trim();
  const dashed = withDashes(id);
  return modelNamed(service, id) ?? (dashed === id ? undefined : modelNamed(service, dashed));
}

/** US dollars of one request that was made at that time, in milliseconds since 1970. No part counts more than its whole. */
export function listedCost({ prices }: ListedModel, usage: Usage, time: number): number {
  const [first, ...later] = prices;
  const price = later.findLast((one) => holds(one, time)) ?? first;
  const { input, output } = usage;
  const read = price.cached === undefined ? 0 : Math.min(usage.cached, input);
  const told = Math.min(usage.cache_write ?? 0, input - Math.min(usage.cached, input));
  const written = price.cache_write === undefined ? 0 : told;
  const hour = price.cache_write_1h === undefined ? 0 : Math.min(usage.cache_write_1h ?? 0, written);
  const parts = [
    [price.input, input - read - written],
    [price.cached, read],
    [price.cache_write, written - hour],
    [price.cache_write_1h, hour],
    [price.output, output],
  ] as const;
  const tokens = parts.reduce((sum, [rate, count]) => sum + rateAt(rate, input) * count, 0);
  return tokens / 1e6 + (price.requests ?? 0) / 1e3;
}

function serviceNamed(name: string): ListedService {
  const known = services.get(name);
  if (known !== undefined) return known;
  file ??= priceFile();
  const start = file.indexOf(`\n${name} `) + name.length + 2;
  const service: ListedService = JSON.parse(file.slice(start, file.indexOf("\n", start)));
  services.set(name, service);
  return service;
}

function modelNamed(service: string, id: string): ListedModel | undefined {
  const { models, others = [] } = serviceNamed(service);
  for (const list of [models, ...others]) {
    const from = typeof list === "string" ? serviceNamed(list).models : list;
    const found = from.find(({ match }) => matches(match, id));
    if (found !== undefined) return found;
  }
  return undefined;
}

function matches(match: Match, id: string): boolean {
  if ("or" in match) return match.or.some((one) => matches(one, id));
  if ("and" in match) return match.and.every((one) => matches(one, id));
  if ("equals" in match) return id === match.equals;
  if ("starts_with" in match) return id.startsWith(match.starts_with);
  if ("ends_with" in match) return id.endsWith(match.ends_with);
  if ("contains" in match) return id.includes(match.contains);
  return new RegExp(match.regex).test(id);
}

/** `-20250929` as `-2025-09-29`: services write the date of a model in both ways. */
function withDashes(id: string): string {
  return id.replaceAll(/-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/g, "-$1-$2-$3");
}

function holds({ from = 0, daily = [0, Infinity] }: ListedPrice, time: number): boolean {
  const second = (time / 1000) % 86_400;
  return time >= from && second >= daily[0] && second < daily[1];
}

/** What a million tokens cost in a request with that much input. */
function rateAt(rate: Rate | undefined, input: number): number {
  if (rate === undefined || typeof rate === "number") return rate ?? 0;
  const [base, ...tiers] = rate;
  return tiers.findLast(([above]) => input > above)?.[1] ?? base;
}
