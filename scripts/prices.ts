/**
 * `prices FILE`: writes what services' models cost, from the package that lists it, for `src/models/price-list.ts`. The package itself is
 * a program of 830 kB, which takes 5 ms to load; most of it are descriptions, and prices of what no agent uses.
 */
import { mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import {
  waitForUpdate,
  type ConditionalPrice,
  type MatchLogic,
  type ModelPrice,
  type TieredPrices,
} from "@pydantic/genai-prices";
import type { ListedAddress, ListedModel, ListedPrice, ListedService, Match, Rate } from "../src/models/price-list.ts";

/** Our names of what has a price, by the list's. */
const rates = [
  ["input_mtok", "input"],
  ["cache_read_mtok", "cached"],
  ["cache_write_mtok", "cache_write"],
  ["cache_write_1h_mtok", "cache_write_1h"],
  ["output_mtok", "output"],
] as const;

const [file = ""] = process.argv.slice(2);
const all = await waitForUpdate();
if (all === null) throw new Error("The package has no prices");

const addresses = all.map(({ id, api_pattern: pattern }): ListedAddress => {
  // Of a choice between whole addresses no prefix would be common.
  if (pattern.replaceAll(/\([^()]*\)/g, "").includes("|")) throw new Error(`Not an address of '${id}': ${pattern}`);
  const prefix = /^(?:(?:[\w:/-]|\\\.)(?![?*+{]))*/.exec(pattern)?.[0] ?? "";
  return [id, prefix.replaceAll("\\", ""), `^(?:${pattern})`];
});
const services = all.map(({ id, models, fallback_model_providers: others }) => {
  const service: ListedService = {
    models: models.map(({ match, context_window: window, prices: said }): ListedModel => {
      const [first, ...later] = Array.isArray(said) ? said : [{ prices: said }];
      if (first === undefined) throw new Error(`A model of '${id}' has no price`);
      const prices: ListedModel["prices"] = [price(first.prices), ...later.flatMap(dated)];
      return { match: lowered(match), ...(window === undefined ? {} : { window }), prices };
    }),
    ...(others === undefined ? {} : { others: others.filter((other) => all.some(({ id }) => id === other)) }),
  };
  return `${id} ${JSON.stringify(service)}`;
});
mkdirSync(dirname(file), { recursive: true });
await Bun.write(`${file}.new`, `${[JSON.stringify(addresses), ...services].join("\n")}\n`);
renameSync(`${file}.new`, file);

function lowered(match: MatchLogic): Match {
  if ("or" in match) return match.or.length === 1 && match.or[0] ? lowered(match.or[0]) : { or: match.or.map(lowered) };
  if ("and" in match) return { and: match.and.map(lowered) };
  if ("equals" in match) return { equals: match.equals.toLowerCase() };
  if ("starts_with" in match) return { starts_with: match.starts_with.toLowerCase() };
  if ("ends_with" in match) return { ends_with: match.ends_with.toLowerCase() };
  if ("contains" in match) return { contains: match.contains.toLowerCase() };
  return match;
}

function dated({ constraint, prices }: ConditionalPrice): ListedPrice[] {
  const listed = price(prices);
  if (constraint === undefined) return [listed];
  if (constraint.type === "start_date") return [{ from: Date.parse(constraint.start_date), ...listed }];
  const [start, end] = [secondOf(constraint.start_time), secondOf(constraint.end_time)];
  const spans: Array<[number, number]> =
    end < start
      ? [
          [0, end],
          [start, 86_400],
        ]
      : [[start, end]];
  return spans.map((daily) => ({ daily, ...listed }));
}

/** `16:30:00Z` as a second of the day. */
function secondOf(time: string): number {
  const milliseconds = Date.parse(`1970-01-01T${time}`);
  if (!time.endsWith("Z") || Number.isNaN(milliseconds)) throw new Error(`Not a time in UTC: ${time}`);
  return milliseconds / 1000;
}

function price(prices: ModelPrice): ListedPrice {
  const listed: ListedPrice = {};
  for (const [key, name] of rates) {
    const said = prices[key];
    if (said !== undefined) listed[name] = rate(said);
  }
  const { requests_kcount: requests } = prices;
  if (typeof requests === "object") throw new Error("Requests have a price by the tokens of their input");
  return requests === undefined ? listed : { ...listed, requests };
}

function rate(said: number | TieredPrices): Rate {
  if (typeof said === "number") return said;
  const tiers = said.tiers.toSorted((a, b) => a.start - b.start);
  return [said.base, ...tiers.map((tier): [number, number] => [tier.start, tier.price])];
}
