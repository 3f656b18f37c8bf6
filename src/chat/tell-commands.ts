import { permissionKinds, type PermissionLists } from "../core/permission.ts";
import type { Named } from "../core/talk.ts";
import { clean, cleanLine } from "../render/clean.ts";
import { costItem, count } from "../render/format.ts";
import { serversText } from "../render/mcp.ts";
import { tableText } from "../render/table.ts";
import type { Conduct } from "./conduct.ts";
import { grouped } from "./words.ts";

/* What the commands do that only tell something. */

export async function agents(_words: string, chat: Conduct): Promise<void> {
  await list(chat, chat.outside.talk.agents, "The agent has no other agents");
}

export async function tools(_words: string, chat: Conduct, signal: AbortSignal): Promise<void> {
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

export async function servers(_words: string, chat: Conduct): Promise<void> {
  const all = chat.outside.talk.servers();
  if (all.length === 0) return chat.note("The agent has no MCP servers");
  await chat.desk.print(serversText(all, chat.desk.color));
}

export async function permissions(_words: string, chat: Conduct): Promise<void> {
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

export async function cost(_words: string, chat: Conduct): Promise<void> {
  if (chat.used.size === 0) return chat.note("Nothing was asked yet");
  const rows = [...chat.used].map(([model, used]) => [
    cleanLine(model),
    `${used.input}`,
    `${used.output}`,
    used.cost === null ? "not known" : costItem(used.cost, "") || "free",
  ]);
  await chat.desk.print(tableText([["MODEL", "TOKENS IN", "OUT", "COST"], ...rows]));
}

export async function context(_words: string, chat: Conduct, signal: AbortSignal): Promise<void> {
  const size = await chat.outside.talk.size(signal);
  if (!size.ok) return chat.fail(size.error.message, size.error.hint);
  const { tokens, limit, messages, parts } = size.value;
  const share = limit === undefined ? "" : `, ${Math.round((tokens / limit) * 100)} % of ${grouped(limit)}`;
  const rows = parts.map((part) => [cleanLine(part.name), grouped(part.tokens)]);
  await chat.desk.print(
    `${tableText([...rows, ["together", grouped(tokens)]])}${count(messages, "message")}${share}, as it is estimated\n`,
  );
}

export async function memory(_words: string, chat: Conduct): Promise<void> {
  const notes = chat.outside.memory?.();
  if (notes === undefined) return chat.note("The agent has no memory");
  if (!notes.ok) return chat.fail(notes.error);
  if (notes.value.trim() === "") return chat.note("Nothing is noted yet");
  await chat.desk.print(`${clean(notes.value).trimEnd()}\n`);
}

export async function open(words: string, chat: Conduct): Promise<void> {
  const call = chat.call(words === "" ? undefined : Number(words));
  if (call === undefined) return chat.fail(words === "" ? "There was no call yet" : `There is no call [${words}]`);
  const events = await chat.outside.talk.events(call.run);
  if (!events.ok) return chat.fail(events.error.message);
  for (const event of events.value) {
    if (event.agent_id !== undefined) continue;
    if (event.type === "call_start" && event.call.id === call.call)
      await chat.note(`${event.call.name} ${event.call.arguments}`);
    if (event.type === "call_end" && event.id === call.call) {
      const text = clean(event.content).trimEnd();
      await chat.desk.print(text === "" ? "(nothing)\n" : `${text}\n`);
      return;
    }
  }
  await chat.fail("The journal does not have it any more");
}
