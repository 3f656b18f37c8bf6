import { dollars } from "../core/price.ts";
import { cleanJson, cleanLine } from "./clean.ts";
import { count } from "./format.ts";
import { pictureText, type Pictures } from "./picture.ts";
import { tableText } from "./table.ts";

/** What calls used together; costs in US dollars. */
type Spent = {
  calls: number;
  input: number;
  output: number;
  cached: number;
  cache_write: number;
  reasoning: number;
  cost: number;
  unpriced: number;
  notional: boolean;
};

type Spending = { by: string; rows: ReadonlyArray<{ key: string; spent: Spent }>; total: Spent };

/** A terminal on which costs are drawn too. */
export type Chart = { pictures: Pictures; color: boolean; columns: number };

/** More bars than these nobody compares. */
const mostBars = 20;

/** `rein cost`: a table, and on a terminal a chart above it. */
export async function costText({ by, rows, total }: Spending, chart: Chart | undefined): Promise<string> {
  if (rows.length === 0) return "No model was called\n";
  const head = [by.toUpperCase(), "CALLS", "INPUT", "CACHED", "OUTPUT", "COST"];
  const cells = (key: string, { calls, input, cached, output, ...spent }: Spent) => [
    cleanLine(key),
    ...[calls, input, cached, output].map(String),
    costCell(spent),
  ];
  const sum = rows.length > 1 ? [cells("total", total)] : [];
  const table = tableText([head, ...rows.map(({ key, spent }) => cells(key, spent)), ...sum]);
  const notes = [
    ...(total.unpriced > 0 ? [`The price of ${count(total.unpriced, "call")} is not known`] : []),
    ...(total.notional ? ["* by the list of the service, not what is billed"] : []),
  ];
  const paid = rows.filter(({ spent }) => spent.cost > 0);
  const drawn = chart === undefined || paid.length < 2 ? "" : `${await bars(by, paid, chart)}\n`;
  return `${drawn}${table}${notes.map((note) => `${note}\n`).join("")}`;
}

function costCell({
  cost,
  calls = 1,
  unpriced,
  notional,
}: Pick<Spent, "cost" | "unpriced" | "notional"> & { calls?: number }) {
  if (cost === 0 && unpriced > 0 && calls > 0) return "not known";
  return `$${dollars(cost)}${notional ? " *" : ""}${unpriced > 0 ? " + ?" : ""}`;
}

async function bars(by: string, rows: Spending["rows"], { columns, ...show }: Chart): Promise<string> {
  const shown = by === "day" ? rows.slice(-mostBars) : rows.slice(0, mostBars);
  const labels = shown.map(({ key }) => key);
  const values = shown.map(({ spent }) => spent.cost);
  const picture = { kind: "bar" as const, title: `US dollars by ${by}`, labels, values };
  const event = { type: "canvas" as const, seq: 0, time: 0, call: "", picture, text: "" };
  return pictureText(event, { ...show, columns });
}

export function costJson({ by, rows, total }: Spending): string {
  const shown = { by, rows: rows.map(({ key, spent }) => ({ [by]: key, ...spent })), total };
  return `${cleanJson(shown, 2)}\n`;
}

export function costCsv({ by, rows }: Spending): string {
  const head = [by, "calls", "input", "cached", "cache_write", "output", "reasoning", "cost", "unpriced"];
  const lines = rows.map(({ key, spent }) => {
    const { calls, input, cached, cache_write, output, reasoning, cost, unpriced } = spent;
    return [key, calls, input, cached, cache_write, output, reasoning, cost, unpriced];
  });
  return csv([head, ...lines]);
}

type Compared = { calls: number; cloud: number; local: number; routed: number };

type Comparison = {
  cloud: string;
  local: string;
  months: ReadonlyArray<{ month: string } & Compared>;
  total: Compared;
  unpriced: number;
  untimed: number;
  paid_off?: { price: number; local: number | null; routed: number | null };
};

/** `rein cost --compare`: a line for each month. */
export function comparisonText({ cloud, local, months, total, unpriced, untimed, paid_off }: Comparison): string {
  if (months.length === 0) return "No model was called\n";
  const cells = (name: string, { calls, ...sums }: Compared) => [
    name,
    `${calls}`,
    `$${dollars(sums.cloud)}`,
    `$${dollars(sums.local)}`,
    `$${dollars(sums.routed)}`,
  ];
  const head = ["MONTH", "CALLS", "ALL CLOUD", "ALL LOCAL", "AS ROUTED"];
  const rows = months.map(({ month, ...sums }) => cells(month, sums));
  const table = tableText([head, ...rows, ...(rows.length > 1 ? [cells("total", total)] : [])]);
  const lines = [
    `cloud: ${cleanLine(cloud)}, local: ${cleanLine(local)}`,
    ...(unpriced > 0 ? [`As routed is without ${count(unpriced, "call")} whose price is not known`] : []),
    ...(untimed > 0
      ? [`All local is without the electricity of ${count(untimed, "call")}: no local call was timed`]
      : []),
    ...(paid_off === undefined ? [] : [paidOff(paid_off)]),
  ];
  return `${table}\n${lines.map((line) => `${line}\n`).join("")}`;
}

function paidOff({ price, local, routed }: { price: number; local: number | null; routed: number | null }): string {
  const months = (number: number | null) => (number === null ? "never" : `in ${count(number, "month")}`);
  return `$${dollars(price)} of hardware is paid for ${months(local)} with all calls local, ${months(routed)} as routed`;
}

export function comparisonJson(comparison: Comparison): string {
  return `${cleanJson(comparison, 2)}\n`;
}

export function comparisonCsv({ months }: Comparison): string {
  const rows = months.map(({ month, calls, cloud, local, routed }) => [month, calls, cloud, local, routed]);
  return csv([["month", "calls", "cloud", "local", "routed"], ...rows]);
}

function csv(rows: ReadonlyArray<ReadonlyArray<string | number>>): string {
  return rows.map((row) => `${row.map(csvCell).join(",")}\n`).join("");
}

/** A name that a spreadsheet would take for a formula is kept a text. */
function csvCell(value: string | number): string {
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
