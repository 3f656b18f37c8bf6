import type { Json } from "../core/json.ts";
import { callText } from "./library.ts";

/**
 * Reads JSON text strictly while it streams, and says where it's cut or wrong. What JSON.parse takes it takes too, but for text that
 * is nested deeper than 512. Only `repairJson` repairs.
 */

/** Bytes of UTF-8 from 0; lines from 1, ended by LF; columns from 1 in code points. */
type Place = { offset: number; line: number; column: number };

/** Inside what a text is cut; `nothing`: not even a value has begun, `value`: after `:` or `,` of an array, `colon`: after a key. */
export type JsonInside = "nothing" | "value" | "object" | "array" | "key" | "colon" | "string" | "number" | "word";

/**
 * How a text stands. `complete`: one whole value (that further white space, or digits of a number, may follow). `path` is a JSON
 * pointer to what is cut, keys as they are written and no longer than 128 bytes each. `message` is for people.
 */
export type JsonStatus = Place &
  (
    | { state: "complete" }
    | { state: "cut"; inside: JsonInside; path: string; message: string }
    | { state: "invalid"; message: string }
  );

/** The verdict on a whole text: `cut` if more of it would have helped. */
export type JsonVerdict = { ok: true } | (Place & { ok: false; kind: "cut" | "invalid"; message: string });

/** Feed it pieces; ask at any time; `end` (or `close`, or `using`) frees what it holds. With `keep` it can give the value. */
export class JsonReader implements Disposable {
  readonly #id: number;
  #open = true;
  /** The first half of a character whose second half comes with the next piece. */
  #half = "";

  constructor({ keep = false } = {}) {
    this.#id = Number(answer(callText("json.open", 0, keep ? "keep" : "")));
  }

  /** Takes a piece, cut anywhere. False when the text is not JSON: nothing that follows can change that. */
  push(piece: string | Uint8Array): boolean {
    if (typeof piece !== "string") return this.#push(piece);
    const text = this.#half + piece;
    const last = text.charCodeAt(text.length - 1);
    const cut = last >= 0xd800 && last < 0xdc00;
    this.#half = cut ? text.slice(-1) : "";
    return this.#push(cut ? text.slice(0, -1) : text);
  }

  status(): JsonStatus {
    return JSON.parse(this.#answer("json.status"));
  }

  /** The value, if the text is complete and was kept. */
  value(): Json | undefined {
    return this.status().state === "complete" ? JSON.parse(this.#answer("json.kept")) : undefined;
  }

  /** The verdict on the whole text. Frees the reader. */
  end(): JsonVerdict {
    if (this.#half !== "") this.#push(this.#half);
    const status = this.status();
    this.close();
    return verdict(status);
  }

  close(): void {
    if (this.#open) callText("json.close", this.#id, "");
    this.#open = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #push(piece: string | Uint8Array): boolean {
    return this.#answer("json.push", piece) === "";
  }

  #answer(name: string, input: string | Uint8Array = ""): string {
    if (!this.#open) throw new Error("The JSON reader is closed");
    return answer(callText(name, this.#id, input));
  }
}

/** The verdict on a text in one go, for example where JSON.parse failed. */
export function describeJson(text: string | Uint8Array): JsonVerdict {
  return verdict(JSON.parse(answer(callText("json.check", 0, text))));
}

/**
 * JSON made of a text that is almost JSON; `repairs` says in words what was put right, empty for what is JSON already. `cut`: the
 * text ended within a string, which may be half, or after a comma, so that more was to come.
 */
export type JsonRepair =
  { ok: true; text: string; repairs: string[]; cut: boolean } | Exclude<JsonVerdict, { ok: true }>;

/** A comma at the end of what was not closed promised more. */
function endsAtComma(text: string, repairs: string[]): boolean {
  return repairs.includes("a missing closing bracket") && text.trimEnd().endsWith(",");
}

/** As native/core/src/json/repair.rs names it. */
const closedString = "a missing closing quote";

/**
 * Puts right what models often get wrong: keys without quotes, single quotes, trailing commas, comments, Python's literals, raw
 * newlines in strings, closing quotes and brackets that are missing at the end. Drops and makes up nothing that was said; what could
 * be meant in two ways is a failure, with the verdict on the text as it is.
 */
export function repairJson(text: string): JsonRepair {
  const repaired = answer(callText("json.repair", 0, text));
  if (repaired !== "") {
    const { text: json, repairs }: { text: string; repairs: string[] } = JSON.parse(repaired);
    return { ok: true, text: json, repairs, cut: repairs.includes(closedString) || endsAtComma(text, repairs) };
  }
  const wrong = describeJson(text);
  if (wrong.ok) throw new Error("Valid JSON was not taken as it is");
  return wrong;
}

function verdict(status: JsonStatus): JsonVerdict {
  if (status.state === "complete") return { ok: true };
  const { state: kind, offset, line, column, message } = status;
  return { ok: false, kind, offset, line, column, message };
}

/** None of these calls can fail by what is fed. */
function answer(result: ReturnType<typeof callText>): string {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}
