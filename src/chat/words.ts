/** Splits what stands behind a command into words; quotes keep blanks in one. */
export function wordsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? "",
  );
}

/** What is attached by name in a text: `@notes.txt`, and `@"with blanks.txt"`. */
export function namedFiles(text: string): string[] {
  return [...text.matchAll(/(?<=^|\s)@(?:"([^"\n]+)"|'([^'\n]+)'|(\S+))/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? "",
  );
}

/** No name of a file that is typed is longer. */
const longestWord = 4096;

/** The word that a text ends with, which a quote may have begun. `from`: where it begins, behind the '@' of one that is attached. */
export function lastWord(text: string): { from: number; attached: boolean; quote: string; typed: string } {
  const near = text.slice(-longestWord);
  const found = /(?:^|\s)(@?)(?:(")([^"\n]*)|(')([^'\n]*)|(\S*))$/.exec(near);
  const [, at = "", double, inDouble, single, inSingle, bare] = found ?? [];
  const quote = double ?? single ?? "";
  const typed = inDouble ?? inSingle ?? bare ?? "";
  return { from: text.length - typed.length - quote.length, attached: at !== "", quote, typed };
}

/** A name with the quote before it that it needs; undefined where none helps. */
export function quoted(name: string, quote = ""): string | undefined {
  if (/\p{Cc}/u.test(name)) return undefined;
  if (quote === "" && !/\s|^["']/.test(name)) return name;
  const fitting = [quote, '"', "'"].find((one) => one !== "" && !name.includes(one));
  return fitting === undefined ? undefined : fitting + name;
}

/** A number of tokens as people read it. */
export function grouped(number: number): string {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, ",");
}
