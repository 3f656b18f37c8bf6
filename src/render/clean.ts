/** Characters that a terminal obeys instead of showing them, line ends and tabs apart: C0, DEL, C1, and what reorders text. */
const obeyed = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu;

/** Makes text of a model, a tool or a file harmless for a terminal: each such character becomes a visible one. */
export function clean(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(obeyed, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : "\ufffd";
  });
}

/** The same for text that comes in pieces: what a piece ends with may belong to the next one's beginning. */
export function cleaner() {
  let held = "";
  return {
    push(piece: string): string {
      const text = held + piece;
      held = /[\r\ud800-\udbff]$/.exec(text)?.[0] ?? "";
      return clean(text.slice(0, text.length - held.length));
    },
    /** What was held back. */
    end(): string {
      const text = clean(held);
      held = "";
      return text;
    },
  };
}

/** The same on one line: line ends, tabs and runs of blanks become one blank. */
export function cleanLine(text: string): string {
  return clean(text).replace(/\s+/g, " ").trim();
}

/** A value as JSON that is harmless for a terminal and means the same: JSON.stringify leaves DEL, C1 and the reordering ones raw. */
export function cleanJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    obeyed,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
