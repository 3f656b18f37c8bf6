/**
 * The candidate that a mistyped name most likely meant: fewest typos, with its words in any order and joined in any way
 * (`read_file`, `readFile` and `fiel_read` all mean `file_read`), else the only one that has all its words or their beginnings
 * (`search` means `file_search`, `int` means `integer`). Undefined when none is close.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const typedWords = words(name);
  const typed = join(typedWords);
  if (typed === "" || typed.length > longest) return undefined;
  const holders: string[] = [];
  let best: string | undefined;
  let least = Math.max(1, Math.min(3, Math.floor(typed.length / 3))) + 1;
  for (const candidate of candidates) {
    const parts = words(candidate);
    if (typedWords.every((word) => parts.some((part) => begins(part, word)))) holders.push(candidate);
    for (const order of parts.length <= 3 ? permutations(parts) : [parts]) {
      const distance = editDistance(typed, join(order), least);
      if (distance < least) {
        least = distance;
        best = candidate;
      }
    }
  }
  return best ?? (holders.length === 1 ? holders[0] : undefined);
}

/** No name of ours is as long; longer text is not a typo of one. */
const longest = 48;

function begins(part: string, word: string): boolean {
  return part === word || (word.length >= 3 && part.startsWith(word));
}

function words(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
}

function join(parts: string[]): string {
  return parts.join("");
}

function permutations(parts: string[]): string[][] {
  if (parts.length < 2) return [parts];
  return parts.flatMap((part, index) => permutations(parts.toSpliced(index, 1)).map((rest) => [part, ...rest]));
}

/** Insertions, deletions, replacements and swaps of neighbours that make `b` from `a`; at least `enough` when that many. */
function editDistance(a: string, b: string, enough: number): number {
  if (Math.abs(a.length - b.length) >= enough) return enough;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      }
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
