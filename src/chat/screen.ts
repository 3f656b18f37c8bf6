import { exitCode } from "../core/exit.ts";
import { cleanLine } from "../render/clean.ts";
import { costItem, count, paint } from "../render/format.ts";
import { common, complete } from "./complete.ts";
import { runCommand } from "./commands.ts";
import { Course, type ChatClock } from "./course.ts";
import type { Outside } from "./desk.ts";
import { Editor } from "./editor.ts";
import { inputRows } from "./input-rows.ts";
import { keyDecoder, type Key } from "./keys.ts";
import { picture, typingWidth, type Seen } from "./picture.ts";
import { Surface, type Terminal } from "./surface.ts";
import type { Look } from "./turn-view.ts";

export type ChatOptions = {
  terminal: Terminal;
  look: Pick<Look, "color" | "pictures">;
  clock: ChatClock;
  /** What was entered in earlier chats, the oldest first. */
  history: readonly string[];
  /** Keeps what was entered. */
  remember(text: string): void;
  /** Ends the chat; its reason is an Interruption. */
  signal: AbortSignal;
};

/** How often the status is drawn while something is under way, and how long an escape waits for what may belong to it. */
const drawMs = 100;
const escapeMs = 40;

/** Who typed so shortly before is in the middle of a text, and the next keys are part of it. */
const pauseMs = 700;

const stopping = "Stopping; Ctrl-C once more ends the chat";
const onceMore = "Ctrl-C once more ends the chat, as Ctrl-D does";

type Question = { text: string; editor: Editor; answer(line: string | undefined): void };

/** A chat on a terminal that knows more than lines. */
export class Screen {
  readonly course: Course;
  readonly #options: ChatOptions;
  readonly #surface: Surface;
  readonly #editor: Editor;
  readonly #decoder = keyDecoder();
  #question: Question | undefined;
  #candidates: string[] = [];
  /** A completion that is looked for, and the keys that came since. */
  #looking: { stop: AbortController; keys: Key[] } | undefined;
  #hint = "";
  /** Ctrl-C was the last key: once more ends the chat. */
  #armed = false;
  #escape: AbortController | undefined;
  /** When a key came last. */
  #touched = 0;

  constructor(options: ChatOptions) {
    this.#options = options;
    const { terminal, clock, look } = options;
    this.#editor = new Editor(options.history);
    const surface = new Surface({
      terminal,
      clock,
      picture: () => picture(this.#seen()),
      typed: (bytes) => this.#typed(bytes),
      ended: (how) => this.course.end(exitCode(how)),
    });
    this.#surface = surface;
    this.course = new Course(
      {
        ...look,
        markdown: true,
        columns: terminal.columns,
        print: (text) => surface.print(text),
        show: (text) => surface.show(text),
        wipe: () => surface.wipe(),
        said: (text) => surface.print(this.#said(text)),
        propose: (text) => {
          if (this.#editor.text === "") this.#editor.set(text);
          surface.draw();
        },
        busy: (done) => void this.#busy(done),
        free: async () => surface.draw(),
        pose: (question, signal) => this.#pose(question, signal),
      },
      clock,
    );
  }

  /** Takes the terminal. */
  async open(): Promise<void> {
    await this.#surface.open();
    this.course.endOn(this.#options.signal);
  }

  /** Gives the terminal back. */
  async close(): Promise<void> {
    // What came of an answer stays, also where its turn did not end in time.
    await this.#surface.print(this.course.work?.view?.end() ?? "");
    await this.#surface.close();
  }

  /** Draws what is under way again and again. */
  async #busy(done: AbortSignal): Promise<void> {
    while (!done.aborted) {
      this.#surface.draw();
      await this.#options.clock.sleep(drawMs, done);
    }
    if (this.#hint === stopping) this.#hint = onceMore;
    this.#surface.draw();
  }

  /** Puts a question where text is typed. */
  async #pose(text: string, signal: AbortSignal): Promise<string | undefined> {
    await this.#pause(signal);
    if (signal.aborted) return undefined;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const leave = () => resolve(undefined);
    signal.addEventListener("abort", leave);
    this.#question = { text, editor: new Editor([], false), answer: resolve };
    this.#surface.draw();
    const line = await promise;
    signal.removeEventListener("abort", leave);
    this.#question = undefined;
    const said = `${cleanLine(text)} ${cleanLine(line ?? "")}`;
    const rows = Bun.wrapAnsi(said, this.#options.terminal.columns(), { hard: true });
    await this.#surface.print(this.course.work?.view?.aside(rows) ?? `${rows}\n`);
    return line;
  }

  /** Waits for the end of what somebody types: the rest of a word must not allow something. */
  async #pause(signal: AbortSignal): Promise<void> {
    const { now, sleep } = this.#options.clock;
    const left = () => (this.#editor.text === "" ? 0 : this.#touched + pauseMs - now());
    for (let ms = left(); ms > 0 && !signal.aborted; ms = left()) await sleep(ms, signal);
  }

  #typed(bytes: Uint8Array): void {
    this.#escape?.abort();
    this.#touched = this.#options.clock.now();
    for (const key of this.#decoder.push(bytes)) this.#key(key);
    if (this.#decoder.waits()) void this.#awaitEscape();
    this.#surface.draw();
  }

  /** An escape that nothing comes after is the key of that name. */
  async #awaitEscape(): Promise<void> {
    const waiting = new AbortController();
    this.#escape = waiting;
    await this.#options.clock.sleep(escapeMs, waiting.signal);
    if (waiting.signal.aborted) return;
    for (const key of this.#decoder.flush()) this.#key(key);
    this.#surface.draw();
  }

  #key(key: Key): void {
    if (this.course.ending) return;
    const looking = this.#looking;
    if (looking !== undefined) {
      // A server may never say what it offers.
      if (key.kind === "key" && key.name === "ctrl-c") looking.stop.abort();
      else looking.keys.push(key);
      return;
    }
    const armed = this.#armed;
    this.#armed = false;
    this.course.leaving = false;
    this.#hint = "";
    this.#candidates = [];
    if (this.#question !== undefined) return this.#answerKey(this.#question, key, armed);
    if (this.#takesBack(key)) return;
    const effect = this.#editor.key(key);
    switch (effect.type) {
      case "submit":
        return this.#submit(effect.text);
      case "interrupt":
        return this.#interrupt(armed);
      case "end":
        return this.#leave();
      case "complete":
        return void this.#complete();
      case "redraw":
        return void this.#surface.wipe();
      case "editor":
        return void this.#edit();
      case "suspend":
        return void this.#surface.without((terminal) => terminal.suspend());
      case "open":
        return void this.#openLast();
      case "none":
      case "escape":
        return;
    }
  }

  /** With nothing typed, Up gets back what waits to be said. */
  #takesBack(key: Key): boolean {
    if (key.kind !== "key" || key.name !== "up" || this.#editor.text !== "") return false;
    const last = this.course.waiting.pop();
    if (last !== undefined) this.#editor.set(last);
    return last !== undefined;
  }

  #answerKey(question: Question, key: Key, armed: boolean): void {
    const effect = question.editor.key(key);
    if (effect.type === "submit") question.answer(effect.text);
    else if (effect.type === "interrupt") {
      question.answer(undefined);
      this.#interrupt(armed);
    } else if (effect.type === "end" || effect.type === "escape") question.answer(undefined);
  }

  #interrupt(armed: boolean): void {
    if (armed) return this.course.end(exitCode("interrupt"));
    const { text } = this.#editor;
    if (this.course.work !== undefined) {
      // What waits is not said to a model that was just stopped, and is not lost.
      const waiting = [...this.course.waiting.splice(0), ...(text === "" ? [] : [text])];
      this.#editor.set(waiting.join("\n"));
      this.#hint = stopping;
      this.course.interrupt();
    } else if (text === "") this.#hint = onceMore;
    else return this.#editor.set("");
    this.#armed = true;
  }

  #submit(text: string): void {
    if (text.trim() === "") return;
    this.#editor.remember(text);
    this.#options.remember(text);
    this.course.enter(text);
  }

  #leave(): void {
    if (this.course.work === undefined) return this.course.end(0);
    this.course.leaving = true;
    this.#hint = "The chat ends when this is done";
  }

  /** What was entered, as it stands above what comes of it. */
  #said(text: string): string {
    const { rows } = inputRows(text, 0, {
      prompt: "> ",
      more: "  ",
      width: typingWidth(this.#options.terminal.columns()),
      height: Number.MAX_SAFE_INTEGER,
    });
    return `\n${rows.map((row) => paint(row, "cyan", this.#options.look.color)).join("\n")}\n\n`;
  }

  /** Completes what is typed; keys that come meanwhile wait. */
  async #complete(): Promise<void> {
    const outside = this.course.conduct?.outside;
    if (outside === undefined) return;
    const { clock, signal } = this.#options;
    const looking = { stop: new AbortController(), keys: [] };
    this.#looking = looking;
    const until = AbortSignal.any([looking.stop.signal, signal]);
    void clock.sleep(drawMs, until).then(() => {
      if (this.#looking !== looking) return;
      this.#hint = "Looking for what it could be; Ctrl-C stops";
      this.#surface.draw();
    });
    try {
      await this.#completeWith(outside, until);
    } finally {
      this.#looking = undefined;
    }
    for (const key of looking.keys) this.#key(key);
    this.#surface.draw();
  }

  async #completeWith(outside: Outside, signal: AbortSignal): Promise<void> {
    const { text, cursor } = this.#editor;
    const { from, typed, candidates, write } = await complete(text, cursor, outside, signal);
    this.#hint = "";
    if (signal.aborted) return;
    const [only] = candidates;
    const shared = common(candidates);
    if (only === undefined) this.#hint = "Nothing to complete";
    else if (candidates.length === 1) this.#editor.replace(from, cursor, write(only, false));
    else if (shared.length > typed.length) this.#editor.replace(from, cursor, write(shared, true));
    else this.#candidates = candidates;
  }

  async #openLast(): Promise<void> {
    const { conduct } = this.course;
    if (conduct !== undefined) await runCommand("/open", conduct, this.#options.signal);
  }

  async #edit(): Promise<void> {
    const edited = await this.#surface.without((terminal) => terminal.edit(this.#editor.text, this.#options.signal));
    if (edited.ok) this.#editor.set(edited.value.replace(/\r\n?/g, "\n").replace(/\n$/, ""));
    else this.#hint = edited.error;
    this.#surface.draw();
  }

  /** All that changes, as it is now. */
  #seen(): Seen {
    const { terminal, clock, look } = this.#options;
    const { text, cursor, search } = this.#editor;
    const { work, waiting } = this.course;
    const question = this.#question;
    return {
      columns: terminal.columns(),
      rows: terminal.rows(),
      color: look.color,
      ...(work === undefined ? {} : { work: { label: work.label, view: work.view, now: clock.now() } }),
      waiting,
      typed:
        question === undefined
          ? { text, cursor, search }
          : { text: question.editor.text, cursor: question.editor.cursor, question: question.text },
      candidates: this.#candidates,
      below: this.#below(),
    };
  }

  #below(): string {
    const { conduct, ending, work } = this.course;
    if (ending && work !== undefined) return "Ending";
    if (this.#hint !== "" || conduct === undefined) return this.#hint;
    const { talk } = conduct.outside;
    const { tokens, cost } = conduct.totals;
    const used = tokens === 0 ? "" : ` · ${count(tokens, "token")}${costItem(cost, " · ")}`;
    const files = conduct.attached.map(({ name }) => ` · @${name}`).join("");
    return `${talk.agent} · ${talk.model() ?? "route"}${used} · ${talk.session()}${files}`;
  }
}
