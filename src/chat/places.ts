/** Places in a text that is edited: indexes that fall between characters as people see them. */
const graphemes = new Intl.Segmenter();

/** No character that people see is longer, in UTF-16 units: so much is looked at, however long the text is. */
const longest = 200;

/** The place before the character that ends there. */
export function before(text: string, at: number): number {
  const from = Math.max(0, at - longest);
  const last = [...graphemes.segment(text.slice(from, at))].at(-1);
  return last === undefined ? at : from + last.index;
}

/** The place behind the character that begins there. */
export function after(text: string, at: number): number {
  const [first] = graphemes.segment(text.slice(at, at + longest));
  return at + (first?.segment.length ?? 0);
}

const inWord = /[\p{L}\p{M}\p{N}_]/u;

/** The beginning of the word before a place. */
export function wordBefore(text: string, at: number): number {
  const end = back(text, at, (character) => !inWord.test(character));
  return back(text, end, (character) => inWord.test(character));
}

/** The end of the word behind a place. */
export function wordAfter(text: string, at: number): number {
  const start = forth(text, at, (character) => !inWord.test(character));
  return forth(text, start, (character) => inWord.test(character));
}

/** The beginning of what stands between blanks before a place. */
export function blankBefore(text: string, at: number): number {
  const end = back(text, at, (character) => /\s/.test(character));
  return back(text, end, (character) => /\S/.test(character));
}

// Step by step, since a pattern that ends in `$` takes the square of the time of a long text.
function back(text: string, at: number, goes: (character: string) => boolean): number {
  for (let from = at; ;) {
    const low = text.charCodeAt(from - 1) >= 0xdc00 && text.charCodeAt(from - 1) < 0xe000 && from > 1 ? 2 : 1;
    if (from <= 0 || !goes(text.slice(from - low, from))) return from;
    from -= low;
  }
}

function forth(text: string, at: number, goes: (character: string) => boolean): number {
  for (let to = at; ;) {
    const character = String.fromCodePoint(text.codePointAt(to) ?? 0);
    if (to >= text.length || !goes(character)) return to;
    to += character.length;
  }
}

export function lineStart(text: string, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1;
}

export function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}
