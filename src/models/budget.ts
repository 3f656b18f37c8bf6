import type { Clock } from "../core/host.ts";
import type { Budget, Model, ModelEvent, ModelRequest, Usage } from "../core/model.ts";
import type { Price } from "../core/price.ts";
import { estimateTokens, textTokens } from "../core/request-size.ts";

/** A request that could be answered by fewer tokens than these is not worth its input. */
const leastAnswer = 1000;

export type BudgetOptions = {
  /** Absent where it is not known: then only tokens are held to their limit. */
  price: Price | undefined;
  clock: Pick<Clock, "now">;
  /** The longest answer that it may be limited to, in tokens: what could be longer is ended while it comes. */
  longest: number;
};

/**
 * The same model, which says what its requests cost and keeps them within their budget: an answer is limited to what the rest pays
 * for, and ended while it comes when that is used up. A stream then ends with `limit`; where it begins with it nothing was sent.
 */
export function withBudget(model: Model, { price, clock, longest }: BudgetOptions): Model {
  /** How much more, or less, the service counted for the last request than was estimated; and how much of it was cached. */
  let correction = 1;
  let cachedShare = 0;
  let warned = false;

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const { budget, ...sent } = request;
    if (budget === undefined) {
      yield* model.stream(sent, signal);
      return;
    }
    const time = clock.now();
    const rough = estimateTokens(request);
    const input = Math.ceil(rough * correction);
    /** By estimate, or as the service counted them before it answered. */
    let asked: Usage = { input, output: 0, cached: Math.floor(input * cachedShare), reasoning: 0 };
    const used = (output: number): Usage => ({ ...asked, output });
    const costOf = (usage: Usage) => price?.cost(usage, time) ?? 0;
    const paid = (usage: Usage) => ({
      usage,
      ...(price === undefined ? {} : { cost: costOf(usage) }),
      ...(price?.notional === undefined ? {} : { notional: price.notional }),
    });

    const pays = affordable(budget, input, costOf(used(0)), costOf(used(leastAnswer)) - costOf(used(0)));
    if (pays.tokens < Math.min(leastAnswer, longest)) {
      yield { type: "limit", limit: pays.limit };
      return;
    }
    const lowered = pays.tokens < longest;
    const bounded = lowered ? { ...sent, max_tokens: pays.tokens } : sent;
    let output = 0;
    let said = false;
    let told = false;
    try {
      budget.use(costOf(used(0)), input);
      for await (const event of model.stream(bounded, signal)) {
        // What never answers costs nothing, whatever its price.
        if (price === undefined && !warned && event.type !== "failure") {
          warned = true;
          yield {
            type: "warning",
            message: `The price of '${model.name}' is not known: no limit on cost holds for it`,
          };
        }
        switch (event.type) {
          case "input":
            if (event.usage.input > 0) asked = { ...event.usage, output: 0, reasoning: 0 };
            continue;
          case "usage": {
            const { usage } = event;
            told = true;
            if (rough > 0 && usage.input > 0) correction = Math.min(Math.max(usage.input / rough, 0.25), 4);
            if (usage.input > 0) cachedShare = Math.min(usage.cached / usage.input, 1);
            budget.use(costOf(usage), usage.input + usage.output);
            yield { type: "usage", ...paid(usage) };
            continue;
          }
          case "failure":
            // What failed before it said anything has cost nothing.
            if (said && !told) yield { type: "usage", ...paid(used(Math.ceil(output))), estimated: true };
            budget.use(0, 0);
            yield event;
            return;
          case "stop":
            if (!told) yield { type: "usage", ...paid(used(Math.ceil(output))), estimated: true };
            yield lowered && event.reason === "length" ? { type: "limit", limit: pays.limit } : event;
            return;
          case "text":
          case "reasoning":
            output += textTokens(event.text);
            break;
          case "tool_call":
            output += textTokens(event.arguments) + (event.name === undefined ? 0 : textTokens(event.name) + 4);
            break;
        }
        said ||= event.type !== "warning";
        yield event;
        if (told) continue;
        budget.use(costOf(used(output)), asked.input + output);
        const { cost, tokens } = budget.left();
        if (cost >= 0 && tokens >= 0) continue;
        yield { type: "usage", ...paid(used(Math.ceil(output))), estimated: true };
        yield { type: "limit", limit: cost < 0 ? "cost" : "tokens" };
        return;
      }
      if (said && !told) yield { type: "usage", ...paid(used(Math.ceil(output))), estimated: true };
    } finally {
      budget.use(0, 0);
    }
  }
  return { ...model, stream };
}

/** How many tokens of an answer the rest of a budget pays for, and which limit makes that so. Costs are in US dollars. */
function affordable(budget: Budget, input: number, inputCost: number, answerCost: number) {
  const left = budget.left();
  const byTokens = left.tokens - input;
  const byCost =
    answerCost > 0 ? ((left.cost - inputCost) / answerCost) * leastAnswer : left.cost < inputCost ? 0 : Infinity;
  const limit = byCost < byTokens ? ("cost" as const) : ("tokens" as const);
  return { tokens: Math.floor(Math.min(byTokens, byCost)), limit };
}
