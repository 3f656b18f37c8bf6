import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cleanLine } from "../render/clean.ts";
import type { Handler } from "./command.ts";
import { cannotWrite } from "./files.ts";
import { templates } from "./templates.ts";
import { usageError } from "./usage.ts";

/** Makes an agent file out of a template. What is there already is left as it is. */
export const initCommand: Handler = async (args, io) => {
  const [path = "."] = args.positionals;
  const template = templates[args.one("--template") ?? "minimal"];
  if (template === undefined) throw new Error("A template is listed and not there");
  let file = path;
  try {
    if (isFolder(path)) file = join(path, "agent.yaml");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(
      file,
      template.text.replaceAll("FILE", () => quoted(file)),
      { flag: "wx" },
    );
  } catch (error) {
    return usageError(cannotWrite(file, error), io, { name: "init" });
  }
  await io.stdout.write(`${cleanLine(file)}\n`);
  await io.stderr.write(`next: ${template.next.replaceAll("FILE", () => quoted(file))}\n`);
  return 0;
};

/** A folder is one that is there, or is said to be one. */
function isFolder(path: string): boolean {
  return path.endsWith("/") || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** A path as a shell takes it, on one line: it stands in comments as well. */
function quoted(path: string): string {
  const word = path.startsWith("-") ? `./${path}` : path;
  return /^[\w./~+@%:,-]+$/.test(word) ? word : `'${cleanLine(word).replaceAll("'", `'\\''`)}'`;
}
