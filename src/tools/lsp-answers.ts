import { basename } from "node:path";
import type { ProtocolConnection } from "vscode-languageserver-protocol/node";
import { isJsonObject, type Json } from "../core/json.ts";
import { uriOf } from "./lsp-documents.ts";
import type { Language } from "./lsp-languages.ts";
import type { News } from "./news.ts";

/** What a server has told by itself. */
export type Heard = {
  /** What it is at, such as "Indexing"; undefined when it is ready for requests. */
  busy(): string | undefined;
  /** What it last published of a file, by its URI. `count`: how often it did. */
  published(uri: string): Published | undefined;
};

export type Published = { version: number | undefined; diagnostics: Json[]; count: number };

/** More is not kept of what a server tells. */
const mostKept = 1000;

/** Answers what a server asks of us: it gets its settings, and nothing is changed for it. Keeps what it tells. */
export function answerServer(
  connection: ProtocolConnection,
  cwd: string,
  { settings, tellsReady = false }: Language,
  news: News,
): Heard {
  const published = new Map<string, Published>();
  const progress = new Map<string, string>();
  let status = tellsReady ? "loading the project" : undefined;

  connection.onRequest("workspace/configuration", (params: Json) => {
    const items = isJsonObject(params) && Array.isArray(params["items"]) ? params["items"] : [];
    return items.slice(0, mostKept).map((item) => {
      const section = isJsonObject(item) ? item["section"] : undefined;
      return typeof section === "string" && Object.hasOwn(settings, section) ? settings[section] : null;
    });
  });
  connection.onRequest("workspace/workspaceFolders", () => [{ uri: uriOf(cwd), name: basename(cwd) }]);
  connection.onRequest("workspace/applyEdit", () => ({
    applied: false,
    failureReason: "This client changes no files",
  }));
  connection.onRequest("window/showDocument", () => ({ success: false }));
  for (const method of quietly) connection.onRequest(method, () => null);

  connection.onNotification("$/progress", (params: Json) => {
    if (!isJsonObject(params) || !isJsonObject(params["value"])) return;
    const token = JSON.stringify(params["token"]);
    const { kind, title } = params["value"];
    if (kind === "end") progress.delete(token);
    else if (kind === "begin" && progress.size < mostKept) {
      progress.set(token, typeof title === "string" && title !== "" ? title.slice(0, 100) : "working");
    }
    news.tell();
  });
  connection.onNotification("experimental/serverStatus", (params: Json) => {
    if (!isJsonObject(params)) return;
    status = params["quiescent"] === false ? "loading the project" : undefined;
    news.tell();
  });
  connection.onNotification("textDocument/publishDiagnostics", (params: Json) => {
    if (!isJsonObject(params)) return;
    const { uri, version, diagnostics } = params;
    if (typeof uri !== "string" || !Array.isArray(diagnostics)) return;
    const key = keyOf(uri);
    const count = (published.get(key)?.count ?? 0) + 1;
    const [first] = published.keys();
    if (first !== undefined && published.size >= mostKept && !published.has(key)) published.delete(first);
    published.set(key, { version: typeof version === "number" ? version : undefined, diagnostics, count });
    news.tell();
  });
  return {
    busy: () => [...progress.values()][0] ?? status,
    published: (uri) => published.get(keyOf(uri)),
  };
}

/** Requests that are answered with nothing. */
const quietly = [
  "window/showMessageRequest",
  "window/workDoneProgress/create",
  "client/registerCapability",
  "client/unregisterCapability",
  "workspace/semanticTokens/refresh",
  "workspace/inlayHint/refresh",
  "workspace/inlineValue/refresh",
  "workspace/codeLens/refresh",
  "workspace/diagnostic/refresh",
  "workspace/foldingRange/refresh",
];

/** Servers write the same URI in several ways. */
function keyOf(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}
