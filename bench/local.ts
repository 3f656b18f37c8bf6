/** What the small model makes of the example agents that use it: how often it is right, beside the guess of the commonest label. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { known } from "../src/app/known.ts";
import { localMachine } from "../src/app/local-machine.ts";
import { isJsonObject, type Json } from "../src/core/json.ts";
import type { Message } from "../src/core/message.ts";
import type { Model } from "../src/core/model.ts";
import type { Plan } from "../src/core/plan.ts";
import { expand } from "../src/core/template.ts";
import { checkAgent } from "../src/file/check.ts";
import { readReply } from "../src/loop/reply.ts";
import { systemClock } from "../src/host/clock.ts";
import { makeLocal } from "../src/models/local.ts";
import { loadTools } from "../src/tools/index.ts";

const root = resolve(import.meta.dir, "..");
const weights = `${root}/.cache/models/SmolLM2-135M-Instruct.Q4_1.gguf`;

type Case = { label: string; input: Record<string, string>; files: Record<string, string> };

/** One agent: how many of its cases were right, and how many the commonest label alone would get. */
export type Accuracy = { agent: string; right: number; guess: number; of: number; msPerCase: number };

/** Undefined where the model is not here. */
export async function accuracies(): Promise<Accuracy[] | undefined> {
  if (!existsSync(weights)) return undefined;
  const made = await makeLocal({ name: "local/smollm2", path: weights, options: { context: 2048 } }, localMachine);
  if (!made.ok) throw new Error(made.error.message);
  const rows = reviews();
  const names = ["review.txt", "mail.md", "feedback.txt", "letter.txt", "reviews/ann.txt", "opinion.md"];
  try {
    return [
      await accuracy(
        "sort-review",
        made.value,
        rows.map(([label, text]) => ({ label, input: { review: text }, files: {} })),
      ),
      await accuracy(
        "sort-review-file",
        made.value,
        rows.map(([label, text], at) => {
          const file = names[at % names.length] ?? "";
          return { label, input: { file }, files: { [file]: `${text}\n` } };
        }),
      ),
    ];
  } finally {
    made.value.close?.();
  }
}

function reviews(): Array<[string, string]> {
  const lines = readFileSync(`${root}/agents/fixtures/reviews.tsv`, "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const [label = "", text = ""] = line.split("\t");
    return [label, text];
  });
}

async function accuracy(agent: string, model: Model, cases: Case[]): Promise<Accuracy> {
  const plan = planOf(`${root}/agents/${agent}.yaml`);
  const started = performance.now();
  let right = 0;
  for (const one of cases) if ((await sentiment(plan, model, one)) === one.label) right++;
  const counts = new Map<string, number>();
  for (const { label } of cases) counts.set(label, (counts.get(label) ?? 0) + 1);
  const of = cases.length;
  return { agent, right, guess: Math.max(...counts.values()), of, msPerCase: (performance.now() - started) / of };
}

function planOf(file: string): Plan {
  const checked = checkAgent({ file, folder: root, bytes: readFileSync(file) }, known);
  if (!checked.ok) throw new Error(checked.diagnostics.map(({ message }) => message).join("\n"));
  return checked.value;
}

/** The label of the run's answer; its one tool, file_read, reads from the case. */
async function sentiment(plan: Plan, model: Model, { input, files }: Case): Promise<Json | undefined> {
  const fill = (template: Plan["instructions"]) => {
    const filled = expand(template, { input });
    if (!filled.ok) throw new Error(filled.error.message);
    return filled.value;
  };
  const messages: Message[] = [{ role: "user", text: fill(plan.prompt ?? []) }];
  const tools = await loadTools(plan.tools.flatMap((tool) => (tool.kind === "builtin" ? [tool.name] : [])));
  const schema = plan.output === undefined ? {} : { output: plan.output.schema };
  for (let turn = 1; turn <= 3; turn++) {
    const request = { instructions: fill(plan.instructions), messages, tools, ...schema };
    const signal = new AbortController().signal;
    const replied = await readReply(model, request, turn, undefined, async () => undefined, systemClock, signal);
    if (replied.type !== "reply") throw new Error("The model gave no answer");
    const { text, calls } = replied.reply;
    if (calls.length === 0) {
      const answer: Json = JSON.parse(text);
      return isJsonObject(answer) ? answer["sentiment"] : undefined;
    }
    messages.push({ role: "assistant", text, calls });
    const results = calls.map(({ id, name, arguments: given }) => {
      const content = files[JSON.parse(given).path];
      return { id, name, content: content ?? "no such file", error: content === undefined };
    });
    // What it says of a file that is not there is a guess.
    if (results.some(({ error }) => error)) return undefined;
    messages.push({ role: "tool", results });
  }
  return undefined;
}
