/** What was typed of a word: which quote is open, what it means so far, and from where on the shell replaces it. */
export type Partial = {
  value: string;
  quote: "" | "'" | '"';
  /** How much of the value stands before the piece that the shell replaces. */
  kept: number;
};

/** A command line up to the cursor: the words before the last one, and the last one. */
export type Line = { words: string[]; last: Partial; redirected: boolean };

/**
 * Takes a line apart as a shell does, without expanding anything. `breaks` are the characters after which the shell begins a new piece
 * of a word (bash's COMP_WORDBREAKS); quotes are among them.
 */
export function splitLine(text: string, breaks: string): Line {
  const words: string[] = [];
  let last: Partial = { value: "", quote: "", kept: 0 };
  let begun = false;
  let redirected = false;
  const end = () => {
    // What a redirection names is no argument.
    if (begun && !redirected) words.push(last.value);
    if (begun) redirected = false;
    last = { value: "", quote: "", kept: 0 };
    begun = false;
  };
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    if (last.quote === "'" || (last.quote === '"' && character !== "\\")) {
      if (character === last.quote) last = { ...last, quote: "", kept: last.value.length };
      else last.value += character;
    } else if (character === "\\") {
      const next = text[++index] ?? "";
      begun = true;
      if (last.quote === '"' && !/["$`\\\n]/.test(next)) last.value += "\\";
      if (next !== "\n") last.value += next;
    } else if (/\s/.test(character)) {
      end();
    } else if (character === "'" || character === '"') {
      begun = true;
      last = { ...last, quote: character, kept: last.value.length };
    } else if (character === "<" || character === ">") {
      // A number before it is a descriptor.
      if (/^\d*$/.test(last.value)) begun = false;
      end();
      redirected = true;
    } else {
      begun = true;
      // bash gives an at sign to the piece that it begins: it could begin the name of a host.
      if (breaks.includes(character)) last.kept = last.value.length + (character === "@" ? 0 : 1);
      last.value += character;
    }
  }
  return { words, last, redirected };
}

/** One word as a shell reads it, up to the cursor. */
export function readPartial(text: string): Partial {
  // Blanks and angles in it are quoted, or it would not be one word.
  return splitLine(text, "").last;
}

/** What the shell is to put in place of the piece that it replaces. */
export function quoted(value: string, { quote, kept }: Partial): string {
  const piece = value.slice(kept);
  if (quote === "'") return piece.replaceAll("'", "'\\''");
  if (quote === '"') return piece.replace(/["$`\\]/g, "\\$&");
  const home = kept === 0 && piece.startsWith("~/") ? "~/" : "";
  return home + piece.slice(home.length).replace(/[^\p{L}\p{M}\p{N}_./:=@%+,-]/gu, "\\$&");
}
