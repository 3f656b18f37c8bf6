import { fileURLToPath } from "node:url";
import { relative } from "node:path";
import type { Position } from "vscode-languageserver-protocol/node";
import type { Host } from "../core/host.ts";
import { shownPath } from "./bound.ts";
import { readWhole } from "./lsp-documents.ts";
import { linesOf, toPlace, type Encoding } from "./lsp-position.ts";

/** The longest part of a line that is quoted. */
const longestQuote = 200;

/** The files that an answer speaks of. Only what may be read is read, and nobody is asked for more. */
export class Files {
  readonly #host: Host;
  readonly #encoding: Encoding;
  readonly #texts = new Map<string, Promise<string | undefined>>();

  constructor(host: Host, encoding: Encoding) {
    this.#host = host;
    this.#encoding = encoding;
  }

  /** The text of a file; undefined where it may not be read, or is no text. */
  text(uri: string): Promise<string | undefined> {
    const known = this.#texts.get(uri);
    if (known !== undefined) return known;
    const text = this.#read(uri);
    this.#texts.set(uri, text);
    return text;
  }

  async #read(uri: string): Promise<string | undefined> {
    const path = pathOf(uri);
    if (path === undefined || !(await this.#host.fs.may("read", path))) return undefined;
    const read = await readWhole(this.#host, path);
    return read.ok ? read.value : undefined;
  }

  /** A file as a line names it: relative to the working folder where it is inside. */
  name(uri: string): string {
    const path = pathOf(uri);
    if (path === undefined) return clean(uri).slice(0, longestQuote);
    return shownPath(this.isInside(uri) ? relative(this.#host.cwd, path) : path);
  }

  /** Whether a file is below the working folder. */
  isInside(uri: string): boolean {
    const path = pathOf(uri);
    const below = path === undefined ? ".." : relative(this.#host.cwd, path);
    return below !== "" && below !== ".." && !below.startsWith("../");
  }

  /** `src/a.ts:3:7` */
  async place(uri: string, position: Position): Promise<string> {
    const text = await this.text(uri);
    const { line, column } = toPlace(text === undefined ? [] : linesOf(text), position, this.#encoding);
    return `${this.name(uri)}:${line}:${column}`;
  }

  /** The line of a position, for a quotation; undefined where it may not be read. */
  async quote(uri: string, { line }: Position): Promise<string | undefined> {
    const text = await this.text(uri);
    const whole = text === undefined ? undefined : linesOf(text)[line];
    if (whole === undefined) return undefined;
    const words = clean(whole).trim();
    return words.length > longestQuote ? `${words.slice(0, longestQuote).toWellFormed()}…` : words;
  }
}

/** The path of a file's URI; undefined for what is no file. */
export function pathOf(uri: string): string | undefined {
  try {
    return fileURLToPath(uri);
  } catch {
    return undefined;
  }
}

/** Text without control characters, but for line ends and tabs. */
export function clean(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(/[^\P{Cc}\t\n]/gu, "\ufffd");
}
