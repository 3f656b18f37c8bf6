import { nearest } from "../core/nearest.ts";
import { permissionKinds, type PermissionLists } from "../core/permission.ts";
import type { Named } from "../core/talk.ts";
import { clean, cleanLine } from "../render/clean.ts";
import { costItem, count } from "../render/format.ts";
import { serversText } from "../render/mcp.ts";
import { tableText } from "../render/table.ts";
import type { Conduct, Entered } from "./conduct.ts";
import type { Outside, OwnCommand } from "./desk.ts";
import { clear, compact, exportTo, fork, resume, retry, save, sessions, undo } from "./session-commands.ts";
import { grouped, wordsOf } from "./words.ts";

/** One command of the chat, as help, completion and the prompt know it. */
export type SlashCommand = {
  name: string;
  /** What stands behind it. */
  words: string;
  about: string;
  /** What a word behind it can be. */
  complete?(typed: string, outside: Outside): string[] | Promise<string[]>;
  run(words: string, chat: Conduct, signal: AbortSignal): Promise<void | Entered>;
};

const goesOn: Entered = { ends: false };

export const commands: readonly SlashCommand[] = [
  { name: "help", words: "", about: "What can be typed here", run: help },
  {
    name: "model",
    words: "[MODEL]",
    about: "Which model answers, or another one from now on",
    complete: (typed, { models }) => models(typed),
    run: useModel,
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
  {
    name: "resume",
    words: "NAME",
    about: "Go on with another conversation",
    complete: (_, outside) => outside.sessions(),
    run: resume,
  },
  {
    name: "save",
    words: "FILE",
    about: "Write the last answer to a new file",
    complete: (typed, { files }) => files(typed),
    run: save,
  },
  {
    name: "export",
    words: "FILE",
    about: "Write the conversation to a new file, by its ending: .md, .html or .jsonl",
    complete: (typed, { files }) => files(typed),
    run: exportTo,
  },
  {
    name: "attach",
    words: "FILE…",
    about: "Show the model files with what is said next; '@FILE' in a text does too",
    complete: (typed, { files }) => files(typed),
    run: attach,
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

async function agents(_words: string, chat: Conduct): Promise<void> {
  await list(chat, chat.outside.talk.agents, "The agent has no other agents");
}

async function tools(_words: string, chat: Conduct, signal: AbortSignal): Promise<void> {
  const found = await chat.outside.talk.tools(signal);
  if (!found.ok) return chat.fail(found.error.message, found.error.hint);
  await list(chat, found.value, "The agent has no tools");
}

async function list(chat: Conduct, rows: readonly Named[], none: string): Promise<void> {
  if (rows.length === 0) return chat.note(none);
  const cells = rows.map(({ name, description }) => [cleanLine(name), firstSentence(cleanLine(description))]);
  await chat.desk.print(tableText(cells, chat.desk.columns()));
}

function firstSentence(text: string): string {
  const first = /^.*?[.:;](?= |$)/.exec(text)?.[0].slice(0, -1) ?? text;
  return first.length > 100 ? `${first.slice(0, 99).toWellFormed()}…` : first;
}

async function servers(_words: string, chat: Conduct): Promise<void> {
  const all = chat.outside.talk.servers();
  if (all.length === 0) return chat.note("The agent has no MCP servers");
  await chat.desk.print(serversText(all, chat.desk.color));
}

async function permissions(_words: string, chat: Conduct): Promise<void> {
  const { allowed, ungranted, denied } = chat.outside.talk.permissions;
  const answers = chat.outside.answered.map(({ kind, target }) => ["in this chat", kind, cleanLine(target)]);
  const rows = [
    ...ruleRows("allowed", allowed),
    ...answers,
    ...ruleRows("asked for", ungranted),
    ...ruleRows("denied", denied),
  ];
  if (rows.length === 0) return chat.note("Nothing is allowed, and nothing asked for");
  await chat.desk.print(tableText(rows, chat.desk.columns()));
}

function ruleRows(what: string, lists: PermissionLists): string[][] {
  return permissionKinds.flatMap((kind) => {
    const rules = lists[kind];
    return rules === undefined ? [] : [[what, kind, cleanLine(rules.join(", "))]];
  });
}

async function cost(_words: string, chat: Conduct): Promise<void> {
  if (chat.used.size === 0) return chat.note("Nothing was asked yet");
  const rows = [...chat.used].map(([model, used]) => [
    cleanLine(model),
    `${used.input}`,
    `${used.output}`,
    used.cost === null ? "not known" : costItem(used.cost, "") || "free",
  ]);
  await chat.desk.print(tableText([["MODEL", "TOKENS IN", "OUT", "COST"], ...rows]));
}

async function context(_words: string, chat: Conduct, signal: AbortSignal): Promise<void> {
  const size = await chat.outside.talk.size(signal);
  if (!size.ok) return chat.fail(size.error.message, size.error.hint);
  const { tokens, limit, messages, parts } = size.value;
  const share = limit === undefined ? "" : `, ${Math.round((tokens / limit) * 100)} % of ${grouped(limit)}`;
  const rows = parts.map((part) => [cleanLine(part.name), grouped(part.tokens)]);
  await chat.desk.print(
    `${tableText([...rows, ["together", grouped(tokens)]])}${count(messages, "message")}${share}, as it is estimated\n`,
  );
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

async function memory(_words: string, chat: Conduct): Promise<void> {
  const notes = chat.outside.memory?.();
  if (notes === undefined) return chat.note("The agent has no memory");
  if (!notes.ok) return chat.fail(notes.error);
  if (notes.value.trim() === "") return chat.note("Nothing is noted yet");
  await chat.desk.print(`${clean(notes.value).trimEnd()}\n`);
}

async function open(words: string, chat: Conduct): Promise<void> {
  const call = chat.call(words === "" ? undefined : Number(words));
  if (call === undefined) return chat.fail(words === "" ? "There was no call yet" : `There is no call [${words}]`);
  const events = await chat.outside.talk.events();
  if (!events.ok) return chat.fail(events.error.message);
  let run = "";
  for (const event of events.value) {
    if (event.type === "run_start" && event.agent_id === undefined) run = event.run_id;
    if (run !== call.run || event.agent_id !== undefined) continue;
    if (event.type === "call_start" && event.call.id === call.call)
      await chat.note(`${event.call.name} ${event.call.arguments}`);
    if (event.type === "call_end" && event.id === call.call) {
      const text = clean(event.content).trimEnd();
      await chat.desk.print(text === "" ? "(nothing)\n" : `${text}\n`);
      return;
    }
  }
  await chat.fail("It was taken back, or the journal does not have it any more");
}

/** A prompt of a server: its arguments as `name=value`, or in their order. */
async function prompt(name: string, words: string, chat: Conduct, signal: AbortSignal): Promise<void> {
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
