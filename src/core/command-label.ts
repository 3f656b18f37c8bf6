const longest = 120;

/** A command as one line names it: of a script its first line, of a long line its start. */
export function commandLabel(argv: readonly string[]): string {
  const whole = argv.join(" ").trim();
  const [line = ""] = whole.split("\n", 1);
  if (line.length > longest) return `${line.slice(0, longest - 1).toWellFormed()}…`;
  return line === whole ? line : `${line} …`;
}
