import type { Json, JsonObject } from "../core/json.ts";
import { serverLanguages, type ServerLanguage } from "../core/language-server.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { ToolContext, ToolOutcome } from "../core/tool.ts";
import { number, text } from "./arguments.ts";
import type { Input } from "./lsp-integration.ts";
import { shownPath } from "./bound.ts";
import { failed } from "./failed.ts";
import { diagnose } from "./lsp-diagnostics.ts";
import { readWhole, type Document } from "./lsp-documents.ts";
import { Files } from "./lsp-files.ts";
import { globsFor, languageOf, languages } from "./lsp-languages.ts";
import { placesIn } from "./lsp-place.ts";
import { linesOf, toPosition } from "./lsp-position.ts";
import { diffOf } from "./lsp-rename.ts";
import { aborted, type Server } from "./lsp-server.ts";
import type { Servers } from "./lsp-servers.ts";
import { bounded, showDiagnostics, showHover, showOutline, showPlaces, showSymbols } from "./lsp-show.ts";

/** Seconds that a call takes at most, and may take beside that for an answer while the server is still busy. */
export const usualTimeout = 60;
const graceMs = 10_000;

/** A file that a call names: as it is written, its real path, and what the protocol calls its language. */
type Subject = { path: string; real: string; id: string; language: ServerLanguage };

/** One call and the server that it is for. */
type Asking = { server: Server; input: Input; context: ToolContext; until: AbortSignal; files: Files };
type AskingOf = Asking & { path: string; document: Document; partial: string | undefined };

export async function runLsp(input: Input, context: ToolContext, servers: Servers): Promise<ToolOutcome> {
  const operation = text(input, "operation");
  const path = text(input, "path");
  const seconds = number(input, "timeout", usualTimeout);
  const over = new AbortController();
  const limit = new AbortController();
  void context.clock.sleep(seconds * 1000, AbortSignal.any([context.signal, over.signal])).then(() => limit.abort());
  const until = AbortSignal.any([context.signal, limit.signal]);
  try {
    const subject = path === "" ? undefined : await subjectOf(path, context);
    if (subject !== undefined && "content" in subject) return subject;
    if (operation === "workspace_symbols") return await findSymbols(input, context, servers, subject, until);
    if (subject === undefined) return refuse(`Give path: the file for '${operation}'`);
    const wrong = await wrongPlace(operation, input, subject, context);
    if (wrong !== undefined) return wrong;
    const { partial } = languages[subject.language];
    const answer = await servers.use(subject.language, context, until, async (server) => {
      const document = await telling(server, () => server.documents.open(context.host, subject));
      if (!document.ok) return document;
      const busy = await waitUntilReady(server, until);
      const files = new Files(context.host, server.encoding);
      const ending = busy === undefined ? until : await longer(context, over.signal);
      const asking = { server, input, context, until: ending, files, path, document: document.value, partial };
      return noted(await (operations[operation] ?? unknownOperation)(asking), busy, seconds);
    });
    return told(answer);
  } finally {
    over.abort();
  }
}

const operations: Readonly<Record<string, (asking: AskingOf) => Promise<Result<string>>>> = {
  definition: (asking) =>
    askAt(asking, "textDocument/definition", {}, "No definition found", async (answer) =>
      ok(await showPlaces(answer, asking.files)),
    ),
  references: (asking) =>
    askAt(
      asking,
      "textDocument/references",
      { context: { includeDeclaration: true } },
      "No references found",
      async (answer) => ok(await showPlaces(answer, asking.files)),
    ),
  hover: (asking) =>
    askAt(asking, "textDocument/hover", {}, "Nothing is known", async (answer) => ok(showHover(answer))),
  rename: (asking) => {
    const newName = text(asking.input, "new_name");
    return askAt(asking, "textDocument/rename", { newName }, "Nothing to rename", (answer) =>
      diffOf(answer, asking.files, asking.server.encoding),
    );
  },
  document_symbols: async ({ server, document, until, path }) => {
    const answer = await server.ask("textDocument/documentSymbol", { textDocument: { uri: document.uri } }, until);
    if (!answer.ok) return answer;
    return ok(showOutline(answer.value, document.text, server.encoding) || `No symbols in ${shownPath(path)}`);
  },
  diagnostics: async ({ server, document, context, until, files, path, partial }) => {
    const found = await diagnose(server, document, context, until);
    if (!found.ok) return found;
    const shown = (await showDiagnostics(found.value, document.uri, files)) || `No problems in ${shownPath(path)}`;
    return ok(partial === undefined ? shown : `${shown}\n[${partial}]`);
  },
};

async function unknownOperation(): Promise<Result<string>> {
  return fail("invalid", "There is no such operation");
}

/** A request about the place that the call names, in the document as it is now: the first one of which there is something to say. */
async function askAt(
  { server, input, document, path, until }: AskingOf,
  method: string,
  more: JsonObject,
  nothing: string,
  show: (answer: Json) => Promise<Result<string>>,
): Promise<Result<string>> {
  const lines = linesOf(document.text);
  const places = placesIn(path, lines, wanted(input));
  if (!places.ok) return places;
  let last: Result<string> = ok("");
  for (const place of places.value) {
    const { line, character } = toPosition(lines, place, server.encoding);
    const params = { textDocument: { uri: document.uri }, position: { line, character }, ...more };
    const answer = await server.ask(method, params, until);
    last = answer.ok ? await show(answer.value) : answer;
    // A server refuses to rename what is no name.
    if (last.ok ? last.value !== "" : last.error.code !== "invalid") return last;
  }
  return last.ok ? ok(`${nothing}: is the place on a name?`) : last;
}

function wanted(input: Input) {
  return { line: number(input, "line", 0), column: number(input, "column", 0), symbol: text(input, "symbol") };
}

/** The file that a call names; what is wrong with it before a server is started for it. */
async function subjectOf(path: string, { host }: ToolContext): Promise<Subject | ToolOutcome> {
  const known = languageOf(path);
  if (known === undefined) {
    const endings = serverLanguages.flatMap((language) => Object.keys(languages[language].ids)).join(", ");
    return refuse(`No language server is known for ${shownPath(path)}: a file's name ends in one of ${endings}`);
  }
  const stat = await host.fs.stat(path);
  if (!stat.ok) return failed(stat.error, host, path);
  if (stat.value.kind !== "file") return refuse(`Cannot use '${path}': it is no file`);
  const real = await host.fs.pass("read", path);
  return real.ok ? { path, real: real.value, ...known } : failed(real.error, host, path);
}

const placed: readonly string[] = ["definition", "references", "hover", "rename"];

/** What is wrong with the other arguments, found before a server is started for them. */
async function wrongPlace(
  operation: string,
  input: Input,
  { path, real }: Subject,
  { host }: ToolContext,
): Promise<ToolOutcome | undefined> {
  if (!placed.includes(operation)) return undefined;
  const name = text(input, "new_name");
  if (operation === "rename" && (name === "" || /[\p{Cc}\s]/u.test(name))) {
    return refuse("Give new_name: a name without spaces");
  }
  const content = await readWhole(host, real);
  if (!content.ok) return failed(content.error, host, path);
  const place = placesIn(path, linesOf(content.value), wanted(input));
  return place.ok ? undefined : refuse(place.error.message);
}

async function findSymbols(
  input: Input,
  context: ToolContext,
  servers: Servers,
  subject: Subject | undefined,
  until: AbortSignal,
): Promise<ToolOutcome> {
  const query = text(input, "query");
  const language = subject?.language ?? serverLanguages.find((one) => one === text(input, "language"));
  if (query === "") return refuse("Give query: a name, or a part of it");
  if (language === undefined)
    return refuse(`Give language: ${serverLanguages.join(", ")}; or path: a file of the project`);
  const answer = await servers.use(language, context, until, async (server) => {
    // Some servers know of a project only when a file of it is open.
    const first = subject ?? (server.documents.any() ? undefined : await firstFile(language, context));
    const { documents } = server;
    const opened = await telling<unknown>(server, async () =>
      first === undefined ? ok(await documents.sync(context.host)) : documents.open(context.host, first),
    );
    if (!opened.ok) return opened;
    const busy = await waitUntilReady(server, until);
    const found = await server.ask("workspace/symbol", { query }, until);
    if (!found.ok) return found;
    const shown = await showSymbols(found.value, new Files(context.host, server.encoding));
    return noted(
      ok(shown || `No symbols found for '${query.slice(0, 200)}'`),
      busy,
      number(input, "timeout", usualTimeout),
    );
  });
  return told(answer);
}

async function firstFile(language: ServerLanguage, { host, signal }: ToolContext): Promise<Subject | undefined> {
  if (!(await host.fs.may("read", "."))) return undefined;
  const query = { globs: globsFor(language), all: false, sort: "path" as const, offset: 1, limit: 1000 };
  const paths: string[] = [];
  await host.fs.tree(".", query, signal, (entries) => paths.push(...entries.map((entry) => entry.path)));
  for (const path of paths) {
    const known = languageOf(path);
    if (known?.language === language) return { path, real: `${host.cwd}/${path}`, ...known };
  }
  return undefined;
}

/** Tells a server of documents. It fails where that can be told nothing any more. */
async function telling<T>(server: Server, act: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await act();
  } catch (error) {
    const why = server.ended() ?? (error instanceof Error ? error.message : String(error));
    return fail("failed", `Cannot tell the server of the file: ${why}`);
  }
}

/** Waits until a server has read the project. What it is still at when the time is up. */
async function waitUntilReady({ heard, news, ended }: Server, until: AbortSignal): Promise<string | undefined> {
  while (heard.busy() !== undefined && ended() === undefined && !until.aborted) {
    await Promise.race([news.next(), aborted(until)]);
  }
  return heard.busy();
}

/** Some more time, for an answer that is told to be incomplete. */
async function longer({ clock, signal }: ToolContext, over: AbortSignal): Promise<AbortSignal> {
  const limit = new AbortController();
  void clock.sleep(graceMs, AbortSignal.any([signal, over])).then(() => limit.abort());
  return AbortSignal.any([signal, limit.signal]);
}

function noted(answer: Result<string>, busy: string | undefined, seconds: number): Result<string> {
  if (!answer.ok || busy === undefined) return answer;
  return ok(
    `${answer.value}\n[the server was still busy after ${seconds} s (${busy}): there may be more; call again later]`,
  );
}

function told(answer: Result<string>): ToolOutcome {
  return answer.ok ? bounded(answer.value) : refuse(answer.error.message);
}

function refuse(content: string): ToolOutcome {
  return { content, error: true };
}
