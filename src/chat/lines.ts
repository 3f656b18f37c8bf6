import { exitCode } from "../core/exit.ts";
import { cleanLine } from "../render/clean.ts";
import { Course } from "./course.ts";
import type { ChatOptions } from "./screen.ts";

/** A terminal that knows nothing but lines: it edits them itself. */
export type LineTerminal = {
  write(text: string): Promise<unknown>;
  columns(): number;
  /** Calls back with each line that is typed, and at the end of them; for Ctrl-C. What is returned lets go. */
  listen(typed: (line: string | undefined) => void, interrupted: () => void): () => void;
};

export type LinesOptions = Omit<ChatOptions, "terminal" | "history"> & { terminal: LineTerminal };

/** A chat in lines, one after another: nothing that was written is ever written again. */
export class Lines {
  readonly course: Course;
  readonly #options: LinesOptions;
  #release: (() => void) | undefined;
  #answer: ((line: string | undefined) => void) | undefined;
  /** Lines that the one which comes belongs to. */
  #begun = "";
  #armed = false;

  constructor(options: LinesOptions) {
    this.#options = options;
    const { terminal, look } = options;
    const print = async (text: string) => void (text === "" || (await terminal.write(text)));
    this.course = new Course(
      {
        ...look,
        markdown: false,
        columns: terminal.columns,
        print,
        show: print,
        wipe: async () => undefined,
        said: async () => undefined,
        propose: () => undefined,
        busy: () => undefined,
        free: () => print("> "),
        pose: (question, signal) => this.#pose(question, signal),
      },
      options.clock,
    );
  }

  async open(): Promise<void> {
    this.#release = this.#options.terminal.listen(
      (line) => this.#typed(line),
      () => this.#interrupt(),
    );
    this.course.endOn(this.#options.signal);
  }

  async close(): Promise<void> {
    this.#release?.();
  }

  async #pose(question: string, signal: AbortSignal): Promise<string | undefined> {
    // Nobody types any more.
    if (this.course.leaving) return undefined;
    await this.#options.terminal.write(`${cleanLine(question)} `);
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const leave = () => resolve(undefined);
    signal.addEventListener("abort", leave);
    this.#answer = resolve;
    const line = await promise;
    signal.removeEventListener("abort", leave);
    this.#answer = undefined;
    return line;
  }

  #typed(line: string | undefined): void {
    this.#armed = false;
    if (line === undefined) {
      this.course.leaving = true;
      if (this.course.work === undefined) this.course.end(0);
    }
    if (this.#answer !== undefined) return this.#answer(line);
    if (line === undefined) return;
    // A backslash at its end: the next line belongs to it.
    const text = this.#begun + line;
    this.#begun = /(?:^|[^\\])(?:\\\\)*\\$/.test(line) ? `${text.slice(0, -1)}\n` : "";
    if (this.#begun !== "") return;
    if (text.trim() !== "") this.#options.remember(text);
    this.course.enter(text);
  }

  #interrupt(): void {
    const { terminal } = this.#options;
    if (this.#armed) {
      // Behind the '^C' that the terminal shows.
      void terminal.write("\n");
      return this.course.end(exitCode("interrupt"));
    }
    this.#armed = true;
    this.#answer?.(undefined);
    this.course.waiting.length = 0;
    if (this.course.work === undefined) void terminal.write("\nCtrl-C once more ends the chat\n> ");
    else this.course.interrupt();
  }
}
