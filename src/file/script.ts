import * as v from "valibot";
import type { Template } from "../core/plan.ts";
import type { Script, ScriptCall, ScriptStep, TemplateValue } from "../core/script.ts";
import { milliseconds } from "./duration.ts";
import { entriesOf, find, itemsOf, kindName, quote, textsBelow, toJson, type MapNode, type Node } from "./node.ts";
import { readYaml, type Checked } from "./read.ts";
import { scriptSchema, scriptsSchema, type ScriptFile } from "./script-schema.ts";
import { shapeProblems, type ShapeRules } from "./shape.ts";
import { unreadable, type Problem, type Source } from "./source.ts";
import { parseTemplate, type PathRule, type TextNode } from "./template.ts";

/**
 * A scripted model's file as a script, or all that is wrong with it. `agents` are the names that lead to the sub-agent whose answers
 * are wanted; none for the agent itself.
 */
export function checkScript(source: Source, agents: readonly string[] = []): Checked<Script> {
  const checked = readYaml(source, "a script is a list of answers: - text: Hello", (root, text) => {
    const templates = new Templates(text);
    const scripts = scriptsIn(root);
    const steps = scripts.flatMap(([, script]) => itemsOf(script));
    const problems = [
      ...shapeProblems(hasAgents(root) ? scriptsSchema : scriptSchema, root, { later: {}, foreign: {}, mistaken }),
      ...steps.flatMap((step) => (step.kind === "map" ? stepProblems(step) : [])),
      ...steps.flatMap((step) => texts(step).flatMap((node) => templates.parse(node).problems)),
    ];
    const wanted = agents.join("/");
    return {
      problems,
      value: (): Script | undefined => {
        const script = scripts.find(([name]) => name === wanted)?.[1];
        return (
          script &&
          v
            .parse(scriptSchema, toJson(script))
            .map((step, index) => stepOf(step, itemsOf(script)[index] ?? root, templates))
        );
      },
    };
  });
  if (!checked.ok) return checked;
  if (checked.value !== undefined) return { ...checked, value: checked.value };
  const message = `The script has no answers for agent '${agents.join("/")}'`;
  const hint = "write { answers: […], agents: { NAME: […] } }";
  return { ok: false, diagnostics: [unreadable(source.file, message, "missing_key", hint)] };
}

function hasAgents(root: Node): boolean {
  return root.kind === "map" && (root.entries.has("answers") || root.entries.has("agents"));
}

/** The lists of answers of a file, each with whose they are: "" for the agent's own. */
function scriptsIn(root: Node): Array<[string, Node]> {
  if (!hasAgents(root)) return [["", root]];
  const own = find(root, "answers");
  const others = entriesOf(find(root, "agents")).map(([name, { value }]): [string, Node] => [name, value]);
  return own === undefined ? others : [["", own], ...others];
}

const mistaken: ShapeRules["mistaken"] = (path, node) => {
  if (!/^(answers|agents\.\*)?\.\*$/.test(path) || node.kind !== "text") return undefined;
  return {
    code: "wrong_type",
    message: "Expected a map with 'text', 'calls' or 'failure', found text",
    hint: "write { text: … }",
  };
};

/** The texts of a step that may hold templates. */
function texts(step: Node): TextNode[] {
  const given = itemsOf(find(step, "calls")).flatMap((call) => find(call, "arguments") ?? []);
  return [find(step, "text") ?? [], given].flat().flatMap(textsBelow);
}

/** What a step can hold only together, or only apart. */
function stepProblems(step: MapNode): Problem[] {
  const has = (key: string) => step.entries.has(key);
  const problems: Problem[] = [];
  if (has("failure")) {
    for (const key of ["text", "calls", "stop", "usage", "drip"]) {
      const entry = step.entries.get(key);
      if (entry !== undefined) {
        problems.push({
          code: "wrong_value",
          at: entry.key,
          message: `A step with 'failure' has no '${key}'`,
          hint: "remove one of them",
        });
      }
    }
  } else if ([...step.entries.keys()].every((key) => ["usage", "delay", "drip"].includes(key))) {
    problems.push({ code: "missing_key", at: step.at, message: "A step needs 'text', 'calls' or 'failure'" });
  }
  for (const call of itemsOf(find(step, "calls"))) {
    const given = find(call, "arguments");
    const raw = call.kind === "map" ? call.entries.get("raw") : undefined;
    if (given !== undefined && raw !== undefined) {
      problems.push({
        code: "wrong_value",
        at: raw.key,
        message: "A call has 'arguments' or 'raw', not both",
        hint: "remove one of them",
      });
    }
    if (given !== undefined && given.kind !== "map" && given.kind !== "broken") {
      const message = `Expected a map of arguments, found ${kindName(given)}`;
      problems.push({ code: "wrong_type", at: given.at, message, hint: "write 'raw' to send what is not an object" });
    }
  }
  return problems;
}

/** What a script's templates may name. */
const paths: PathRule = ([first = "", name, ...rest]) => {
  if (first === "prompt") {
    return name === undefined ? undefined : { message: "'prompt' is text: it has no parts", hint: "write 'prompt'" };
  }
  if (first !== "results")
    return { message: `Unknown name ${quote(first)}`, hint: "expected 'prompt', 'results.0' or 'results.last'" };
  if (name !== undefined && /^(\d+|last)$/.test(name) && rest.length === 0) return undefined;
  return { message: "'results' needs the number of a call, from 0 on, or 'last'", hint: "write 'results.last'" };
};

/** Reads the templates of one file. */
class Templates {
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  parse(node: TextNode): { template: Template; problems: Problem[] } {
    return parseTemplate(node, this.#source, paths);
  }

  value(node: Node): TemplateValue {
    if (node.kind === "text") return { kind: "text", template: this.parse(node).template };
    if (node.kind === "list") return { kind: "list", items: node.items.map((item) => this.value(item)) };
    if (node.kind !== "map") return { kind: "value", value: toJson(node) };
    return { kind: "map", entries: entriesOf(node).map(([key, { value }]) => [key, this.value(value)]) };
  }
}

function stepOf(step: ScriptFile[number], node: Node, templates: Templates): ScriptStep {
  const delayMs = milliseconds(step.delay);
  if (step.failure !== undefined) {
    const { kind, message, status, retry_after: wait } = step.failure;
    const retryable = kind === "service" || kind === "network";
    return {
      kind: "failure",
      failure: {
        kind,
        message,
        retryable,
        ...(status === undefined ? {} : { status }),
        ...(wait === undefined ? {} : { retryAfterMs: milliseconds(wait) }),
      },
      delayMs,
    };
  }
  const text = find(node, "text");
  const calls = itemsOf(find(node, "calls"));
  return {
    kind: "reply",
    text: text?.kind === "text" ? templates.parse(text).template : [],
    calls: (step.calls ?? []).map((call, index): ScriptCall => {
      if (call.raw !== undefined) return { name: call.name, raw: call.raw };
      const given = find(calls[index] ?? node, "arguments");
      return {
        name: call.name,
        arguments: given === undefined ? { kind: "map", entries: [] } : templates.value(given),
      };
    }),
    stop: step.stop ?? (step.calls === undefined ? "end" : "tool_calls"),
    ...(step.usage === undefined ? {} : { usage: step.usage }),
    delayMs,
    dripMs: milliseconds(step.drip),
  };
}
