import { isJsonObject, type Json } from "../core/json.ts";

/** A call that a model wrote as text. `arguments` is as it wrote them: almost JSON, at times. */
export type TextCall = { name: string; arguments: string };

/** What a text that began like a call is: none; perhaps one, when more comes; or calls, and how long they are. */
export type Reading = "no" | "more" | { calls: TextCall[]; length: number };

/** One of the forms that models write their calls in. */
export type Form = {
  opening: string;
  /** What follows the opening, up to the `{` or `[` of the body: as far as it may have come, and whole, with the tool's name. */
  begun: RegExp;
  head: RegExp;
  closing: string;
  /** A code fence: it begins a line, it holds strict JSON, and nothing but calls may follow it. Answers quote JSON as well. */
  fence?: true;
};

export const forms: readonly Form[] = [
  { opening: "<tool_call>", begun: /^\s*$/, head: /^\s*(?=\{)/, closing: "</tool_call>" },
  { opening: "<function=", begun: /^[\w.-]*(>\s*)?$/, head: /^([\w.-]+)>\s*(?=\{)/, closing: "</function>" },
  {
    opening: "[TOOL_CALLS]",
    begun: /^\s*[\w.-]*(\[[A-Z]*\]?)?\s*$/,
    head: /^\s*(?:([\w.-]+)(?:\[ARGS\])?\s*(?=\{)|(?=\[))/,
    closing: "",
  },
  { opening: "```json", begun: /^[ \t]*\r?(\n\s*)?$/, head: /^[ \t]*\r?\n\s*(?=\{)/, closing: "```", fence: true },
];

/** Longer than what stands before a call's arguments ever is. */
const headLimit = 300;

/** Reads a text that begins with a form's opening, as far as it came. */
export class FormReader {
  readonly form: Form;
  readonly #names: ReadonlySet<string>;
  #name: string | undefined;
  #body = 0;
  #scan: Scan | undefined;
  /** The body names an offered tool, as far as can be told before its end. */
  #likely = false;

  constructor(form: Form, names: ReadonlySet<string>) {
    this.form = form;
    this.#names = names;
  }

  /** Whether a piece that was added to the text only goes on with the body. Then there's no need to look at all of it. */
  goesOn(piece: string): boolean {
    return this.#likely && this.#scan !== undefined && this.#scan.read(piece) === undefined;
  }

  /** `text` is that of the last time, and what came since. `ended`: nothing will follow. */
  read(text: string, ended: boolean): Reading {
    const { opening, head, begun, closing, fence } = this.form;
    if (this.#scan === undefined) {
      const first = text.slice(opening.length, opening.length + headLimit);
      const found = head.exec(first);
      if (found === null) return !ended && begun.test(first) && first.length < headLimit ? "more" : "no";
      this.#name = found[1];
      if (this.#name !== undefined && !this.#names.has(this.#name)) return "no";
      this.#body = opening.length + found[0].length;
      this.#scan = new Scan();
      this.#likely = this.#name !== undefined;
    }
    if (!this.#likely && !this.#mayBeCall(text)) return "no";
    const length = this.#scan.read(text.slice(this.#body + this.#scan.length));
    if (length === undefined && !ended) return "more";
    // A model may forget its last brackets and the closing, when it ends there.
    const end = length === undefined ? text.length : this.#body + length;
    const rest = text.slice(end);
    const blank = /^\s*/.exec(rest)?.[0].length ?? 0;
    const tail = rest.slice(blank, blank + closing.length);
    if (tail !== closing) {
      if (!ended) return closing.startsWith(tail) ? "more" : "no";
      if (tail !== "" || fence) return "no";
    }
    const body = text.slice(this.#body, end);
    const calls = this.#calls(length === undefined ? withoutEnd(body, closing) : body);
    return calls === undefined ? "no" : { calls, length: end + blank + tail.length };
  }

  #calls(body: string): TextCall[] | undefined {
    if (this.#name !== undefined) return [{ name: this.#name, arguments: body }];
    const value = parse(body);
    const items = Array.isArray(value) ? value : [value];
    const calls = items.map((item) => callIn(item, this.#names)).filter((call) => call !== undefined);
    if (calls.length === items.length && calls.length > 0) return calls;
    const loose = value === undefined && !this.form.fence ? looseCall(body, this.#names) : undefined;
    return loose && [loose];
  }

  /** Whether a body may still name a tool, as far as it came: JSON in an answer mostly does not. */
  #mayBeCall(text: string): boolean {
    const first = text.slice(this.#body, this.#body + headLimit);
    const key = /^\[?\s*\{\s*["']?(\w+)["']?\s*:\s*(?:["']([^"']*)["'])?/.exec(first);
    this.#likely = first.length >= headLimit;
    if (key === null) return !this.#likely;
    const [, member = "", value] = key;
    return callKeys.has(member) && (member !== "name" || value === undefined || this.#names.has(value));
  }
}

/** Finds the end of a JSON value that comes in pieces, with either kind of quotes. */
class Scan {
  /** Of what was read so far, up to the end. */
  length = 0;
  #ended = false;
  #depth = 0;
  #quote = "";
  #escaped = false;

  /** The value's length when it ended: after its last bracket, or before a character that JSON has in strings only. */
  read(piece: string): number | undefined {
    for (const character of piece) {
      if (this.#ended) break;
      if (this.#quote !== "") {
        if (this.#escaped) this.#escaped = false;
        else if (character === "\\") this.#escaped = true;
        else if (character === this.#quote) this.#quote = "";
      } else if (character === '"' || character === "'") this.#quote = character;
      else if (character === "{" || character === "[") this.#depth++;
      else if (character === "}" || character === "]") this.#ended = --this.#depth === 0;
      else if (character === "<" || character === "`") {
        this.#ended = true;
        break;
      }
      this.length += character.length;
    }
    return this.#ended ? this.length : undefined;
  }
}

/** A body that did not end may have swallowed its closing, in a string without an end. */
function withoutEnd(body: string, closing: string): string {
  const text = body.trimEnd();
  return closing !== "" && text.endsWith(closing) ? text.slice(0, -closing.length) : body;
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const callKeys: ReadonlySet<string> = new Set(["name", "arguments", "parameters", "id", "type"]);

/** The call that a value is, if it is exactly one. */
function callIn(value: Json | undefined, names: ReadonlySet<string>): TextCall | undefined {
  if (!isJsonObject(value) || !Object.keys(value).every((key) => callKeys.has(key))) return undefined;
  const { name, arguments: given = value["parameters"] } = value;
  if (typeof name !== "string" || !names.has(name)) return undefined;
  if (typeof given === "string") return { name, arguments: given };
  return isJsonObject(given) ? { name, arguments: JSON.stringify(given) } : undefined;
}

const looseHead = /^\{\s*(["']?)name\1\s*:\s*(["'])([\w.-]+)\2\s*,\s*(["']?)(?:arguments|parameters)\4\s*:\s*(?=\{)/;

/** A call that is almost JSON, its arguments as they are written: whether they can be repaired is judged where they are used. */
function looseCall(body: string, names: ReadonlySet<string>): TextCall | undefined {
  const head = looseHead.exec(body);
  const name = head?.[3];
  if (head === null || name === undefined || !names.has(name)) return undefined;
  const rest = body.slice(head[0].length);
  const length = new Scan().read(rest) ?? rest.length;
  return /^\s*,?\s*\}?\s*$/.test(rest.slice(length)) ? { name, arguments: rest.slice(0, length) } : undefined;
}
