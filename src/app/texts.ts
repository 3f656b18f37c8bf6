import type { Json, JsonObject } from "../core/json.ts";
import type { Mask } from "../core/mask.ts";
import type { Attachment } from "../core/message.ts";
import type { InputValues, Skill } from "../core/plan.ts";
import type { Result } from "../core/result.ts";
import { expand } from "../core/template.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import { attachedTexts, attachmentsAmong } from "./attach.ts";
import type { RunRequest, Texts } from "./request.ts";

/** The texts that go to the model, with all holes filled and keys masked: a log that is to be explained may hold one. */
export function fillIn(
  request: Pick<RunRequest, "plan" | "environment">,
  id: string,
  promptLimit: number,
  mask: Mask,
  texts: Texts,
): Result<{ instructions: string; prompt: string; attachments: Attachment[] }, Problem> {
  const { plan } = request;
  const values = templateValues(request, id, texts.input);
  const instructions = expand(plan.instructions, values);
  if (!instructions.ok) return problemOf("usage", instructions.error.message);
  const prompt = plan.prompt === undefined ? { ok: true as const, value: "" } : expand(plan.prompt, values);
  if (!prompt.ok) return problemOf("usage", prompt.error.message);
  const filled = {
    instructions: mask.text(joined(instructions.value, skillsText(plan.skills))),
    prompt: mask.text(joined(prompt.value, texts.prompt, ...attachedTexts(texts.files))),
    attachments: attachmentsAmong(texts.files),
  };
  const size = Buffer.byteLength(filled.instructions) + Buffer.byteLength(filled.prompt);
  if (size <= promptLimit) return { ok: true, value: filled };
  return problemOf("usage", `The prompt is larger than the model could hold: ${size} bytes, at most ${promptLimit}`);
}

/** What the templates of an agent may name. */
export function templateValues(
  { plan, environment }: Pick<RunRequest, "plan" | "environment">,
  id: string,
  input: InputValues,
): JsonObject {
  const env: JsonObject = {};
  for (const name of plan.env) {
    const value = environment[name];
    if (value !== undefined) env[name] = value;
  }
  return { input, env, run: { id } };
}

/** What the model is told of skills before it reads one. */
function skillsText(skills: readonly Skill[]): string {
  if (skills.length === 0) return "";
  const lines = skills.map(({ name, description }) => `- ${name}: ${description.replace(/\s+/g, " ")}`);
  const head = "Skills say how to do certain tasks. Before a task that one is for, read it with skill_read:";
  return [head, ...lines].join("\n");
}

/** Texts one below the other; what is empty is none. */
export function joined(...texts: Array<string | undefined>): string {
  return texts.filter((text) => text !== undefined && text !== "").join("\n\n");
}

/** As templates do it: strings as they are, other values as JSON. */
export function asText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
