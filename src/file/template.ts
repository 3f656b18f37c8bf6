import type { Template } from "../core/plan.ts";
import { quote, type Node } from "./node.ts";
import type { Problem, Range } from "./source.ts";

/** What is wrong with a hole, without its place. */
export type Wrong = { message: string; hint?: string | undefined };

/** Why a path can never be filled; undefined when it can. */
export type PathRule = (path: string[]) => Wrong | undefined;

export type TextNode = Extract<Node, { kind: "text" }>;

/** Where a `${{ … }}` or `$${{` stands in a value, and its inside, without the spaces around it. */
type Hole = { start: number; end: number } & (
  { kind: "path"; inside: string } | { kind: "literal" } | { kind: "open" }
);

/**
 * Reads the `${{ … }}` of a text: paths only, `$${{` is a literal. What is wrong is not in the template, so use that only when
 * there are no problems. `source` is the whole file, to point at a hole itself.
 */
export function parseTemplate(
  node: TextNode,
  source: string,
  rule: PathRule,
): { template: Template; problems: Problem[] } {
  const template: Template = [];
  const problems: Problem[] = [];
  let literal = "";
  let done = 0;
  for (const hole of holesOf(node.value)) {
    literal += node.value.slice(done, hole.start);
    done = hole.end;
    if (hole.kind === "literal") {
      literal += "${{";
      continue;
    }
    const wrong = hole.kind === "open" ? unclosed : (wrongSyntax(hole.inside) ?? rule(hole.inside.split(".")));
    if (wrong !== undefined) problems.push({ code: "template", at: placeOf(node, hole, source), ...wrong });
    else if (hole.kind === "path") {
      if (literal !== "") template.push({ text: literal });
      template.push({ path: hole.inside.split(".") });
      literal = "";
    }
  }
  literal += node.value.slice(done);
  if (literal !== "") template.push({ text: literal });
  return { template, problems };
}

/** The problem of a `${{ … }}` in a text that is no template. */
export function strayTemplate(node: TextNode, source: string, wrong: Wrong): Problem[] {
  const hole = holesOf(node.value).find(({ kind }) => kind !== "literal");
  return hole === undefined ? [] : [{ code: "template", at: placeOf(node, hole, source), ...wrong }];
}

const unclosed: Wrong = { message: "'${{' is not closed by '}}'", hint: "write '$${{' for the characters themselves" };

function wrongSyntax(inside: string): Wrong | undefined {
  if (inside === "") return { message: "'${{ }}' is empty", hint: "write a path such as '${{ input.name }}'" };
  if (/^[\p{L}_][\p{L}\p{N}_-]*(\.[\p{L}\p{N}_-]+)*$/u.test(inside)) return undefined;
  return {
    message: `${quote(inside)} is not a path`,
    hint: "a template holds a path such as 'input.name', no expressions",
  };
}

function holesOf(text: string): Hole[] {
  const holes: Hole[] = [];
  for (let at = 0; ;) {
    const open = text.indexOf("${{", at);
    if (open === -1) return holes;
    if (text[open - 1] === "$" && open - 1 >= at) {
      at = open + 3;
      holes.push({ kind: "literal", start: open - 1, end: at });
      continue;
    }
    const close = text.indexOf("}}", open);
    const next = text.indexOf("${{", open + 3);
    if (close === -1 || (next !== -1 && next < close)) {
      at = open + 3;
      holes.push({ kind: "open", start: open, end: at });
    } else {
      at = close + 2;
      holes.push({ kind: "path", start: open, end: at, inside: text.slice(open + 3, close).trim() });
    }
  }
}

/** Where a hole stands in the file: the same `${{` of all in the value's source, since no style of YAML changes these characters. */
function placeOf(node: TextNode, hole: Hole, source: string): Range {
  const [from, to] = node.text;
  const raw = source.slice(from, to).split("${{");
  const before = node.value.slice(0, hole.start + 1).split("${{").length - 1;
  if (raw.length !== node.value.split("${{").length) return node.at;
  const start = from + raw.slice(0, before + 1).join("${{").length;
  const close = source.indexOf("}}", start);
  return [start, hole.kind === "path" && close !== -1 && close < to ? close + 2 : start + 3];
}
