import { describe, expect, test } from "bun:test";
import { calcPrice, findProvider, waitForUpdate, type MatchLogic, type ModelInfo } from "@pydantic/genai-prices";
import type { Usage } from "../../src/core/model.ts";
import { listedCost, listedModel, listedService } from "../../src/models/price-list.ts";

// The package that the list is made from says what is right.

const services = (await waitForUpdate()) ?? [];
const day = 86_400_000;
const june = Date.UTC(2026, 5, 1, 12);

type Counts = [input: number, output: number, cached?: number, written?: number, hour?: number];

const counts: Counts[] = [
  [0, 0],
  [1, 1],
  [0, 1000],
  [1000, 0, 1000],
  [1000, 200, 300, 400],
  [1000, 200, 300, 400, 400],
  [1000, 200, 100, 900, 250],
  [3_000_000, 500_000, 1_000_000, 1_500_000, 700_000],
];

/** Inputs around the borders of a model's tiers. */
function atBorders({ prices }: ModelInfo): Counts[] {
  const all = Array.isArray(prices) ? prices.map((one) => one.prices) : [prices];
  const rates = all.flatMap((one) => Object.values(one));
  const starts = rates.flatMap((rate) => (typeof rate === "object" ? rate.tiers.map(({ start }) => start) : []));
  return [...new Set(starts)].flatMap((start) =>
    [start - 1, start, start + 1].map((input): Counts => [input, 5000, 70_000, 30_000, 10_000]),
  );
}

/** Times before, at and after what a model's prices depend on, and within it. */
function times({ prices }: ModelInfo): number[] {
  if (!Array.isArray(prices)) return [june];
  const borders = prices.flatMap(({ constraint }) => {
    if (constraint === undefined) return [];
    if (constraint.type === "start_date") return [Date.parse(constraint.start_date)];
    const seconds = [constraint.start_time, constraint.end_time].map((time) => Date.parse(`1970-01-01T${time}`));
    return [june - (june % day), Date.UTC(2026, 8, 1)].flatMap((date) => seconds.map((time) => date + time));
  });
  const around = borders.flatMap((time) => [time - day, time - 1, time, time + 1, time + 1_800_000, time + day]);
  return [0, june, Date.UTC(2030, 0, 1), ...around];
}

/** Names that a model's rules were written for, and others near them. */
function names(match: MatchLogic): string[] {
  if ("or" in match) return match.or.flatMap(names);
  if ("and" in match) return [...match.and.flatMap(names), match.and.flatMap(names).join("-")];
  if ("equals" in match) return [match.equals, `${match.equals}-2`];
  if ("starts_with" in match) return [`${match.starts_with}-20251001`, `x${match.starts_with}`];
  if ("ends_with" in match) return [`x-${match.ends_with}`, `${match.ends_with}x`];
  if ("contains" in match) return [`a${match.contains}b`];
  return [match.regex.replaceAll(/[\^$\\()?]/g, "")];
}

/** Dates without their dashes, one that is no day, and what only begins like one. */
function otherDates(name: string): string[] {
  const dated = /-(20\d\d)-?(\d\d)-?(\d\d)/;
  return dated.test(name) ? ["-$1$2$3", "-$1$2$3-x", "-$1$2$31", "-20260231"].map((to) => name.replace(dated, to)) : [];
}

function usageOf([input, output, cached = 0, written, hour]: Counts): Usage {
  return {
    input,
    output,
    cached,
    reasoning: 0,
    ...(written === undefined ? {} : { cache_write: written }),
    ...(hour === undefined ? {} : { cache_write_1h: hour }),
  };
}

type Priced = { window: number | undefined; cost: number } | undefined;

function theirs(
  providerId: string,
  name: string,
  [input, output, cached = 0, written = 0, hour = 0]: Counts,
  time: number,
): Priced {
  const usage = {
    input_tokens: input,
    output_tokens: output,
    cache_read_tokens: cached,
    cache_write_tokens: written,
    cache_write_1h_tokens: hour,
  };
  const price = calcPrice(usage, name, { providerId, timestamp: new Date(time) });
  return price === null ? undefined : { window: price.model.context_window, cost: price.total_price };
}

function ours(service: string, name: string, count: Counts, time: number): Priced {
  const model = listedModel(service, name);
  return model === undefined ? undefined : { window: model.window, cost: listedCost(model, usageOf(count), time) };
}

/** Sums in another order differ in their last bit. */
function isSame(a: Priced, b: Priced): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.window === b.window && Math.abs(a.cost - b.cost) <= 1e-12 * Math.max(1, b.cost);
}

describe("the list that is embedded", () => {
  test("has all services of the package, with what every model costs at any time, and its window", () => {
    const wrong: unknown[] = [];
    let compared = 0;
    for (const { id, models } of services) {
      for (const model of models) {
        for (const time of times(model)) {
          for (const count of [...counts, ...atBorders(model)]) {
            const [mine, right] = [ours(id, model.id, count, time), theirs(id, model.id, count, time)];
            compared++;
            if (!isSame(mine, right)) wrong.push({ id, model: model.id, time, count, mine, right });
          }
        }
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(compared).toBeGreaterThan(10_000);
  });

  test("means the same models by all names, those of other services too", () => {
    const wrong: unknown[] = [];
    for (const { id, models, fallback_model_providers: others = [] } of services) {
      const borrowed = services.filter((other) => others.includes(other.id)).flatMap((other) => other.models);
      const known = [...models, ...borrowed].flatMap((model) => [model.id, ...names(model.match)]);
      const near = [...known, ...known.flatMap(otherDates)];
      for (const name of [
        "",
        "nope",
        "gpt-5",
        "claude-sonnet-4-5-20250929",
        ...near,
        ...near.map((one) => ` ${one.toUpperCase()}`),
      ]) {
        const count: Counts = [300_000, 1000, 7000, 600, 50];
        const [mine, right] = [ours(id, name, count, june), theirs(id, name, count, june)];
        if (!isSame(mine, right)) wrong.push({ id, name, mine, right });
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
  });

  test("takes a date in a name for the same with dashes", () => {
    const model = listedModel("azure", "o3-2025-04-16");
    expect(model).toBeDefined();
    expect(listedModel("azure", "o3-20250416")).toBe(model);
    expect(listedModel("azure", "o3-202504161")).toBeUndefined();
  });

  test("finds a service by the same addresses", () => {
    const urls = services.flatMap(({ id, api_pattern: pattern }) => {
      const url = pattern
        .replaceAll(/\[[^\]]*\][+*]/g, "x")
        .replaceAll(/\((?:\?:)?([^()|]*)[^()]*\)\??/g, "$1")
        .replaceAll("\\", "")
        .replaceAll(".*", "x");
      expect(findProvider({ providerApiUrl: url })?.id).toBe(id);
      return [
        url,
        `${url}/v1`,
        `${url}x`,
        url.replace("https", "http"),
        url.replace("https://", "https://x."),
        ` ${url}`,
      ];
    });
    for (const url of [...urls, "", "http://127.0.0.1:8080/v1", "https://x.openai.azure.com", "openai.azure.com/v1"]) {
      expect({ url, id: listedService("openai-compatible", url) }).toEqual({
        url,
        id: findProvider({ providerApiUrl: url })?.id,
      });
    }
  });
});
