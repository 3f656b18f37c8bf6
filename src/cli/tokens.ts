import { tokensOf, type Encoding } from "../app/tokens.ts";
import type { Result } from "../core/result.ts";
import { tokensJson, tokensText, type TokenCounts } from "../render/tokens.ts";
import type { Handler } from "./command.ts";
import { fileLimit, readNamed } from "./files.ts";
import type { UsageProblem } from "./flags.ts";
import type { Io } from "./io.ts";
import { readStdin } from "./stdin.ts";
import { usageError } from "./usage.ts";

/** Counts the tokens of files, or of stdin. */
export const tokensCommand: Handler = async (args, io) => {
  const encoding: Encoding = args.one("--encoding") === "cl100k" ? "cl100k" : "o200k";
  const names = args.positionals.length === 0 ? ["-"] : args.positionals;
  const mistake = stdinProblem(names, io);
  if (mistake !== undefined) return usageError(mistake, io, { name: "tokens" });
  const counts: TokenCounts = { encoding, files: [] };
  for (const name of names) {
    const read = await bytesOf(name);
    if (!read.ok) return usageError(read.error, io, { name: "tokens" });
    counts.files.push({ file: name === "-" ? null : name, tokens: await tokensOf(read.value, encoding) });
  }
  const show = args.one("--output") === "json" ? tokensJson : tokensText;
  await io.stdout.write(show(counts));
  return 0;
};

function stdinProblem(names: readonly string[], io: Io): UsageProblem | undefined {
  const times = names.filter((name) => name === "-").length;
  if (times > 1) return { message: "'-' was given twice" };
  if (times === 0 || !io.stdinIsTerminal) return undefined;
  return {
    message: "The text is read from stdin, but that is a terminal",
    hint: "rein tokens FILE, or rein tokens < FILE",
  };
}

async function bytesOf(name: string): Promise<Result<Uint8Array, UsageProblem>> {
  if (name !== "-") return readNamed(name, fileLimit);
  const never = new AbortController().signal;
  const read = await readStdin({ limit: fileLimit, bound: "can be counted", signal: never });
  return read ?? { ok: true, value: new Uint8Array() };
}
