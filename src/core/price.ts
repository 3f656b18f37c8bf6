import type { Usage } from "./model.ts";

/** US dollars for a million tokens of each kind. What is not named costs as much as `input`. */
export type PriceSpec = { input: number; output: number; cached?: number; cache_write?: number };

/** What requests of one model cost. */
export type Price = {
  /** US dollars of one request that was made at that time, in milliseconds since 1970. */
  cost(usage: Usage, time: number): number;
  /** It is what the service lists, and not what is billed: the requests go elsewhere, or are paid for in another way. */
  notional?: true;
};

/**
 * What one model call cost. `notional` as in `Price`; `estimated`: the service told no usage, and this is counted from what came;
 * `from_cache`: nothing was sent, since it had been answered before.
 */
export type Paid = { usage: Usage; cost?: number; notional?: true; estimated?: true; from_cache?: true };

/** The part of something that says what it cost. */
export function paidOf({ usage, cost, notional, estimated, from_cache }: Paid): Paid {
  return {
    usage,
    ...(cost === undefined ? {} : { cost: rounded(cost) }),
    ...(notional === undefined ? {} : { notional }),
    ...(estimated === undefined ? {} : { estimated }),
    ...(from_cache === undefined ? {} : { from_cache }),
  };
}

/** Without what sums of binary fractions leave behind: a billionth of a dollar is the smallest price of anything. */
export function rounded(dollars: number): number {
  return Math.round(dollars * 1e9) / 1e9;
}

/** An amount for people: two digits behind the point, and up to four, or two that count, where it is less than 1. */
export function dollars(amount: number): string {
  if (amount === 0 || amount >= 1) return amount.toFixed(2);
  if (amount < 0.000_001) return "0.000001";
  const digits = amount >= 0.01 ? 4 : Math.min(6, 1 - Math.floor(Math.log10(amount)));
  return amount.toFixed(digits).replace(/(\.\d\d\d*?)0+$/, "$1");
}
