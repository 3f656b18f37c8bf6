import { nearest } from "../core/nearest.ts";
import type { Named } from "../core/talk.ts";
import { cleanLine } from "../render/clean.ts";
import { tableText } from "../render/table.ts";
import type { Conduct, Entered } from "./conduct.ts";
import type { Outside, OwnCommand } from "./desk.ts";
import { prompt } from "./server-prompt.ts";
import { clear, compact, exportTo, fork, resume, retry, save, sessions, undo } from "./session-commands.ts";
import { agents, context, cost, memory, open, permissions, servers, tools } from "./tell-commands.ts";
import { wordsOf } from "./words.ts";

/** One command of the chat, as help, completion and the prompt know it. */
export type SlashCommand = {
  name: string;
  /** What stands behind it. */
  words: string;
  about: string;
  /** What the words name, so that they can be completed. */
  takes?: "files" | "model" | "session";
  run(words: string, chat: Conduct, signal: AbortSignal): Promise<void | Entered>;
};

const goesOn: Entered = { ends: false };

export const commands: readonly SlashCommand[] = [
  { name: "help", words: "", about: "What can be typed here", run: help },
  {
    name: "model",
    words: "[MODEL]",
    about: "Which model answers, or another one from now on",
    run: useModel,
    takes: "model",
  },
  { name: "agents", words: "", about: "The agents that this one can spawn", run: agents },
  { name: "tools", words: "", about: "What the model can call", run: tools },
  { name: "mcp", words: "", about: "How the MCP servers are", run: servers },
  { name: "permissions", words: "", about: "What is allowed, and what would be asked", run: permissions },
  { name: "cost", words: "", about: "What this chat has used so far", run: cost },
  { name: "context", words: "", about: "What the next request is made of", run: context },
  { name: "compact", words: "", about: "Make the conversation shorter", run: compact },
  { name: "clear", words: "", about: "Begin anew; the journal keeps what was", run: clear },
  { name: "undo", words: "", about: "Take back the last turn, and what it changed in files", run: undo },
  { name: "retry", words: "", about: "Ask the last thing once more", run: retry },
  { name: "fork", words: "[NAME]", about: "Go on in a copy of the conversation, which stays as it is", run: fork },
  { name: "sessions", words: "", about: "The conversations so far", run: sessions },
  { name: "resume", words: "NAME", about: "Go on with another conversation", run: resume, takes: "session" },
  { name: "save", words: "FILE", about: "Write the last answer to a new file", run: save, takes: "files" },
  {
    name: "export",
    words: "FILE",
    about: "Write the conversation to a new file, by its ending: .md, .html or .jsonl",
    run: exportTo,
    takes: "files",
  },
  {
    name: "attach",
    words: "FILE…",
    about: "Show the model files with what is said next; '@FILE' in a text does too",
    run: attach,
    takes: "files",
  },
  { name: "memory", words: "", about: "What the agent has noted for later conversations", run: memory },
  { name: "open", words: "[NUMBER]", about: "Show the whole result of a call; Ctrl-O that of the last one", run: open },
  { name: "quit", words: "", about: "End the chat, as Ctrl-D does", run: async () => ({ ends: true, code: 0 }) },
];

const keys = [
  "Enter sends, Alt-Enter or '\\' at the end begins a new line. Up and Ctrl-R find what was typed before, TAB completes,",
  "Ctrl-X Ctrl-E opens $EDITOR, Ctrl-O opens the last call. Ctrl-C stops a turn, twice ends the chat.",
].join(" ");

/** Whether a text is meant as a command: a path such as '/etc/hosts' is none. */
export function isCommand(text: string): boolean {
  return /^\/[^\s/]*(?:\s|$)/.test(text);
}

export async function runCommand(text: string, chat: Conduct, signal: AbortSignal): Promise<Entered> {
  const [, name = "", words = ""] = /^\/(\S*)\s*([^]*)$/.exec(text.trimEnd()) ?? [];
  const command = commands.find((one) => one.name === name);
  if (command !== undefined) {
    if (command.words !== "" || words === "") return (await command.run(words, chat, signal)) ?? goesOn;
    // It may have been meant for the model, and '/clear' takes much back.
    await chat.fail(`'/${name}' takes nothing behind it`);
    return goesOn;
  }
  const own = chat.outside.commands.find((one) => one.name === name);
  if (own !== undefined) {
    const filled = own.fill(words);
    await (filled.ok ? chat.say(filled.value, words) : chat.fail(filled.error));
    return goesOn;
  }
  if (name.includes(":")) return (await prompt(name, words, chat, signal)) ?? goesOn;
  const names = [...commands, ...chat.outside.commands].map((one) => `/${one.name}`);
  const guess = nearest(`/${name}`, names);
  await chat.fail(
    `There is no command '/${name}'`,
    guess === undefined ? "'/help' shows them" : `did you mean '${guess}'?`,
  );
  return goesOn;
}

/** The commands of the agent file that the chat has none of the same name for, and the names of the others. */
export function ownCommands({ commands: own }: Outside): { own: OwnCommand[]; hidden: string[] } {
  const [hidden, kept] = [true, false].map((taken) =>
    own.filter(({ name }) => commands.some((one) => one.name === name) === taken),
  );
  return { own: kept ?? [], hidden: (hidden ?? []).map(({ name }) => name) };
}

/** The names of all commands, with what is behind a slash of servers' prompts. */
export async function commandNames(outside: Outside, signal: AbortSignal): Promise<Named[]> {
  const prompts = await outside.talk.prompts(signal);
  const { own } = ownCommands(outside);
  return [
    ...commands.map(({ name, about }) => ({ name, description: about })),
    ...own.map(({ name, description }) => ({ name, description })),
    ...prompts.map(({ server, name, description = "" }) => ({ name: `${server}:${name}`, description })),
  ];
}

async function help(_words: string, { desk, outside }: Conduct, signal: AbortSignal): Promise<void> {
  const width = desk.columns();
  const built = commands.map(({ name, words, about }) => [`/${name} ${words}`, about]);
  const own = ownCommands(outside).own.map(({ name, words, description }) => [
    `/${cleanLine(name)} ${words}`,
    cleanLine(description),
  ]);
  const prompts = (await outside.talk.prompts(signal)).map(({ server, name, description = "", arguments: given }) => [
    cleanLine(`/${server}:${name} ${given.map((one) => (one.required ? one.name : `[${one.name}]`)).join(" ")}`),
    cleanLine(description),
  ]);
  await desk.print(`${tableText([...built, ...own, ...prompts], width)}\n${Bun.wrapAnsi(keys, width)}\n`);
}

async function useModel(words: string, chat: Conduct): Promise<void> {
  const { talk } = chat.outside;
  if (words === "") return chat.note(talk.model() ?? "a route decides by what is asked");
  const used = await talk.useModel(words);
  if (!used.ok) return chat.fail(used.error.message, used.error.hint);
  await chat.note(`'${talk.model() ?? words}' answers from now on`);
}

async function attach(words: string, chat: Conduct): Promise<void> {
  const paths = wordsOf(words);
  if (paths.length === 0) return chat.fail("'/attach' needs the name of a file");
  for (const path of paths) {
    const file = await chat.outside.attach(path);
    if (!file.ok) return chat.fail(file.error);
    chat.attached.push(file.value);
  }
  await chat.note(`Goes with what is said next: ${chat.attached.map(({ name }) => name).join(", ")}`);
}
