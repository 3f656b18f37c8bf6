/** Splits what stands behind a command into words; quotes keep blanks in one. */
export function wordsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? "",
  );
}

/** What is attached by name in a text: `@notes.txt`, and `@"with blanks.txt"`. */
export function namedFiles(text: string): string[] {
  return [...text.matchAll(/(?<=^|\s)@(?:"([^"\n]+)"|(\S+))/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
}

/** A number of tokens as people read it. */
export function grouped(number: number): string {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, ",");
}
