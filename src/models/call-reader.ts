import { isJsonObject, type Json } from "../core/json.ts";
import { callClosing, callOpening } from "./local-grammar.ts";

/**
 * Tells text and calls apart in an answer that a grammar has made. `mixed`: calls may follow text; else it is either of both, and
 * what reads like a call in JSON is none.
 */
export class CallReader {
  #held = "";
  #is: "open" | "text" | "calls" = "open";

  constructor(readonly mixed: boolean) {}

  /** Takes the next piece of the answer; what of it is text. */
  push(piece: string): string {
    this.#held += piece;
    if (this.#is === "calls") return "";
    const at = this.#is === "open" ? this.#held.indexOf(callOpening) : -1;
    if (at === 0 || (at > 0 && this.mixed)) this.#is = "calls";
    else if (!this.mixed && !callOpening.startsWith(this.#held)) this.#is = "text";
    const held = this.#is === "open" ? mayBegin(this.#held) : 0;
    const text = this.#held.slice(0, this.#is === "calls" ? at : this.#held.length - held);
    this.#held = this.#held.slice(text.length);
    return text;
  }

  /** Text that was held back since a call might have begun there, and the calls, when the answer is over. */
  end(): { text: string; calls: Array<{ name: string; arguments: string }> } {
    if (this.#is !== "calls") return { text: this.#held, calls: [] };
    const bodies = this.#held.split(`\n${callClosing}`).slice(0, -1);
    const calls = bodies.flatMap((body) => callIn(body.slice(body.indexOf(callOpening) + callOpening.length)) ?? []);
    return { text: "", calls };
  }
}

/** How many characters at the end may be the beginning of a call. */
function mayBegin(text: string): number {
  for (let length = Math.min(callOpening.length - 1, text.length); length > 0; length--) {
    if (callOpening.startsWith(text.slice(-length))) return length;
  }
  return 0;
}

function callIn(body: string): { name: string; arguments: string } | undefined {
  const value: Json = JSON.parse(body);
  const name = isJsonObject(value) ? value["name"] : undefined;
  if (!isJsonObject(value) || typeof name !== "string") return undefined;
  return { name, arguments: JSON.stringify(value["arguments"] ?? {}) };
}
