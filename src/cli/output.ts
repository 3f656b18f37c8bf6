import type { Writer } from "../core/render.ts";

/** A stream of text to the outside. */
export type Output = Writer & {
  /** Called once when the reader goes away. */
  onGone(listener: () => void): void;
  /** Waits until all was taken. */
  flush(): Promise<void>;
  /** Why text was lost, other than by a reader that went away. */
  failure(): string | undefined;
};

/** The process's own streams. */
export type Streams = { stdout: Output; stderr: Output };

export function processStreams(): Streams {
  return { stdout: output(Bun.stdout), stderr: output(Bun.stderr) };
}

/** A reader that goes away is noticed, and never raised as an error. */
function output(file: Bun.BunFile): Output {
  let gone = false;
  let failure: string | undefined;
  const listeners: Array<() => void> = [];
  const leave = (error: unknown) => {
    gone = true;
    if (!(error instanceof Error) || !("code" in error) || error.code !== "EPIPE") {
      failure = error instanceof Error ? error.message : String(error);
    }
    for (const listener of listeners) listener();
  };
  // Not process.stdout: that costs 12 ms of CPU before its first byte, more than all else of a short command.
  const send = async (text: string): Promise<boolean> => {
    if (gone) return false;
    // Of nothing Bun.write makes an empty file, where stdout is one.
    if (text === "") return true;
    try {
      await Bun.write(file, text);
      return true;
    } catch (error) {
      leave(error);
      return false;
    }
  };
  let last: Promise<boolean> = Promise.resolve(true);
  return {
    onGone: (listener) => void listeners.push(listener),
    // Two writes at once could mix their pieces.
    write: (text) => (last = last.then(() => send(text))),
    async flush() {
      await last;
    },
    failure: () => failure,
  };
}
