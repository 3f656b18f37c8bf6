import { isJsonObject } from "../core/json.ts";
import { attachmentsOf } from "../core/message.ts";
import type { ModelFailure, ModelOptions, ModelRequest } from "../core/model.ts";
import { ok, type Result } from "../core/result.ts";
import { listField, objectField, textField } from "./fields.ts";

/** What Ollama knows of a model. What an old server leaves out is undefined. */
export type OllamaFacts = {
  /** The longest context that it was made for, in tokens. */
  longest?: number;
  /** The context that its Modelfile asks for. */
  usual?: number;
  capabilities?: string[];
};

/** Reads the answer of /api/show. */
export function readFacts(shown: unknown): OllamaFacts {
  const facts: OllamaFacts = {};
  if (!isJsonObject(shown)) return facts;
  const info = objectField(shown["model_info"]);
  const longest = info[`${textField(info["general.architecture"])}.context_length`];
  if (typeof longest === "number" && longest > 0) facts.longest = longest;
  const usual = /^num_ctx\s+(\d+)/m.exec(textField(shown["parameters"]))?.[1];
  if (usual !== undefined) facts.usual = Number(usual);
  if (Array.isArray(shown["capabilities"])) facts.capabilities = listField(shown["capabilities"]).map(textField);
  return facts;
}

/** Whether the model can be shown images; a server that does not say is asked. */
export function sees({ capabilities }: OllamaFacts): boolean {
  return capabilities?.includes("vision") ?? true;
}

/** Why the model cannot be asked this; undefined where it can. `name` is `ollama/model`. */
export function incapable(name: string, facts: OllamaFacts, request: ModelRequest): ModelFailure | undefined {
  const { capabilities } = facts;
  if (capabilities === undefined) return undefined;
  if (request.tools.length > 0 && !capabilities.includes("tools")) {
    const ways = "name one that can with '--model' (qwen3, gpt-oss, llama3.1), or leave out the agent's tools";
    return refused(`The model '${name}' cannot call tools`, ways);
  }
  const own = request.messages.some((message) => message.role === "user" && attachmentsOf(message).length > 0);
  if (own && !sees(facts)) {
    return refused(`The model '${name}' cannot see images`, "name one that can with '--model' (qwen3-vl, gemma3)");
  }
  return undefined;
}

/** A context is asked for in steps: with another one Ollama loads the model anew. */
const leastContext = 8192;

/** What is left for the answer, where the options do not say. */
const answerTokens = 4096;

/** About what an image takes. */
const imageTokens = 1024;

/**
 * The context to ask for, in tokens: Ollama's own default is small, and it cuts a longer prompt without a word. A prompt that
 * cannot fit is a failure. `before` is what the last request asked for, `room` the most that the memory is good for.
 */
export function contextFor(
  name: string,
  facts: OllamaFacts,
  options: ModelOptions,
  request: ModelRequest,
  before: number,
  room = Number.POSITIVE_INFINITY,
): Result<number, ModelFailure> {
  const { longest = Number.POSITIVE_INFINITY, usual = 0 } = facts;
  const limit = Math.min(options.context ?? room, longest);
  const size = promptSize(request);
  const images = request.messages.flatMap(attachmentsOf).length * imageTokens;
  // A token of English is about four bytes; of code, and of most other languages, about three.
  const least = Math.ceil(size / 4) + images;
  if (least >= limit) {
    const fits = `The prompt has about ${count(least)} tokens, and the context of '${name}' has ${count(limit)}`;
    const more =
      limit < longest && Number.isFinite(longest)
        ? `give the model a larger 'context' (at most ${count(longest)})`
        : undefined;
    const failure = refused(fits, more ?? "name a model with a larger context, or send less");
    return { ok: false, error: { ...failure, tooLong: true } };
  }
  if (options.context !== undefined) return ok(options.context);
  const wanted = Math.ceil(size / 3) + images + (options.max_tokens ?? answerTokens);
  let context = Math.max(leastContext, usual, before);
  while (context < wanted) context *= 2;
  return ok(Math.min(context, limit));
}

/** In bytes, without the attachments. */
function promptSize({ instructions, messages, tools, output }: ModelRequest): number {
  const told = messages.map((message) => {
    if (message.role === "user") return message.text;
    if (message.role === "assistant") return [message.text, message.calls];
    return message.results.map((result) => result.content);
  });
  return Buffer.byteLength(instructions) + Buffer.byteLength(JSON.stringify([told, tools, output ?? null]));
}

function count(tokens: number): string {
  return tokens.toLocaleString("en-US");
}

function refused(message: string, hint: string): ModelFailure {
  return { kind: "request", message, hint, retryable: false };
}
