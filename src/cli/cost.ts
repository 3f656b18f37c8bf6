import { clock } from "../app.ts";
import { compare, groupings, readCalls, spending, type CompareRequest } from "../app/cost.ts";
import { ok, type Result } from "../core/result.ts";
import {
  comparisonCsv,
  comparisonJson,
  comparisonText,
  costCsv,
  costJson,
  costText,
  type Chart,
} from "../render/cost.ts";
import type { Handler } from "./command.ts";
import type { Arguments, UsageProblem } from "./flags.ts";
import { isDumb, type Io } from "./io.ts";
import { terminalPictures } from "./pictures.ts";
import { sinceTime } from "./since.ts";
import { usageError } from "./usage.ts";

const command = { name: "cost" };

export const costCommand: Handler = async (args, io) => {
  const since = sinceTime(args.one("--since"), clock.now());
  if (!since.ok) return usageError(since.error, io, command);
  const asked = comparisonAsked(args);
  if (!asked.ok) return usageError(asked.error, io, command);
  const calls = await readCalls(io.env, since.value);
  if (!calls.ok) return usageError({ message: calls.error.message }, io, command);
  const format = args.one("--output") ?? "text";
  if (asked.value !== undefined) {
    const compared = await compare(calls.value, asked.value, io.env);
    if (!compared.ok) return usageError(compared.error, io, command);
    const render = format === "json" ? comparisonJson : format === "csv" ? comparisonCsv : comparisonText;
    await io.stdout.write(render(compared.value));
    return 0;
  }
  const by = groupings.find((one) => one === args.one("--by")) ?? "model";
  const spent = spending(calls.value, by);
  if (format === "text") await io.stdout.write(await costText(spent, chartOn(io)));
  else await io.stdout.write(format === "json" ? costJson(spent) : costCsv(spent));
  return 0;
};

function chartOn({ stdout, env }: Io): Chart | undefined {
  if (!stdout.terminal || isDumb(env)) return undefined;
  return { pictures: terminalPictures(env), color: stdout.color, columns: process.stdout.columns || 80 };
}

/** The flags of a comparison; undefined where none is asked for. */
function comparisonAsked(args: Arguments): Result<CompareRequest | undefined, UsageProblem> {
  const amounts = new Map<string, number>();
  for (const flag of ["--watts", "--per-kwh", "--hardware"]) {
    const text = args.one(flag);
    if (text === undefined) continue;
    const amount = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(amount)) return wrong(`Cannot use '${flag} ${text}': expected a number`);
    if (!args.has("--compare")) return wrong(`'${flag}' goes with '--compare'`);
    amounts.set(flag, amount);
  }
  const text = args.one("--compare");
  if (text === undefined) return ok(undefined);
  if (args.has("--by")) return wrong("'--compare' does not go with '--by': it tells of months");
  const models = new Map(
    text.split(",").map((part): [string, string] => {
      const at = part.indexOf("=");
      return [part.slice(0, Math.max(at, 0)), part.slice(at + 1)];
    }),
  );
  const [cloud, local] = [models.get("cloud"), models.get("local")];
  if (!cloud || !local || models.size !== 2)
    return wrong(`Cannot use '--compare ${text}': expected 'cloud=MODEL,local=MODEL'`);
  const [watts, perKwh, hardware] = ["--watts", "--per-kwh", "--hardware"].map((flag) => amounts.get(flag));
  if ((watts === undefined) !== (perKwh === undefined)) return wrong("'--watts' and '--per-kwh' go together");
  const power = watts === undefined || perKwh === undefined ? {} : { power: { watts, perKwh } };
  return ok({ cloud, local, ...power, ...(hardware === undefined ? {} : { hardware }) });
}

function wrong(message: string): Result<never, UsageProblem> {
  return { ok: false, error: { message } };
}
