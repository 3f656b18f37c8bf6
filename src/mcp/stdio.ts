import { serializeMessage, type JSONRPCMessage, type Transport } from "@modelcontextprotocol/client";
import type { Child, ChildOptions, Clock, ProcessEnd } from "../core/host.ts";
import type { StartFailure } from "../core/mcp.ts";
import type { Result } from "../core/result.ts";
import { inTurn } from "./in-turn.ts";
import { Lines } from "./lines.ts";
import type { Link } from "./link.ts";
import { Tail } from "./tail.ts";

/** Starts the server's program, whose stdin is ours to fill. */
export type StartServer = (options: Pick<ChildOptions, "signal" | "onOutput" | "input">) => Promise<Result<Child>>;

/** Of what a program writes to stderr, as much explains its end. */
const keptStderr = 4_000;

/** How long a server may take to end by itself when its stdin ends. */
const patienceMs = 500;

/** A server that is spoken to over its stdin and stdout. The program starts here; nothing is said yet. */
export async function openStdio(
  start: StartServer,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): Promise<Result<Link, StartFailure>> {
  const stderr = new Tail(keptStderr);
  const stop = new AbortController();
  const transport = new StdioTransport(clock, stop);
  const started = await start({
    input: true,
    signal: AbortSignal.any([signal, stop.signal]),
    onOutput: (stream, bytes) => (stream === "stdout" ? transport.lines.push(bytes) : stderr.push(bytes)),
  });
  if (!started.ok) {
    const { code, message, denial } = started.error;
    const why = code === "denied" || code === "not_found" || code === "cancelled" ? code : "failed";
    return { ok: false, error: { why, message, ...(denial === undefined ? {} : { denial }) } };
  }
  transport.attach(started.value);
  const said = () => stderr.text();
  return {
    ok: true,
    value: {
      transport,
      said,
      ended: () => transport.endedBy,
      shy: () => transport.endedBy !== undefined && !transport.initialized,
      explain: () => {
        const { messages } = transport.lines;
        const noise = transport.lines.noise();
        const printed = noise === "" ? "" : `, and wrote to stdout what is no MCP: '${noise.trimEnd()}'`;
        if (transport.endedBy !== undefined) return { why: "ended", message: `${transport.endedBy}${printed}` };
        if (messages > 0 || noise === "") return undefined;
        const hint = "a stdio server writes nothing but JSON-RPC to stdout";
        return { why: "not_mcp", message: `it answers, but not as MCP: '${noise.trimEnd()}'`, hint };
      },
    },
  };
}

class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T) => void;
  /** The SDK knows by these two that silence is no outage here. */
  readonly stderr = null;
  readonly pid = null;
  /** How the program ended, where it did by itself. */
  endedBy: string | undefined;
  /** Whether it was sent an `initialize`. */
  initialized = false;
  readonly lines = new Lines({
    message: (message) => this.#deliver(message),
    tooLong: () => {
      this.endedBy = "it sent a message that is too long: more than 64 MB";
      this.#stop.abort();
    },
  });
  readonly #deliver = inTurn<JSONRPCMessage>(
    (message) => this.onmessage?.(message),
    (error) => this.onerror?.(error instanceof Error ? error : new Error(String(error))),
  );
  #child: Child | undefined;
  #closing = false;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #stop: AbortController;

  constructor(clock: Pick<Clock, "sleep">, stop: AbortController) {
    this.#clock = clock;
    this.#stop = stop;
  }

  attach(child: Child): void {
    this.#child = child;
    void child.ended.then((end) => {
      if (!this.#closing) this.endedBy ??= end.ok ? howEnded(end.value) : end.error.message;
      this.onclose?.();
    });
  }

  async start(): Promise<void> {
    if (this.endedBy !== undefined) throw new Error(this.endedBy);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if ("method" in message && message.method === "initialize") this.initialized = true;
    const written = await this.#child?.write(new TextEncoder().encode(serializeMessage(message)));
    if (written?.ok !== false) return;
    // How it ended is known in a moment.
    await this.#end();
    throw new Error(this.endedBy ?? "it reads no more");
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.#closing) return;
    this.#closing = true;
    child.closeInput();
    await this.#end();
    this.#stop.abort();
    await child.ended;
  }

  /** Waits a little for its end. */
  async #end(): Promise<void> {
    const settled = new AbortController();
    await Promise.race([this.#child?.ended, this.#clock.sleep(patienceMs, settled.signal)]);
    settled.abort();
  }
}

function howEnded({ code, signal }: ProcessEnd): string {
  return signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
}
