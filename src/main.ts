#!/usr/bin/env bun
import { processStreams } from "./cli/output.ts";
import { exitCode } from "./core/exit.ts";
import { moduleServer, moduleWorker } from "./core/module-protocol.ts";

const streams = processStreams();

/** Whatever reaches this is our own mistake: users' mistakes are values long before. */
async function bug(error: unknown): Promise<number> {
  const { versionLine } = await import("./cli/version.ts");
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  await streams.stderr.write(
    `error: A bug in rein; please report this with the command that led to it\n${versionLine}\n${detail}\n`,
  );
  return exitCode("bug");
}

/**
 * The environment. What services' SDKs would read of it by themselves, for whatever request, is only in here from now on: keys,
 * addresses, headers, log levels. What is sent where is decided by who gets this copy.
 */
function takeEnvironment(): Record<string, string | undefined> {
  const environment = { ...process.env };
  for (const name of Object.keys(environment)) if (/^(ANTHROPIC|OPENAI|OLLAMA)_/.test(name)) delete process.env[name];
  return environment;
}

process.on("uncaughtException", (error) => void bug(error).then((code) => process.exit(code)));

/** A full disk behind stdout is not a reader that went away: what was asked for is lost, and the exit code must say so. */
async function lost(reason: string): Promise<number> {
  await streams.stderr.write(`error: Cannot write to stdout: ${reason}\n`);
  return exitCode("usage");
}

/** The process of a module of the user is this executable too. */
async function main([first, module = ""]: string[]): Promise<number> {
  if (first === moduleServer) {
    const { serveModule } = await import("./worker/server.ts");
    return serveModule(module);
  }
  if (first === moduleWorker) {
    const { serve } = await import("./worker/serve.ts");
    await serve(module);
    return 0;
  }
  // Without the table of commands.
  if (first === "--version" || first === "-V") return (await import("./cli/version.ts")).printVersion(streams.stdout);
  const { dispatch } = await import("./cli/cli.ts");
  return dispatch(process.argv.slice(2), takeEnvironment(), streams);
}

const code = await main(process.argv.slice(2)).catch(bug);
await streams.stdout.flush();
const failure = streams.stdout.failure();
const ended = failure === undefined ? code : await lost(failure);
await streams.stderr.flush();
process.exit(ended);
