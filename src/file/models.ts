import { nearest } from "../core/nearest.ts";
import { isJsonObject, type JsonSchema } from "../core/json.ts";
import { modelFileProblems } from "./model-files.ts";
import { namedModels } from "./model-names.ts";
import { entriesOf, find, quote, textsOf, toJson, type Entry, type MapNode, type Node } from "./node.ts";
import { oneOf } from "./shape.ts";
import type { Problem, Range } from "./source.ts";

/** A provider as a file can name it. */
export type KnownProvider = {
  name: string;
  aliases: readonly string[];
  /** Whether the provider alone names a model, its default one. */
  alone: boolean;
  /** The keys that an entry of `models:` may have beside `model`. */
  options: readonly string[];
  /** What of a schema its answers cannot be held to, and where; absent where they are judged when they are there. */
  unkept?(schema: JsonSchema): Array<{ path: ReadonlyArray<string | number>; message: string; hint?: string }>;
  /** The path of the file that a model's name is, without the provider, where it is one; absent where files are not read. */
  fileOf?(id: string): string | undefined;
};

/** Connections, routes and other hosts are not for a file to say: the key would go where they lead. */
export const reservedHeader =
  /^(host|connection|content-length|transfer-encoding|upgrade|te|trailer|forwarded|x-forwarded-.*|proxy-.*)$/i;

/** With a key of its own a file could have everything sent under the account of whoever wrote it. */
export const secretHeader = /^(authorization|cookie|.*(api-?key|token|secret))$/i;

type TextNode = Extract<Node, { kind: "text" }>;

/** What the schema cannot say of models: which names there are, what each provider has, and where keys may go. */
export function modelProblems(
  root: Node,
  providers: readonly KnownProvider[],
  secrets: readonly string[],
  text: string,
) {
  const models = entriesOf(find(root, "models"));
  const names = models.map(([name]) => name);
  const problems = settingProblems(root, providers, names, text);
  for (const [name, { key, value: spec }] of models) {
    if (providers.some((one) => one.name === name || one.aliases.includes(name))) {
      const message = `A model cannot be named ${quote(name)}: it is a provider`;
      problems.push({ code: "wrong_value", at: key, message });
    }
    const named = find(spec, "model");
    if (named?.kind !== "text") continue;
    problems.push(...modelNameProblems(named, providers, undefined, text));
    const provider = providerOf(named.value, providers);
    if (provider !== undefined) problems.push(...optionProblems(spec, provider, providers));
    problems.push(...endpointProblems(root, spec, secrets));
  }
  return [...problems, ...modelFileProblems(root, providers)];
}

/** What of a schema an agent's own model cannot be held to. The schema is one, of its answer or of a tool. */
export function unkeptProblems(root: Node, schema: MapNode, providers: readonly KnownProvider[]): Problem[] {
  const json = toJson(schema);
  if (!isJsonObject(json)) return [];
  const models = namedModels(root).map(({ value }) => {
    const entry = find(root, "models", value, "model");
    return entry?.kind === "text" ? entry.value : value;
  });
  return [...new Set(models)].flatMap((model) => {
    const unkept = providerOf(model, providers)?.unkept?.(json) ?? [];
    return unkept.map(({ path, message, hint }): Problem => {
      const why = message.replace(/^[A-Z]/, (letter) => letter.toLowerCase());
      const told = `'${model}' cannot be held to this schema: ${why}`;
      return { code: "schema", at: rangeAt(schema, path), message: told, hint };
    });
  });
}

/** What is wrong with an agent's `model` beyond its shape. */
export function settingProblems(
  agent: Node,
  providers: readonly KnownProvider[],
  names: readonly string[],
  text: string,
): Problem[] {
  const model = find(agent, "model");
  const summaries = find(agent, "context", "model");
  return [
    ...[...namedModels(agent), ...(summaries?.kind === "text" ? [summaries] : [])].flatMap((node) =>
      modelNameProblems(node, providers, names, text),
    ),
    ...[model, find(model, "simple"), find(model, "complex")].flatMap(repeatedNames),
    ...unusedSettings(model),
  ];
}

/** A model cannot stand in for itself. */
function repeatedNames(list: Node | undefined): Problem[] {
  const seen = new Set<string>();
  return textsOf(list).flatMap(({ value, at }): Problem[] => {
    if (seen.size < seen.add(value).size) return [];
    return [{ code: "wrong_value", at, message: `Model ${quote(value)} is in this list already` }];
  });
}

/** What a route says and its scorer does not read. */
function unusedSettings(route: Node | undefined): Problem[] {
  const named = find(route, "scorer");
  const scorer = named?.kind === "text" ? named.value : "keywords";
  const unused = { keywords: [], features: ["keywords"], cascade: ["keywords", "threshold"] }[scorer] ?? [];
  return entriesOf(route).flatMap(([name, { key }]): Problem[] =>
    unused.includes(name)
      ? [{ code: "wrong_value", at: key, message: `The scorer '${scorer}' has no ${quote(name)}` }]
      : [],
  );
}

/** Where a path leads: a key, or an item of a list; the schema itself for none. */
function rangeAt(schema: Node, path: ReadonlyArray<string | number>): Range {
  let [node, range]: [Node | undefined, Range] = [schema, schema.at];
  for (const step of path) {
    const entry: Entry | undefined = node?.kind === "map" ? node.entries.get(String(step)) : undefined;
    const item: Node | undefined = node?.kind === "list" ? node.items[Number(step)] : entry?.value;
    [node, range] = [item, entry?.key ?? item?.at ?? range];
  }
  return range;
}

/** The variables that models of the file are reached with: what only their service may see. */
export function modelVariables(root: Node): TextNode[] {
  return entriesOf(find(root, "models")).flatMap(([, { value: spec }]) => variablesOf(spec));
}

/** The variables that one of them is reached with. */
export function variablesOf(spec: Node): TextNode[] {
  const values = entriesOf(find(spec, "headers")).map(([, { value }]) => find(value, "env"));
  return [find(spec, "key"), ...values].filter((node) => node?.kind === "text");
}

function providerOf(name: string, providers: readonly KnownProvider[]): KnownProvider | undefined {
  const prefix = name.split("/", 1)[0] ?? "";
  return providers.find((one) => one.name === prefix || one.aliases.includes(prefix));
}

/** What is wrong with a model's name. `models` are those of the file, undefined where it can name none of them. */
export function modelNameProblems(
  node: TextNode,
  providers: readonly KnownProvider[],
  models: readonly string[] | undefined,
  text: string,
): Problem[] {
  const name = node.value;
  // The schema tells of these, and of templates.
  if (!/^[A-Za-z]\S*$/.test(name) || name.includes("${{") || models?.includes(name)) return [];
  const [prefix = ""] = name.split("/", 1);
  const alone = prefix === name;
  const provider = providerOf(name, providers);
  const all = providers.flatMap((one) => [one.name, ...one.aliases]);
  if (provider !== undefined) {
    if (alone ? provider.alone : name.length > prefix.length + 1) return [];
    const message = `Provider '${provider.name}' needs a ${provider.name === "scripted" ? "file" : "model"}`;
    return [{ code: "wrong_value", at: node.at, message, hint: `write '${prefix}/…'` }];
  }
  const others = models === undefined ? " or a provider alone" : ", a provider alone, or a name under 'models'";
  const known = alone ? [...(models ?? []), ...all] : all;
  const close = nearest(prefix, known);
  const expected = alone ? `expected 'provider/model'${others}` : `expected ${oneOf(all)}`;
  const start = node.text[0] + Math.max(0, text.slice(...node.text).indexOf(prefix));
  return [
    {
      code: "unknown_name",
      at: node.at === node.text ? [start, start + prefix.length] : node.at,
      message: `Unknown ${alone ? "model" : "provider"} ${quote(prefix)}`,
      hint: close === undefined ? expected : `did you mean '${close}'?`,
    },
  ];
}

function optionProblems(spec: Node, provider: KnownProvider, providers: readonly KnownProvider[]): Problem[] {
  const options = new Set(providers.flatMap((one) => one.options));
  return entriesOf(spec).flatMap(([option, { key }]): Problem[] => {
    if (!options.has(option) || provider.options.includes(option)) return [];
    const having = providers.filter((one) => one.options.includes(option)).map(({ name }) => name);
    const message = `Provider '${provider.name}' has no ${quote(option)}`;
    return [{ code: "wrong_value", at: key, message, hint: `${quote(option)} works with ${listOf(having)}` }];
  });
}

function endpointProblems(root: Node, spec: Node, secrets: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  const url = find(spec, "base_url");
  const wrong = url?.kind === "text" && !url.value.includes("${{") ? wrongUrl(url.value) : undefined;
  if (url !== undefined && wrong !== undefined) problems.push({ code: "wrong_value", at: url.at, message: wrong });
  const file = spec.kind === "map" ? spec.entries.get("ca_file") : undefined;
  if (file !== undefined && url === undefined) {
    // Who may say which certificates to trust for a service's own address could read the key that is sent there.
    const message = "'ca_file' is only for a 'base_url' of the file";
    problems.push({ code: "wrong_value", at: file.key, message, hint: "NODE_EXTRA_CA_CERTS is for all services" });
  }
  for (const [name, { key, value }] of entriesOf(find(spec, "headers"))) {
    const hint = "name the variable that holds it: { env: NAME }";
    if (reservedHeader.test(name)) {
      problems.push({ code: "wrong_value", at: key, message: `Header ${quote(name)} is not for a file to set` });
    } else if (secretHeader.test(name) && value.kind === "text") {
      problems.push({ code: "wrong_value", at: value.at, message: `Header ${quote(name)} is a secret`, hint });
    }
  }
  for (const node of variablesOf(spec)) {
    if (!secrets.includes(node.value)) {
      problems.push(...requestProblems(root, node, "sent"));
      continue;
    }
    const message = `${quote(node.value)} is a provider's own key: a file cannot say where it is sent`;
    problems.push({ code: "wrong_value", at: node.at, message, hint: "put the key for it into a variable of its own" });
  }
  return problems;
}

function wrongUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return `${quote(text)} is not an http or https URL`;
  if (url.username !== "" || url.password !== "") return "A URL cannot hold a user or password";
  return url.search === "" && url.hash === "" ? undefined : `${quote(text)} has a query or fragment`;
}

/** A variable that can never be had, since the file does not request it. `use` is what is to be done with it. */
export function requestProblems(root: Node, { value, at }: TextNode, use: "read" | "sent"): Problem[] {
  const permissions = find(root, "permissions");
  const rules = find(root, "permissions", "env");
  if ((permissions !== undefined && permissions.kind !== "map") || (rules !== undefined && rules.kind !== "list"))
    return [];
  const requested =
    rules?.kind === "list" ? rules.items.flatMap((rule) => (rule.kind === "text" ? rule.value : [])) : [];
  const covers = (rule: string) => (rule.endsWith("*") ? value.startsWith(rule.slice(0, -1)) : value === rule);
  if (!/^\w+$/.test(value) || requested.some(covers)) return [];
  return [
    {
      code: "permission",
      at,
      message: `Variable '${value}' can never be ${use}: permissions has no '${value}' in 'env'`,
      hint: `write permissions: { env: [${[...requested, value].join(", ")}] }`,
    },
  ];
}

function listOf(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(", ");
}
