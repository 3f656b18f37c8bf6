import type { Model, ModelEvent, ModelRequest } from "../core/model.ts";
import { callIds } from "./call-ids.ts";
import { FormReader, forms, type TextCall } from "./text-call-forms.ts";

/**
 * Some models write their tool calls as text, in the form that they were trained on, and their service passes it on as an answer.
 * The same model, with such calls read: only those of offered tools, only where the service sent no calls of its own, and only
 * what is exactly such a call. Everything else stays text, and streams: text is held back only while it may be a call.
 */
export function withTextCalls(model: Model): Model {
  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    if (request.tools.length === 0) return yield* model.stream(request, signal);
    const names = new Set(request.tools.map((tool) => tool.name));
    let reader: TextCallReader | undefined = textCallReader(names);
    for await (const event of model.stream(request, signal)) {
      if (reader === undefined) yield event;
      else if (event.type === "text") {
        const text = reader.push(event.text);
        if (text !== "") yield { type: "text", text };
      } else if (event.type === "tool_call") {
        // The service reads the calls by itself: what looks like one is something else.
        const text = reader.held();
        reader = undefined;
        if (text !== "") yield { type: "text", text };
        yield event;
      } else if (event.type === "stop") {
        // What was cut at its length may be half a call.
        const { text, calls } = event.reason === "end" ? reader.end() : { text: reader.held(), calls: [] };
        if (text !== "") yield { type: "text", text };
        const uniqueId = callIds(request.messages);
        for (const [index, call] of calls.entries())
          yield { type: "tool_call", index, id: uniqueId("", index), ...call };
        yield calls.length > 0 ? { ...event, reason: "tool_calls" } : event;
      } else {
        if (event.type === "retry") reader = textCallReader(names);
        yield event;
      }
    }
  }
  return { ...model, stream };
}

type TextCallReader = {
  /** Takes the next piece of the answer; what of it is text for sure. */
  push(piece: string): string;
  /** All that was held back, as text. */
  held(): string;
  /** What was held back, when the answer is whole: its calls, and the rest of it. */
  end(): { text: string; calls: TextCall[] };
};

/** A part of the answer that is held back. */
type Part = { text: string; calls: TextCall[]; fence: boolean };

function textCallReader(names: ReadonlySet<string>): TextCallReader {
  /** Calls, and the text between and after them. */
  let parts: Part[] = [];
  /** What was not looked at yet, or begins like a call, which `candidate` then reads. */
  let pending = "";
  let candidate: FormReader | undefined;
  const place = markdownPlace();

  /** Takes text from `pending`. It waits for the end, too, where a call came before it. */
  function pass(length: number): string {
    const text = pending.slice(0, length);
    pending = pending.slice(length);
    place.move(text);
    if (text.trim() !== "" && parts.some((part) => part.fence)) parts = parts.map(quoted);
    if (!parts.some((part) => part.calls.length > 0)) return release() + text;
    parts.push({ text, calls: [], fence: false });
    return "";
  }

  /** A fence that text follows was a part of the answer. */
  function quoted(part: Part): Part {
    return part.fence ? { text: part.text, calls: [], fence: false } : part;
  }

  function release(): string {
    const text = parts.map((part) => part.text).join("");
    parts = [];
    return text;
  }

  /** Looks at all of `pending`, but for what only more text can tell; with `ended` nothing will follow. */
  function look(ended: boolean): string {
    let text = "";
    while (pending !== "") {
      if (candidate === undefined) {
        const special = pending.search(/[<[`]/);
        text += pass(special < 0 ? pending.length : special);
        if (pending === "") break;
        const near = forms.filter(({ fence = false }) => place.allows(fence));
        const form = near.find(({ opening }) => pending.startsWith(opening));
        if (form === undefined && !ended && near.some(({ opening }) => opening.startsWith(pending))) break;
        if (form === undefined) text += pass(1);
        else candidate = new FormReader(form, names);
        continue;
      }
      const reading = candidate.read(pending, ended);
      if (reading === "more") break;
      if (reading === "no") text += pass(1);
      else {
        const { fence = false } = candidate.form;
        const call = pending.slice(0, reading.length);
        pending = pending.slice(reading.length);
        if (fence) place.move(call);
        parts.push({ text: call, calls: reading.calls, fence });
      }
      candidate = undefined;
    }
    return text;
  }

  return {
    push(piece) {
      pending += piece;
      return candidate?.goesOn(piece) ? "" : look(false);
    },
    held: () => release() + pending,
    end() {
      const text = look(true);
      const calls = parts.flatMap((part) => part.calls);
      const rest = parts.filter((part) => part.calls.length === 0).map((part) => part.text);
      // The blanks between calls are no answer.
      return { text: text + (rest.join("").trim() === "" ? "" : rest.join("")), calls };
    },
  };
}

/** Longer than what stands before a fence, and the fence, ever are. */
const fenceLimit = 200;

/** A line that begins or ends a fence, in a list or a quotation as well, and what follows its marks. */
const fenceLine = /^[\s>]*(?:(?:[-*+]|\d+[.)])\s+)?(`{3,}|~{3,})(.*)/s;

/** Where in an answer's Markdown a text goes on. What stands in code is quoted, and no call. */
function markdownPlace() {
  let line = "";
  /** The marks that the fence began with around the text; empty outside of fences. */
  let fence = "";
  /** Backticks that code within the line began with, and those that were just read. */
  let code = 0;
  let ticks = 0;

  /** What the backticks just read make of the code: code ends with as many as it began with. */
  const codeAfter = () => (ticks === 0 ? code : code === 0 ? ticks : code === ticks ? 0 : code);

  function endLine() {
    const [, marks = "", rest = ""] = fenceLine.exec(line) ?? [];
    // Backticks that other ones follow are code within the line.
    if (fence === "") fence = marks.startsWith("`") && rest.includes("`") ? "" : marks;
    else if (marks.startsWith(fence) && rest.trim() === "") fence = "";
    line = "";
    code = 0;
    ticks = 0;
  }

  return {
    move(text: string) {
      for (const part of text.split(/(?<=\n)/)) {
        if (line.length < fenceLimit) line += part.slice(0, fenceLimit);
        for (const [run] of part.matchAll(/`+|[^`]+/g)) {
          if (run.startsWith("`")) ticks += run.length;
          else {
            code = codeAfter();
            ticks = 0;
          }
        }
        if (part.endsWith("\n")) endLine();
      }
    },
    /** Whether a call may begin here: a fence only at the start of a line. */
    allows: (begins: boolean) => fence === "" && !fenceLine.test(line) && (begins ? line === "" : codeAfter() === 0),
  };
}
