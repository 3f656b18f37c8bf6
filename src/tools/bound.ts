/** The most characters of one result that a model gets to see. */
export const mostCharacters = 50_000;

/** The most characters of a whole result that the journal keeps. */
const mostWhole = 10_000_000;

/** Text of which the start and the end are kept, however much comes. Holds at most about three times `most` characters. */
export class HeadAndTail {
  #head = "";
  #tail = "";
  #left = 0;
  readonly #headSize: number;
  readonly #tailSize: number;

  constructor(most = mostCharacters) {
    this.#headSize = Math.ceil(most / 2);
    this.#tailSize = Math.floor(most / 2);
  }

  add(text: string): void {
    const room = this.#headSize - this.#head.length;
    if (room > 0) this.#head += text.slice(0, room);
    this.#tail += room > 0 ? text.slice(room) : text;
    if (this.#tail.length > 2 * this.#tailSize) this.#cut();
  }

  /** Start and end, and how many characters between them were left out. */
  parts(): { head: string; tail: string; left: number } {
    if (this.#tail.length > this.#tailSize) this.#cut();
    return { head: this.#head.toWellFormed(), tail: this.#tail.toWellFormed(), left: this.#left };
  }

  #cut(): void {
    const end = this.#tail.slice(-this.#tailSize);
    this.#left += this.#tail.length - end.length;
    this.#tail = end;
  }
}

/** As HeadAndTail, and holds for the journal what a model does not get to see. */
export class Bounded extends HeadAndTail {
  readonly #whole = new HeadAndTail(mostWhole);

  override add(text: string): void {
    super.add(text);
    this.#whole.add(text);
  }

  /** `whole` for the outcome, where something was left out. Of more than the journal keeps the start and the end. */
  whole(): { whole?: string } {
    if (this.parts().left === 0) return {};
    const { head, tail, left } = this.#whole.parts();
    return { whole: left === 0 ? head + tail : `${head}\n[${grouped(left)} characters left out]\n${tail}` };
  }
}

/** A text as a model gets it; `left` words what was left out of it. */
export function boundedText(text: string, left: (count: string) => string): { content: string; whole?: string } {
  const kept = new Bounded();
  kept.add(text);
  const parts = kept.parts();
  if (parts.left === 0) return { content: parts.head + parts.tail };
  return { content: `${parts.head}\n[${left(grouped(parts.left))}]\n${parts.tail}`, ...kept.whole() };
}

/** A path as a line can hold it: as it is, or as a JSON string when it has control characters or quotes at its ends. */
export function shownPath(path: string): string {
  return /[\p{Cc}\u2028\u2029]|^["\s]|\s$/u.test(path) ? JSON.stringify(path) : path;
}

/** 1234567 as `1,234,567`; without Intl, whose first use takes a millisecond. */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
}

/** A count of bytes: `812 bytes`, `1.4 KB`, `20 MB`. */
export function bytes(count: number): string {
  if (count < 1000) return count === 1 ? "1 byte" : `${count} bytes`;
  const power = Math.min(3, Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** power;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${["bytes", "KB", "MB", "GB"][power]}`;
}
