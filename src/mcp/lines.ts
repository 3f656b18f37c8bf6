import type { JSONRPCMessage } from "@modelcontextprotocol/client";
import { messageOf } from "./message.ts";

/** The most bytes of one message. */
const longestMessage = 64_000_000;

/** Of what is no message, as much is kept to tell what it is. */
const keptNoise = 200;

const newline = 10;

type Reader = {
  message(message: JSONRPCMessage): void;
  /** A message is too long; nothing is read any more. */
  tooLong(): void;
};

/**
 * Messages that come one a line, as stdio has them. What else a server prints there (a banner, a log) is left out: programs do that,
 * and the next line is a message again.
 */
export class Lines {
  /** How many messages came, and the start of what was none. */
  messages = 0;
  readonly #to: Reader;
  #pieces: Uint8Array[] = [];
  #length = 0;
  #noise = "";
  #ended = false;

  constructor(to: Reader) {
    this.#to = to;
  }

  push(bytes: Uint8Array): void {
    let rest = bytes;
    for (let end = rest.indexOf(newline); end >= 0 && !this.#ended; end = rest.indexOf(newline)) {
      this.#add(rest.subarray(0, end));
      this.#line();
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0 && !this.#ended) this.#add(rest);
  }

  /** The start of what was no message. */
  noise(): string {
    return this.#noise !== "" || this.#length === 0 ? this.#noise : this.#text().slice(0, keptNoise);
  }

  #add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#length += piece.length;
    if (this.#length > longestMessage) {
      this.#ended = true;
      this.#pieces = [];
      return this.#to.tooLong();
    }
    // The door may use its bytes again.
    this.#pieces.push(piece.slice());
  }

  #text(): string {
    return new TextDecoder().decode(Buffer.concat(this.#pieces));
  }

  #line(): void {
    const line = this.#text();
    this.#pieces = [];
    this.#length = 0;
    if (line.trim() === "") return;
    const message = messageOf(line);
    if (message === undefined) {
      if (this.#noise.length < keptNoise) this.#noise = `${this.#noise}${line}\n`.slice(0, keptNoise);
      return;
    }
    this.messages++;
    this.#to.message(message);
  }
}
