/**
 * The names that a function takes out of its first parameter: `({ channel, message: text = "" }, context) => …`. Null where it takes
 * it whole, takes the rest, or is written in a way that this does not read.
 */
export function destructured(source: string): string[] | null {
  const start = /^(?:async\s+)?(?:function\b\s*\*?\s*)?(?:[\w$]+\s*)?\(\s*\{/.exec(source);
  if (start === null) return null;
  const parts = topLevel(source.slice(start[0].length));
  if (parts === null) return null;
  const names: string[] = [];
  for (const part of parts.map((text) => text.trim()).filter((text) => text !== "")) {
    const name = /^(?:([\p{L}_$][\p{L}\p{N}_$]*)|"([^"\\]*)"|'([^'\\]*)')\s*(?:[:=]|$)/u.exec(part);
    if (name === null) return null;
    names.push(name[1] ?? name[2] ?? name[3] ?? "");
  }
  return names;
}

/** The parts between the commas up to the bracket that closes the pattern; null where there is none. */
function topLevel(text: string): string[] | null {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (`"'\``.includes(character)) {
      at = endOfText(text, at);
    } else if (text.startsWith("/*", at)) {
      const end = text.indexOf("*/", at + 2);
      if (end < 0) return null;
      text = text.slice(0, at) + text.slice(end + 2);
      at--;
    } else if (text.startsWith("//", at)) {
      const end = text.indexOf("\n", at);
      if (end < 0) return null;
      text = text.slice(0, at) + text.slice(end);
      at--;
    } else if ("{[(".includes(character)) depth++;
    else if ("}])".includes(character)) {
      if (depth === 0) return character === "}" ? [...parts, text.slice(from, at)] : null;
      depth--;
    } else if (character === "," && depth === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return null;
}

/** The offset of the quote that ends a text. */
function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === text[start]) return at;
  }
  return text.length;
}
