import { nearest } from "../core/nearest.ts";
import { count } from "../render/format.ts";
import type { Conduct } from "./conduct.ts";
import { wordsOf } from "./words.ts";

/** A prompt of a server: its arguments as `name=value`, or in their order. */
export async function prompt(name: string, words: string, chat: Conduct, signal: AbortSignal): Promise<void> {
  const { talk } = chat.outside;
  const all = await talk.prompts(signal);
  const found = all.find((one) => `${one.server}:${one.name}` === name);
  if (found === undefined) {
    const guess = nearest(
      name,
      all.map((one) => `${one.server}:${one.name}`),
    );
    return chat.fail(`No MCP server has the prompt '${name}'`, guess && `did you mean '/${guess}'?`);
  }
  const values: Record<string, string> = {};
  const open = found.arguments.map((one) => one.name);
  for (const word of wordsOf(words)) {
    const equals = word.indexOf("=");
    const named = equals < 0 ? -1 : open.indexOf(word.slice(0, equals));
    const [taken] = open.splice(Math.max(named, 0), 1);
    if (taken === undefined) return chat.fail(`'/${name}' takes ${count(found.arguments.length, "argument")}`);
    values[taken] = named < 0 ? word : word.slice(equals + 1);
  }
  const missing = found.arguments.find((one) => one.required && !Object.hasOwn(values, one.name));
  if (missing !== undefined) return chat.fail(`'/${name}' needs '${missing.name}'`);
  const made = await talk.prompt(found.server, found.name, values, signal);
  await (made.ok ? chat.say(made.value, words) : chat.fail(made.error.message));
}
