import * as v from "valibot";
import { defaultContext } from "../core/plan.ts";
import { count } from "./count.ts";
import { find, type Node } from "./node.ts";
import type { Problem } from "./source.ts";

/** `context:`: how a long conversation is kept within the model's window. */
export const contextSchema = v.pipe(
  v.strictObject({
    max_tokens: v.exactOptional(
      v.pipe(
        count("a number of tokens", 1000),
        v.description(
          "The most tokens of a request. Default, and never more: what the model's window holds beside the longest answer.",
        ),
      ),
    ),
    keep_turns: v.optional(
      v.pipe(
        count("a number of turns"),
        v.description("So many of the newest turns stay as they are, unless they alone nearly fill the request."),
      ),
      defaultContext.keep_turns,
    ),
    max_messages: v.exactOptional(
      v.pipe(
        count("a number of messages", 4),
        v.description(
          "The most messages of a request: a prompt, an answer, and the results of its calls are one each. Default: no limit.",
        ),
      ),
    ),
    compact: v.optional(
      v.pipe(
        v.picklist(["trim", "summarize"]),
        v.title("'trim' or 'summarize'"),
        v.description(
          "What becomes of turns that do not fit any more: `trim` removes them, `summarize` has `model` tell them in a few words.",
        ),
      ),
      defaultContext.compact,
    ),
    model: v.exactOptional(
      v.pipe(
        v.string(),
        v.title("'provider/model'"),
        v.regex(/^[A-Za-z]\S*$/, "Expected 'provider/model'"),
        v.description("The model that writes summaries, named as in `model`; a cheap one will do. For `summarize`."),
      ),
    ),
  }),
  v.title("a map such as { keep_turns: 10 }"),
  v.description(
    "How a conversation that grows too long for the model is cut down: at first long tool results of old turns keep only their " +
      "start and end, then whole turns go, the oldest first. The instructions and the first prompt never do, nor a call without its result.",
  ),
  v.examples([{ keep_turns: 10, compact: "summarize", model: "anthropic/claude-haiku-5" }]),
);

/** `summarize` and `model` need each other. */
export function contextProblems(node: Node): Problem[] {
  const context = find(node, "context");
  if (context?.kind !== "map") return [];
  const compact = find(context, "compact");
  const model = find(context, "model");
  const summarize = compact?.kind === "text" && compact.value === "summarize";
  if (summarize && model === undefined) {
    return [{ code: "missing_key", at: compact.at, message: "'summarize' needs a 'model' that writes the summaries" }];
  }
  if (model !== undefined && !summarize && (compact === undefined || compact.kind === "text")) {
    return [{ code: "wrong_value", at: model.at, message: "Only 'compact: summarize' has a use for a model here" }];
  }
  return [];
}
