import type { Renderer, Writer } from "../core/render.ts";
import { clean, cleaner, cleanJson } from "./clean.ts";

export type TextOptions = {
  stdout: Writer;
  /** Text is written as it comes, that of turns which go on with tool calls too. Not for an answer that fits a schema. */
  stream: boolean;
  /** The answer is the JSON value that fits the agent's schema. */
  schema: boolean;
  /** stdout is a terminal: nothing that it would obey is written. */
  terminal: boolean;
  /** On a terminal that may be given colours and more, text is shown as Markdown. Its size, asked each time. */
  markdown?: { columns(): number; rows(): number } | undefined;
};

/** `--output text`: the final answer, ending in a line end. Nothing for a run that failed, other than what was streamed. */
export function textRenderer(options: TextOptions): Renderer {
  const { stdout, markdown } = options;
  if (!options.stream) return whole(options);
  return eachTurn(
    markdown === undefined
      ? async () => asItIs(options)
      : async () => (await import("./live.ts")).liveMarkdown({ write: stdout.write, ...markdown }),
  );
}

function whole({ stdout, schema, terminal, markdown }: TextOptions): Renderer {
  return {
    async event() {},
    async end(result) {
      if ((result.outcome !== "done" && result.outcome !== "denied") || result.answer === null) return;
      const isText = !schema && typeof result.answer === "string";
      const answer = isText ? String(result.answer) : cleanJson(result.answer, 2);
      if (answer === "") return;
      if (isText && markdown !== undefined) {
        const { markdownText } = await import("./markdown.ts");
        await stdout.write(markdownText(clean(answer), markdown.columns()));
      } else {
        await stdout.write(closed(isText && terminal ? clean(answer) : answer));
      }
    },
  };
}

/** Where a turn's text goes. `end` ends its line, so that a status line, an error or the next text starts on one of its own. */
type Sink = { push(text: string): Promise<void>; end(): Promise<void> };

function eachTurn(open: () => Promise<Sink>): Renderer {
  let sink: Sink | undefined;
  let told = false;
  return {
    async event(event) {
      // What sub-agents say is no part of the answer.
      if (event.agent_id !== undefined) return;
      if (event.type === "text" && event.text !== "") {
        sink ??= await open();
        await sink.push(event.text);
      }
      // After these the turn's text begins anew: what is written cannot be taken back.
      const anew = event.type === "retry" || event.type === "fallback";
      if (event.type === "turn_end" || anew) await sink?.end();
      if (event.type === "turn_end") told = true;
    },
    async end({ outcome, answer }) {
      // The answer of a run that goes on, where it was there before.
      const before = !told && (outcome === "done" || outcome === "denied") && typeof answer === "string" && answer;
      if (before) {
        sink ??= await open();
        await sink.push(before);
      }
      await sink?.end();
    },
  };
}

function asItIs({ stdout, terminal }: TextOptions): Sink {
  const harmless = cleaner();
  let open = false;
  return {
    async push(text) {
      open = !text.endsWith("\n");
      await stdout.write(terminal ? harmless.push(text) : text);
    },
    async end() {
      const rest = terminal ? harmless.end() : "";
      if (open || rest !== "") await stdout.write(`${rest}\n`);
      open = false;
    },
  };
}

function closed(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
