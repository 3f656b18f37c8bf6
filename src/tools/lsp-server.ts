import { basename } from "node:path";
import { CancellationTokenSource } from "vscode-languageserver-protocol/node";
import type { Child } from "../core/host.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { ServerLanguage } from "../core/language-server.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { ToolContext } from "../core/tool.ts";
import { HeadAndTail } from "./bound.ts";
import { openDocuments, uriOf, type Documents } from "./lsp-documents.ts";
import { answerServer, type Heard } from "./lsp-answers.ts";
import { globsFor, languages, type Language } from "./lsp-languages.ts";
import { encodings, type Encoding } from "./lsp-position.ts";
import { openWire } from "./lsp-wire.ts";
import { newsBoard, type News } from "./news.ts";

/** How long a server may take to begin. */
const startMs = 60_000;

/** How long a server that reads no more may take to end. */
const deafMs = 2000;

/** How often a request is made again that the server gave up, since what it works on changed. */
const tries = 5;

/** A language server that runs, and has been told where the project is. */
export type Server = {
  capabilities: JsonObject;
  encoding: Encoding;
  documents: Documents;
  heard: Heard;
  /** Told whenever its state changes: progress, published diagnostics, its end. */
  news: News;
  /** Why it ended; undefined while it runs. */
  ended(): string | undefined;
  /** Asks it something; the request is cancelled when the signal aborts. */
  ask(method: string, params: JsonObject, until: AbortSignal): Promise<Result<Json>>;
};

/** Starts the server of a language in the working folder. It ends with the run. */
export async function startServer(
  language: ServerLanguage,
  command: readonly string[],
  context: ToolContext,
): Promise<Result<Server>> {
  const { host, signal } = context;
  const known = languages[language];
  const [program = ""] = command;
  // Nobody knows how to get what an agent file names.
  const help = command === known.command ? `; to install the server for ${known.title}: ${known.install}` : "";
  const stderr = new HeadAndTail(2000);
  const decoder = new TextDecoder();
  const news = newsBoard();
  let child: Child | undefined;
  let end: string | undefined;

  const finish = (why: string) => {
    if (end !== undefined) return;
    const { head, tail } = stderr.parts();
    const said = (head + tail).trim();
    end = said === "" ? why : `${why}; it said: ${said}`;
    connection.dispose();
    child?.kill("SIGKILL");
    news.tell();
  };
  const write: Child["write"] = async (bytes) => {
    if (child === undefined) return fail("failed", "It does not run yet");
    const written = await child.write(bytes);
    // Who reads no more has ended, or is about to: how it ended says more.
    if (!written.ok) await Promise.race([child.ended, context.clock.sleep(deafMs, signal)]);
    return written;
  };
  const { connection, take } = openWire(write, finish);
  const heard = answerServer(connection, host.cwd, known, news);
  connection.listen();

  const started = await host.process.start([...command], {
    input: true,
    signal,
    onOutput: (stream, bytes) => {
      if (stream === "stdout") take(bytes);
      else stderr.add(decoder.decode(bytes, { stream: true }));
    },
  });
  if (!started.ok) {
    connection.dispose();
    const { code, message } = started.error;
    return code === "denied" ? started : fail(code, message + help);
  }
  child = started.value;
  void child.ended.then((result) => {
    if (!result.ok) return finish(result.error.message);
    const { code, signal: killed } = result.value;
    return finish(killed === null ? `it ended with exit code ${code}` : `it was ended by ${killed}`);
  });

  /** As `ask`, and the error is what the server says. */
  const request: Server["ask"] = async (method, params, until) => {
    const source = new CancellationTokenSource();
    const cancel = () => source.cancel();
    until.addEventListener("abort", cancel, { once: true });
    const unanswered = () =>
      end === undefined
        ? fail(signal.aborted ? "cancelled" : "timeout", "it did not answer in time; call again, with a longer timeout")
        : fail("failed", end);
    try {
      for (let attempt = 1; ; attempt++) {
        if (end !== undefined || until.aborted) return unanswered();
        try {
          const answer = connection.sendRequest<Json>(method, params, source.token);
          const value = await Promise.race([answer, aborted(until)]);
          return value === interrupted ? unanswered() : ok(value);
        } catch (error) {
          if (end !== undefined || until.aborted) return unanswered();
          if (attempt === tries || !isPassing(error)) return fail("invalid", wordsOf(error));
        }
        await context.clock.sleep(100 * attempt, until);
      }
    } finally {
      until.removeEventListener("abort", cancel);
      source.dispose();
    }
  };

  const patience = new AbortController();
  const begun = new AbortController();
  void context.clock.sleep(startMs, AbortSignal.any([signal, begun.signal])).then(() => patience.abort());
  const greeting = await request("initialize", greet(host.cwd, known), AbortSignal.any([signal, patience.signal]));
  begun.abort();
  if (!greeting.ok) {
    const { code, message } = greeting.error;
    finish(code === "timeout" ? `it did not begin within ${startMs / 1000} s` : message);
    return fail(code, `Cannot use '${program}': ${end ?? message}${help}`);
  }
  const { value } = greeting;
  const offered = isJsonObject(value) ? value["capabilities"] : undefined;
  const capabilities = isJsonObject(offered) ? offered : {};
  try {
    await connection.sendNotification("initialized", {});
    await connection.sendNotification("workspace/didChangeConfiguration", { settings: known.settings });
  } catch {
    return fail("failed", `Cannot use '${program}': ${end ?? "it reads no more"}${help}`);
  }
  return ok({
    capabilities,
    encoding: encodings.find((one) => one === capabilities["positionEncoding"]) ?? "utf-16",
    documents: openDocuments(connection, globsFor(language), signal),
    heard,
    news,
    ended: () => end,
    ask: async (method, params, until) => {
      const answer = await request(method, params, until);
      if (answer.ok) return answer;
      return fail(answer.error.code, `Cannot ask '${program}' for '${method}': ${answer.error.message}`);
    },
  });
}

function greet(cwd: string, { options }: Language): JsonObject {
  const uri = uriOf(cwd);
  return {
    // It is not the server's to watch us: the run ends it.
    processId: null,
    clientInfo: { name: "rein" },
    rootUri: uri,
    workspaceFolders: [{ uri, name: basename(cwd) }],
    initializationOptions: options,
    capabilities: {
      general: { positionEncodings: [...encodings] },
      workspace: {
        configuration: true,
        workspaceFolders: true,
        didChangeConfiguration: {},
        didChangeWatchedFiles: { dynamicRegistration: true },
        workspaceEdit: { documentChanges: true },
        symbol: {},
        diagnostics: { refreshSupport: true },
      },
      textDocument: {
        synchronization: { didSave: true },
        definition: { linkSupport: true },
        references: {},
        hover: { contentFormat: ["plaintext", "markdown"] },
        documentSymbol: { hierarchicalDocumentSymbolSupport: true },
        rename: {},
        publishDiagnostics: { versionSupport: true },
        diagnostic: {},
      },
      window: { workDoneProgress: true },
      experimental: { serverStatusNotification: true },
    },
  };
}

const interrupted = Symbol("interrupted");

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<typeof interrupted> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(interrupted);
    signal.addEventListener("abort", () => resolve(interrupted), { once: true });
  });
}

/** ContentModified, ServerCancelled: the same request may be answered a moment later. */
function isPassing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === -32_801 || error.code === -32_802);
}

function wordsOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 1000);
}
