import type { Json, JsonObject } from "../core/json.ts";
import type { Mask } from "../core/mask.ts";
import type { Attachment } from "../core/message.ts";
import type { Result } from "../core/result.ts";
import { expand } from "../core/template.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import { attachedTexts, attachmentsAmong } from "./attach.ts";
import type { RunRequest, Texts } from "./request.ts";

/** The texts that go to the model, with all holes filled and keys masked: a log that is to be explained may hold one. */
export function fillIn(
  request: RunRequest,
  id: string,
  promptLimit: number,
  mask: Mask,
  texts: Texts,
): Result<{ instructions: string; prompt: string; attachments: Attachment[] }, Problem> {
  const { plan, environment } = request;
  const env: JsonObject = {};
  for (const name of plan.env) {
    const value = environment[name];
    if (value !== undefined) env[name] = value;
  }
  const values = { input: texts.input, env, run: { id } };
  const instructions = expand(plan.instructions, values);
  if (!instructions.ok) return problemOf("usage", instructions.error.message);
  const prompt = plan.prompt === undefined ? { ok: true as const, value: "" } : expand(plan.prompt, values);
  if (!prompt.ok) return problemOf("usage", prompt.error.message);
  const parts = [prompt.value, texts.prompt ?? "", ...attachedTexts(texts.files)].filter((part) => part !== "");
  const filled = {
    instructions: mask.text(instructions.value),
    prompt: mask.text(parts.join("\n\n")),
    attachments: attachmentsAmong(texts.files),
  };
  const size = Buffer.byteLength(filled.instructions) + Buffer.byteLength(filled.prompt);
  if (size <= promptLimit) return { ok: true, value: filled };
  return problemOf("usage", `The prompt is larger than the model could hold: ${size} bytes, at most ${promptLimit}`);
}

/** As templates do it: strings as they are, other values as JSON. */
export function asText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
