import { exits } from "../core/exit.ts";
import type { Command, Handler } from "./command.ts";
import { helpFlag, versionFlag } from "./command-flags.ts";
import { commands } from "./commands.ts";
import { shown, type Flag } from "./flags.ts";
import { topics } from "./topics.ts";
import { version } from "../core/version.ts";

/** Prints the manual page, made of the tables that help and completions are made of. */
export const manCommand: Handler = async (_args, io) => {
  const sections = await Promise.all(
    topics.filter(({ name }) => name !== "exit-codes").map(async ({ name, text }) => [name, await text()] as const),
  );
  const lines = [
    `.TH REIN 1 "" "rein ${roff(version)}" "User Commands"`,
    ".SH NAME",
    "rein \\- runs agent files",
    ".SH SYNOPSIS",
    ".B rein",
    "\\fICOMMAND\\fR [\\fIARGUMENT\\fR ...] [\\fIFLAG\\fR ...]",
    ".SH DESCRIPTION",
    "An agent file is one YAML file that declares a model, instructions, tools and what they may touch.",
    "rein checks it, runs the loop of model and tools, and ends with an answer on stdout and an exit code.",
    ".SH OPTIONS",
    "Every command takes these beside its own:",
    ...flagLines([helpFlag, versionFlag]),
    ".SH COMMANDS",
    ...commands.filter(({ hidden }) => !hidden).flatMap(commandLines),
    ".SH EXIT STATUS",
    ...exits.flatMap(({ code, when }) => [".TP", `.B ${code}`, line(when)]),
    ...sections.flatMap(([name, text]) => [`.SH ${roff(name.toUpperCase())}`, ...textLines(text)]),
  ];
  // A paragraph begins once, and never right behind a heading.
  const needed = lines.filter((one, index) => one !== ".PP" || !/^\.(PP|S[HS] .*)$/.test(lines[index - 1] ?? ""));
  await io.stdout.write(`${needed.join("\n")}\n`);
  return 0;
};

function commandLines({ name, positionals, summary, flags, examples }: Command): string[] {
  return [
    `.SS rein ${line(`${name} ${positionals}`.trimEnd())}`,
    line(`${summary}.`),
    ...flagLines(flags),
    ...(examples.length === 0 ? [] : [".PP", "Examples:"]),
    ...literal(examples.flatMap(({ command, does }) => [`  # ${does}`, `  ${command}`])),
  ];
}

function flagLines(flags: readonly Flag[]): string[] {
  return flags.flatMap((flag) => [".TP", `\\fB${roff(shown(flag))}\\fR`, line(flag.help)]);
}

/** A topic: lines that are indented stay as they are, the others are text. */
function textLines(text: string): string[] {
  const lines: string[] = [];
  let kept: string[] = [];
  const flush = () => {
    lines.push(...literal(kept));
    kept = [];
  };
  for (const one of text.trimEnd().split("\n")) {
    if (one.startsWith("  ")) kept.push(one);
    else {
      flush();
      lines.push(one === "" ? ".PP" : line(one));
    }
  }
  flush();
  return lines;
}

function literal(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [".PP", ".nf", ...lines.map(line), ".fi"];
}

/** Text of its own line: a dot or a quote at its beginning would be a request. */
function line(text: string): string {
  return roff(text).replace(/^(?=[.'])/, "\\&");
}

/** Characters that roff would read, or print as others: a hyphen that is typed, a quote that does not turn. */
function roff(text: string): string {
  return text
    .replace(/[\\\-'`~^]/g, (character) => escapes[character] ?? character)
    .replace(
      /[^\p{ASCII}]/gu,
      (character) => `\\[u${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}]`,
    );
}

const escapes: Record<string, string> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "`": "\\(ga",
  "~": "\\(ti",
  "^": "\\(ha",
};
