import type { OwnCommand } from "../core/plan.ts";
import { agentPaths } from "./agent-paths.ts";
import { strayMessage } from "./mistaken.ts";
import { entriesOf, find, textsBelow, type Node } from "./node.ts";
import type { Problem } from "./source.ts";
import { parseTemplate, strayTemplate, type PathRule, type TextNode } from "./template.ts";

/** The commands that an agent file gives to a chat, by name, and what is wrong with their prompts. */
export type CheckedCommands = { commands: Record<string, OwnCommand>; problems: Problem[] };

/** Reads `commands:`. A prompt may name what stands behind the command, and what other templates may. */
export function checkCommands(node: Node, text: string): CheckedCommands {
  const others = agentPaths(node);
  const rule: PathRule = ([first = "", ...rest]) => {
    if (first !== "args") return others([first, ...rest]);
    return rest.length === 0 ? undefined : { message: "'args' is a text: it has no parts", hint: "write 'args'" };
  };
  const problems: Problem[] = [];
  const commands: Array<[string, OwnCommand]> = [];
  for (const [name, { value }] of entriesOf(find(node, "commands"))) {
    const prompt = value.kind === "text" ? value : find(value, "prompt");
    const description = value.kind === "text" ? undefined : find(value, "description");
    problems.push(...strays(description));
    if (prompt?.kind !== "text") continue;
    const { template, problems: wrong } = parseTemplate(prompt, text, rule);
    problems.push(...wrong);
    commands.push([
      name,
      { prompt: template, ...(description?.kind === "text" ? { description: description.value } : {}) },
    ]);
  }
  return { commands: Object.fromEntries(commands), problems };

  function strays(value: Node | undefined): Problem[] {
    const texts: TextNode[] = value === undefined ? [] : textsBelow(value);
    return texts.flatMap((one) => strayTemplate(one, text, { message: strayMessage }));
  }
}
