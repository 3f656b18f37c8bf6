import type { Interruption } from "../core/exit.ts";
import { region } from "../render/region.ts";
import type { ChatClock } from "./course.ts";
import type { picture } from "./picture.ts";

/** The terminal, in the mode in which keys come one by one while it is held. */
export type Terminal = {
  write(text: string): Promise<unknown>;
  columns(): number;
  rows(): number;
  /** Whether it breaks rows that are too wide after it became narrower. */
  reflows: boolean;
  /** Takes keys and sizes from now on, and learns that it is to end; what is returned gives the terminal back as it was. */
  hold(typed: (bytes: Uint8Array) => void, resized: () => void, ended: (how: Interruption) => void): () => void;
  /** Stops the process until the shell lets it go on. The terminal is given back for that time. */
  suspend(): Promise<void>;
  /** Lets a person edit a text in their own editor, which the signal ends. The error says why that cannot be. */
  edit(text: string, signal: AbortSignal): Promise<{ ok: true; value: string } | { ok: false; error: string }>;
};

export type SurfaceOptions = {
  terminal: Terminal;
  clock: ChatClock;
  /** What changes, as it is now. */
  picture(): ReturnType<typeof picture>;
  typed(bytes: Uint8Array): void;
  ended(how: Interruption): void;
};

/** Between two pictures of text that streams, in ms. */
const frameMs = 33;

const pasteOn = "\u001b[?2004h";
const pasteOff = "\u001b[?2004l";

/** What of a chat is on the terminal, and when it is drawn: lines that stay, and a picture of what changes below them. */
export class Surface {
  readonly #options: SurfaceOptions;
  readonly #region: ReturnType<typeof region>;
  #release: (() => void) | undefined;
  /** What waits to be printed. */
  #printed = "";
  #dirty = false;
  #drawing: Promise<void> | undefined;
  #drawn = 0;
  /** It will be drawn when the time of a frame is over. */
  #soon = false;
  /** The terminal is somebody else's. */
  #away = true;
  /** When whom it was given to has done with it. */
  #back: Promise<void> | undefined;
  #over = false;

  constructor(options: SurfaceOptions) {
    this.#options = options;
    const { terminal } = options;
    this.#region = region({ ...terminal, write: (text) => terminal.write(text) });
  }

  /** Takes the terminal. */
  async open(): Promise<void> {
    if (this.#over) return;
    const { terminal, typed, ended } = this.#options;
    // Before anything is seen: what is typed upon it is a key.
    this.#release = terminal.hold(typed, () => this.draw(), ended);
    await terminal.write(pasteOn);
    this.#away = false;
    this.draw();
  }

  /** Prints what waits and gives the terminal back for good. */
  async close(): Promise<void> {
    this.#over = true;
    await this.#back;
    if (!this.#away) await this.#leave();
  }

  async #leave(): Promise<void> {
    await this.#flush();
    this.#away = true;
    await this.#region.leave();
    await this.#options.terminal.write(pasteOff);
    this.#release?.();
  }

  /** Gives the terminal away for a while. */
  async without<T>(act: (terminal: Terminal) => Promise<T>): Promise<T> {
    await this.#leave();
    const back = Promise.withResolvers<void>();
    this.#back = back.promise;
    try {
      return await act(this.#options.terminal);
    } finally {
      back.resolve();
      await this.open();
    }
  }

  /** Prints lines that stay. */
  async print(text: string): Promise<void> {
    this.#printed += text;
    this.draw();
    await this.#flush();
  }

  /** The same for text that streams: what comes within the time of a frame is drawn together. */
  show(text: string): void {
    this.#printed += text;
    if (this.#soon) return;
    this.#soon = true;
    const { clock } = this.#options;
    const wait = Math.max(0, this.#drawn + frameMs - clock.now());
    void clock.sleep(wait, new AbortController().signal).then(() => {
      this.#soon = false;
      this.draw();
    });
  }

  /** Draws soon: what changes in one turn of the event loop is one picture. */
  draw(): void {
    this.#dirty = true;
    if (this.#away) return;
    this.#drawing ??= this.#drawAll().finally(() => {
      this.#drawing = undefined;
      if (this.#dirty) this.draw();
    });
  }

  /** Empties the screen; what is on it is pushed up and out of it, so that it is not lost. */
  async wipe(): Promise<void> {
    const { terminal } = this.#options;
    await this.#flush();
    await this.#region.leave();
    await terminal.write(`${"\n".repeat(Math.max(0, terminal.rows() - 1))}\u001b[H\u001b[J`);
    this.#region.forget();
    this.draw();
    await this.#flush();
  }

  async #flush(): Promise<void> {
    while (this.#drawing !== undefined) await this.#drawing;
  }

  async #drawAll(): Promise<void> {
    await Promise.resolve();
    while (this.#dirty && !this.#away) {
      this.#dirty = false;
      const printed = this.#printed;
      this.#printed = "";
      const { rows, cursor } = this.#options.picture();
      this.#drawn = this.#options.clock.now();
      await this.#region.show(printed, rows, cursor);
    }
  }
}
