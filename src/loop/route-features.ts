import { decimal } from "./decimal.ts";

/** What can be seen of a task before it is done. */
export type Features = {
  /** Of the whole prompt, and of what it asks for, without the text or code that it is about. */
  tokens: number;
  asked: number;
  /** Fenced blocks of code. */
  codeBlocks: number;
  /** Files that the prompt names, and those attached. */
  files: number;
  /** Tools that the model may call. */
  tools: number;
  /** How many different words of each kind of question there are. */
  kinds: Readonly<Record<Kind, number>>;
};

/** Kinds of questions, by the words that they are asked with. A prompt may be of several. */
export const kinds = {
  lookup: /\b(what (is|are|does|was)|who|when|where|which|define|tell me|show|name the|how (many|much|long|old))\b/g,
  transform:
    /\b(translate|summari[sz]e|shorten|rephrase|convert|format|extract|list|sort|classify|label|correct|proofread|count|title|rename|copy|turn (this|it))\b/g,
  explain: /\b(explain|why|how do(es)?|how can|difference between|compare)\b/g,
  write: /\b(write|create|add|generate|implement|build|make)\b/g,
  change: /\b(refactor|migrat\w+|port|split|rewrite|rework|restructure|upgrade|generali[sz]e|introduce|replac\w+)\b/g,
  diagnose:
    /\b(debug|diagnos\w+|investigate|find out|find the|root cause|races?|deadlock|leak|flaky|regression|crash(es)?|fails?|slow|bottleneck|vulnerab\w*|reproduce|trace|profile)\b/g,
  plan: /\b(design|architecture|plan|strategy|propose|trade-?offs?|schema|roadmap|evaluate|analy[sz]e|review|prove|proof|derive|develop|threat model|recommend|justify|risks?|rank)\b/g,
  demands:
    /\b(all|every|each|any|never|without|must|exactly|safe|consistent|identical|across|between|callers?|instances?|threads?|tests|migrations?|customers?|behaviours?|go back|way back)\b/g,
} as const;

export type Kind = keyof typeof kinds;

/** A file as prompts name it: a path, or a name with an ending that files have. */
const fileName =
  /(?<![\w/.*-])(?:[\w.@*-]+\/)+[\w.@*-]*|\b[\w-]+\.(?:tsx?|jsx?|mjs|py|rs|go|java|kt|rb|php|cs?|cpp|h|hpp|swift|sql|sh|ya?ml|json|toml|md|txt|csv|html|css|lock|log|proto|tf)\b/g;

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
  // A word that is quoted, or in the name of a file, asks for nothing.
  const words = asked
    .toLowerCase()
    .replace(fileName, " ")
    .replace(/(?<!\w)(["'])[^"'\n]{1,200}\1(?!\w)/g, " ");
  const many = (kind: Kind) => new Set(words.match(kinds[kind]) ?? []).size;
  return {
    tokens: await tokens(prompt),
    asked: await tokens(asked),
    codeBlocks: Math.floor((prompt.match(/^ {0,3}```/gm) ?? []).length / 2),
    files: new Set(asked.toLowerCase().match(fileName) ?? []).size + attached,
    tools,
    kinds: {
      lookup: many("lookup"),
      transform: many("transform"),
      explain: many("explain"),
      write: many("write"),
      change: many("change"),
      diagnose: many("diagnose"),
      plan: many("plan"),
      demands: many("demands"),
    },
  };
}

type Weight = "bias" | "tokens" | "asked" | "codeBlocks" | "files" | "tools" | Kind;

/** What each feature weighs. Fitted by `bench/routing.ts --train` to the training part of its prompts. */
export const weights: Readonly<Record<Weight, number>> = {
  bias: -4.08,
  tokens: 0.86,
  asked: 1.28,
  codeBlocks: 0.19,
  files: 0.22,
  tools: 0.32,
  lookup: -0.31,
  transform: -0.44,
  explain: 0.49,
  write: 0.16,
  change: 0.28,
  diagnose: 1.18,
  plan: 1,
  demands: 1.54,
};

/** The features as numbers of the same size: by their logarithm, since the tenth file says less than the first. */
export function measures({ tokens, asked, codeBlocks, files, tools, kinds: found }: Features): Array<[Weight, number]> {
  const counts: Array<[Exclude<Weight, "bias">, number]> = [
    ["tokens", tokens / 16],
    ["asked", asked / 16],
    ["codeBlocks", codeBlocks],
    ["files", files],
    ["tools", tools],
    ["lookup", found.lookup],
    ["transform", found.transform],
    ["explain", found.explain],
    ["write", found.write],
    ["change", found.change],
    ["diagnose", found.diagnose],
    ["plan", found.plan],
    ["demands", found.demands],
  ];
  return [["bias", 1], ...counts.map(([name, count]): [Weight, number] => [name, Math.log2(1 + count)])];
}

/** From 0 to 1, the more likely it is that a task needs the complex model. */
export function featureScore(features: Features): { score: number; why: string } {
  const sum = measures(features).reduce((total, [name, value]) => total + weights[name] * value, 0);
  const score = decimal(Math.round(1000 / (1 + Math.exp(-sum))) / 1000);
  const { tokens, asked, codeBlocks, files, tools, kinds: found } = features;
  const parts = [`${tokens} tokens, ${asked} of them the task`, `${codeBlocks} code blocks`, `${files} files`];
  const words = Object.entries(found).flatMap(([kind, count]) => (count === 0 ? [] : [`${kind} ${count}`]));
  return { score, why: `${[...parts, `${tools} tools`].join(", ")}; words: ${words.join(", ") || "none"}` };
}
