import type { ProcessEnd } from "../core/host.ts";
import { Bounded, grouped } from "./bound.ts";

/** What a command writes, to both streams, in the order it comes; of much the start and the end. */
export class CommandOutput {
  /** Bytes that came so far. */
  size = 0;
  #kept = new Bounded();
  #unread = false;
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };

  /** Takes a piece in, and says what text it is. */
  add(stream: "stdout" | "stderr", piece: Uint8Array): string {
    this.size += piece.length;
    const part = this.#decoders[stream].decode(piece, { stream: true });
    this.#kept.add(part);
    this.#unread ||= part !== "";
    return part;
  }

  /** Whether something came that was not taken. */
  get unread(): boolean {
    return this.#unread;
  }

  /** No more will come: half a character that still waits counts. */
  end(): void {
    this.#kept.add(this.#decoders.stdout.decode() + this.#decoders.stderr.decode());
  }

  /** What came since the last time, as whole lines for a model; and `whole`, as it came, where that is not all of it. */
  take(): { text: string; whole?: string } {
    const { head, tail, left } = this.#kept.parts();
    const whole = this.#kept.whole();
    this.#kept = new Bounded();
    this.#unread = false;
    let content = cleaned(head);
    if (left > 0) {
      content += `\n[${grouped(left)} characters left out here: to see them, write the output to a file and read parts of it]\n`;
    }
    content += cleaned(tail);
    return { text: content === "" || content.endsWith("\n") ? content : `${content}\n`, ...whole };
  }
}

/** How a command ended, in words; of the time only what a person would count. */
export function endWords(end: ProcessEnd, milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const after = seconds === 0 ? "" : ` after ${seconds} s`;
  if (end.timeout) return `ended${after}: it took too long; set a longer timeout or make it do less`;
  if (end.signal !== null) return `ended by ${end.signal}${after}`;
  return `exit code ${end.code}${after}`;
}

/**
 * Output as a terminal would have shown it at the end: no colours, of a line that was drawn anew only its last state, and U+FFFD
 * for other control characters.
 */
function cleaned(output: string): string {
  return Bun.stripANSI(output)
    .split("\n")
    .map((line) => {
      let end = line.length;
      while (line[end - 1] === "\r") end--;
      return line.slice(line.lastIndexOf("\r", end - 1) + 1, end);
    })
    .join("\n")
    .replace(/[^\P{Cc}\t\n]/gu, "\ufffd");
}
