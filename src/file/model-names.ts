import { find, textsOf, type Node } from "./node.ts";

type TextNode = Extract<Node, { kind: "text" }>;

/** All names of models in an agent's `model`: the one, those of a list, or those of a route's sides. */
export function namedModels(agent: Node): TextNode[] {
  const model = find(agent, "model");
  return [model, find(model, "simple"), find(model, "complex")].flatMap((node) =>
    node?.kind === "text" ? [node] : textsOf(node),
  );
}
