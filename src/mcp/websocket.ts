import { serializeMessage, type JSONRPCMessage, type Transport } from "@modelcontextprotocol/client";
import type { NetDoor, Socket } from "../core/host.ts";
import type { StartFailure } from "../core/mcp.ts";
import { largestMessage } from "./exchange.ts";
import { shown } from "./begin.ts";
import { inTurn } from "./in-turn.ts";
import { messageOf } from "./message.ts";

export type WebSocketOptions = {
  url: URL;
  /** Opens the socket; throws where the server answers with something else. */
  open(options: Parameters<NetDoor["socket"]>[1]): Promise<Socket>;
  signal: AbortSignal;
};

/** MCP over a WebSocket: each message is one text, the subprotocol is `mcp`. */
export class WebSocketTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T) => void;
  /** How it ended, where it did by itself. */
  endedBy: string | undefined;
  /** What it sent that is no message, where it sent none before. */
  odd: StartFailure | undefined;
  #messages = 0;
  readonly #deliver = inTurn<JSONRPCMessage>(
    (message) => this.onmessage?.(message),
    (error) => this.#report(error),
  );
  #socket: Socket | undefined;
  #closing = false;
  readonly #stop = new AbortController();
  readonly #options: WebSocketOptions;

  constructor(options: WebSocketOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { open, signal } = this.#options;
    const socket = await open({
      headers: new Headers(),
      protocol: "mcp",
      largest: largestMessage,
      onText: (text) => this.#take(text),
      signal: AbortSignal.any([signal, this.#stop.signal]),
    });
    this.#socket = socket;
    void socket.ended.then((end) => {
      const why = end.ok ? closeText(end.value) : end.error.message;
      if (!this.#closing) this.endedBy ??= why;
      this.onclose?.();
    });
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const sent = await this.#socket?.send(serializeMessage(message).trimEnd());
    if (sent?.ok !== true) throw new Error(this.endedBy ?? "the connection has ended");
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#socket?.close();
    await this.#socket?.ended;
    this.#stop.abort();
  }

  #report(error: unknown): void {
    this.onerror?.(error instanceof Error ? error : new Error(String(error)));
  }

  #take(text: string): void {
    const message = messageOf(text);
    if (message === undefined) {
      if (this.#messages === 0)
        this.odd ??= { why: "not_mcp", message: `it answers, but not as MCP: '${shown(text)}'` };
      this.#report(new Error("it sent what is no message"));
      return;
    }
    this.#messages++;
    this.#deliver(message);
  }
}

function closeText({ code, reason }: { code: number; reason: string }): string {
  const said = reason === "" ? "" : `: '${shown(reason)}'`;
  const number = code === 1005 ? "without a code" : `with code ${code}`;
  return `it closed the connection ${number}${said}`;
}
