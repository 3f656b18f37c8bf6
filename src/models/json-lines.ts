import type { Clock } from "../core/host.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import { drain, longestEvent } from "./event-stream.ts";

/** A body of JSON objects, one a line, for an SDK that takes a body on trust. */
export type CheckedLines = {
  /** The same body, each chunk whole lines, every one of them an object that was accepted. What is wrong is thrown by its reader. */
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Ends the reading. With `complete` nothing of use will come, and the connection is kept for the next request. */
  close(complete: boolean): void;
};

/** What is expected of the lines. What these give or throw becomes the failure of the answer. */
export type LineRules = {
  /** Throws for a line that is none of an answer; true for the last one. */
  accept(line: JsonObject): boolean;
  /** For a line that is no JSON object. */
  wrong(): Error;
  /** For a body that ended before its last line. */
  cut(): Error;
};

/**
 * Reads a body of lines. An SDK that finds a line it can't read prints it and goes on with the next one, and of an error it keeps
 * the text only: so nothing reaches it but what is right.
 */
export function checkedLines(source: ReadableStream<Uint8Array>, clock: Clock, rules: LineRules): CheckedLines {
  const reader = source.getReader();
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  /** The beginning of a line, in the pieces that it came in. */
  let begun: string[] = [];
  let length = 0;
  let ended = false;
  let complete = false;
  let problem: unknown;

  function check(line: string): void {
    let value: Json;
    try {
      value = JSON.parse(line);
    } catch {
      throw ended ? rules.cut() : rules.wrong();
    }
    if (!isJsonObject(value)) throw rules.wrong();
    if (rules.accept(value)) complete = true;
  }

  /** The right lines of a text, up to the first that is wrong: what is wrong with it is thrown when those were read. */
  function checked(text: string): string {
    let right = "";
    for (const line of text.split("\n")) {
      if (line.trim() === "") continue;
      try {
        check(line);
      } catch (error) {
        problem = error;
        break;
      }
      right += `${line}\n`;
    }
    if (ended && !complete) problem ??= rules.cut();
    return right;
  }

  async function read(): Promise<string> {
    const { done, value } = await reader.read();
    ended = done;
    const piece = done ? decoder.decode() : decoder.decode(value, { stream: true });
    const end = done ? piece.length : piece.lastIndexOf("\n") + 1;
    if (end > 0 || done) {
      const lines = begun.join("") + piece.slice(0, end);
      begun = [piece.slice(end)];
      length = piece.length - end;
      return checked(lines);
    }
    begun.push(piece);
    length += piece.length;
    if (length > longestEvent) throw rules.wrong();
    return "";
  }

  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        for (;;) {
          if (problem !== undefined) throw problem;
          if (ended) return controller.close();
          const lines = await read();
          if (lines !== "") return controller.enqueue(encoder.encode(lines));
        }
      },
    },
    { highWaterMark: 0 },
  );

  return {
    body,
    close(complete) {
      if (ended) return;
      // What becomes of a connection that nobody reads any more is no failure of the answer.
      (complete ? drain(reader, clock) : reader.cancel()).catch(() => undefined);
    },
  };
}
