import { normalize } from "node:path";
import { namedModels } from "./model-names.ts";
import type { KnownProvider } from "./models.ts";
import { entriesOf, find, quote, textsOf, type Node } from "./node.ts";
import type { Problem } from "./source.ts";

type TextNode = Extract<Node, { kind: "text" }>;

/** Files that models of the agent file name by a path, and that cannot be read, since the file does not request it. */
export function modelFileProblems(root: Node, providers: readonly KnownProvider[]): Problem[] {
  const [permissions, read] = [find(root, "permissions"), find(root, "permissions", "read")];
  // The schema tells of these.
  if ((permissions !== undefined && permissions.kind !== "map") || (read !== undefined && read.kind !== "list"))
    return [];
  const rules = textsOf(read).map(({ value }) => value);
  const models = entriesOf(find(root, "models"));
  const own = namedModels(root).filter(({ value }) => !models.some(([name]) => name === value));
  const files = [
    ...own.flatMap((model) => filesOf(model, undefined, providers)),
    ...models.flatMap(([, { value }]) => filesOf(find(value, "model"), find(value, "adapter"), providers)),
  ];
  return files.flatMap(([node, path]): Problem[] => {
    if (rules.some((rule) => mayHold(rule, path))) return [];
    const rule = placeOf(path) === "agent" ? `agent:${normalize(path)}` : path;
    const hint = `write permissions: { read: [${[...rules, rule].join(", ")}] }`;
    if (rules.length === 0) {
      const message = `File ${quote(path)} can never be read: permissions has no '${rule}' in 'read'`;
      return [{ code: "permission", at: node.at, message, hint }];
    }
    // An error would refuse what a link may lead to.
    const message = `File ${quote(path)} is in nothing that 'read' requests`;
    return [{ code: "permission", severity: "warning", at: node.at, message, hint }];
  });
}

/** The paths that a model's name, and its adapter, are, as they are written. */
function filesOf(
  model: Node | undefined,
  adapter: Node | undefined,
  providers: readonly KnownProvider[],
): Array<[TextNode, string]> {
  if (model?.kind !== "text") return [];
  const provider = providers.find(({ name }) => model.value.startsWith(`${name}/`));
  if (provider?.fileOf === undefined) return [];
  const path = provider.fileOf(model.value.slice(provider.name.length + 1));
  const files: Array<[TextNode, string]> = path === undefined ? [] : [[model, path]];
  return adapter?.kind === "text" ? [...files, [adapter, adapter.value]] : files;
}

/** What a path is relative to. */
function placeOf(path: string): "root" | "home" | "agent" {
  return path.startsWith("/") ? "root" : path === "~" || path.startsWith("~/") ? "home" : "agent";
}

/** Whether what a rule names may hold a path: where it begins elsewhere, nobody knows before the run. */
function mayHold(rule: string, path: string): boolean {
  const named = rule.replace(/^agent:/, "");
  // What is relative to the working folder may be anything.
  if (named === rule && placeOf(rule) === "agent") return true;
  if (placeOf(named) !== placeOf(path)) return true;
  const [folder, file] = [named === "" ? "./" : normalize(`${named}/`), normalize(path)];
  return folder === "./" ? !file.startsWith("../") : `${file}/`.startsWith(folder);
}
