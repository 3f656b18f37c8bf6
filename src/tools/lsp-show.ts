import {
  DocumentSymbol,
  Hover,
  Location,
  LocationLink,
  Range,
  type Diagnostic,
  type Position,
} from "vscode-languageserver-protocol/node";
import { isJsonObject, type Json } from "../core/json.ts";
import type { ToolOutcome } from "../core/tool.ts";
import { boundedText, grouped } from "./bound.ts";
import { clean, type Files } from "./lsp-files.ts";
import { linesOf, toPlace, type Encoding } from "./lsp-position.ts";

/** More results of one answer are only counted. */
const mostShown = 300;

type Spot = { uri: string; start: Position };

/** The places of definitions or references, each with its line. Empty when there are none. */
export async function showPlaces(answer: Json, files: Files): Promise<string> {
  const spots = listOf(answer).flatMap((one): Spot[] => {
    if (LocationLink.is(one)) return [{ uri: one.targetUri, start: one.targetSelectionRange.start }];
    return Location.is(one) ? [{ uri: one.uri, start: one.range.start }] : [];
  });
  const lines = await Promise.all(
    unique(spots)
      .slice(0, mostShown)
      .map(async ({ uri, start }) => {
        const quote = await files.quote(uri, start);
        return `${await files.place(uri, start)}${quote === undefined ? " [not shown: it may not be read]" : `: ${quote}`}`;
      }),
  );
  return counted(lines, unique(spots).length);
}

/** In the order of files and lines; several servers' answers have doubles. */
function unique(spots: readonly Spot[]): Spot[] {
  const seen = new Map(spots.map((spot) => [`${spot.uri} ${spot.start.line} ${spot.start.character}`, spot]));
  return [...seen.values()].toSorted(
    (a, b) =>
      Number(a.uri > b.uri) - Number(a.uri < b.uri) ||
      a.start.line - b.start.line ||
      a.start.character - b.start.character,
  );
}

export function showHover(answer: Json): string {
  if (!Hover.is(answer)) return "";
  const { contents } = answer;
  const parts = Array.isArray(contents) ? contents : [contents];
  const texts = parts.map((part) => (typeof part === "string" ? part : part.value));
  return clean(texts.join("\n\n")).trim();
}

/** What a document is made of: `12:7 class Shape (to line 30)`, what is in it below it. */
export function showOutline(answer: Json, text: string, encoding: Encoding): string {
  const lines = linesOf(text);
  const shown: string[] = [];
  let count = 0;
  const add = (depth: number, name: string, kind: number, start: Position, end: Position) => {
    count++;
    if (count > mostShown) return;
    const { line, column } = toPlace(lines, start, encoding);
    const last = end.line > start.line ? ` (to line ${end.line + 1})` : "";
    shown.push(`${"  ".repeat(Math.min(depth, 20))}${line}:${column} ${kindOf(kind)} ${oneLine(name)}${last}`);
  };
  // No recursion: an answer may be as deep as the server likes.
  const stack = lastFirst(answer, 0);
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { symbol, depth } = next;
    if (DocumentSymbol.is(symbol)) {
      add(depth, symbol.name, symbol.kind, symbol.selectionRange.start, symbol.range.end);
      const below = isJsonObject(next.symbol) ? (next.symbol["children"] ?? null) : null;
      for (const child of lastFirst(below, depth + 1)) stack.push(child);
    } else {
      const { name, kind, range } = symbolOf(symbol) ?? {};
      if (name !== undefined && kind !== undefined && range !== undefined)
        add(depth, name, kind, range.start, range.end);
    }
  }
  return counted(shown, count);
}

/** Symbols of one level, the last of the file first. */
function lastFirst(answer: Json, depth: number): Array<{ symbol: Json; depth: number }> {
  const start = (symbol: Json) =>
    DocumentSymbol.is(symbol)
      ? symbol.selectionRange.start
      : (symbolOf(symbol)?.range?.start ?? { line: 0, character: 0 });
  return listOf(answer)
    .map((symbol) => ({ symbol, depth, at: start(symbol) }))
    .toSorted((a, b) => b.at.line - a.at.line || b.at.character - a.at.character);
}

/** Symbols by name, those of the working folder first: `src/a.ts:12:7 class Shape (in geometry)`. */
export async function showSymbols(answer: Json, files: Files): Promise<string> {
  const all = listOf(answer).flatMap((one) => symbolOf(one) ?? []);
  const within = Object.groupBy(all, ({ uri }) => (files.isInside(uri) ? "inside" : "outside"));
  const found = [...(within.inside ?? []), ...(within.outside ?? [])];
  const lines = await Promise.all(
    found.slice(0, mostShown).map(async ({ name, kind, container, uri, range }) => {
      const place = range === undefined ? files.name(uri) : await files.place(uri, range.start);
      const where = container === "" ? "" : ` (in ${oneLine(container)})`;
      return `${place} ${kindOf(kind)} ${oneLine(name)}${where}`;
    }),
  );
  return counted(lines, found.length);
}

/** A SymbolInformation, or a WorkspaceSymbol, which may lack the range. */
function symbolOf(value: Json) {
  if (!isJsonObject(value) || !isJsonObject(value["location"])) return undefined;
  const { name, kind, containerName, location } = value;
  const { uri, range } = location;
  if (typeof name !== "string" || typeof kind !== "number" || typeof uri !== "string") return undefined;
  const container = typeof containerName === "string" ? containerName : "";
  return { name, kind, container, uri, range: Range.is(range) ? range : undefined };
}

/** Problems of one file: `src/a.ts:3:7 error TS2322: …`. */
export async function showDiagnostics(found: readonly Diagnostic[], uri: string, files: Files): Promise<string> {
  const sorted = found.toSorted(
    (a, b) => a.range.start.line - b.range.start.line || a.range.start.character - b.range.start.character,
  );
  const lines = await Promise.all(
    sorted.slice(0, mostShown).map(async ({ range, message, severity, code }) => {
      const text = typeof message === "string" ? message : "";
      const label = [severities[severity ?? 1] ?? "error", ...(code === undefined ? [] : [oneLine(String(code))])].join(
        " ",
      );
      return `${await files.place(uri, range.start)} ${label}: ${oneLine(text)}`;
    }),
  );
  return counted(lines, sorted.length);
}

const severities: Readonly<Record<number, string>> = { 1: "error", 2: "warning", 3: "information", 4: "hint" };

/** The protocol's numbers for kinds of symbols, from 1 on. */
const kinds =
  "file module namespace package class method property field constructor enum interface function variable constant string number boolean array object key null member struct event operator parameter"
    .split(" ")
    .map((kind) => (kind === "member" ? "enum member" : kind === "parameter" ? "type parameter" : kind));

function kindOf(kind: number): string {
  return kinds[kind - 1] ?? "symbol";
}

function listOf(answer: Json): readonly Json[] {
  if (answer === null) return [];
  return Array.isArray(answer) ? answer : [answer];
}

function oneLine(text: string): string {
  return clean(text)
    .replace(/\s*\n\s*/g, " ")
    .slice(0, 1000)
    .toWellFormed();
}

function counted(lines: readonly string[], count: number): string {
  const left = count - lines.length;
  return [...lines, ...(left > 0 ? [`[${grouped(left)} more are not shown: ask for something narrower]`] : [])].join(
    "\n",
  );
}

/** A text as an answer that fits. */
export function bounded(text: string): ToolOutcome {
  return boundedText(text, (count) => `${count} characters left out here`);
}
