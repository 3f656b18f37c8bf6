import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  Parser,
  type CST,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { kindName, quote, type Entry, type MapNode, type Node } from "./node.ts";
import { maxDiagnostics, type Problem, type Range } from "./source.ts";
import { otherVersion, severalDocuments, syntaxProblems, unsupportedTag } from "./syntax.ts";

/** How deep lists and maps may stand in each other. */
const maxDepth = 100;

/** How many lexical tokens a file may have: a long agent file has some thousands. The cost of all that follows is bounded by it. */
const maxTokens = 200_000;

/** How many nodes all aliases of a file together may stand for: enough for any real file, and a bomb ends here. */
const maxUnfolded = 10_000;

/** What a YAML text holds: its only value, none when there is no document, and what is wrong with the YAML itself. */
export type Parsed = { root: Node | undefined; problems: Problem[] };

/** Reads one YAML 1.2 document. After a problem of syntax there is no root: what would follow from it is not worth telling. */
export function parse(text: string): Parsed {
  const tokens = tokenize(text);
  if (!Array.isArray(tokens)) return { root: undefined, problems: [tokens] };
  const composer = new Composer({ prettyErrors: false, uniqueKeys: false, logLevel: "silent", version: "1.2" });
  const [document, second] = composer.compose(tokens, true, text.length);
  if (document === undefined) return { root: undefined, problems: [] };
  const problems = syntaxProblems(text, document);
  if (document.directives.yaml.version !== "1.2") problems.push(otherVersion(text));
  if (second !== undefined) problems.push(severalDocuments(text, second.range[0]));
  if (problems.length > 0) return { root: undefined, problems };
  if (document.contents === null || (isScalar(document.contents) && isVoid(document.contents.range))) {
    return { root: undefined, problems };
  }
  return new Builder(text).build(document.contents);
}

/** The tokens of a text, or where there are too many, nested too deep: the composer that follows is recursive. */
function tokenize(text: string): CST.Token[] | Problem {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const start = parser.offset;
    if (++lexemes > maxTokens) {
      return { code: "too_large", at: [start, start + 1], message: `The file has more than ${maxTokens} YAML tokens` };
    }
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > maxDepth + 2) {
      return {
        code: "yaml",
        at: [start, parser.offset],
        message: `Lists and maps are nested more than ${maxDepth} deep`,
      };
    }
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

/** The tags that YAML itself gives to plain values. */
const plainTags = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$/;

/** Turns the parser's nodes into ours: aliases and merge keys are followed, keys are unique texts. */
class Builder {
  readonly #text: string;
  readonly #problems: Problem[] = [];
  readonly #anchors = new Map<string, Node>();
  /** Anchors whose node is being built: an alias to one of them would contain itself. */
  readonly #open = new Set<string>();
  #unfolded = 0;

  constructor(text: string) {
    this.#text = text;
  }

  build(contents: unknown): Parsed {
    const root = this.#node(contents, [0, 1]);
    return this.#unfolded > maxUnfolded
      ? { root: undefined, problems: this.#problems }
      : { root, problems: this.#problems };
  }

  /** `owner` is where to point when the value is not written at all. */
  #node(source: unknown, owner: Range): Node {
    if (isAlias(source)) return this.#alias(source.source, rangeOf(source.range, owner));
    if (!isMap(source) && !isSeq(source) && !isScalar(source))
      return { at: owner, text: owner, size: 1, kind: "nothing" };
    const text = rangeOf(source.range, owner);
    if (source.tag !== undefined && !plainTags.test(source.tag)) {
      this.#problems.push(unsupportedTag(source.tag.replace("tag:yaml.org,2002:", "!!"), text));
      return { at: text, text, size: 1, kind: "broken" };
    }
    if (source.anchor === undefined) return this.#value(source, text);
    this.#open.add(source.anchor);
    const node = this.#value(source, text);
    this.#open.delete(source.anchor);
    this.#anchors.set(source.anchor, node);
    return node;
  }

  #value(source: YAMLMap | YAMLSeq | Scalar, text: Range): Node {
    const place = { at: text, text };
    if (isMap(source)) return this.#map(source.items, text);
    if (isSeq(source)) {
      const items = source.items.map((item) => this.#node(item, itemPlace(item, text)));
      return { ...place, kind: "list", items, size: items.reduce((sum, item) => sum + item.size, 1) };
    }
    const { value } = source;
    if (typeof value === "string") return { ...place, kind: "text", value, size: 1 };
    if (typeof value === "boolean") return { ...place, kind: "boolean", value, size: 1 };
    if (typeof value === "number") {
      if (!Number.isFinite(value)) this.#report(text, `${quote(this.#slice(text))} is not a number that JSON can hold`);
      return { ...place, kind: "number", value, size: 1 };
    }
    return { ...place, kind: "nothing", size: 1 };
  }

  #map(pairs: ReadonlyArray<{ key: unknown; value: unknown }>, text: Range): MapNode {
    const entries = new Map<string, Entry>();
    const merged: Array<Map<string, Entry>> = [];
    for (const pair of pairs) {
      const key = rangeOf(isScalar(pair.key) || isMap(pair.key) || isSeq(pair.key) ? pair.key.range : undefined, text);
      if (!isScalar(pair.key) || isVoid(pair.key.range)) {
        this.#report(key, "A key must be plain text");
        continue;
      }
      const name = typeof pair.key.value === "string" ? pair.key.value : this.#slice(key);
      const value = this.#node(pair.value, key);
      if (name === "<<" && pair.key.type === "PLAIN") {
        if (merged.length > 0) this.#report(key, "Duplicate key '<<'", "merge several maps as a list: <<: [*a, *b]");
        merged.push(...this.#merge(value));
      } else if (entries.has(name)) {
        this.#duplicate(name, key, entries.get(name)?.key ?? key);
      } else {
        entries.set(name, { key, value });
      }
    }
    for (const map of merged) for (const [name, entry] of map) if (!entries.has(name)) entries.set(name, entry);
    const size = [...entries.values()].reduce((sum, entry) => sum + entry.value.size, 1);
    return { at: text, text, kind: "map", entries, size };
  }

  /** The maps that a merge key names; earlier ones win. */
  #merge(value: Node): Array<Map<string, Entry>> {
    const sources = value.kind === "list" ? value.items : [value];
    return sources.flatMap((source) => {
      if (source.kind === "map") return [source.entries];
      if (source.kind !== "broken") {
        this.#report(source.at, `A merge key '<<' takes a map or a list of maps, found ${kindName(source)}`);
      }
      return [];
    });
  }

  #alias(name: string, at: Range): Node {
    const node = this.#anchors.get(name);
    if (this.#open.has(name)) this.#report(at, `Alias '*${name}' contains itself`);
    else if (node === undefined) this.#unknownAlias(name, at);
    else if (this.#unfolded <= maxUnfolded) {
      this.#unfolded += node.size;
      if (this.#unfolded <= maxUnfolded) return { ...node, at };
      this.#report(at, `The aliases of this file stand for more than ${maxUnfolded} values`);
    }
    return { at, text: at, kind: "broken", size: 1 };
  }

  /** A rule such as `*.example.com` looks like an alias, so say what helps there. */
  #unknownAlias(name: string, at: Range): void {
    this.#report(at, `No anchor '&${name}' stands before this alias`, `if it is text, quote it: '*${name}'`);
  }

  #duplicate(name: string, at: Range, first: Range): void {
    if (this.#problems.length > maxDiagnostics) return;
    const hint = `it is already on line ${this.#text.slice(0, first[0]).split("\n").length}`;
    this.#problems.push({ code: "duplicate_key", at, message: `Duplicate key ${quote(name)}`, hint });
  }

  #report(at: Range, message: string, hint?: string): void {
    this.#problems.push({ code: "yaml", at, message, hint });
  }

  #slice([start, end]: Range): string {
    return this.#text.slice(start, end);
  }
}

function rangeOf(range: readonly number[] | null | undefined, owner: Range): Range {
  const [start, end] = range ?? owner;
  if (start === undefined || end === undefined || start === end) return owner;
  return [start, end];
}

/** Where an item of a list stands that is not written: just after its dash. */
function itemPlace(item: unknown, list: Range): Range {
  const start = isScalar(item) ? item.range?.[0] : undefined;
  return start === undefined ? list : [start, start + 1];
}

function isVoid(range: readonly number[] | null | undefined): boolean {
  return range === null || range === undefined || range[0] === range[1];
}
