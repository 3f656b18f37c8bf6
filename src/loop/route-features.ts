import { decimal } from "./decimal.ts";

/** What can be seen of a task before it is done. */
export type Features = {
  /** Of what the prompt asks for, without the text or code that it is about. */
  tokens: number;
  /** What is asked for one after another: parts of sentences of two words at least. */
  steps: number;
  /** Fenced blocks of code. */
  codeBlocks: number;
  /** Files that the prompt names, and those attached. */
  files: number;
  /** Tools that the model may call. */
  tools: number;
  /** How many different words of each kind of question there are. */
  kinds: Readonly<Record<Kind, number>>;
};

/**
 * Kinds of questions, by the words that they are asked with: to look up or put differently what is there, to find out or weigh what nobody
 * has said, and to do so for all cases or within bounds. A prompt may be of several.
 */
export const kinds = {
  routine:
    /\b(what (is|are|does|was)|who|when|where|which|define|tell me|show|name the|how (many|much|long|old)|translate|summari[sz]e|shorten|rephrase|convert|format|extract|list|sort|classify|label|correct|proofread|count|title|rename|copy|turn (this|it))\b/g,
  reasoning:
    /\b(debug|diagnos\w+|investigate|find out|find the|root cause|races?|deadlock|leak|flaky|regression|crash(es)?|fails?|slow|bottleneck|vulnerab\w*|reproduce|trace|profile|design|architecture|plan|strategy|propose|trade-?offs?|schema|roadmap|evaluate|analy[sz]e|review|prove|proof|derive|develop|threat model|recommend|justify|risks?|rank)\b/g,
  demands:
    /\b(all|every|each|any|never|without|must|exactly|safe|consistent|identical|across|between|callers?|instances?|threads?|tests|migrations?|customers?|behaviours?|go back|way back)\b/g,
} as const;

export type Kind = keyof typeof kinds;

/** A file as prompts name it: a path, or a name with an ending that files have. */
const fileName =
  /(?<![\w/.*-])(?:[\w.@*-]+\/)+[\w.@*-]*|\b[\w-]+\.(?:tsx?|jsx?|mjs|py|rs|go|java|kt|rb|php|cs?|cpp|h|hpp|swift|sql|sh|ya?ml|json|toml|md|txt|csv|html|css|lock|log|proto|tf)\b/g;

/** Between what is asked for one after another. */
const stepEnd = /[,;:.!?]+(?=\s|$)|\b(?:and|then)\b|\n/;

/** What a prompt asks for: up to a line that says what follows, without blocks of code. */
export function askedOf(prompt: string): string {
  const [before = "", after = ""] = prompt.split(/:[ \t]*\r?\n/, 2);
  const asked = after.trim() === "" ? prompt : before;
  return asked.replace(/^ {0,3}```[^]*?^ {0,3}```/gm, "");
}

/** The features of a prompt. `tokens` counts those of a text, `attached` are files beside it. */
export async function featuresOf(
  prompt: string,
  { tokens, attached, tools }: { tokens(text: string): Promise<number>; attached: number; tools: number },
): Promise<Features> {
  const asked = askedOf(prompt);
  // What is quoted, or is the name of a file, stands for a thing and asks for nothing.
  const words = asked
    .toLowerCase()
    .replace(/(?<!\w)(["'`])[^"'`\n]{1,200}\1(?!\w)/g, " _ ")
    .replace(fileName, " _ ");
  const many = (kind: Kind) => new Set(words.match(kinds[kind]) ?? []).size;
  return {
    tokens: await tokens(asked),
    steps: words.split(stepEnd).filter((part) => /\S\s+\S/.test(part)).length,
    codeBlocks: Math.floor((prompt.match(/^ {0,3}```/gm) ?? []).length / 2),
    files: new Set(asked.toLowerCase().match(fileName) ?? []).size + attached,
    tools,
    kinds: { routine: many("routine"), reasoning: many("reasoning"), demands: many("demands") },
  };
}

type Weight = "bias" | "tokens" | "steps" | "codeBlocks" | "files" | "tools" | Kind;

/** What each feature weighs. Fitted by `bench/routing.ts --train` to the training part of its prompts. */
export const weights: Readonly<Record<Weight, number>> = {
  bias: -5.33,
  tokens: 0.95,
  steps: 1.25,
  codeBlocks: 0.67,
  files: 0.29,
  tools: 0.24,
  routine: -0.64,
  reasoning: 1.65,
  demands: 1.7,
};

/** The features as numbers of the same size: by their logarithm, since the tenth file says less than the first. */
export function measures({ tokens, steps, codeBlocks, files, tools, kinds: found }: Features): Array<[Weight, number]> {
  const counts: Array<[Exclude<Weight, "bias">, number]> = [
    ["tokens", tokens / 16],
    ["steps", steps],
    ["codeBlocks", codeBlocks],
    ["files", files],
    ["tools", tools],
    ["routine", found.routine],
    ["reasoning", found.reasoning],
    ["demands", found.demands],
  ];
  return [["bias", 1], ...counts.map(([name, count]): [Weight, number] => [name, Math.log2(1 + count)])];
}

/** From 0 to 1, the more likely it is that a task needs the complex model. */
export function featureScore(features: Features): { score: number; why: string } {
  const sum = measures(features).reduce((total, [name, value]) => total + weights[name] * value, 0);
  const score = decimal(Math.round(1000 / (1 + Math.exp(-sum))) / 1000);
  const { tokens, steps, codeBlocks, files, tools, kinds: found } = features;
  const parts = [
    `${tokens} tokens in ${steps} ${steps === 1 ? "step" : "steps"}`,
    `${codeBlocks} code blocks`,
    `${files} files`,
    `${tools} tools`,
  ];
  const words = Object.entries(found).flatMap(([kind, count]) => (count === 0 ? [] : [`${kind} ${count}`]));
  return { score, why: `${parts.join(", ")}; words: ${words.join(", ") || "none"}` };
}
