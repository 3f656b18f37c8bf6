import type { McpOauth, McpServer, McpText, McpTransport, Named } from "../core/mcp.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Need } from "../core/permission.ts";
import { isSecretName } from "../core/secret-name.ts";
import type { Environment } from "../host/machine.ts";
import { asText } from "./texts.ts";

/** Why an entry cannot be used, with the place of the text that is to blame. */
export type EntryProblem = { ok: false; error: { message: string; hint?: string } };

/** How a server is reached, with all holes filled. */
export function fillTransport(
  { transport }: McpServer,
  values: JsonObject,
  environment: Environment,
): { ok: true; value: McpTransport<string> } | EntryProblem {
  const problems: EntryProblem[] = [];
  const fill = (text: McpText): string => {
    const filled = fillText(text, values, environment);
    if (filled.ok) return filled.value;
    problems.push(filled);
    return "";
  };
  const pairs = (named: Named<McpText>): Named<string> => named.map(([name, text]) => [name, fill(text)]);
  const made = ((): McpTransport<string> => {
    switch (transport.kind) {
      case "stdio": {
        const { kind, command, cwd, env } = transport;
        return { kind, command: command.map(fill), ...(cwd === undefined ? {} : { cwd: fill(cwd) }), env: pairs(env) };
      }
      case "sdk":
        return { ...transport, env: pairs(transport.env) };
      default: {
        const { kind, url, headers, oauth } = transport;
        const signs = oauth === undefined ? {} : { oauth: fillOauth(oauth, fill) };
        return { kind, url: fill(url), headers: pairs(headers), ...signs };
      }
    }
  })();
  return problems[0] ?? { ok: true, value: made };
}

function fillOauth(oauth: McpOauth, fill: (text: McpText) => string): McpOauth<string> {
  const { client_secret: secret, ...others } = oauth;
  return { ...others, ...(secret === undefined ? {} : { client_secret: fill(secret) }) };
}

function fillText(
  { pieces, place }: McpText,
  values: JsonObject,
  environment: Environment,
): { ok: true; value: string } | EntryProblem {
  let text = "";
  for (const piece of pieces) {
    if ("text" in piece) text += piece.text;
    else if ("variable" in piece) {
      // As a shell has it: `:-` stands for an empty one too.
      const value = environment[piece.variable];
      const found = piece.otherwise !== undefined && value === "" ? undefined : value;
      const used = found ?? piece.otherwise;
      if (used === undefined) return unset(piece.variable, place);
      text += used;
    } else {
      const value = piece.path[0] === "env" ? environment[piece.path[1] ?? ""] : lookUp(piece.path, values);
      if (value === undefined && piece.path[0] === "env") return unset(piece.path[1] ?? "", place);
      if (value === undefined) {
        const message = `${at(place)}: '\${{ ${piece.path.join(".")} }}' has no value here`;
        return { ok: false, error: { message, hint: "give the input a 'default'" } };
      }
      text += asText(value);
    }
  }
  return { ok: true, value: text };
}

function at({ file, line, column }: McpText["place"]): string {
  return `${file}:${line}:${column}`;
}

function unset(name: string, place: McpText["place"]): EntryProblem {
  const message = `${at(place)}: The variable '${name}' is not set`;
  return { ok: false, error: { message, hint: `set '${name}'` } };
}

function lookUp(path: readonly string[], values: JsonObject): Json | undefined {
  let value: Json | undefined = values;
  for (const part of path) {
    value = isJsonObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }
  return value;
}

/** Whether the server can be reached only when the run has its inputs and its id. */
export function needsInput({ transport }: McpServer): boolean {
  return textsOf(transport).some(({ pieces }) => pieces.some((piece) => "path" in piece && piece.path[0] !== "env"));
}

/** What a server cannot be reached without. */
export function serverNeeds(server: McpServer, environment: Environment): Need[] {
  const { transport } = server;
  const variables = [...new Set(textsOf(transport).flatMap((text) => variablesIn(text, environment)))];
  const env = variables.map((target): Need => ({ kind: "env", target }));
  switch (transport.kind) {
    case "stdio": {
      const [program] = transport.command;
      const filled = program === undefined ? undefined : fillText(program, {}, environment);
      return filled?.ok === true ? [{ kind: "run", target: filled.value }, ...env] : env;
    }
    case "sdk":
      return env;
    default: {
      const host = hostOf(transport.url, environment);
      return host === undefined ? env : [{ kind: "net", target: host }, ...env];
    }
  }
}

/** The host of a URL with its port, where that does not hang on an input. */
export function hostOf({ pieces, place }: McpText, environment: Environment): string | undefined {
  const known = pieces.map((piece) => ("path" in piece && piece.path[0] !== "env" ? { text: "x" } : piece));
  const filled = fillText({ pieces: known, place }, {}, environment);
  const url = filled.ok ? URL.parse(filled.value) : null;
  if (url === null) return undefined;
  const secure = url.protocol === "https:" || url.protocol === "wss:";
  return `${url.hostname}:${url.port === "" ? (secure ? "443" : "80") : url.port}`;
}

/** The variables whose values are secrets: those in what only the server is told, and those that are called like one. */
export function secretVariables({ transport }: McpServer, environment: Environment): string[] {
  const named = "env" in transport ? transport.env : "headers" in transport ? transport.headers : [];
  const texts = [...named.map(([, text]) => text), ...clientSecret(transport)];
  const inUrl = "url" in transport ? variablesIn(secretPieces(transport.url), environment) : [];
  const inCommand = "command" in transport ? transport.command.flatMap((text) => variablesIn(text, environment)) : [];
  return [...texts.flatMap((text) => variablesIn(text, environment)), ...inUrl, ...inCommand.filter(isSecretName)];
}

const signsIn = /^(?:proxy-)?authorization$|^cookie$/i;

/** What stands in an entry itself where secrets are: an editor hands them over so. */
export function secretTexts({ transport }: McpServer): string[] {
  const named = "env" in transport ? transport.env : "headers" in transport ? transport.headers : [];
  return named
    .filter(([name]) => isSecretName(name) || signsIn.test(name))
    .flatMap(([, { pieces }]) => pieces.flatMap((piece) => ("text" in piece ? piece.text.split(/\s+/) : [])));
}

/** What of a URL says who asks: its query, what stands before an `@`, and what is called like a secret. */
function secretPieces({ pieces, place }: McpText): McpText {
  const whole = pieces.map((piece) => ("text" in piece ? piece.text : "x")).join("");
  const user = /^[a-z]+:\/\/[^/?#]*@/i.exec(whole)?.[0].length ?? 0;
  const query = whole.includes("?") ? whole.indexOf("?") : whole.length;
  let at = 0;
  const secret = pieces.filter((piece) => {
    const begin = at;
    at += "text" in piece ? piece.text.length : 1;
    if ("text" in piece) return false;
    const name = "variable" in piece ? piece.variable : (piece.path[1] ?? "");
    return begin < user || begin > query || isSecretName(name);
  });
  return { pieces: secret, place };
}

/** The variables that a text takes; of those that it can do without, what is set. */
function variablesIn({ pieces }: McpText, environment: Environment): string[] {
  return pieces.flatMap((piece) => {
    if ("text" in piece) return [];
    if ("path" in piece) return piece.path[0] === "env" && piece.path[1] !== undefined ? [piece.path[1]] : [];
    return piece.otherwise !== undefined && !environment[piece.variable] ? [] : [piece.variable];
  });
}

function textsOf(transport: McpTransport): McpText[] {
  switch (transport.kind) {
    case "stdio":
      return [
        ...transport.command,
        ...(transport.cwd === undefined ? [] : [transport.cwd]),
        ...transport.env.map(([, text]) => text),
      ];
    case "sdk":
      return transport.env.map(([, text]) => text);
    default:
      return [transport.url, ...transport.headers.map(([, text]) => text), ...clientSecret(transport)];
  }
}

function clientSecret(transport: McpTransport): McpText[] {
  const secret = "oauth" in transport ? transport.oauth?.client_secret : undefined;
  return secret === undefined ? [] : [secret];
}
