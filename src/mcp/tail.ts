/** The end of a text that may go on for ever. Holds at most twice `most` characters, and what was pushed last. */
export class Tail {
  #text = "";
  #cut = false;
  readonly #decoder = new TextDecoder();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  push(bytes: Uint8Array): void {
    // Of a flood only the end is decoded.
    const kept = bytes.length > 4 * this.#most ? bytes.subarray(-4 * this.#most) : bytes;
    this.#text += this.#decoder.decode(kept, { stream: true });
    if (this.#text.length <= 2 * this.#most) return;
    this.#text = this.#text.slice(-this.#most);
    this.#cut = true;
  }

  text(): string {
    const text = this.#text.slice(-this.#most);
    // What is cut starts at a line, where one does.
    const line = this.#cut || text.length < this.#text.length ? text.indexOf("\n") + 1 : 0;
    return text.slice(line).toWellFormed().trim();
  }
}
