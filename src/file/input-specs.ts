import type { InputType } from "../core/plan.ts";
import { fitsType, flagOfInput, typeWords } from "./input.ts";
import { entriesOf, find, itemsOf, kindName, quote, textsBelow, toJson, type Node } from "./node.ts";
import type { Problem } from "./source.ts";

/** What the schema cannot say of inputs: defaults and choices of the input's own type, one reader of stdin. */
export function inputProblems(root: Node): Problem[] {
  let reader: string | undefined;
  return entriesOf(find(root, "input")).flatMap(([name, { value: spec }]) => {
    const problems = typedProblems(name, spec);
    const from = find(spec, "from");
    if (from?.kind === "text" && from.value === "stdin") {
      if (reader !== undefined) {
        const message = `Only one input can come from stdin, '${reader}' does already`;
        problems.push({ code: "wrong_value", at: from.at, message, hint: "remove 'from' here: --set gives the value" });
      }
      reader ??= name;
    }
    return problems;
  });
}

/** Inputs whose own flag on the command line would be one that is there already. */
export function hiddenFlags(root: Node, taken: ReadonlySet<string> = new Set()): Problem[] {
  return entriesOf(find(root, "input")).flatMap(([name, { key }]): Problem[] => {
    const flag = flagOfInput(name);
    if (!taken.has(flag)) return [];
    const message = `Input '${name}' has no flag of its own: '${flag}' is rein's`;
    return [{ code: "wrong_value", severity: "warning", at: key, message, hint: `--set ${name}=… gives it` }];
  });
}

function typedProblems(name: string, spec: Node): Problem[] {
  const type = find(spec, "type");
  if (type?.kind !== "text" || !isInputType(type.value)) return [];
  const inputType = type.value;
  const preset = find(spec, "default");
  const choices = find(spec, "enum");
  const problems: Problem[] = [];
  const expect = (what: string, node: Node) => {
    if (node.kind === "broken" || fitsType(inputType, toJson(node))) return;
    const shown = node.kind === "text" || node.kind === "number" ? quote(node.value) : kindName(node);
    problems.push({
      code: "wrong_type",
      at: node.at,
      message: `${what} of input '${name}' must be ${typeWords[inputType]}, found ${shown}`,
      hint: node.kind === "text" ? unquoted(inputType, node.value) : undefined,
    });
  };
  if (choices !== undefined && (inputType === "array" || inputType === "object" || inputType === "boolean")) {
    const message = `An input of type '${inputType}' cannot have an 'enum'`;
    return [{ code: "wrong_value", at: choices.at, message }];
  }
  for (const choice of itemsOf(choices)) expect("A choice", choice);
  // A template is judged by itself, and what it comes to when it is filled.
  if (preset === undefined || textsBelow(preset).some(({ value }) => value.includes("${{"))) return problems;
  expect("The default", preset);
  if (problems.length > 0 || choices?.kind !== "list" || choices.items.length === 0) return problems;
  if (choices.items.map(toJson).includes(toJson(preset))) return problems;
  problems.push({ code: "wrong_value", at: preset.at, message: `The default of input '${name}' is not in its 'enum'` });
  return problems;
}

function unquoted(type: InputType, text: string): string | undefined {
  if ((type === "number" || type === "integer") && text.trim() !== "" && Number.isFinite(Number(text)))
    return "remove the quotes";
  if (type === "boolean" && /^(true|false|yes|no|on|off)$/i.test(text)) return `write ${/^(true|yes|on)$/i.test(text)}`;
  return undefined;
}

function isInputType(text: string): text is InputType {
  return Object.hasOwn(typeWords, text);
}
