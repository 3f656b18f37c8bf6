import type { Stamped } from "../core/event.ts";
import { exitCode } from "../core/exit.ts";
import { cleanLine } from "../render/clean.ts";
import { Conduct, type RunTurn } from "./conduct.ts";
import type { Desk, Outside } from "./desk.ts";
import { codeOf, lastMs, within, type ChatOptions } from "./screen.ts";
import { turnView, type Look } from "./turn-view.ts";

/** A terminal that knows nothing but lines: it edits them itself. */
export type LineTerminal = {
  write(text: string): Promise<unknown>;
  columns(): number;
  /** Calls back with each line that is typed, and at the end of them; for Ctrl-C. What is returned lets go. */
  listen(typed: (line: string | undefined) => void, interrupted: () => void): () => void;
};

export type LinesOptions = Pick<ChatOptions, "clock" | "remember" | "signal"> & {
  terminal: LineTerminal;
  look: Omit<Look, "columns" | "markdown">;
};

/** A chat in lines, one after another: nothing that was written is ever written again. */
export class Lines {
  readonly #options: LinesOptions;
  readonly #ended = Promise.withResolvers<number>();
  #release: (() => void) | undefined;
  #conduct: Conduct | undefined;
  #questions: Array<(line: string | undefined) => void> = [];
  #lastQuestion: Promise<unknown> = Promise.resolve();
  #queue: string[] = [];
  #begun = "";
  #stop: AbortController | undefined;
  #armed = false;
  #ending = false;
  #doing: Promise<unknown> = Promise.resolve();

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { terminal, signal } = this.#options;
    this.#release = terminal.listen(
      (line) => this.#typed(line),
      () => this.#interrupt(),
    );
    signal.addEventListener("abort", () => this.#end(codeOf(signal)), { once: true });
  }

  async close(): Promise<void> {
    this.#release?.();
  }

  async during<T>(_label: string, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const stop = (this.#stop ??= new AbortController());
    try {
      return await act(stop.signal);
    } finally {
      this.#stop = undefined;
    }
  }

  async talk(outside: Outside): Promise<number> {
    this.#conduct = new Conduct(this.desk, outside, (run) => this.#turn(run));
    await this.#conduct.greet();
    this.#begin();
    const code = await this.#ended.promise;
    await within(lastMs, this.#doing, this.#options.clock);
    return code;
  }

  ask(text: string, signal: AbortSignal): Promise<string | undefined> {
    const mine = this.#lastQuestion.then(async () => {
      if (signal.aborted) return undefined;
      await this.#options.terminal.write(`${cleanLine(text)} `);
      const { promise, resolve } = Promise.withResolvers<string | undefined>();
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
      this.#questions.push(resolve);
      return promise.finally(() => (this.#questions = this.#questions.filter((one) => one !== resolve)));
    });
    this.#lastQuestion = mine;
    return mine;
  }

  get desk(): Desk {
    const { look, terminal } = this.#options;
    return {
      ...look,
      markdown: false,
      columns: terminal.columns,
      print: async (text) => void (await terminal.write(text)),
      question: (text, signal) => this.ask(text, signal),
      propose: () => undefined,
      wipe: async () => undefined,
    };
  }

  async #turn(run: Parameters<RunTurn>[0]): Promise<void> {
    const { look, terminal, clock } = this.#options;
    const conduct = this.#conduct;
    if (conduct === undefined) return;
    const shown: Look = { ...look, columns: terminal.columns, markdown: false };
    const view = turnView(shown, clock.now(), (call) => conduct.number(call));
    let last: Promise<unknown> = Promise.resolve();
    const write = async (text: string) => (text === "" ? undefined : terminal.write(text));
    const observe = (event: Stamped) => {
      last = last.then(async () => write(await view.event(event)));
    };
    await run(observe, (this.#stop ?? new AbortController()).signal);
    await last;
    await write(view.end());
  }

  #typed(line: string | undefined): void {
    this.#armed = false;
    const question = this.#questions.shift();
    if (question !== undefined) return question(line);
    if (line === undefined) return this.#end(0);
    // A backslash at its end: the next line belongs to it.
    const text = this.#begun + line;
    this.#begun = /(?:^|[^\\])(?:\\\\)*\\$/.test(line) ? `${text.slice(0, -1)}\n` : "";
    if (this.#begun !== "") return;
    if (text.trim() !== "") this.#options.remember(text);
    this.#queue.push(text);
    if (this.#stop === undefined) this.#begin();
  }

  #begin(): void {
    this.#doing = this.#next().catch((error: unknown) => this.#ended.reject(error));
  }

  async #next(): Promise<void> {
    const conduct = this.#conduct;
    if (conduct === undefined) return;
    for (let text = this.#queue.shift(); text !== undefined; text = this.#queue.shift()) {
      const said = text;
      const entered = await this.during("working", (signal) => conduct.enter(said, signal));
      if (entered.ends) return this.#end(entered.code);
    }
    if (!this.#ending) await this.#options.terminal.write("> ");
  }

  #end(code: number): void {
    this.#ending = true;
    this.#queue = [];
    this.#ended.resolve(code);
  }

  #interrupt(): void {
    if (this.#armed) {
      // Behind the '^C' that the terminal shows.
      void this.#options.terminal.write("\n");
      return this.#end(exitCode("interrupt"));
    }
    this.#armed = true;
    const question = this.#questions.shift();
    question?.(undefined);
    this.#queue = [];
    if (this.#stop === undefined) void this.#options.terminal.write("\nCtrl-C once more ends the chat\n> ");
    else this.#stop.abort("interrupt");
  }
}
