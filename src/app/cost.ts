import { ok, type Result } from "../core/result.ts";
import type { Usage } from "../core/model.ts";
import { rounded, type Price } from "../core/price.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import type { CallRow } from "../core/store.ts";
import type { Environment } from "../host/machine.ts";
import { parseModelName } from "../models/choose.ts";
import { priceOf } from "../models/prices.ts";
import { journalPath } from "./journal.ts";

/** What calls can be put together by. */
export const groupings = ["model", "agent", "day", "session"] as const;
export type Grouping = (typeof groupings)[number];

/** What calls used together. `cost`, in US dollars, is of those whose price is known; `unpriced` counts the others. */
export type Spent = Pick<Usage, "input" | "output" | "cached" | "reasoning"> & {
  calls: number;
  cache_write: number;
  cost: number;
  unpriced: number;
  /** Whether part of the cost is what a list says, and not what is billed. */
  notional: boolean;
};

export type Spending = { by: Grouping; rows: Array<{ key: string; spent: Spent }>; total: Spent };

/** The model calls of this user's journal since a time, in milliseconds since 1970. */
export async function readCalls(environment: Environment, since: number): Promise<Result<CallRow[]>> {
  const { findCalls } = await import("../store/open.ts");
  return findCalls(journalPath(environment), since);
}

/** The calls by what they are put together by: the dearest first, days in their order. */
export function spending(calls: readonly CallRow[], by: Grouping): Spending {
  const groups = new Map<string, Spent>();
  for (const call of calls) {
    const key = keyOf(call, by);
    groups.set(key, added(groups.get(key), call));
  }
  const rows = [...groups].map(([key, spent]) => ({ key, spent }));
  const tokens = ({ input, output }: Spent) => input + output;
  rows.sort((a, b) =>
    by === "day"
      ? a.key.localeCompare(b.key)
      : b.spent.cost - a.spent.cost || tokens(b.spent) - tokens(a.spent) || a.key.localeCompare(b.key),
  );
  return { by, rows, total: calls.reduce((sum: Spent | undefined, call) => added(sum, call), undefined) ?? nothing };
}

const noSession = "(no session)";

function keyOf(call: CallRow, by: Grouping): string {
  switch (by) {
    case "model":
      return call.model;
    case "agent":
      return call.agent;
    case "day":
      return new Date(call.time).toISOString().slice(0, 10);
    case "session":
      return call.session ?? noSession;
  }
}

const nothing: Spent = {
  calls: 0,
  input: 0,
  output: 0,
  cached: 0,
  cache_write: 0,
  reasoning: 0,
  cost: 0,
  unpriced: 0,
  notional: false,
};

function added(sum: Spent = nothing, call: CallRow): Spent {
  return {
    calls: sum.calls + 1,
    input: sum.input + call.input,
    output: sum.output + call.output,
    cached: sum.cached + call.cached,
    cache_write: sum.cache_write + call.cache_write,
    reasoning: sum.reasoning + call.reasoning,
    cost: rounded(sum.cost + (call.cost ?? 0)),
    unpriced: sum.unpriced + (call.cost === null ? 1 : 0),
    notional: sum.notional || (call.notional && (call.cost ?? 0) > 0),
  };
}

/** What is asked of a comparison. Amounts in US dollars. */
export type CompareRequest = {
  cloud: string;
  local: string;
  /** What this machine draws while it answers, in watts, and a kilowatt-hour's price. */
  power?: { watts: number; perKwh: number };
  /** The price of the machine. */
  hardware?: number;
};

/** The same calls in three ways, in US dollars: all by the cloud's model, all by the local one, and as they were. */
export type Compared = { calls: number; cloud: number; local: number; routed: number };

export type Comparison = {
  cloud: string;
  local: string;
  /** `2026-11`, in order. */
  months: Array<{ month: string } & Compared>;
  total: Compared;
  /** Calls whose recorded cost is not known: `routed` is without them. */
  unpriced: number;
  /** Calls for which no time of the local model is known: `local` is without their electricity. */
  untimed: number;
  /**
   * Months of calls like these until the machine is paid for by what is saved against all calls by the cloud: with all of them made
   * here, and as they were routed. Null where nothing is saved.
   */
  paid_off?: { price: number; local: number | null; routed: number | null };
};

/** A month's mean length in milliseconds. */
const monthMs = (365.25 / 12) * 86_400_000;

/** Prices the recorded calls as if other models had answered them. */
export async function compare(
  calls: readonly CallRow[],
  { cloud, local, power, hardware }: CompareRequest,
  environment: Environment,
): Promise<Result<Comparison, Problem>> {
  const cloudPrice = known(cloud, environment);
  if (!cloudPrice.ok) return cloudPrice;
  const localPrice = known(local, environment);
  if (!localPrice.ok) return localPrice;
  const isLocal = ({ model }: CallRow) => model === local || /^(local|ollama)\//.test(model);
  const perToken = pace(calls.filter(isLocal));
  const electricity = (ms: number) => (power === undefined ? 0 : (power.watts * ms * power.perKwh) / 3.6e9);
  const months = new Map<string, Compared>();
  let unpriced = 0;
  let untimed = 0;
  for (const call of calls) {
    const month = new Date(call.time).toISOString().slice(0, 7);
    const before = months.get(month) ?? none;
    const own = isLocal(call) ? call.duration_ms : null;
    const ms = own ?? (perToken === undefined ? undefined : perToken * (call.input + call.output));
    if (ms === undefined) untimed++;
    if (call.cost === null) unpriced++;
    months.set(month, {
      calls: before.calls + 1,
      cloud: before.cloud + cloudPrice.value.cost(call, call.time),
      local: before.local + localPrice.value.cost(call, call.time) + electricity(ms ?? 0),
      routed: before.routed + (call.cost ?? 0) + electricity(own ?? 0),
    });
  }
  const rows = [...months].map(([month, sums]) => ({ month, ...inCents(sums) }));
  rows.sort((a, b) => a.month.localeCompare(b.month));
  const total = inCents([...months.values()].reduce(sum, none));
  const span = Math.max(86_400_000, (calls.at(-1)?.time ?? 0) - (calls[0]?.time ?? 0)) / monthMs;
  const untilPaid = (cost: number) => {
    const saved = (total.cloud - cost) / span;
    return hardware === undefined || saved <= 0 ? null : Math.round((hardware / saved) * 10) / 10;
  };
  const paid_off =
    hardware === undefined
      ? {}
      : { paid_off: { price: hardware, local: untilPaid(total.local), routed: untilPaid(total.routed) } };
  const without = power === undefined ? 0 : untimed;
  return ok({ cloud, local, months: rows, total, unpriced, untimed: without, ...paid_off });
}

const none: Compared = { calls: 0, cloud: 0, local: 0, routed: 0 };

function sum(a: Compared, b: Compared): Compared {
  return { calls: a.calls + b.calls, cloud: a.cloud + b.cloud, local: a.local + b.local, routed: a.routed + b.routed };
}

function inCents({ calls, cloud, local, routed }: Compared): Compared {
  return { calls, cloud: rounded(cloud), local: rounded(local), routed: rounded(routed) };
}

/** How long the local models took for a token, in milliseconds: what they would take for calls that others answered. */
function pace(calls: readonly CallRow[]): number | undefined {
  const timed = calls.filter((call) => call.duration_ms !== null);
  const tokens = timed.reduce((all, { input, output }) => all + input + output, 0);
  return tokens === 0 ? undefined : timed.reduce((all, call) => all + (call.duration_ms ?? 0), 0) / tokens;
}

function known(model: string, environment: Environment): Result<Price, Problem> {
  const parsed = parseModelName(model);
  if (!parsed.ok) return parsed;
  const price = priceOf({ model }, (name) => environment[name]);
  if (price !== undefined) return ok(price);
  return problemOf("usage", `The price of '${model}' is not known`, "name a model of a service that lists its prices");
}
