import type { Child, ChildOptions, ProcessEnd } from "../../src/core/host.ts";
import { isJsonObject, type Json, type JsonObject } from "../../src/core/json.ts";
import { fail, ok, type Result } from "../../src/core/result.ts";

/** A language server in this process, as its own side sees it. */
export type FakeServer = {
  /** Which start of the program it is, from 1. */
  start: number;
  /** Tells the client something. */
  tell(method: string, params: Json): void;
  /** Asks the client something; resolves with the whole message that answers. */
  ask(method: string, params: Json): Promise<JsonObject>;
  /** Writes bytes as they are. */
  write(text: string): void;
  /** Ends, with some last words on stderr. */
  die(code: number, words?: string): void;
};

/** Answers a request; `undefined` leaves it open, an Error refuses it. Notifications come here too. */
export type Behaviour = (method: string, params: JsonObject, server: FakeServer) => Json | undefined | Error;

/** A program for a host in memory that is a language server. `seen` are the messages that it got, in order. */
export function fakeServer(behave: Behaviour, capabilities: JsonObject = {}) {
  const seen: Array<{ method: string; params: JsonObject }> = [];
  let starts = 0;

  const start = async (_argv: string[], options: ChildOptions): Promise<Result<Child>> => {
    const end = Promise.withResolvers<Result<ProcessEnd>>();
    const asked = new Map<number, (answer: JsonObject) => void>();
    let buffer = Buffer.alloc(0);
    let over = false;
    const finish = (result: Result<ProcessEnd>) => {
      over = true;
      end.resolve(result);
    };
    const emit = (text: string, stream: "stdout" | "stderr" = "stdout") => {
      if (!over) void options.onOutput(stream, Buffer.from(text));
    };
    const send = (message: JsonObject) => {
      const body = JSON.stringify({ jsonrpc: "2.0", ...message });
      // In two pieces, as pipes do.
      const frame = `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
      emit(frame.slice(0, 25));
      emit(frame.slice(25));
    };
    const server: FakeServer = {
      start: ++starts,
      tell: (method, params) => send({ method, params }),
      ask: (method, params) => {
        const id = 1000 + asked.size;
        return new Promise((resolve) => {
          asked.set(id, resolve);
          send({ id, method, params });
        });
      },
      write: (text) => emit(text),
      die: (code, words = "") => {
        emit(words, "stderr");
        finish(ok({ code, signal: null, timeout: false }));
      },
    };
    const take = (message: Json) => {
      if (!isJsonObject(message)) return;
      const { id, method, params } = message;
      if (typeof method !== "string") return typeof id === "number" ? asked.get(id)?.(message) : undefined;
      const given = isJsonObject(params) ? params : {};
      seen.push({ method, params: given });
      const answer = behave(method, given, server);
      if (id === undefined) return undefined;
      if (answer instanceof Error) return send({ id, error: { code: -32_600, message: answer.message } });
      if (answer !== undefined) return send({ id, result: answer });
      return method === "initialize" ? send({ id, result: { capabilities } }) : undefined;
    };
    options.signal.addEventListener("abort", () => finish(fail("cancelled", "cancelled")));
    return ok({
      write: async (bytes) => {
        if (over) return fail("failed", "Cannot write to a program that reads no more");
        buffer = Buffer.concat([buffer, bytes]);
        for (let at = buffer.indexOf("\r\n\r\n"); at !== -1; at = buffer.indexOf("\r\n\r\n")) {
          const length = Number(/Content-Length: (\d+)/.exec(buffer.toString())?.[1]);
          if (buffer.length < at + 4 + length) break;
          const message: Json = JSON.parse(buffer.toString("utf8", at + 4, at + 4 + length));
          buffer = buffer.subarray(at + 4 + length);
          queueMicrotask(() => take(message));
        }
        return ok(undefined);
      },
      closeInput: () => undefined,
      ended: end.promise,
      kill: () => finish(ok({ code: null, signal: "SIGKILL", timeout: false })),
    });
  };
  return { start, seen, starts: () => starts };
}

/** The methods that a server has seen, but for those of every start. */
export function methods(seen: ReadonlyArray<{ method: string }>): string[] {
  const usual = ["initialize", "initialized", "workspace/didChangeConfiguration"];
  return seen.map(({ method }) => method).filter((method) => !usual.includes(method));
}
