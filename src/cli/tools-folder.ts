import { readdirSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { LoadedModules } from "../app/modules.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { maxFileBytes, type Source } from "../file/source.ts";
import { kindOfFile, type ModuleFile, type ReadFolder } from "../file/tools-folder.ts";
import { cannotRead, readBeside } from "./files.ts";

/** More files than these are no tools folder. */
const mostFiles = 1_000;

/**
 * Reads the tools folder of an agent file: names and texts, nothing is started. What was learned of modules by loading them stands
 * in `loaded`.
 */
export function toolsFolderOf(file: string, cwd: string, loaded?: LoadedModules): ReadFolder {
  return (folder) => {
    const shown = join(file === "-" ? "." : dirname(file), folder);
    const absolute = isAbsolute(shown) ? shown : resolve(cwd, shown);
    const names = namesIn(absolute);
    if (!names.ok) return names;
    const files: Source[] = [];
    const modules: ModuleFile[] = [];
    for (const name of names.value) {
      const kind = kindOfFile(name);
      if (kind === undefined) continue;
      const path = join(absolute, name);
      const read = readBeside(path, maxFileBytes);
      if (!read.ok) return fail("failed", read.error.message);
      if (kind === "tool") files.push({ file: join(shown, name), folder: absolute, bytes: read.value });
      else {
        const description = loaded?.get(path);
        const text = new TextDecoder().decode(read.value);
        modules.push({
          file: join(shown, name),
          path,
          text,
          ...(description === undefined ? {} : { loaded: description }),
        });
      }
    }
    return ok({ files, modules });
  };
}

function namesIn(folder: string): Result<string[]> {
  try {
    const names = readdirSync(folder).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return names.length > mostFiles ? fail("too_large", `it has more than ${mostFiles} files`) : ok(names);
  } catch (error) {
    return fail("failed", cannotRead(error));
  }
}
