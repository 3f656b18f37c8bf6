import { fail, ok, type Result } from "../core/result.ts";
import { clean } from "./lsp-files.ts";
import { characters, type Place } from "./lsp-position.ts";

/** What a call says of a place: 0 and "" for what it does not name. */
export type Wanted = { line: number; column: number; symbol: string };

/** A name may stand in a comment too: so many of its uses are tried. */
const mostTried = 10;

/** The places that a call may mean: one by its column, or the uses of a name on a line or in the file. */
export function placesIn(path: string, lines: readonly string[], wanted: Wanted): Result<Place[]> {
  const { line, column, symbol } = wanted;
  if (line > lines.length) return fail("invalid", `Cannot use line ${line}: '${path}' has ${lines.length} lines`);
  if (symbol === "" && (line === 0 || column === 0)) {
    return fail("invalid", "Give line and symbol (a name on that line) to say what is meant, or line and column");
  }
  if (symbol === "") {
    const length = characters(lines[line - 1] ?? "");
    if (column <= length + 1) return ok([{ line, column }]);
    return fail("invalid", `Cannot use column ${column}: line ${line} of '${path}' has ${length} characters`);
  }
  const places = [];
  for (const index of line === 0 ? lines.keys() : [line - 1]) {
    for (const found of findName(lines[index] ?? "", symbol)) {
      places.push({ line: index + 1, column: found });
      if (places.length === mostTried) return ok(places);
    }
  }
  if (places.length > 0) return ok(places);
  const where = line === 0 ? "" : `line ${line} of `;
  const text =
    line === 0
      ? ""
      : `: the line is '${clean(lines[line - 1] ?? "")
          .trim()
          .slice(0, 200)
          .toWellFormed()}'`;
  return fail("not_found", `Cannot find '${clean(symbol).slice(0, 200).toWellFormed()}' in ${where}'${path}'${text}`);
}

/** The columns of a name in a line, counted from 1 in characters; of `a.b` those of `b`. */
function* findName(line: string, name: string): Generator<number> {
  const begin = /^[\p{L}\p{N}_$]/u.test(name) ? /[\p{L}\p{N}_$]$/u : undefined;
  const end = /[\p{L}\p{N}_$]$/u.test(name) ? /^[\p{L}\p{N}_$]/u : undefined;
  const last = Math.max(name.search(/[\p{L}\p{N}_$]+$/u), 0);
  for (let at = line.indexOf(name); at !== -1; at = line.indexOf(name, at + 1)) {
    const after = at + name.length;
    if (begin?.test(line.slice(Math.max(at - 2, 0), at)) === true || end?.test(line.slice(after, after + 2)) === true)
      continue;
    yield characters(line.slice(0, at + last)) + 1;
  }
}
