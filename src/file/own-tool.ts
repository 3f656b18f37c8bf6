import type { AgentTool, HttpTool, McpTool, RunTool, ToolFacts } from "../core/planned-tool.ts";
import type { Template } from "../core/plan.ts";
import type { TemplateValue } from "../core/script.ts";
import { milliseconds } from "./duration.ts";
import { argumentPaths, headerPaths, noPaths, wordPaths } from "./own-tool-paths.ts";
import { entriesOf, find, itemsOf, quote, textsBelow, toJson, type MapNode, type Node } from "./node.ts";
import { reservedHeader, secretHeader } from "./models.ts";
import { jsonSchemaProblems } from "./output-schema.ts";
import { wrongProgram, wrongRule } from "./rules.ts";
import type { Problem } from "./source.ts";
import { parseTemplate, strayTemplate, type PathRule, type TextNode } from "./template.ts";
import type { OwnToolFile } from "./tool-schema.ts";

/** Where a tool is written: the file as it is named, its text, and the absolute folder it lies in. */
export type Written = { file: string; text: string; folder: string };

/** A tool that has no parameters. */
const noParameters = { type: "object", properties: {}, additionalProperties: false };

/** What the schema cannot say of a tool that is written in YAML. */
export function ownToolProblems(node: MapNode, { text, folder }: Written): Problem[] {
  const input = find(node, "input");
  const checked = (value: Node | undefined, rule: PathRule) =>
    value === undefined ? [] : textsBelow(value).flatMap((one) => parseTemplate(one, text, rule).problems);
  const [program, ...words] = itemsOf(find(node, "run"));
  const http = find(node, "http");
  return [
    ...kindProblems(node),
    ...agentKeyProblems(node),
    ...inputProblems(input),
    ...checked(program, wordPaths(noPaths("the program"))),
    ...programProblems(program, folder, text),
    ...words.flatMap((word) => checked(word, wordPaths(argumentPaths(input)))),
    ...urlProblems(find(http ?? node, "url"), input, text),
    ...headerProblems(find(http ?? node, "headers"), input, text),
    ...checked(http && find(http, "body"), argumentPaths(input, true)),
    ...bodyProblems(http),
    ...checked(find(node, "arguments"), argumentPaths(input, true)),
    ...checked(find(node, "prompt"), argumentPaths(input)),
    ...permissionProblems(find(node, "permissions")),
    ...entriesOf(node).flatMap(([key, { value }]) =>
      ["run", "http", "arguments", "prompt"].includes(key)
        ? []
        : textsBelow(value).flatMap((one) => strayTemplate(one, text, stray)),
    ),
  ];
}

const stray = { message: "'${{ … }}' works in a tool's 'run', 'http', 'arguments' and 'prompt' only" };

/** A program or a request without problems, as a plan has it. `value` is what the schema made of the node. */
export function ownToolOf(node: MapNode, value: OwnToolFile, name: string, written: Written): RunTool | HttpTool {
  const template = templateOf(written);
  const facts = { ...factsOf(value, name, written), input: value.input ?? noParameters };
  if (value.http === undefined) return { ...facts, kind: "run", run: itemsOf(find(node, "run")).map(template) };
  const http = find(node, "http");
  const body = find(http ?? node, "body");
  return {
    ...facts,
    kind: "http",
    method: value.http.method,
    url: template(find(http ?? node, "url")),
    headers: entriesOf(find(http ?? node, "headers")).map(([header, entry]) => [header, template(entry.value)]),
    ...(body === undefined ? {} : { body: templateValue(body, template) }),
  };
}

/** The same for a sub-agent of the file. */
export function agentToolOf(
  node: MapNode,
  value: OwnToolFile,
  name: string,
  agent: string,
  written: Written,
): AgentTool {
  const template = templateOf(written);
  const given = find(node, "arguments");
  const prompt = find(node, "prompt");
  const facts = factsOf(value, name, written);
  return {
    ...facts,
    // What the agent does passes the gate call by call.
    effects: node.entries.has("effects") ? facts.effects : "none",
    kind: "agent",
    agent,
    ...(value.input === undefined ? {} : { input: value.input }),
    ...(given === undefined ? {} : { arguments: templateValue(given, template) }),
    ...(prompt === undefined ? {} : { prompt: template(prompt) }),
  };
}

/** The same for a tool of an MCP server. */
export function mcpToolOf(node: MapNode, value: OwnToolFile, name: string, mcp: string, written: Written): McpTool {
  const given = find(node, "arguments");
  const slash = mcp.indexOf("/");
  return {
    ...factsOf(value, name, written),
    kind: "mcp",
    server: mcp.slice(0, slash),
    tool: mcp.slice(slash + 1),
    ...(value.input === undefined ? {} : { input: value.input }),
    ...(given === undefined ? {} : { arguments: templateValue(given, templateOf(written)) }),
  };
}

function factsOf(value: OwnToolFile, name: string, { file }: Written): Omit<ToolFacts, "input"> {
  return {
    name,
    description: value.description,
    effects: value.effects,
    timeout: milliseconds(value.timeout),
    origin: file,
    permissions: value.permissions,
  };
}

/** Reads a text that may hold templates and has no problems. */
function templateOf({ text, folder }: Written): (node: Node | undefined) => Template {
  return (node) => (node?.kind === "text" ? inFolder(parseTemplate(node, text, () => undefined).template, folder) : []);
}

function templateValue(node: Node, template: (text: Node) => Template): TemplateValue {
  if (node.kind === "text") return { kind: "text", template: template(node) };
  if (node.kind === "list") return { kind: "list", items: node.items.map((item) => templateValue(item, template)) };
  if (node.kind !== "map") return { kind: "value", value: toJson(node) };
  return { kind: "map", entries: entriesOf(node).map(([key, { value }]) => [key, templateValue(value, template)]) };
}

/** `${{ tool.folder }}` is known already; neighbouring texts become one. */
function inFolder(template: Template, folder: string): Template {
  const filled: Template = [];
  for (const piece of template) {
    const text = "text" in piece ? piece.text : piece.path[0] === "tool" ? folder : undefined;
    const last = filled.at(-1);
    if (text === undefined) filled.push(piece);
    else if (last !== undefined && "text" in last) filled[filled.length - 1] = { text: last.text + text };
    else filled.push({ text });
  }
  return filled;
}

/** A tool is a program, a request or an agent, and exactly one of them. */
function kindProblems(node: MapNode): Problem[] {
  const kinds = ["run", "http", "agent", "mcp"].flatMap((key) => {
    const entry = node.entries.get(key);
    return entry === undefined ? [] : [entry];
  });
  const [, second] = kinds;
  if (kinds.length === 0) {
    // Then it is no tool at all, and that was told.
    if (!node.entries.has("name") && !node.entries.has("description")) return [];
    return [{ code: "missing_key", at: node.at, message: "A tool needs 'run' or 'http', this one has neither" }];
  }
  if (second === undefined) return [];
  const message = ["agent", "mcp"].some((key) => node.entries.has(key))
    ? "A tool has one of 'run', 'http', 'agent' and 'mcp'"
    : "A tool has 'run' or 'http', not both";
  return [{ code: "wrong_value", at: second.key, message, hint: "remove one of them" }];
}

/** Keys that only an agent has, and those that it has none of. */
function agentKeyProblems(node: MapNode): Problem[] {
  const isAgent = node.entries.has("agent");
  if (!isAgent && node.entries.has("mcp")) return mcpKeyProblems(node);
  const stray = isAgent ? ["permissions", "timeout"] : ["arguments", "prompt"];
  return stray.flatMap((key): Problem[] => {
    const entry = node.entries.get(key);
    if (entry === undefined) return [];
    const message = isAgent
      ? `A tool that is an agent has no '${key}'`
      : `'${key}' is only for a tool that is an agent`;
    const hint = isAgent ? `the agent has its own '${key === "timeout" ? "limits" : key}'` : undefined;
    return [{ code: "wrong_value", at: entry.key, message, hint }];
  });
}

/** A server's tool has what its server has. */
function mcpKeyProblems(node: MapNode): Problem[] {
  return ["permissions", "prompt"].flatMap((key): Problem[] => {
    const entry = node.entries.get(key);
    const hint = key === "permissions" ? "its server has its own, under 'mcp'" : undefined;
    return entry === undefined
      ? []
      : [{ code: "wrong_value", at: entry.key, message: `A tool of a server has no '${key}'`, hint }];
  });
}

function inputProblems(input: Node | undefined): Problem[] {
  if (input?.kind !== "map") return [];
  const type = find(input, "type");
  const problems = jsonSchemaProblems(input);
  if (type?.kind === "text" && type.value === "object") return problems;
  if (type === undefined) {
    const message = "A tool's input is an object: its schema has no 'type'";
    return [
      ...problems,
      { code: "schema", at: input.at, message, hint: "write 'type: object', and parameters under 'properties'" },
    ];
  }
  const message = "A tool's input is an object";
  return [...problems, { code: "schema", at: type.at, message, hint: "write 'type: object'" }];
}

function programProblems(program: Node | undefined, folder: string, text: string): Problem[] {
  if (program?.kind !== "text") return [];
  const { template, problems } = parseTemplate(program, text, wordPaths(noPaths("the program")));
  if (problems.length > 0) return [];
  const name = inFolder(template, folder)
    .map((piece) => ("text" in piece ? piece.text : ""))
    .join("");
  const wrong = name === "" ? { message: "A program cannot be empty" } : wrongProgram(name);
  return wrong === undefined ? [] : [{ code: "permission", at: program.at, ...wrong }];
}

/** The start of a URL up to the end of its host and port. */
const authority = /^https?:\/\/[^/?#\\\s]+/;

function urlProblems(url: Node | undefined, input: Node | undefined, text: string): Problem[] {
  if (url?.kind !== "text") return [];
  const { template, problems } = parseTemplate(url, text, argumentPaths(input));
  if (problems.length > 0) return problems;
  const refuse = (message: string, hint?: string): Problem[] => [{ code: "wrong_value", at: url.at, message, hint }];
  const [first] = template;
  const start = first !== undefined && "text" in first ? first.text : "";
  const host = authority.exec(start)?.[0];
  if (template.length > 1 || start === "") {
    if (host === undefined || host.length === start.length) {
      return refuse("An argument cannot be in the scheme, host or port of a URL", "write these as text, up to a '/'");
    }
  }
  const literal = template.map((piece) => ("text" in piece ? piece.text : "x")).join("");
  const parsed = URL.parse(literal);
  if (host === undefined || parsed === null) return refuse(`${quote(url.value)} is not an http or https URL`);
  if (parsed.username !== "" || parsed.password !== "")
    return refuse("A URL cannot hold a user or password", "put them into a header");
  if (/[\\\s]/.test(literal)) return refuse("A URL cannot hold blanks or '\\'");
  if (literal.includes("#")) return refuse("A URL's fragment is never sent");
  const [path = ""] = literal.slice(host.length).split("?", 1);
  return path.split("/").some((part) => /^(\.|%2e){1,2}$/i.test(part))
    ? refuse("A URL's path cannot have '.' or '..'")
    : [];
}

function headerProblems(headers: Node | undefined, input: Node | undefined, text: string): Problem[] {
  return entriesOf(headers).flatMap(([name, { key, value }]): Problem[] => {
    if (reservedHeader.test(name)) {
      return [{ code: "wrong_value", at: key, message: `Header ${quote(name)} is not for a file to set` }];
    }
    if (value.kind !== "text") return [];
    const { template, problems } = parseTemplate(value, text, headerPaths(input));
    if (problems.length > 0) return problems;
    const literal = template.map((piece) => ("text" in piece ? piece.text : "")).join("");
    if (!/^[\x20-\x7e]*$/.test(literal)) {
      return [{ code: "wrong_value", at: value.at, message: "A header is printable ASCII" }];
    }
    if (!secretHeader.test(name) || template.some((piece) => "path" in piece && piece.path[0] === "env")) return [];
    const hint = "name the variable that holds it: ${{ env.NAME }}";
    return [{ code: "wrong_value", at: value.at, message: `Header ${quote(name)} is a secret`, hint }];
  });
}

function bodyProblems(http: Node | undefined): Problem[] {
  const body = http?.kind === "map" ? http.entries.get("body") : undefined;
  const method = http && find(http, "method");
  if (body === undefined || (method?.kind === "text" && method.value !== "GET")) return [];
  return [{ code: "wrong_value", at: body.key, message: "A GET request has no body", hint: "write 'method: POST'" }];
}

function permissionProblems(permissions: Node | undefined): Problem[] {
  return (["env", "net"] as const).flatMap((kind) =>
    itemsOf(permissions && find(permissions, kind)).flatMap((rule): Problem[] => {
      if (rule.kind !== "text") return [];
      const wrong = wrongRule(kind, kind === "env" ? rule.value.replace(/\?$/, "") : rule.value) ?? wide(rule);
      return wrong === undefined ? [] : [{ code: "permission", at: rule.at, ...wrong }];
    }),
  );
}

function wide({ value }: TextNode) {
  return value.includes("*") || value.includes("/")
    ? { message: `${quote(value)} is not one name`, hint: "name what the tool cannot work without" }
    : undefined;
}
