import type { McpPin } from "../core/mcp.ts";
import { pinTexts } from "../core/mcp-pin.ts";

/** More lines than these of a difference nobody reads. */
const mostLines = 200;

/** What is other in a server's tools than it was pinned: tool by tool, changed ones as a diff. */
export async function pinDifference(old: McpPin, now: McpPin): Promise<string> {
  const { unifiedDiff } = await import("../native/diff.ts");
  const [before, after] = [textsOf(old), textsOf(now)];
  const lines: string[] = [];
  for (const name of [...new Set([...before.keys(), ...after.keys()])].toSorted()) {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === is) continue;
    lines.push(`${name}: ${was === undefined ? "added" : is === undefined ? "removed" : "changed"}`);
    const diff = await unifiedDiff(was ?? "", is ?? "", { oldName: "was", newName: "is", context: 2 });
    // Behind the names of the two texts.
    lines.push(
      ...diff
        .trimEnd()
        .split("\n")
        .slice(2)
        .filter((line) => !line.startsWith("@@")),
    );
  }
  const more = lines.length - mostLines;
  return [...lines.slice(0, mostLines), ...(more > 0 ? [`… and ${more} lines more`] : [])].join("\n");
}

/** By the names of tools; what is no tool has a name that none is shown by. */
function textsOf({ listed, instructions }: McpPin): Map<string, string> {
  const texts = pinTexts(listed);
  if (instructions !== undefined) texts.set("(instructions)", `${instructions}\n`);
  return texts;
}
