import { basename } from "node:path";
import type { LanguageServers, ServerLanguage } from "../core/language-server.ts";
import { fail, type Result } from "../core/result.ts";
import type { ToolContext } from "../core/tool.ts";
import { languages } from "./lsp-languages.ts";
import { aborted, startServer, type Server } from "./lsp-server.ts";

/** A server that dies is started again, until it was started so often. */
const mostStarts = 2;

/** The servers of one run: one for each language, started when it is first used. */
export type Servers = {
  /** Does something with the server of a language. If that dies of it, it is done once more with a new one. */
  use<T>(
    language: ServerLanguage,
    context: ToolContext,
    until: AbortSignal,
    act: (server: Server) => Promise<Result<T>>,
  ): Promise<Result<T>>;
};

type Slot = { starts: number; current: Promise<Result<Server>> | undefined; end: string };

export function openServers(commands: LanguageServers): Servers {
  const slots = new Map<ServerLanguage, Slot>();

  const begin = async (language: ServerLanguage, slot: Slot, context: ToolContext): Promise<Result<Server>> => {
    slot.starts++;
    const started = await startServer(language, commands[language] ?? languages[language].command, context);
    if (started.ok) return started;
    slot.end = started.error.message;
    // What never ran did not die.
    if (started.error.code === "not_found" || started.error.code === "denied") slot.starts--;
    slot.current = undefined;
    return started;
  };

  /** The one that runs, or a new one. */
  const take = async (language: ServerLanguage, slot: Slot, context: ToolContext): Promise<Result<Server>> => {
    const { current } = slot;
    const running = await current;
    if (running !== undefined && (!running.ok || running.value.ended() === undefined)) return running;
    if (slot.current === current && current !== undefined) {
      slot.end = (running?.ok === true ? running.value.ended() : undefined) ?? slot.end;
      slot.current = undefined;
    }
    if (slot.current === undefined && slot.starts >= mostStarts) {
      const often = `it ended ${mostStarts} times in this run and is not started again`;
      return fail(
        "failed",
        `Cannot use the server for ${languages[language].title}: ${often}; the last time ${slot.end}`,
      );
    }
    slot.current ??= begin(language, slot, context);
    return slot.current;
  };

  return {
    use: async (language, context, until, act) => {
      const slot = slots.get(language) ?? { starts: 0, current: undefined, end: "" };
      slots.set(language, slot);
      const [program = ""] = commands[language] ?? languages[language].command;
      const named = `'${basename(program)}'`;
      for (;;) {
        const server = await Promise.race([take(language, slot, context), aborted(until)]);
        if (typeof server === "symbol")
          return context.signal.aborted
            ? fail("cancelled", `Cannot use ${named}: cancelled`)
            : fail("timeout", `Cannot use ${named} yet: it still starts; call again`);
        if (!server.ok) {
          if (server.error.code === "failed" && slot.starts > 0 && slot.starts < mostStarts) continue;
          return server;
        }
        const result = await act(server.value);
        if (result.ok || server.value.ended() === undefined) return result;
        if (context.signal.aborted) return result;
        if (slot.starts < mostStarts) continue;
        slot.end = server.value.ended() ?? "";
        const words = `Cannot use ${named}: it died, also when it was started again: ${slot.end}`;
        return fail("failed", words);
      }
    },
  };
}
