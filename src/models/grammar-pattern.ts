const escape = String.raw`\\(?:[dwsDWSnrtfv^$.*+?()[\]{}|/\\-]|x[\da-fA-F]{2}|u(?![dD][89a-fA-F])[\da-fA-F]{4})`;
/** What JavaScript and a grammar read alike: no sets in sets, and none of the signs between them. */
const set = String.raw`\[\^?(?:(?!--|&&|~~)(?:${escape}|[^\\[\]]))+\]`;
const repetition = String.raw`(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??`;
const literal = String.raw`[^\\^$.|?*+()[\]{}\ud800-\udfff]`;
const part = new RegExp(`${escape}|${set}|${repetition}|\\((?:\\?:|(?!\\?))|[).|]|${literal}`, "uy");

/**
 * What a grammar makes of a regular expression. `endless`: a text of any length may fit it. Undefined where it cannot keep it: it knows
 * neither what must stand around a match, nor what was matched before, and anchors only around the whole.
 */
export function grammarPattern(pattern: string): { endless: boolean } | undefined {
  if (!isPattern(pattern)) return undefined;
  const [, start = "", body = "", end = ""] = /^(\^?)(.*?)((?<=(?<!\\)(?:\\\\)*)\$)?$/s.exec(pattern) ?? [];
  let endless = start === "" || end === "";
  for (part.lastIndex = 0; part.lastIndex < body.length;) {
    const [found] = part.exec(body) ?? [];
    if (found === undefined) return undefined;
    // An alternative may stand outside of an anchor.
    endless ||= /^[*+]|^\{\d+,\}|^\|/.test(found);
  }
  return { endless };
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "u").source !== "";
  } catch {
    return false;
  }
}
