import type { Stamped } from "../core/event.ts";
import { exitCode } from "../core/exit.ts";
import { interrupted } from "../core/problem.ts";
import { cleanLine } from "../render/clean.ts";
import { costItem, count, paint } from "../render/format.ts";
import { region } from "../render/region.ts";
import { common, complete } from "./complete.ts";
import { Conduct, type RunTurn } from "./conduct.ts";
import { runCommand } from "./commands.ts";
import type { Desk, Outside } from "./desk.ts";
import { Editor } from "./editor.ts";
import { inputRows } from "./input-rows.ts";
import { keyDecoder, type Key } from "./keys.ts";
import { picture, typingWidth, type Seen } from "./picture.ts";
import { turnView, type Look, type TurnView } from "./turn-view.ts";

/** The terminal, in the mode in which keys come one by one while it is held. */
export type Terminal = {
  write(text: string): Promise<unknown>;
  columns(): number;
  rows(): number;
  /** Whether it breaks rows that are too wide after it became narrower. */
  reflows: boolean;
  /** Takes keys and sizes from now on, and learns that nobody types any more; what is returned gives the terminal back as it was. */
  hold(typed: (bytes: Uint8Array) => void, resized: () => void, gone: () => void): () => void;
  /** Stops the process until the shell lets it go on. The terminal is given back for that time. */
  suspend(): Promise<void>;
  /** Lets a person edit a text in their own editor. The error says why that cannot be. */
  edit(text: string): Promise<{ ok: true; value: string } | { ok: false; error: string }>;
};

export type ChatOptions = {
  terminal: Terminal;
  look: Omit<Look, "columns" | "markdown">;
  clock: { now(): number; sleep(ms: number, signal: AbortSignal): Promise<void> };
  /** What was entered in earlier chats, the oldest first. */
  history: readonly string[];
  /** Keeps what was entered. */
  remember(text: string): void;
  /** Ends the chat; its reason is an Interruption. */
  signal: AbortSignal;
};

/** How long an end waits for what is under way, so that the journal has its end, too. */
export const lastMs = 2000;

/** How often the status is drawn while something is under way, and how long an escape waits for what may belong to it. */
const drawMs = 100;
const escapeMs = 40;

const stopping = "Stopping; Ctrl-C once more ends the chat";
const onceMore = "Ctrl-C once more ends the chat, as Ctrl-D does";

const pasteOn = "\u001b[?2004h";
const pasteOff = "\u001b[?2004l";

type Question = { text: string; editor: Editor; answer(line: string | undefined): void };

/** Something under way: a turn, or a command. `stop` is aborted with an Interruption. */
type Work = { stop: AbortController; view?: TurnView; label: string; started: number };

/** A chat on a terminal that knows more than lines. */
export class Screen {
  readonly #options: ChatOptions;
  readonly #region: ReturnType<typeof region>;
  readonly #editor: Editor;
  readonly #decoder = keyDecoder();
  readonly #ended = Promise.withResolvers<number>();
  #conduct: Conduct | undefined;
  #release: (() => void) | undefined;
  #question: Question | undefined;
  #lastQuestion: Promise<unknown> = Promise.resolve();
  #work: Work | undefined;
  /** What was begun last, with what waited behind it. */
  #doing: Promise<unknown> = Promise.resolve();
  #queue: string[] = [];
  #candidates: string[] = [];
  /** A completion is looked for, and the keys that came since. */
  #completing = false;
  #held: Key[] = [];
  #hint = "";
  /** Ctrl-C was the last key: once more ends the chat. */
  #armed = false;
  /** Ctrl-D was the last key, while something was under way. */
  #leaving = false;
  /** It ends: nothing is begun any more. */
  #ending = false;
  #escape: AbortController | undefined;
  /** What waits to be printed, and whether somebody draws. */
  #printed = "";
  #dirty = false;
  #drawing: Promise<void> | undefined;
  #over = false;

  constructor(options: ChatOptions) {
    this.#options = options;
    const { terminal } = options;
    this.#region = region({ ...terminal, write: (text) => terminal.write(text) });
    this.#editor = new Editor(options.history);
  }

  /** Takes the terminal. */
  async open(): Promise<void> {
    const { terminal, signal } = this.#options;
    await terminal.write(pasteOn);
    this.#hold();
    const leave = () => this.#end(codeOf(signal));
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
    this.#draw();
  }

  /** Gives the terminal back. */
  async close(): Promise<void> {
    // What came of an answer stays, also where its turn did not end in time.
    this.#printed += this.#work?.view?.end() ?? "";
    this.#draw();
    await this.#flush();
    this.#over = true;
    await this.#region.leave();
    await this.#options.terminal.write(pasteOff);
    this.#release?.();
  }

  /** Does something that takes a while, with a line that says what. Ctrl-C ends it. */
  async during<T>(label: string, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const before = this.#work;
    const work: Work = before ?? { stop: new AbortController(), label, started: this.#options.clock.now() };
    this.#work = work;
    const done = new AbortController();
    void this.#tick(done.signal);
    try {
      return await act(work.stop.signal);
    } finally {
      done.abort();
      this.#work = before;
      if (before === undefined && this.#hint === stopping) this.#hint = onceMore;
      this.#draw();
    }
  }

  /** Talks until the person has enough: the exit code. */
  async talk(outside: Outside): Promise<number> {
    const turn: RunTurn = (run) => this.#turn(run);
    this.#conduct = new Conduct(this.desk, outside, turn);
    await this.#conduct.greet();
    this.#next();
    this.#draw();
    const code = await this.#ended.promise;
    await within(lastMs, this.#doing, this.#options.clock);
    return code;
  }

  /** Puts a question where text is typed; questions never overlap. */
  ask(text: string, signal: AbortSignal): Promise<string | undefined> {
    const mine = this.#lastQuestion.then(() =>
      signal.aborted || this.#ending ? undefined : this.#askNow(text, signal),
    );
    this.#lastQuestion = mine;
    return mine;
  }

  get desk(): Desk {
    const { look, terminal } = this.#options;
    return {
      ...look,
      markdown: true,
      columns: terminal.columns,
      print: (text) => this.#print(text),
      question: (text, signal) => this.ask(text, signal),
      propose: (text) => {
        if (this.#editor.text === "") this.#editor.set(text);
        this.#draw();
      },
      wipe: () => this.#wipe(),
    };
  }

  #hold(): void {
    this.#release = this.#options.terminal.hold(
      (bytes) => this.#typed(bytes),
      () => this.#draw(),
      () => this.#end(exitCode("hangup")),
    );
  }

  async #askNow(text: string, signal: AbortSignal): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const leave = () => resolve(undefined);
    signal.addEventListener("abort", leave);
    this.#question = { text, editor: new Editor([], false), answer: resolve };
    this.#draw();
    const line = await promise;
    signal.removeEventListener("abort", leave);
    this.#question = undefined;
    const said = `${cleanLine(text)} ${cleanLine(line ?? "")}`;
    const rows = Bun.wrapAnsi(said, this.#options.terminal.columns(), { hard: true });
    await this.#print(this.#work?.view?.aside(rows) ?? `${rows}\n`);
    return line;
  }

  async #turn(run: Parameters<RunTurn>[0]): Promise<void> {
    const { look, terminal, clock } = this.#options;
    const work = this.#work;
    const conduct = this.#conduct;
    if (work === undefined || conduct === undefined) return;
    const shown: Look = { ...look, columns: terminal.columns, markdown: true };
    const view = turnView(shown, clock.now(), (call) => conduct.number(call));
    work.view = view;
    let last: Promise<void> = Promise.resolve();
    const observe = (event: Stamped) => {
      last = last.then(async () => {
        this.#printed += await view.event(event);
        this.#draw();
      });
    };
    try {
      await run(observe, work.stop.signal);
    } finally {
      await last;
      this.#printed += view.end();
      delete work.view;
      await this.#flush();
    }
  }

  async #tick(done: AbortSignal): Promise<void> {
    while (!done.aborted && !this.#over) {
      await this.#options.clock.sleep(drawMs, done);
      if (!done.aborted) this.#draw();
    }
  }

  #typed(bytes: Uint8Array): void {
    this.#escape?.abort();
    for (const key of this.#decoder.push(bytes)) this.#key(key);
    if (this.#decoder.waits()) {
      const waiting = new AbortController();
      this.#escape = waiting;
      void this.#options.clock.sleep(escapeMs, waiting.signal).then(() => {
        if (waiting.signal.aborted) return;
        for (const key of this.#decoder.flush()) this.#key(key);
        this.#draw();
      });
    }
    this.#draw();
  }

  #key(key: Key): void {
    if (this.#over || this.#ending) return;
    if (this.#completing) {
      this.#held.push(key);
      return;
    }
    this.#leaving = false;
    const isInterrupt = key.kind === "key" && key.name === "ctrl-c";
    const armed = this.#armed;
    if (!isInterrupt) this.#armed = false;
    this.#hint = "";
    this.#candidates = [];
    if (this.#question !== undefined) return this.#answerKey(this.#question, key);
    if (this.#takesBack(key)) return;
    const effect = this.#editor.key(key);
    switch (effect.type) {
      case "submit":
        return this.#submit(effect.text);
      case "interrupt":
        return this.#interrupt(armed);
      case "end":
        if (this.#work === undefined) this.#end(0);
        else {
          this.#leaving = true;
          this.#hint = "The chat ends when this is done";
        }
        return;
      case "complete":
        void this.#complete();
        return;
      case "redraw":
        void this.#wipe();
        return;
      case "editor":
        void this.#edit();
        return;
      case "suspend":
        void this.#suspend();
        return;
      case "open":
        void this.#openLast();
        return;
      case "none":
      case "escape":
        return;
    }
  }

  /** With nothing typed, Up gets back what waits to be said. */
  #takesBack(key: Key): boolean {
    if (key.kind !== "key" || key.name !== "up" || this.#editor.text !== "") return false;
    const last = this.#queue.pop();
    if (last !== undefined) this.#editor.set(last);
    return last !== undefined;
  }

  #answerKey(question: Question, key: Key): void {
    const effect = question.editor.key(key);
    if (effect.type === "submit") question.answer(effect.text);
    else if (effect.type === "interrupt") {
      question.answer(undefined);
      this.#interrupt(this.#armed);
    } else if (effect.type === "end" || effect.type === "escape") question.answer(undefined);
  }

  #interrupt(armed: boolean): void {
    if (armed) return this.#end(exitCode("interrupt"));
    this.#armed = true;
    if (this.#work !== undefined) {
      // What waits is not said to a model that was just stopped, and is not lost.
      const waiting = [...this.#queue.splice(0), ...(this.#editor.text === "" ? [] : [this.#editor.text])];
      this.#editor.set(waiting.join("\n"));
      this.#hint = stopping;
      this.#work.stop.abort("interrupt");
    } else if (this.#editor.text !== "") {
      this.#editor.set("");
      this.#armed = false;
    } else this.#hint = onceMore;
  }

  #submit(text: string): void {
    if (text.trim() === "") return;
    this.#editor.remember(text);
    this.#options.remember(text);
    this.#queue.push(text);
    if (this.#work === undefined) this.#next();
  }

  /** Does what was entered, one after another. */
  #next(): void {
    const conduct = this.#conduct;
    const text = conduct === undefined || this.#ending ? undefined : this.#queue.shift();
    if (conduct === undefined || text === undefined) return;
    this.#doing = this.during("working", async (signal) => {
      await this.#print(this.#said(text));
      const entered = await conduct.enter(text, signal);
      if (entered.ends) this.#end(entered.code);
    })
      .catch((error: unknown) => this.#ended.reject(error))
      .then(() => {
        if (this.#leaving && this.#queue.length === 0) this.#end(0);
        if (!this.#over) this.#next();
      });
  }

  /** What was entered, as it stands above what comes of it. */
  #said(text: string): string {
    const rows = inputRows(text, 0, {
      prompt: "> ",
      more: "  ",
      width: typingWidth(this.#options.terminal.columns()),
      height: Number.MAX_SAFE_INTEGER,
    });
    return `\n${rows.rows.map((row) => paint(row, "cyan", this.#options.look.color)).join("\n")}\n\n`;
  }

  /** Completes what is typed; keys that come meanwhile wait. */
  async #complete(): Promise<void> {
    const outside = this.#conduct?.outside;
    if (outside === undefined) return;
    this.#completing = true;
    try {
      await this.#completeWith(outside);
    } finally {
      this.#completing = false;
    }
    for (const key of this.#held.splice(0)) this.#key(key);
    this.#draw();
  }

  async #completeWith(outside: Outside): Promise<void> {
    const { text, cursor } = this.#editor;
    const { from, candidates } = await complete(text, cursor, outside, this.#options.signal);
    const [only] = candidates;
    if (only === undefined) this.#hint = "Nothing to complete";
    else if (candidates.length === 1) this.#editor.replace(from, cursor, only.endsWith("/") ? only : `${only} `);
    else {
      const shared = common(candidates);
      if (shared.length > cursor - from) this.#editor.replace(from, cursor, shared);
      else this.#candidates = candidates;
    }
  }

  async #openLast(): Promise<void> {
    const conduct = this.#conduct;
    if (conduct === undefined) return;
    await runCommand("/open", conduct, this.#options.signal);
  }

  async #edit(): Promise<void> {
    await this.#away(async () => {
      const edited = await this.#options.terminal.edit(this.#editor.text);
      if (edited.ok) this.#editor.set(edited.value.replace(/\n$/, ""));
      else this.#hint = edited.error;
    });
  }

  async #suspend(): Promise<void> {
    await this.#away(() => this.#options.terminal.suspend());
  }

  /** Gives the terminal away for a while. */
  async #away(act: () => Promise<void>): Promise<void> {
    const { terminal } = this.#options;
    await this.#flush();
    this.#over = true;
    await this.#region.leave();
    await terminal.write(pasteOff);
    this.#release?.();
    await act();
    await terminal.write(pasteOn);
    this.#hold();
    this.#over = false;
    this.#draw();
  }

  #end(code: number): void {
    this.#ending = true;
    if (this.#work !== undefined) this.#hint = "Ending";
    this.#work?.stop.abort(code === 0 ? "terminated" : "interrupt");
    this.#question?.answer(undefined);
    this.#ended.resolve(code);
  }

  async #wipe(): Promise<void> {
    await this.#flush();
    // Rows that fill the screen push what is on it up and out of it, so that it is not lost.
    await this.#region.leave();
    await this.#options.terminal.write(
      `${"\n".repeat(Math.max(0, this.#options.terminal.rows() - 1))}\u001b[H\u001b[J`,
    );
    this.#region.forget();
    this.#draw();
    await this.#flush();
  }

  async #print(text: string): Promise<void> {
    this.#printed += text;
    this.#draw();
    await this.#flush();
  }

  /** Draws soon: what changes meanwhile is drawn together. */
  #draw(): void {
    this.#dirty = true;
    this.#drawing ??= this.#drawAll().finally(() => {
      this.#drawing = undefined;
      if (this.#dirty && !this.#over) this.#draw();
    });
  }

  async #flush(): Promise<void> {
    while (this.#drawing !== undefined) await this.#drawing;
  }

  async #drawAll(): Promise<void> {
    // Keys that come in one piece, and events in one turn of the loop, are one picture.
    await Promise.resolve();
    while (this.#dirty && !this.#over) {
      this.#dirty = false;
      const printed = this.#printed;
      this.#printed = "";
      const { rows, cursor } = picture(this.#seen());
      await this.#region.show(printed, rows, cursor);
    }
  }

  /** All that changes, as it is now. */
  #seen(): Seen {
    const { terminal, clock, look } = this.#options;
    const { text, cursor, search } = this.#editor;
    const question = this.#question;
    const work = this.#work;
    return {
      columns: terminal.columns(),
      rows: terminal.rows(),
      color: look.color,
      ...(work === undefined ? {} : { work: { label: work.label, view: work.view, now: clock.now() } }),
      waiting: this.#queue,
      typed:
        question === undefined
          ? { text, cursor, search }
          : { text: question.editor.text, cursor: question.editor.cursor, question: question.text },
      candidates: this.#candidates,
      below: this.#hint === "" ? this.#footer() : this.#hint,
    };
  }

  #footer(): string {
    const conduct = this.#conduct;
    if (conduct === undefined) return "";
    const { talk } = conduct.outside;
    const { tokens, cost } = conduct.totals;
    const used = tokens === 0 ? "" : ` · ${count(tokens, "token")}${costItem(cost, " · ")}`;
    const files = conduct.attached.map(({ name }) => ` · @${name}`).join("");
    return `${talk.agent} · ${talk.model() ?? "route"}${used} · ${talk.session()}${files}`;
  }
}

/** Waits for something, but no longer than that. */
export async function within(ms: number, done: Promise<unknown>, clock: ChatOptions["clock"]): Promise<void> {
  const settled = new AbortController();
  await Promise.race([done, clock.sleep(ms, settled.signal)]);
  settled.abort();
}

/** The code of a chat that a signal ended. */
export function codeOf(signal: AbortSignal): number {
  return exitCode(interrupted(signal).error.outcome);
}
