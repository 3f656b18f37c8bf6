import { longestEvent } from "./event-stream.ts";

/** The most that is read of a body that is no answer, in characters: enough for its message. */
const bodyLimit = 64 * 1024;

/** The beginning of a body as text; what cannot be read is left out. */
export async function beginning(body: ReadableStream<Uint8Array> | null): Promise<string> {
  if (body === null) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    while (text.length < bodyLimit) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
    await reader.cancel();
  } catch {
    // The connection broke: what came of the message is better than none.
  }
  return text;
}

/** The same response, for an SDK that would read a body to its end however long: its reader gets an error where that is too much. */
export function bounded(response: Response): Response {
  let length = 0;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      length += chunk.length;
      if (length > longestEvent) throw new Error("the answer is too long");
      controller.enqueue(chunk);
    },
  });
  return response.body === null ? response : new Response(response.body.pipeThrough(limit), response);
}

/** Reads a body that is one text, in the chunks that it comes in. */
export type TextReader = {
  /** The whole text; undefined while more of it is to come. Throws when the connection breaks. */
  next(): Promise<string | undefined>;
  /** Ends the reading. */
  close(): void;
};

export function textReader(body: ReadableStream<Uint8Array>): TextReader {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const chunks: string[] = [];
  let length = 0;
  return {
    async next() {
      const { done, value } = await reader.read();
      const chunk = done ? decoder.decode() : decoder.decode(value, { stream: true });
      chunks.push(chunk);
      length += chunk.length;
      if (length > longestEvent) throw new Error("the answer is too long");
      return done ? chunks.join("") : undefined;
    },
    close() {
      // What becomes of a connection that nobody reads any more is no failure of the answer.
      reader.cancel().catch(() => undefined);
    },
  };
}
