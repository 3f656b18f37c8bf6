import type { Renderer, Writer } from "../core/render.ts";
import { clean, cleanJson } from "./clean.ts";

export type TextOptions = {
  stdout: Writer;
  /** Text is written as it comes, that of turns which go on with tool calls too. Not for an answer that fits a schema. */
  stream: boolean;
  /** The answer is the JSON value that fits the agent's schema. */
  schema: boolean;
  /** stdout is a terminal: nothing that it would obey is written. */
  terminal: boolean;
};

/** `--output text`: the final answer, ending in a line end. Nothing for a run that failed, other than what was streamed. */
export function textRenderer(options: TextOptions): Renderer {
  return options.stream ? streamed(options) : whole(options);
}

function whole({ stdout, schema, terminal }: TextOptions): Renderer {
  return {
    async event() {},
    async end(result) {
      if ((result.outcome !== "done" && result.outcome !== "denied") || result.answer === null) return;
      const isText = !schema && typeof result.answer === "string";
      const answer = isText ? String(result.answer) : cleanJson(result.answer, 2);
      if (answer === "") return;
      await stdout.write(closed(isText && terminal ? clean(answer) : answer));
    },
  };
}

/** Each turn's text ends with its line, so that a status line, an error or the next turn's text starts on one of its own. */
function streamed({ stdout, terminal }: TextOptions): Renderer {
  let open = false;
  async function close(): Promise<void> {
    if (open) await stdout.write("\n");
    open = false;
  }
  return {
    async event(event) {
      if (event.type === "text" && event.text !== "") {
        open = !event.text.endsWith("\n");
        await stdout.write(terminal ? clean(event.text) : event.text);
      }
      // After a retry the turn's text begins anew: what is written cannot be taken back.
      if (event.type === "turn_end" || event.type === "retry") await close();
    },
    end: close,
  };
}

function closed(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
