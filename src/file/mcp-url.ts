import type { McpText, McpTransportName } from "../core/mcp.ts";
import { known, type EntryFile, type EntryRequests } from "./mcp-text.ts";
import { quote, type Node } from "./node.ts";
import type { Problem } from "./source.ts";

/** What is wrong with the address of a server; where nothing is, it requests its host. */
export function urlProblems(
  node: Node | undefined,
  text: McpText | undefined,
  kind: McpTransportName | undefined,
  file: EntryFile,
  requests: EntryRequests,
): Problem[] {
  if (node?.kind !== "text" || text === undefined) return [];
  const refuse = (message: string, hint?: string): Problem[] => [{ code: "wrong_value", at: node.at, message, hint }];
  const start = leading(text, file);
  const host = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\\\s]+/i.exec(start)?.[0];
  const whole = known(text, file);
  // What a hole holds is known later, and judged then.
  if (whole === undefined && start === "") return [];
  if (whole === undefined && (host === undefined || host.length === start.length)) {
    const open = text.pieces.find((piece) => "path" in piece && piece.path[0] !== "env");
    return open === undefined
      ? []
      : refuse("Only a variable can be in the scheme, host or port of a URL", "write these as text, up to a '/'");
  }
  const shown = whole ?? text.pieces.map((piece) => ("text" in piece ? piece.text : "x")).join("");
  const url = URL.parse(shown);
  if (url === null || url.hostname === "" || !/^(https?|wss?):$/.test(url.protocol)) {
    const such =
      kind === "websocket"
        ? "a ws or wss URL"
        : kind === undefined
          ? "an http, https, ws or wss URL"
          : "an http or https URL";
    return refuse(`${quote(node.value)} is not ${such}`);
  }
  if (url.username !== "" || url.password !== "")
    return refuse("A URL cannot hold a user or password", "put them into a header");
  if (/[\\\s]/.test(shown)) return refuse("A URL cannot hold blanks or '\\'");
  if (url.hash !== "") return refuse("A URL's fragment is never sent");
  const socket = url.protocol.startsWith("ws");
  if (kind !== undefined && socket !== (kind === "websocket")) {
    const message = `Transport '${kind}' needs ${socket ? "an http or https URL" : "a ws or wss URL"}, found ${quote(node.value)}`;
    return refuse(message, socket ? "write 'transport: websocket', or leave it out" : undefined);
  }
  requests.net.push(hostRule(url));
  return [];
}

/** The text in front of the first hole that is not known. */
function leading({ pieces, place }: McpText, file: EntryFile): string {
  const open = pieces.findIndex((piece) => known({ pieces: [piece], place }, file) === undefined);
  return known({ pieces: open < 0 ? pieces : pieces.slice(0, open), place }, file) ?? "";
}

/** The host of a URL as a rule of `permissions.net`: with its port where that is not 443. */
export function hostRule({ hostname, port, protocol }: URL): string {
  const usual = protocol === "https:" || protocol === "wss:" ? "443" : "80";
  const own = port === "" ? usual : port;
  return own === "443" ? hostname : `${hostname}:${own}`;
}
