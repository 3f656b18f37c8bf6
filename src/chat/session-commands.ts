import { cleanLine } from "../render/clean.ts";
import { count, paint } from "../render/format.ts";
import { sessionHtml, sessionJsonl, sessionMarkdown } from "../render/session-export.ts";
import { sessionsText } from "../render/sessions.ts";
import type { Conduct } from "./conduct.ts";
import { diffText } from "./turn-view.ts";
import { grouped, wordsOf } from "./words.ts";

/* What the commands do that change a conversation, or go on with another. */

export async function compact(_words: string, chat: Conduct, signal: AbortSignal): Promise<void> {
  const made = await chat.outside.talk.compact(signal);
  if (!made.ok) return chat.fail(made.error.message, made.error.hint);
  await chat.note(
    made.value === undefined
      ? "Nothing can be left out"
      : `About ${grouped(made.value.before)} tokens are now ${grouped(made.value.after)}`,
  );
}

export async function clear(_words: string, chat: Conduct): Promise<void> {
  const cleared = await chat.outside.talk.clear();
  if (!cleared.ok) return chat.fail(cleared.error.message);
  await chat.desk.wipe();
  await chat.note(`The conversation begins anew: ${count(cleared.value, "turn")} taken back`);
}

export async function undo(_words: string, chat: Conduct, signal: AbortSignal): Promise<void> {
  const { desk, outside } = chat;
  const what = await outside.talk.undoable();
  if (!what.ok) return chat.fail(what.error.message);
  if (what.value === undefined) return chat.note("There is no turn to take back");
  const { prompt: asked, files } = what.value;
  await desk.print(`${paint("the last turn:", "cyan", desk.color)} ${shortened(asked)}\n`);
  for (const file of files) {
    if (file.can) await desk.print(diffText(file.diff === "" ? `${file.path}: as it was\n` : file.diff, desk.color));
    else await chat.fail(file.why);
  }
  const restored = files.filter(({ can }) => can).length;
  const also = restored === 0 ? "" : ` and its changes of ${count(restored, "file")}`;
  if (!(await confirmed(`Take back the last turn${also}?`, chat, signal))) return chat.note("Nothing was taken back");
  const undone = await outside.talk.undo(true);
  if (!undone.ok) return chat.fail(undone.error.message);
  const told = files.map((file) => (file.can ? "" : file.why));
  for (const failed of undone.value?.failed ?? []) if (!told.includes(failed)) await chat.fail(failed);
  await chat.note("Taken back");
  const said = chat.unsay(asked);
  if (said !== undefined) desk.propose(said.entered);
}

export async function retry(_words: string, chat: Conduct): Promise<void> {
  const undone = await chat.outside.talk.undo(false);
  if (!undone.ok) return chat.fail(undone.error.message);
  if (undone.value === undefined) return chat.note("There is nothing to ask again");
  const { prompt } = undone.value;
  const { text, typed, entered } = chat.unsay(prompt) ?? { text: prompt, typed: "", entered: "" };
  await chat.note(`Once more: ${shortened(text)}`);
  await chat.say(text, typed, entered);
}

function shortened(text: string): string {
  const line = cleanLine(text.slice(0, 400));
  return line.length > 100 ? `${line.slice(0, 99).toWellFormed()}…` : line;
}

async function confirmed(question: string, { desk }: Conduct, signal: AbortSignal): Promise<boolean> {
  const answer = await desk.question(`${question} [y/N] `, signal);
  return /^y(?:es)?$/i.test(answer?.trim() ?? "");
}

export async function sessions(_words: string, chat: Conduct): Promise<void> {
  const found = await chat.outside.talk.sessions();
  if (!found.ok) return chat.fail(found.error.message);
  await chat.desk.print(sessionsText(found.value, chat.desk.columns()));
}

export async function resume(words: string, chat: Conduct): Promise<void> {
  if (words === "") return chat.fail("'/resume' needs the name of a session", "'/sessions' shows them");
  const resumed = await chat.outside.talk.resume(words);
  if (!resumed.ok) return chat.fail(resumed.error.message, resumed.error.hint);
  const { name, turns } = resumed.value;
  await chat.note(`Session '${name}' goes on: ${count(turns, "turn")} so far`);
}

export async function fork(words: string, chat: Conduct): Promise<void> {
  const forked = await chat.outside.talk.fork(words === "" ? undefined : words);
  if (!forked.ok) return chat.fail(forked.error.message, forked.error.hint);
  await chat.note(`The copy '${forked.value}' goes on`);
}

const formats: Readonly<Record<string, typeof sessionMarkdown>> = {
  md: sessionMarkdown,
  html: sessionHtml,
  jsonl: sessionJsonl,
};

export async function exportTo(words: string, chat: Conduct): Promise<void> {
  const [file = "", ...more] = wordsOf(words);
  const render = formats[/\.([a-z]+)$/.exec(file)?.[1] ?? ""];
  if (render === undefined || more.length > 0)
    return chat.fail("'/export' needs the name of one file that ends in .md, .html or .jsonl");
  const all = await chat.outside.talk.exported();
  if (!all.ok) return chat.fail(all.error.message, all.error.hint);
  const written = chat.outside.save(file, render(all.value));
  await (written.ok ? chat.note(`Written: ${file}`) : chat.fail(written.error));
}

export async function save(words: string, chat: Conduct): Promise<void> {
  const [file, ...more] = wordsOf(words);
  if (file === undefined || more.length > 0) return chat.fail("'/save' needs the name of one file");
  if (chat.answer === "") return chat.note("There is no answer yet");
  const saved = chat.outside.save(file, chat.answer.endsWith("\n") ? chat.answer : `${chat.answer}\n`);
  await (saved.ok ? chat.note(`Written: ${file}`) : chat.fail(saved.error));
}
