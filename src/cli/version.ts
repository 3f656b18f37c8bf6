import { version } from "../core/version.ts";
import type { Handler } from "./command.ts";
import type { Output } from "./output.ts";

// Put in by the build; from source it is not defined.
declare const REIN_COMMIT: string | undefined;

const commit = typeof REIN_COMMIT === "string" ? REIN_COMMIT : "unknown";

/** `rein 0.1.0 (commit 1a2b3c4, bun 1.4.5, linux-x64)` */
export const versionLine = `rein ${version} (commit ${commit}, bun ${Bun.version}, ${process.platform}-${process.arch})`;

export const versionCommand: Handler = async (args, io) => {
  if (!args.has("--licences")) return printVersion(io.stdout);
  const { licences } = await import("./licences.ts");
  await io.stdout.write(licences);
  return 0;
};

export async function printVersion(stdout: Output): Promise<number> {
  await stdout.write(`${versionLine}\n`);
  return 0;
}
