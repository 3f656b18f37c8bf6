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
  const placeOf = places(node, source);
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
    if (wrong !== undefined) problems.push({ code: "template", at: placeOf(hole), ...wrong });
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
  return hole === undefined ? [] : [{ code: "template", at: places(node, source)(hole), ...wrong }];
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
  let close = 0;
  for (let at = 0; ;) {
    const open = text.indexOf("${{", at);
    if (open === -1) return holes;
    if (text[open - 1] === "$" && open - 1 >= at) {
      at = open + 3;
      holes.push({ kind: "literal", start: open - 1, end: at });
      continue;
    }
    // Searched again only when passed, or a text of `${{` without an end would be searched whole for each.
    if (close !== -1 && close < open + 3) close = text.indexOf("}}", open);
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

/**
 * Where holes stand in the file: at the same `${{` of all in the value's source, since no style of YAML changes these characters
 * unless they are escaped. Where the counts differ it is the whole value.
 */
function places(node: TextNode, source: string): (hole: Hole) => Range {
  const [from, to] = node.text;
  const inValue = offsets(node.value);
  const indexes = new Map(inValue.map((offset, index) => [offset, index]));
  const inSource = offsets(source.slice(from, to));
  return ({ kind, start }) => {
    const offset = inSource[indexes.get(start) ?? -1];
    if (offset === undefined || inSource.length !== inValue.length) return node.at;
    const close = kind === "path" ? source.indexOf("}}", from + offset) : -1;
    return [from + offset, close !== -1 && close < to ? close + 2 : from + offset + 3];
  };
}

function offsets(text: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf("${{"); at !== -1; at = text.indexOf("${{", at + 3)) found.push(at);
  return found;
}
