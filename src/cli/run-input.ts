import type { InputProblem, GivenInput } from "../file/input.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { InputSpec, InputValues, Plan } from "../core/plan.ts";
import type { Result } from "../core/result.ts";
import { inputValues } from "../file/input.ts";
import { explainJson } from "../app/json.ts";
import type { Attached } from "./attach.ts";
import { fileLimit, readNamed } from "./files.ts";
import type { Arguments, UsageProblem } from "./flags.ts";
import { inputFlagName } from "./input-flags.ts";

/** What stdin is for in one run. */
export type StdinUse = { for: "prompt" } | { for: "attachment" } | { for: "input"; name: string } | { for: "nothing" };

/** Collects what --set, the inputs' own flags and --input give. `@FILE` reads a file; `@@` stands for a literal `@`. */
export async function givenInput(
  args: Arguments,
  specs: Readonly<Record<string, InputSpec>>,
): Promise<Result<GivenInput, UsageProblem>> {
  const texts = new Map<string, string>();
  for (const setting of args.all("--set")) {
    if (setting === true) continue;
    const equals = setting.indexOf("=");
    if (equals <= 0) return problem(`'--set ${setting}' needs a name and a value: --set NAME=VALUE`);
    const name = setting.slice(0, equals);
    if (texts.has(name)) return problem(`'--set ${name}' was given twice`);
    const text = settingText(setting.slice(equals + 1));
    if (!text.ok) return text;
    texts.set(name, text.value);
  }
  for (const [name, spec] of Object.entries(specs)) {
    const flag = inputFlagName(name);
    const given = flag === undefined ? [] : args.all(flag);
    if (given.length === 0) continue;
    if (texts.has(name)) return problem(`'${flag}' and '--set ${name}' do not go together`);
    const text = flagText(spec, given);
    if (!text.ok) return text;
    texts.set(name, text.value);
  }
  const file = args.one("--input");
  const values = file === undefined ? { ok: true as const, value: {} } : await valuesFile(file);
  return values.ok ? { ok: true, value: { texts, values: values.value } } : values;
}

/** Says what stdin is for; more than one use of it is a mistake. An input that was given does not read it. */
export function stdinUse(
  plan: Plan,
  prompt: string | undefined,
  given: GivenInput,
  attached: Attached,
): Result<StdinUse, UsageProblem> {
  const reader = Object.entries(plan.input).find(([, spec]) => spec.from === "stdin")?.[0];
  const wanted =
    reader !== undefined && !given.texts.has(reader) && !Object.hasOwn(given.values, reader) ? reader : undefined;
  const uses = [
    plan.file === "-" ? "the agent file '-'" : undefined,
    prompt === "-" ? "the prompt '-'" : undefined,
    attached.includes("stdin") ? "the attachment '-'" : undefined,
    wanted === undefined ? undefined : `the input '${wanted}' (from: stdin)`,
  ].filter((use) => use !== undefined);
  if (uses.length > 1) {
    const hint = wanted === undefined ? undefined : `give that input with --set ${wanted}=@FILE`;
    return problem(`stdin cannot be both ${uses.join(" and ")}`, hint);
  }
  if (prompt === "-") return { ok: true, value: { for: "prompt" } };
  if (attached.includes("stdin")) return { ok: true, value: { for: "attachment" } };
  return { ok: true, value: wanted === undefined ? { for: "nothing" } : { for: "input", name: wanted } };
}

/** The typed values of the plan's inputs; all that is wrong in one message. */
export function typedInput(plan: Plan, given: GivenInput): Result<InputValues, UsageProblem> {
  const values = inputValues(plan.input, given);
  if (values.ok) return values;
  return problem(values.error.map(sentence).join("\n"));
}

function sentence({ message, hint }: InputProblem): string {
  return hint === undefined ? message : `${message}: ${hint}`;
}

/** What an input's own flag gives, as --set would take it. Each flag of an array adds a text, or what a JSON array holds. */
function flagText({ type }: InputSpec, given: ReadonlyArray<string | true>): Result<string, UsageProblem> {
  const items: unknown[] = [];
  for (const value of given) {
    const text = value === true ? { ok: true as const, value: "true" } : settingText(value);
    if (!text.ok || type !== "array") return text;
    items.push(...(jsonArray(text.value) ?? [text.value]));
  }
  return { ok: true, value: JSON.stringify(items) };
}

function jsonArray(text: string): unknown[] | undefined {
  if (!/^\s*\[/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined; // A text that begins with a bracket.
  }
}

function settingText(value: string): Result<string, UsageProblem> {
  if (value.startsWith("@@")) return { ok: true, value: value.slice(1) };
  return value.startsWith("@") ? textFile(value.slice(1)) : { ok: true, value };
}

function textFile(path: string): Result<string, UsageProblem> {
  const read = readNamed(path, fileLimit);
  if (!read.ok) return read;
  try {
    return { ok: true, value: new TextDecoder("utf-8", { fatal: true }).decode(read.value) };
  } catch {
    return problem(`Cannot read '${path}': it is not UTF-8 text`);
  }
}

async function valuesFile(path: string): Promise<Result<JsonObject, UsageProblem>> {
  const text = textFile(path);
  if (!text.ok) return text;
  try {
    const value: unknown = JSON.parse(text.value);
    return isJsonObject(value)
      ? { ok: true, value }
      : problem(`'${path}' must hold one JSON object with the inputs' values`);
  } catch {
    return problem(`'${path}' is not JSON: ${await explainJson(text.value)}`);
  }
}

function problem(message: string, hint?: string): { ok: false; error: UsageProblem } {
  return { ok: false, error: hint === undefined ? { message } : { message, hint } };
}
