// What .gitignore files rule out: https://git-scm.com/docs/gitignore. Named character classes ([[:alpha:]]) are not known here.

/** One line of a .gitignore. `anchored` is matched against the path from its folder, else against the name alone. */
type Rule = { matches(text: string): boolean; keeps: boolean; folderOnly: boolean; anchored: boolean };

/** The rules of one .gitignore, in its order. */
export type IgnoreRules = Rule[];

/** Each line is tried on each entry, so there must be an end to them. What is beyond does not count. */
const mostLines = 5000;

export function parseIgnore(source: string): IgnoreRules {
  return source
    .replace(/^\ufeff/, "")
    .split("\n", mostLines)
    .flatMap((line) => parseLine(line.replace(/\r$/, "")) ?? []);
}

/**
 * What the rules say to an entry, by its path from the folder of their .gitignore: the last rule that matches decides;
 * undefined when none does.
 */
export function judge(rules: IgnoreRules, path: string, isFolder: boolean): "ignored" | "kept" | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const rule = rules.findLast((rule) => (isFolder || !rule.folderOnly) && rule.matches(rule.anchored ? path : name));
  if (rule === undefined) return undefined;
  return rule.keeps ? "kept" : "ignored";
}

function parseLine(line: string): Rule | undefined {
  let pattern = withoutTrailingSpaces(line);
  if (pattern === "" || pattern.startsWith("#")) return undefined;
  const keeps = pattern.startsWith("!");
  if (keeps) pattern = pattern.slice(1);
  const folderOnly = pattern.endsWith("/");
  if (folderOnly) pattern = pattern.slice(0, -1);
  const anchored = pattern.includes("/");
  if (pattern.startsWith("/")) pattern = pattern.slice(1);
  if (pattern === "") return undefined;
  return { matches: matcher(pattern), keeps, folderOnly, anchored };
}

/** Spaces at the end do not count, unless escaped. */
function withoutTrailingSpaces(line: string): string {
  let end = line.length;
  while (line[end - 1] === " ") end--;
  let escapes = 0;
  while (line[end - 1 - escapes] === "\\") escapes++;
  return line.slice(0, escapes % 2 === 1 && end < line.length ? end + 1 : end);
}

function matcher(pattern: string): (text: string) => boolean {
  if (!/[*?[\\]/.test(pattern)) return (text) => text === pattern;
  // To Bun's globs a brace and a leading ! are special, to git they are not.
  const glob = new Bun.Glob(pattern.replace(/\\.|[{}]|^!/gs, (found) => (found.length > 1 ? found : `\\${found}`)));
  return (text) => glob.match(text);
}
