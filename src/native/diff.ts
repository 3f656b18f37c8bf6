import { frame } from "./border.ts";
import { callText, start } from "./library.ts";

/** The names in a diff's header, and how many unchanged lines surround a change. */
export type DiffOptions = { oldName: string; newName: string; context: number };

/** Up to this many UTF-16 units in both texts a diff is quicker than starting a thread for it, or about as quick. */
const small = 32_768;

/**
 * The unified diff between two texts, as `git apply` and `patch -p0` take it; empty when they are the same. For large texts
 * that differ in everything it is not the shortest: the search for that ends after half a second. The abort reason is thrown.
 */
export async function unifiedDiff(
  oldText: string,
  newText: string,
  options: DiffOptions,
  signal?: AbortSignal,
): Promise<string> {
  if (oldText === newText) return "";
  const input = frame([options.context, options.oldName, options.newName, oldText], newText);
  if (oldText.length + newText.length <= small) {
    const diff = callText("diff.unified", 0, input);
    if (!diff.ok) throw new Error(diff.error);
    return diff.value;
  }
  let diff = "";
  for await (const chunk of start("diff.unified_large", input, signal)) diff += new TextDecoder().decode(chunk);
  return diff;
}
