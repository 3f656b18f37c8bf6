import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Files by their path from a folder. */
export type Files = Record<string, string | Uint8Array>;

/** Puts files into a folder. */
export function placed(files: Files): (folder: string) => void {
  return (folder) => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
  };
}
