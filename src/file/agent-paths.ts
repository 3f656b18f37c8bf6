import { nearest } from "../core/nearest.ts";
import { entriesOf, find, quote, textsOf, type Node } from "./node.ts";
import { oneOf } from "./shape.ts";
import type { Problem } from "./source.ts";
import type { PathRule, Wrong } from "./template.ts";

const roots = ["input", "env", "run"] as const;

/** What an agent's templates may name: its inputs, the variables it declares, and `run.id`. */
export function agentPaths(root: Node): PathRule {
  const inputs = entriesOf(find(root, "input")).map(([name]) => name);
  const variables = textsOf(find(root, "env")).map(({ value }) => value);
  return (path) => {
    const [first = "", name, ...rest] = path;
    if (first === "input") return wrongInput(root, inputs, name, rest);
    if (first === "env") return wrongVariable(variables, name, rest);
    if (first === "run") return name === "id" && rest.length === 0 ? undefined : only("run.id", path);
    if (inputs.includes(first))
      return { message: `Unknown name ${quote(first)}`, hint: `did you mean 'input.${path.join(".")}'?` };
    const close = nearest(first, roots);
    const hint =
      close === undefined ? `expected ${oneOf(roots.map((known) => `${known}.…`))}` : `did you mean '${close}'?`;
    return { message: `Unknown name ${quote(first)}`, hint };
  };
}

function wrongInput(root: Node, inputs: string[], name: string | undefined, rest: string[]): Wrong | undefined {
  if (name === undefined)
    return {
      message: "'input' needs a name",
      hint:
        inputs.length === 0
          ? "declare one under 'input'"
          : `expected ${oneOf(inputs.map((input) => `input.${input}`))}`,
    };
  if (!inputs.includes(name)) {
    const close = nearest(name, inputs);
    return {
      message: `Unknown input ${quote(name)}`,
      hint: close === undefined ? "declare it under 'input'" : `did you mean 'input.${close}'?`,
    };
  }
  const [part] = rest;
  const type = find(root, "input", name, "type");
  if (part === undefined || type?.kind !== "text" || type.value === "object") return undefined;
  if (type.value === "array") {
    if (/^(\d+|last)$/.test(part)) return undefined;
    return {
      message: `Input '${name}' is an array: it has no property ${quote(part)}`,
      hint: `write 'input.${name}.0' for its first item`,
    };
  }
  const article = type.value === "integer" ? "an" : "a";
  return {
    message: `Input '${name}' is ${article} ${type.value}: it has no property ${quote(part)}`,
    hint: `write 'input.${name}'`,
  };
}

function wrongVariable(variables: string[], name: string | undefined, rest: string[]): Wrong | undefined {
  if (name === undefined) return { message: "'env' needs a name", hint: "write 'env.NAME'" };
  if (rest.length > 0) return only(`env.${name}`, ["env", name, ...rest]);
  if (variables.includes(name)) return undefined;
  const close = nearest(name, variables);
  const hint =
    close === undefined ? `add it to 'env': [${[...variables, name].join(", ")}]` : `did you mean 'env.${close}'?`;
  return { message: `Variable ${quote(name)} is not declared under 'env'`, hint };
}

function only(known: string, path: string[]): Wrong {
  return { message: `Unknown name ${quote(path.join("."))}`, hint: `did you mean '${known}'?` };
}

/** What looks like a template of another tool: a warning, since the text may mean it. */
export function almostTemplates(root: Node, text: string): Problem[] {
  return ["instructions", "prompt"].flatMap((key) => {
    const node = find(root, key);
    if (node?.kind !== "text") return [];
    const raw = text.slice(...node.text);
    return [
      ...raw.matchAll(/(?<!\$)\{\{\s*((?:input|env|run)\.[\w.-]+)\s*\}\}|\$\{((?:input|env|run)\.[\w.-]+)\}/g),
    ].map((match): Problem => {
      const start = node.text[0] + match.index;
      return {
        code: "template",
        severity: "warning",
        at: [start, start + match[0].length],
        message: `${quote(match[0])} is sent to the model as it is`,
        hint: `did you mean '\${{ ${match[1] ?? match[2] ?? ""} }}'?`,
      };
    });
  });
}
