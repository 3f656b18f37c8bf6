import { fail, ok } from "../core/result.ts";
import type { Result } from "../core/result.ts";

/** Where in a line the first match starts; -1 when there is none. */
export type Matcher = (line: string) => number;

/**
 * Finds a pattern in lines, in time that is linear in their length: JavaScript's own regular expressions backtrack and cannot be
 * interrupted, so that `(.*)*x` would hang the run. RE2's language: no look-around and no backreferences.
 */
export async function matcherOf(
  pattern: string,
  how: { literal: boolean; ignoreCase: boolean },
): Promise<Result<Matcher>> {
  const { literal, ignoreCase } = how;
  if (!ignoreCase && (literal || !/[\\^$.*+?()[\]{}|]/.test(pattern))) return ok((line) => line.indexOf(pattern));
  const { RE2JS, RE2JSSyntaxException } = await import("re2js");
  try {
    const source = literal ? RE2JS.quote(pattern) : pattern;
    const regex = RE2JS.compile(source, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
    return ok((line) => {
      if (!regex.test(line)) return -1;
      const found = regex.matcher(line);
      return found.find() ? found.start() : 0;
    });
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    const reason = error.message.replace(/^error parsing regexp: /, "").replaceAll("`", "'");
    const unsupported = /\(\?[=!<]|\\[1-9]/.test(pattern) ? "look-around and backreferences are not supported; " : "";
    return fail(
      "invalid",
      `Cannot search for '${pattern}': ${reason}; ${unsupported}set literal to search for the text as it is`,
    );
  }
}
