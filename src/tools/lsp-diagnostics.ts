import { Diagnostic } from "vscode-languageserver-protocol/node";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { ToolContext } from "../core/tool.ts";
import type { Document } from "./lsp-documents.ts";
import { aborted, type Server } from "./lsp-server.ts";

/** How long a server that only tells of problems by itself may take to tell of a file. */
const publishMs = 20_000;

/** It has told all when it told nothing more for so long. */
const quietMs = 1000;

/**
 * What a server finds wrong with a document as it is now: by asking, where it can be asked; else by waiting for what it tells of
 * this version.
 */
export async function diagnose(
  server: Server,
  document: Document,
  context: ToolContext,
  until: AbortSignal,
): Promise<Result<Diagnostic[]>> {
  const { diagnosticProvider, executeCommandProvider } = server.capabilities;
  if (isJsonObject(diagnosticProvider)) {
    const report = await server.ask("textDocument/diagnostic", { textDocument: { uri: document.uri } }, until);
    if (!report.ok) return report;
    const items = isJsonObject(report.value) ? report.value["items"] : undefined;
    return ok(rightOnes(items));
  }
  const commands = isJsonObject(executeCommandProvider) ? executeCommandProvider["commands"] : undefined;
  if (Array.isArray(commands) && commands.includes(tsserverRequest)) return askTsserver(server, document, until);
  return waitFor(server, document, context, until);
}

function rightOnes(items: Json | undefined): Diagnostic[] {
  return Array.isArray(items) ? items.flatMap((one) => (Diagnostic.is(one) ? [one] : [])) : [];
}

/** The way that typescript-language-server has to the server behind it, which can be asked. */
const tsserverRequest = "typescript.tsserverRequest";

async function askTsserver(server: Server, document: Document, until: AbortSignal): Promise<Result<Diagnostic[]>> {
  const found: Diagnostic[] = [];
  for (const command of ["syntacticDiagnosticsSync", "semanticDiagnosticsSync"]) {
    const params = { command: tsserverRequest, arguments: [command, { file: document.uri }] };
    const answer = await server.ask("workspace/executeCommand", params, until);
    if (!answer.ok) return answer;
    const body = isJsonObject(answer.value) ? answer.value["body"] : undefined;
    if (!Array.isArray(body))
      return fail("invalid", "Cannot tell what is wrong there: the TypeScript server said nothing of it");
    for (const one of body) if (isJsonObject(one)) found.push(...fromTsserver(one));
  }
  return ok(found);
}

const categories: Readonly<Record<string, 1 | 2 | 4>> = { error: 1, warning: 2, suggestion: 4 };

function fromTsserver({ start, end, text, code, category }: JsonObject): Diagnostic[] {
  if (typeof text !== "string" || !isJsonObject(start) || !isJsonObject(end)) return [];
  const at = ({ line, offset }: JsonObject) => ({ line: Number(line) - 1, character: Number(offset) - 1 });
  const diagnostic = {
    range: { start: at(start), end: at(end) },
    message: text,
    severity: categories[String(category)] ?? 1,
    ...(typeof code === "number" ? { code: `TS${code}` } : {}),
  };
  return Diagnostic.is(diagnostic) ? [diagnostic] : [];
}

/** Makes the server look at the document anew, and waits until it has told what it found. */
async function waitFor(
  { heard, news, documents, ended }: Server,
  document: Document,
  { clock, signal }: ToolContext,
  until: AbortSignal,
): Promise<Result<Diagnostic[]>> {
  const before = heard.published(document.uri)?.count ?? 0;
  await documents.touch(document);
  const told = () => {
    const published = heard.published(document.uri);
    if (published === undefined || published.count === before) return undefined;
    return published.version === undefined || published.version >= document.version ? published : undefined;
  };
  const over = new AbortController();
  const patience = new AbortController();
  void clock.sleep(publishMs, AbortSignal.any([until, over.signal])).then(() => patience.abort());
  try {
    while (told() === undefined && ended() === undefined && !patience.signal.aborted) {
      await Promise.race([news.next(), aborted(patience.signal)]);
    }
    let count: number | undefined;
    while (count !== told()?.count && !until.aborted) {
      count = told()?.count;
      await clock.sleep(quietMs, until);
    }
  } finally {
    over.abort();
  }
  const end = ended();
  if (end !== undefined) return fail("failed", `Cannot tell what is wrong there: ${end}`);
  if (signal.aborted) return fail("cancelled", "Cannot tell what is wrong there: cancelled");
  const found = told();
  if (found === undefined) {
    return fail("timeout", "Cannot tell what is wrong there: the server told nothing of it in time; call again later");
  }
  return ok(rightOnes(found.diagnostics));
}
