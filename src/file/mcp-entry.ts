import { resolve } from "node:path";
import type { McpOauth, McpServer, McpText, McpTransport, McpTransportName, Named } from "../core/mcp.ts";
import { nearest } from "../core/nearest.ts";
import { reservedHeader, secretHeader } from "./models.ts";
import { entriesOf, find, itemsOf, quote, textsOf, type Entry, type MapNode, type Node } from "./node.ts";
import { wrongProgram } from "./rules.ts";
import {
  known,
  noRequests,
  rangeIn,
  variableOf,
  type EntryFile,
  type EntryRequests,
  type TextUse,
  type Variable,
  type Way,
} from "./mcp-text.ts";
import { hostRule, urlProblems } from "./mcp-url.ts";
import { oneOf, plain } from "./shape.ts";
import type { Problem, Range } from "./source.ts";
import type { TextNode } from "./template.ts";

/** What servers of a plan ask for, as far as it is known before a run. */
export function requestsOfServers(servers: readonly McpServer[], file: Pick<EntryFile, "variable">): EntryRequests {
  const all = noRequests();
  for (const { transport } of servers) {
    const { kind } = transport;
    const command = kind === "stdio" ? transport.command : [];
    const url = kind === "stdio" || kind === "sdk" ? undefined : transport.url;
    const named = kind === "stdio" || kind === "sdk" ? transport.env : transport.headers;
    const secret = "oauth" in transport ? transport.oauth?.client_secret : undefined;
    const texts = [
      ...(secret === undefined ? [] : [secret]),
      ...command,
      ...(url === undefined ? [] : [url]),
      ...named.map(([, text]) => text),
    ];
    const program = command[0] && known(command[0], file);
    const address = url && URL.parse(known(url, file) ?? "");
    if (program !== undefined) all.run.push(program);
    if (address) all.net.push(hostRule(address));
    all.env.push(...texts.flatMap(({ pieces }) => pieces.flatMap(variableOf).map(({ name }) => name)));
  }
  return all;
}

export type CheckedEntry = { problems: Problem[]; transport: McpTransport | undefined; requests: EntryRequests };

/** Checks how a server is reached: that its keys fit each other, and what they hold. */
export function checkEntry(key: Range, node: MapNode, file: EntryFile): CheckedEntry {
  const problems: Problem[] = [];
  const requests = noRequests();
  const texts = new Map<Node, McpText>();
  const read = (value: Node | undefined, use: TextUse): McpText[] => {
    if (value?.kind !== "text") return [];
    const { pieces, problems: wrong } = file.holes(value, use);
    const variables = pieces.flatMap(variableOf);
    problems.push(...wrong, ...variables.flatMap((variable) => variableProblems(variable, value, file)));
    // What is wrong in it leaves no text to judge.
    if (wrong.length > 0) return [];
    requests.env.push(...variables.map(({ name }) => name));
    const text = { pieces, place: file.place(value.at) };
    texts.set(value, text);
    return [text];
  };
  const named = (value: Node | undefined, use: TextUse): Named<McpText> =>
    entriesOf(value).flatMap(([name, entry]) => read(entry.value, use).map((text): [string, McpText] => [name, text]));

  const way = wayOf(key, node, file, problems);
  const kind = way === undefined ? undefined : transportOf(way, node, file, problems);
  problems.push(...strayKeys(node, way));
  const words = wordsOf(find(node, "command"));
  const [program, ...rest] = words;
  const command = [
    ...read(program, "program"),
    ...[...rest, ...itemsOf(find(node, "args"))].flatMap((word) => read(word, "argument")),
  ];
  const [cwd] = read(find(node, "cwd"), "folder");
  const env = named(find(node, "env"), "variable");
  const headers = named(find(node, "headers"), "header");
  const [url] = read(find(node, "url"), "url");
  problems.push(
    ...secretProblems(node, texts, file),
    ...headerProblems(find(node, "headers"), texts, file),
    ...programProblems(program, find(node, "command"), command[0], file, requests),
    ...urlProblems(find(node, "url"), url, kind, file, requests),
  );
  const module = find(node, "module");
  const oauth = find(node, "oauth");
  const [secret] = read(oauth && find(oauth, "client_secret"), "header");
  if (isLiteral(secret)) {
    const hint = "name the variable that holds it: ${{ env.NAME }}";
    const at = find(node, "oauth", "client_secret")?.at ?? key;
    problems.push({ code: "wrong_value", at, message: "'client_secret' is a secret", hint });
  }
  const transport = (): McpTransport | undefined => {
    if (kind === "stdio") {
      const folder = cwd === undefined ? {} : { cwd: inFolder(cwd, file.folder) };
      return { kind, command, ...folder, env };
    }
    if (kind === "sdk")
      return module?.kind === "text" ? { kind, module: resolve(file.folder, module.value), env } : undefined;
    if (kind === undefined || url === undefined) return undefined;
    return { kind, url, headers, ...(oauth === undefined ? {} : { oauth: oauthOf(oauth, secret) }) };
  };
  return { problems, transport: transport(), requests };
}

function oauthOf(node: Node, secret: McpText | undefined): McpOauth {
  const client = find(node, "client_id");
  const scopes = find(node, "scopes");
  return {
    ...(client?.kind === "text" ? { client_id: client.value } : {}),
    ...(secret === undefined ? {} : { client_secret: secret }),
    ...(scopes === undefined ? {} : { scopes: textsOf(scopes).map(({ value }) => value) }),
  };
}

function wordsOf(command: Node | undefined): Node[] {
  return command?.kind === "list" ? command.items : command === undefined ? [] : [command];
}

function inFolder({ pieces, place }: McpText, folder: string): McpText {
  const [first, ...rest] = pieces;
  const within = first !== undefined && "text" in first && first.text.startsWith("agent:");
  return { pieces: within ? [{ text: resolve(folder, first.text.slice(6)) }, ...rest] : pieces, place };
}

/** The key that says where the server is: one of them, and only one. */
function wayOf(key: Range, node: MapNode, { ways }: EntryFile, problems: Problem[]): Way | undefined {
  const [way, second] = ways.filter((one) => node.entries.has(one));
  const entry = second && node.entries.get(second);
  if (entry !== undefined) {
    const message = `A server has one of ${oneOf(ways).replace(" or ", " and ")}`;
    problems.push({ code: "wrong_value", at: entry.key, message, hint: "remove one of them" });
  }
  const misspelled = [...node.entries.keys()].some(
    (name) => nearest(name, ways) !== undefined || /url$|^cmd$/i.test(name),
  );
  if (way === undefined && !misspelled) {
    const message = `A server needs ${oneOf(ways)}, this one has ${ways.length === 2 ? "neither" : "none"}`;
    problems.push({ code: "missing_key", at: key, message });
  }
  return second === undefined ? way : undefined;
}

const waysOf: Record<McpTransportName, Way> = {
  stdio: "command",
  http: "url",
  sse: "url",
  websocket: "url",
  sdk: "module",
};

/** The transport: what `transport` or `type` names, or what follows from where the server is. */
function transportOf(
  way: Way,
  node: MapNode,
  { aliases }: EntryFile,
  problems: Problem[],
): McpTransportName | undefined {
  const named = (["transport", "type"] as const).flatMap((key) => {
    const value = find(node, key);
    return value?.kind === "text" ? [{ key, value }] : [];
  });
  const meant = named.map(({ value }) => aliases[value.value]);
  const [first, second] = named;
  const [name] = meant;
  if (first !== undefined && second !== undefined && meant[0] !== meant[1]) {
    const message = `'type' contradicts 'transport': ${quote(second.value.value)} and ${quote(first.value.value)}`;
    problems.push({ code: "wrong_value", at: second.value.at, message, hint: "remove one of them" });
    return undefined;
  }
  if (first === undefined) {
    const url = find(node, "url");
    if (way === "command") return "stdio";
    if (way === "module") return "sdk";
    return url?.kind === "text" && /^wss?:/i.test(url.value) ? "websocket" : "http";
  }
  if (name === undefined) {
    const close = nearest(first.value.value, Object.keys(aliases));
    const hint = close === undefined ? undefined : `did you mean '${close}'?`;
    const message = `Expected ${oneOf(Object.keys(aliases))}, found ${quote(first.value.value)}`;
    // Where these are all the names, the schema has told of it.
    if (Object.entries(aliases).some(([alias, one]) => alias !== one)) {
      problems.push({ code: "wrong_value", at: first.value.at, message, hint });
    }
    return undefined;
  }
  if (waysOf[name] === way) return name;
  const message = `Transport ${quote(first.value.value)} needs '${waysOf[name]}', and this server has '${way}'`;
  problems.push({ code: "wrong_value", at: first.value.at, message, hint: `remove '${first.key}': '${way}' says it` });
  return undefined;
}

/** Keys that mean something for some ways to a server only. */
const keyWays: Readonly<Record<string, readonly Way[]>> = {
  args: ["command"],
  cwd: ["command"],
  env: ["command", "module"],
  permissions: ["command", "module"],
  headers: ["url"],
  oauth: ["url"],
};

function strayKeys(node: MapNode, way: Way | undefined): Problem[] {
  if (way === undefined) return [];
  return Object.entries(keyWays).flatMap(([name, ways]): Problem[] => {
    const entry = node.entries.get(name);
    if (entry === undefined || ways.includes(way)) return [];
    const message = `'${name}' is only for a server with ${oneOf(ways)}`;
    return [{ code: "wrong_value", at: entry.key, message, hint: hintFor(name, way) }];
  });
}

function hintFor(name: string, way: Way): string | undefined {
  if (name === "env" && way === "url") return "a server that is reached by a URL gets 'headers'";
  if (name === "headers" && way === "command") return "a program gets 'env'";
  return undefined;
}

function variableProblems({ name, needed, shown }: Variable, node: TextNode, file: EntryFile): Problem[] {
  const { keys, variable, text } = file;
  const at = rangeIn(node, shown, text);
  if (keys.includes(name)) {
    const message = `${quote(name)} holds a service's key: no server can have it`;
    return [{ code: "permission", at, message, hint: "put the key for it into a variable of its own" }];
  }
  if (variable === undefined || !needed || variable(name) !== undefined) return [];
  return [{ code: "wrong_value", at, message: `Variable ${quote(name)} is not set` }];
}

const secretVariable = /(token|secret|password|passwd|api_?key|private_?key)$/i;

function isLiteral(text: McpText | undefined): boolean {
  return text !== undefined && text.pieces.length > 0 && text.pieces.every((piece) => "text" in piece);
}

/** A variable that is called like a secret and written out. */
function secretProblems(node: MapNode, texts: ReadonlyMap<Node, McpText>, { ways }: EntryFile): Problem[] {
  return entriesOf(find(node, "env")).flatMap(([name, { value }]): Problem[] => {
    if (!secretVariable.test(name) || !isLiteral(texts.get(value))) return [];
    const message = `${quote(name)} looks like a secret that is written out`;
    const hint = `name a variable that holds it: ${ways.includes("module") ? "${{ env.NAME }}" : "${NAME}"}`;
    return [{ code: "wrong_value", severity: "warning", at: value.at, message, hint }];
  });
}

function headerProblems(
  headers: Node | undefined,
  texts: ReadonlyMap<Node, McpText>,
  { plainSecrets, ways }: EntryFile,
): Problem[] {
  return entriesOf(headers).flatMap(([name, { key, value }]: [string, Entry]): Problem[] => {
    if (reservedHeader.test(name) || /^(mcp-session-id|mcp-protocol-version|last-event-id)$/i.test(name)) {
      return [{ code: "wrong_value", at: key, message: `Header ${quote(name)} is not for a file to set` }];
    }
    const text = texts.get(value);
    const literal = text?.pieces.map((piece) => ("text" in piece ? piece.text : "")).join("") ?? "";
    if (!/^[\x20-\x7e]*$/.test(literal)) {
      return [{ code: "wrong_value", at: value.at, message: "A header is printable ASCII" }];
    }
    if (!secretHeader.test(name) || !isLiteral(text)) return [];
    const hint = `name the variable that holds it: ${ways.includes("module") ? "${{ env.NAME }}" : "${NAME}"}`;
    return [
      { code: "wrong_value", severity: plainSecrets, at: value.at, message: `Header ${quote(name)} is a secret`, hint },
    ];
  });
}

function programProblems(
  program: Node | undefined,
  command: Node | undefined,
  text: McpText | undefined,
  file: EntryFile,
  requests: EntryRequests,
): Problem[] {
  if (program?.kind !== "text" || text === undefined) return [];
  const name = known(text, file);
  if (name === undefined) return [];
  const wrong = name.trim() === "" ? { message: "A program cannot be empty" } : wrongProgram(name);
  if (wrong === undefined) {
    requests.run.push(name);
    return [];
  }
  const words = name.trim().split(/\s+/).map(plain);
  const list = command?.kind === "text" && words.length > 1 && !name.includes("/ ");
  const [first = "", ...rest] = words;
  const hint = !list
    ? wrong.hint
    : file.ways.includes("module")
      ? `write [${words.join(", ")}]`
      : `write "command": "${first}", "args": ["${rest.join('", "')}"]`;
  return [{ code: "permission", at: program.at, message: wrong.message, hint }];
}
