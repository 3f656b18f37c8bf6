import { pathToFileURL } from "node:url";
import { FileChangeType, type FileEvent, type ProtocolConnection } from "vscode-languageserver-protocol/node";
import type { Host } from "../core/host.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { bytes } from "./bound.ts";
import { openText } from "./text.ts";

/** Larger files are not shown to a server. */
const largestDocument = 4_000_000;

/** The document that was opened first is closed when more are open. */
const mostOpen = 100;

/** Of a larger tree changes are noticed in the first files only. */
const mostWatched = 20_000;

/** A file as the server knows it. */
export type Document = { path: string; uri: string; version: number; text: string };

/** What a server is told of the files below its root: the contents of those that are open, and which others changed. */
export type Documents = {
  /** Brings the server up to date with the disk. */
  sync(host: Host): Promise<void>;
  /** The same, and opens a file, by its real path. */
  open(host: Host, file: { real: string; id: string }): Promise<Result<Document>>;
  /** Makes a new version of a document that is the same, so that the server tells anew what it finds in it. */
  touch(document: Document): Promise<void>;
  /** Whether any is open. */
  any(): boolean;
};

export function openDocuments(connection: ProtocolConnection, globs: string[], signal: AbortSignal): Documents {
  const documents = new Map<string, Document>();
  let watched: Map<string, string> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const send = (method: string, params: object) => connection.sendNotification(method, params);

  const show = async (document: Document, languageId: string) => {
    documents.set(document.path, document);
    const { uri, version, text } = document;
    await send("textDocument/didOpen", { textDocument: { uri, languageId, version, text } });
  };

  const close = async ({ path, uri }: Document) => {
    documents.delete(path);
    await send("textDocument/didClose", { textDocument: { uri } });
  };

  const change = async (document: Document, text: string) => {
    document.text = text;
    document.version += 1;
    const { uri, version } = document;
    await send("textDocument/didChange", { textDocument: { uri, version }, contentChanges: [{ text }] });
  };

  const refresh = async (host: Host, document: Document) => {
    // What may no longer be read, or is gone, the server looks at by itself.
    const read = (await host.fs.may("read", document.path)) ? await readWhole(host, document.path) : undefined;
    if (read?.ok !== true) return close(document);
    if (read.value === document.text) return undefined;
    await change(document, read.value);
    return send("textDocument/didSave", { textDocument: { uri: document.uri }, text: read.value });
  };

  const notice = async (host: Host) => {
    const now = await look(host, globs, signal);
    const before = watched;
    watched = now;
    if (now === undefined || before === undefined) return;
    const event = (path: string, type: FileChangeType): FileEvent => ({ uri: uriOf(`${host.cwd}/${path}`), type });
    const changes = [
      ...[...now].flatMap(([path, stamp]) => {
        const old = before.get(path);
        if (old === stamp) return [];
        return [event(path, old === undefined ? FileChangeType.Created : FileChangeType.Changed)];
      }),
      ...[...before.keys()].filter((path) => !now.has(path)).map((path) => event(path, FileChangeType.Deleted)),
    ];
    if (changes.length > 0) await send("workspace/didChangeWatchedFiles", { changes });
  };

  const sync = async (host: Host) => {
    await notice(host);
    for (const document of documents.values()) await refresh(host, document);
  };

  const open = async (host: Host, { real, id }: { real: string; id: string }) => {
    const known = documents.get(real);
    if (known !== undefined) return ok(known);
    const text = await readWhole(host, real);
    if (!text.ok) return text;
    const [first] = documents.values();
    if (first !== undefined && documents.size >= mostOpen) await close(first);
    const document = { path: real, uri: uriOf(real), version: 1, text: text.value };
    await show(document, id);
    return ok(document);
  };

  /** One at a time: calls of a turn run side by side. */
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = last.then(act);
    last = mine.catch(() => undefined);
    return mine;
  };

  return {
    sync: (host) => inTurn(() => sync(host)),
    open: (host, file) =>
      inTurn(async () => {
        await sync(host);
        return open(host, file);
      }),
    touch: (document) => change(document, document.text),
    any: () => documents.size > 0,
  };
}

export function uriOf(path: string): string {
  return pathToFileURL(path).href;
}

/** A text file, whole. */
export async function readWhole(host: Host, path: string): Promise<Result<string>> {
  const opened = await openText(host, path);
  if (!opened.ok) return opened;
  const file = opened.value;
  if (file.kind === "binary") return fail("invalid", `Cannot use '${path}': it is ${file.what}`);
  if (file.size > largestDocument) {
    return fail(
      "too_large",
      `Cannot use '${path}': it has ${bytes(file.size)}, at most ${bytes(largestDocument)} can be`,
    );
  }
  let text = "";
  for await (const piece of file.pieces()) {
    if (!piece.ok) return piece;
    text += piece.value;
  }
  return ok(text);
}

/** The files of the working folder that matter to a server, each with a stamp of its content; undefined where they may not be seen. */
async function look(host: Host, globs: string[], signal: AbortSignal): Promise<Map<string, string> | undefined> {
  if (!(await host.fs.may("read", "."))) return undefined;
  const found = new Map<string, string>();
  const query = { globs, all: false, sort: "path" as const, offset: 1, limit: mostWatched };
  const listed = await host.fs.tree(".", query, signal, (entries) => {
    for (const { path, kind, size, modifiedMs } of entries)
      if (kind === "file") found.set(path, `${size} ${modifiedMs}`);
  });
  return listed.ok ? found : undefined;
}
