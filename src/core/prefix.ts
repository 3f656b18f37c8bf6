import type { ModelRequest, ToolSpec } from "./model.ts";

/** What all requests of a run begin with: services keep it, and read it at a fraction of its price while it stays the same. */
export type Prefix = {
  /** The start of a SHA-256, in hex. */
  hash: string;
  /** Its parts by their names, in their order, as they are told apart. */
  parts: ReadonlyMap<string, string>;
};

type Prefixed = Pick<ModelRequest, "instructions" | "tools">;

/** Those of lists of tools that were asked for before. */
const known = new WeakMap<ToolSpec[], Prefix & { instructions: string }>();

const hashLength = 16;

export function prefixOf({ instructions, tools }: Prefixed): Prefix {
  const before = known.get(tools);
  if (before?.instructions === instructions) return before;
  const parts = new Map([["the instructions", instructions]]);
  for (const tool of tools) parts.set(`the tool '${tool.name}'`, JSON.stringify(tool));
  const whole = JSON.stringify([...parts]);
  const hash = new Bun.CryptoHasher("sha256").update(whole).digest("hex").slice(0, hashLength);
  const prefix = { hash, parts, instructions };
  known.set(tools, prefix);
  return prefix;
}

/** The first part in which two differ, in words: "the tool 'x' is new". Undefined where they are the same. */
export function differenceOf(before: Prefix, after: Prefix): string | undefined {
  if (before.hash === after.hash) return undefined;
  for (const [name, part] of after.parts) {
    const old = before.parts.get(name);
    if (old === undefined) return `${name} is new`;
    if (old !== part) return `${name} changed`;
  }
  for (const name of before.parts.keys()) if (!after.parts.has(name)) return `${name} is gone`;
  return "the tools are in another order";
}
