import { decimal } from "./route.ts";

/** What can be seen of a task before it is done. */
export type Features = {
  tokens: number;
  /** Fenced blocks of code. */
  codeBlocks: number;
  /** Files that the prompt names, and those attached. */
  files: number;
  /** Tools that the model may call. */
  tools: number;
  kinds: Kind[];
};

/** Kinds of questions, by words that they are asked with. A prompt may be of several. */
export const kinds = {
  lookup: /\b(what (is|are|does|was)|who|when|where|which|define|name the|how (many|much|long|old))\b/,
  transform:
    /\b(translate|summari[sz]e|shorten|rephrase|rewrite|convert|format|extract|list|sort|classify|label|correct|proofread|reply|count|title|tl;?dr)\b/,
  explain: /\b(explain|why|how do(es)?|how can|difference between|compare)\b/,
  write: /\b(write|create|add|generate|implement|build|make)\b/,
  change: /\b(refactor|migrate|port|replace|split|extend|rework|restructure|upgrade|move)\b/,
  diagnose:
    /\b(debug|diagnose|investigate|find out|root cause|race|deadlock|leak|flaky|regression|crash(es)?|fails?|failing|slow|bottleneck|vulnerab\w*)\b/,
  plan: /\b(design|architecture|plan|strategy|propose|trade-?offs?|schema|roadmap|evaluate|review|prove|threat model)\b/,
} as const;

export type Kind = keyof typeof kinds;

/** A file as prompts name it: a path, or a name with an ending that files have. */
const fileName =
  /(?<![\w/.-])(?:[\w.@-]+\/)+[\w.@-]*|\b[\w-]+\.(?:tsx?|jsx?|mjs|py|rs|go|java|kt|rb|php|cs?|cpp|h|hpp|swift|sql|sh|ya?ml|json|toml|md|txt|csv|html|css|lock|log|proto|tf)\b/g;

/** The features of a prompt. `attached` are files beside it. */
export function featuresOf(
  prompt: string,
  { tokens, attached, tools }: { tokens: number; attached: number; tools: number },
): Features {
  const lower = prompt.toLowerCase();
  const named = new Set(lower.match(fileName) ?? []);
  return {
    tokens,
    codeBlocks: Math.floor((prompt.match(/^ {0,3}```/gm) ?? []).length / 2),
    files: named.size + attached,
    tools,
    kinds: kindNames.filter((kind) => kinds[kind].test(lower)),
  };
}

const kindNames: readonly Kind[] = ["lookup", "transform", "explain", "write", "change", "diagnose", "plan"];

/** What each feature weighs. Fitted by `bench/routing.ts --train` to the training part of its prompts. */
export const weights: Readonly<Record<"bias" | "tokens" | "codeBlocks" | "files" | "tools" | Kind, number>> = {
  bias: 0,
  tokens: 0,
  codeBlocks: 0,
  files: 0,
  tools: 0,
  lookup: 0,
  transform: 0,
  explain: 0,
  write: 0,
  change: 0,
  diagnose: 0,
  plan: 0,
};

/** The features as numbers of the same size: counts by their logarithm, since the tenth file says less than the first. */
export function measures({
  tokens,
  codeBlocks,
  files,
  tools,
  kinds: found,
}: Features): Array<[keyof typeof weights, number]> {
  return [
    ["bias", 1],
    ["tokens", Math.log2(1 + tokens / 16)],
    ["codeBlocks", Math.log2(1 + codeBlocks)],
    ["files", Math.log2(1 + files)],
    ["tools", Math.log2(1 + tools)],
    ...found.map((kind): [Kind, number] => [kind, 1]),
  ];
}

/** From 0 to 1, the more likely it is that a task needs the complex model. */
export function featureScore(features: Features): { score: number; why: string } {
  const sum = measures(features).reduce((total, [name, value]) => total + weights[name] * value, 0);
  const score = decimal(Math.round(1000 / (1 + Math.exp(-sum))) / 1000);
  const { tokens, codeBlocks, files, tools, kinds: found } = features;
  const parts = [`${tokens} tokens`, `${codeBlocks} code blocks`, `${files} files`, `${tools} tools`];
  const kind = found.length === 0 ? "of no known kind" : `asks to ${found.join(", ")}`;
  return { score, why: `${parts.join(", ")}, ${kind}` };
}
