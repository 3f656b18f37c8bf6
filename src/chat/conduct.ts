import { paidIn, type Stamped } from "../core/event.ts";
import type { TalkFile } from "../core/talk.ts";
import { clean, cleanLine } from "../render/clean.ts";
import { errorText } from "../render/error.ts";
import { count, paint, short } from "../render/format.ts";
import { markdownText } from "../render/markdown.ts";
import { isCommand, ownCommands, runCommand } from "./commands.ts";
import type { Desk, Outside } from "./desk.ts";
import type { Opened, Totals } from "./turn-view.ts";
import { namedFiles } from "./words.ts";

/** So many calls can be opened. */
const mostOpened = 1000;

/** What was said further back is asked again as the model read it. */
const mostSaid = 20;

/** What came of what was entered: the chat goes on, or ends with a code. */
export type Entered = { ends: false } | { ends: true; code: number };

/** A turn, as the desk shows it: the conversation's, with where its events go. */
export type RunTurn = (
  run: (observe: (event: Stamped) => void, signal: AbortSignal) => ReturnType<Outside["talk"]["turn"]>,
) => Promise<void>;

/** What was said: as it was entered, as the model gets it, and what of that the person wrote. */
type Said = { entered: string; text: string; typed: string; files: TalkFile[] };

/** What one chat remembers between what is entered, and what commands work with. */
export class Conduct {
  readonly desk: Desk;
  readonly outside: Outside;
  readonly totals: Totals = { tokens: 0, cost: 0 };
  /** By model. */
  readonly used = new Map<string, { input: number; output: number; cost: number | null }>();
  /** Attached to what is said next. */
  attached: TalkFile[] = [];
  answer = "";
  /** What was said in this chat, with what was attached by a command. The newest last. */
  #said: Said[] = [];
  /** What was entered last. */
  #entered = "";
  #calls: Opened[] = [];
  #opened = 0;
  readonly #turn: RunTurn;

  constructor(desk: Desk, outside: Outside, turn: RunTurn) {
    this.desk = desk;
    this.outside = outside;
    this.#turn = turn;
  }

  /** Shows where a session that goes on was left, and what a person may miss. */
  async greet(): Promise<void> {
    const { desk, outside } = this;
    for (const name of ownCommands(outside).hidden)
      await desk.print(`${paint("warning:", "yellow", desk.color)} '/${name}' of the agent file is the chat's own\n`);
    const events = await outside.talk.events();
    const own = events.ok ? events.value.filter((event) => event.agent_id === undefined) : [];
    const asked = own.flatMap((event) => (event.type === "user" && event.reason === undefined ? [event.text] : []));
    const answers = own.flatMap((event) => (event.type === "turn_end" && event.message.text !== "" ? [event] : []));
    const last = asked.at(-1);
    if (last === undefined) return;
    this.answer = answers.at(-1)?.message.text ?? "";
    const text = desk.markdown ? markdownText(clean(this.answer), desk.columns()) : `${clean(this.answer).trimEnd()}\n`;
    await desk.print(`${paint(`> ${short(last, desk.columns() - 2)}`, "cyan", desk.color)}\n\n${text}\n`);
    await this.note(`'${outside.talk.session()}' goes on: ${count(asked.length, "turn")} so far`);
  }

  /** Does what was entered: a command, or something to say. */
  async enter(text: string, signal: AbortSignal): Promise<Entered> {
    if (text.trim() === "") return { ends: false };
    this.#entered = text;
    if (isCommand(text)) return runCommand(text, this, signal);
    await this.say(text);
    return { ends: false };
  }

  /**
   * Says something to the model. Files that are named in it, and those that wait, go with it. `typed`: what of it the person wrote:
   * a server or a file does not choose what is attached.
   */
  async say(text: string, typed: string = text, entered: string = this.#entered): Promise<void> {
    const { outside } = this;
    const files = [...this.attached];
    this.#said.push({ entered, text, typed, files: this.attached });
    if (this.#said.length > mostSaid) this.#said.shift();
    for (const path of new Set(namedFiles(typed))) {
      // It may be anything that begins with '@'.
      if (!outside.exists(path)) continue;
      const file = await outside.attach(path);
      if (!file.ok) return this.fail(file.error);
      files.push(file.value);
    }
    this.attached = [];
    await this.#turn(async (observe, signal) => {
      const made = await outside.talk.turn(text, files, (event) => this.#see(event, observe), signal);
      if (!made.ok) await this.desk.print(errorText({ ...nothing, error: made.error }, this.desk.color));
      return made;
    });
  }

  /** Takes back what was said last, which the model got as `asked`; undefined where that was not in this chat. */
  unsay(asked: string): Said | undefined {
    // Others did not come to a turn, or were of another session.
    let last = this.#said.pop();
    while (last !== undefined && !asked.includes(last.text)) last = this.#said.pop();
    this.attached = last?.files ?? this.attached;
    return last;
  }

  /** A call's number. */
  number(call: Opened): number {
    this.#calls.push(call);
    if (this.#calls.length > mostOpened) this.#calls.shift();
    return ++this.#opened;
  }

  /** The call of a number; without one the last. */
  call(number = this.#opened): Opened | undefined {
    return this.#calls[this.#calls.length - 1 - (this.#opened - number)];
  }

  async fail(message: string, hint?: string): Promise<void> {
    const error = hint === undefined ? { message } : { message, hint };
    await this.desk.print(errorText({ ...nothing, error }, this.desk.color));
  }

  /** Says something in passing. */
  async note(text: string): Promise<void> {
    await this.desk.print(`${paint(cleanLine(text), "dim", this.desk.color)}\n`);
  }

  #see(event: Stamped, observe: (event: Stamped) => void): void {
    const paid = paidIn(event);
    if (paid !== undefined) {
      const { input, output } = paid.usage;
      const model = paid.model ?? "model";
      const before = this.used.get(model) ?? { input: 0, output: 0, cost: 0 };
      const cost = before.cost === null || paid.cost === undefined ? null : before.cost + paid.cost;
      this.used.set(model, { input: before.input + input, output: before.output + output, cost });
      this.totals.tokens += input + output;
      this.totals.cost += paid.cost ?? 0;
    }
    if (event.type === "turn_end" && event.agent_id === undefined && event.message.text !== "")
      this.answer = event.message.text;
    observe(event);
  }
}

const nothing = { denied: [] };
