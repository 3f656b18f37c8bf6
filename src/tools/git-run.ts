import { fail, ok, type Result } from "../core/result.ts";
import type { ToolContext } from "../core/tool.ts";
import { always, configEnvironment, parseSettings, screen, type Override } from "./git-config.ts";
import { passPlaces } from "./git-places.ts";

/** What git wrote and its exit code. */
export type Ran = { code: number; stdout: string; stderr: string };

export type Git = {
  /** Runs git with these arguments. The failure is that it could not be run; its own errors are in the code. */
  run(args: readonly string[], options?: RunOptions): Promise<Result<Ran>>;
  /** The same, with more settings. */
  with(overrides: readonly Override[]): Git;
};

/**
 * `user`: the user's own config is read too, which is for looking at it alone. `part`: of too much output the beginning will do, which
 * says so at its end.
 */
type RunOptions = { stdin?: string; user?: boolean; part?: boolean };

/** A repository that was looked at: its config is harmless, and its folders may be used. */
export type Repository = {
  git: Git;
  /** The work tree, or the git folder where there is none. Absolute. */
  folder: string;
  gitFolder: string;
  /** Settings of its own that do not count. */
  ignored: string[];
};

/** More output is not read. */
const mostOutput = 8_000_000;

const timeoutMs = 300_000;

const noUser = { GIT_CONFIG_GLOBAL: "/dev/null" };

/** What git finds in its environment. The machine's config is not read. */
const environment: Readonly<Record<string, string>> = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_PARAMETERS: "",
  GIT_ATTR_NOSYSTEM: "1",
  GIT_ALLOW_PROTOCOL: "https:ssh:file",
  GIT_TERMINAL_PROMPT: "0",
  GIT_ASKPASS: "",
  SSH_ASKPASS: "",
  GIT_EDITOR: ":",
  GIT_SEQUENCE_EDITOR: ":",
  GIT_PAGER: "cat",
  GIT_MERGE_AUTOEDIT: "no",
  GIT_LITERAL_PATHSPECS: "1",
  GIT_NO_LAZY_FETCH: "1",
  GIT_OPTIONAL_LOCKS: "0",
  LC_ALL: "C.UTF-8",
};

export function gitIn(folder: string | undefined, context: ToolContext, overrides: readonly Override[] = always): Git {
  const { host, signal } = context;
  return {
    run: async (args, { stdin, user = false, part = false } = {}) => {
      const seen = { stdout: "", stderr: "" };
      const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
      const flood = new AbortController();
      const ended = await host.process.run(["git", ...args], {
        ...(folder === undefined ? {} : { cwd: folder }),
        ...(stdin === undefined ? {} : { stdin: new TextEncoder().encode(stdin) }),
        env: { ...environment, ...(user ? {} : noUser), ...configEnvironment(overrides) },
        timeoutMs,
        signal: AbortSignal.any([signal, flood.signal]),
        onOutput: (stream, bytes) => {
          if (seen[stream].length > mostOutput) flood.abort();
          else seen[stream] += decoders[stream].decode(bytes, { stream: true });
        },
      });
      if (flood.signal.aborted && part)
        return ok({
          code: 0,
          ...seen,
          stdout: `${wholeLines(seen.stdout)}\n[git wrote more, which was not read: ask for less]\n`,
        });
      if (flood.signal.aborted)
        return fail("too_large", `Cannot run 'git ${args[0]}': it wrote too much; ask for less`);
      if (!ended.ok) return ended;
      const { code, timeout } = ended.value;
      if (timeout) return fail("timeout", `Cannot run 'git ${args[0]}': it took more than ${timeoutMs / 1000} s`);
      return ok({ code: code ?? 128, ...seen });
    },
    with: (more) => gitIn(folder, context, [...overrides, ...more]),
  };
}

/** A text without the line that it was cut in. */
function wholeLines(text: string): string {
  const end = text.lastIndexOf("\n") + 1;
  return end === 0 ? text : text.slice(0, end);
}

/** Finds the repository of a folder, judges its folders, and reads its config before anything is done with it. */
export async function openRepository(
  folder: string | undefined,
  access: "read" | "write",
  context: ToolContext,
): Promise<Result<Repository>> {
  const shown = folder ?? ".";
  const git = gitIn(folder, context);
  // The last has an answer only where there is a work tree, which the config may say is somewhere else.
  const asked = ["--is-bare-repository", "--git-dir", "--git-common-dir", "--show-toplevel"];
  const [places, config] = await Promise.all([
    git.run(["rev-parse", "--path-format=absolute", ...asked]),
    git.run(["config", "--list", "-z", "--includes", "--show-scope"]),
  ]);
  if (!places.ok) return places;
  if (!config.ok) return config;
  const [bare, gitFolder = "", common = "", ...more] = places.value.stdout.split("\n");
  const [tree = "", ...rest] = bare === "true" ? [gitFolder, ...more] : more;
  if ((places.value.code !== 0 && bare !== "true") || rest.length !== 1) {
    const found = bare === "false" ? "invalid" : "not_found";
    return fail(found, `Cannot use the repository '${shown}': ${firstError({ ...places.value, stdout: "" })}`);
  }
  for (const path of new Set([tree, gitFolder, common])) {
    const read = await context.host.fs.pass("read", path);
    if (!read.ok) return read;
    const write = access === "write" ? await context.host.fs.pass("write", path) : read;
    if (!write.ok) return write;
  }
  for (const path of new Set([gitFolder, common])) {
    const passed = await passPlaces(path, access, context);
    if (!passed.ok) return passed;
  }
  // Only now: the config itself may be a link to what is nobody's business.
  if (config.value.code !== 0)
    return fail("invalid", `Cannot read the config of '${shown}': ${firstError(config.value)}`);
  const settings = parseSettings(config.value.stdout);
  // An older git takes no settings from the environment.
  if (
    !settings.some(({ scope, key, value }) => scope === "command" && key === "core.hookspath" && value === "/dev/null")
  ) {
    return fail("unsupported", "Cannot use git: it is too old, 2.37 is needed");
  }
  const screened = screen(settings);
  if (!screened.ok) return fail("unsupported", `Cannot use the repository '${shown}': ${screened.error}`);
  const { overrides, ignored } = screened.value;
  return ok({ git: git.with(overrides), folder: tree, gitFolder, ignored });
}

/**
 * Who the user is, where the repository does not say so itself, and which credential helpers are the user's own: of the user's own
 * config, nothing else counts.
 */
export async function userSettings(git: Git): Promise<Override[]> {
  const ran = await git.run(["config", "--includes", "--list", "-z", "--show-scope"], { user: true });
  if (!ran.ok || ran.value.code !== 0) return [];
  const settings = parseSettings(ran.value.stdout);
  const own = settings.flatMap(({ scope, key }) => (scope === "local" || scope === "worktree" ? [key] : []));
  return settings.flatMap(({ scope, key, value }) =>
    scope === "global" && (key.startsWith("credential.") || (/^user\.(name|email)$/.test(key) && !own.includes(key)))
      ? [[key, value] as const]
      : [],
  );
}

/** What git said went wrong, in one line. */
export function firstError({ stderr, stdout }: Ran): string {
  const lines = `${stderr}\n${stdout}`.split("\n").map((line) => line.trim());
  const found = lines.find((line) => /^(fatal|error): /.test(line)) ?? lines.find((line) => line !== "") ?? "it failed";
  return found.replace(/^(fatal|error): /, "").replace(/:\/\/[^/@\s]*@/g, "://");
}
