import {
  type Client,
  type Progress,
  type RequestOptions,
  SdkErrorCode,
  type ServerCapabilities,
} from "@modelcontextprotocol/client";
import type { Clock } from "../core/host.ts";
import type { LeftOutTool, McpCall, McpServer, McpState, McpStatus, McpToolFacts, StartFailure } from "../core/mcp.ts";
import { pinOf } from "../core/mcp-pin.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { makeClient, type ClientUse } from "./client.ts";
import { errorText, explained, failureFor, isCode } from "./failure.ts";
import type { Link, OpenLink } from "./link.ts";
import { listTools } from "./tool-list.ts";

export type SessionOptions = ClientUse & {
  server: Pick<McpServer, "name" | "required" | "timeout" | "instructions">;
  clock: Pick<Clock, "now" | "sleep">;
  /** Told when its state or its tools are others. */
  changed(): void;
  warn(message: string): void;
};

/** How long a person may think, in milliseconds. */
const personMs = 300_000;

type Connection = { client: Client; link: Link };

/** One server of a run: its connection, which is made anew once where it is lost, and its tools. */
export class Session {
  tools: readonly McpToolFacts[] = [];
  /** What it lists beside them, and cannot be used. */
  leftOut: readonly LeftOutTool[] = [];
  readonly #options: SessionOptions;
  #open: OpenLink | undefined;
  #state: McpState = "starting";
  #error: string | undefined;
  #readyMs: number | undefined;
  #connection: Connection | undefined;
  #becoming: Promise<Result<Connection, StartFailure>> | undefined;
  #listing: Promise<void> | undefined;
  #listAgain = false;
  #restless = false;
  #restarted = false;
  /** The hash of its first list, where that is to stay. */
  #pinned: string | undefined;
  /** It is ended by us; what is under way is ended by `closing`, a moment later. */
  #ended = false;
  readonly #closing = new AbortController();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Starts it. Its failure, or that it is ready with its tools. */
  async start(open: OpenLink): Promise<Result<void, StartFailure>> {
    const { clock } = this.#options;
    const started = clock.now();
    this.#open = open;
    const become = await this.#become("failed");
    if (!become.ok) return become;
    this.#readyMs = clock.now() - started;
    this.#options.changed();
    return ok(undefined);
  }

  /** It will not be started, since something that it needs is not there. */
  refuse({ message }: StartFailure): void {
    this.#set("failed", message);
  }

  /** What it can do, as it says; undefined where it is not ready. */
  abilities(): ServerCapabilities | undefined {
    return this.#connection?.client.getServerCapabilities();
  }

  status(): McpStatus {
    const { name, required, transport } = this.#options.server;
    const client = this.#connection?.client;
    const protocol = client?.getNegotiatedProtocolVersion();
    const itself = client?.getServerVersion();
    const instructions = client?.getInstructions();
    return {
      name,
      transport,
      required,
      state: this.#state,
      ...(this.#readyMs === undefined ? {} : { ready_ms: this.#readyMs }),
      tools: this.tools.length,
      ...(this.leftOut.length === 0 ? {} : { left_out: [...this.leftOut] }),
      ...(this.#error === undefined ? {} : { error: this.#error }),
      ...(instructions === undefined ? {} : { instructions }),
      ...(protocol === undefined ? {} : { protocol }),
      ...(itself === undefined ? {} : { server: { name: itself.name, version: itself.version } }),
    };
  }

  /** Resolves when no list of tools is under way, or after `ms`. Of a server that always has other tools that is waited for once. */
  async settled(ms: number): Promise<void> {
    if (this.#listing === undefined || this.#restless) return;
    const done = new AbortController();
    const late = this.#options.clock.sleep(ms, done.signal).then((): "late" => "late");
    this.#restless = (await Promise.race([this.#listing, late])) === "late";
    done.abort();
  }

  /** Asks it for something. `what` is for messages: "the tool 'x'". Where it is being restarted, that is waited for. */
  async ask<T>(
    what: string,
    call: McpCall,
    act: (client: Client, options: RequestOptions) => Promise<T>,
  ): Promise<Result<T>> {
    const { name } = this.#options.server;
    // Whoever is asked something during a call has time to answer.
    const timeout = this.#options.server.timeout + (this.#options.answers.elicitation === undefined ? 0 : personMs);
    const ready = await (this.#becoming ?? this.#current());
    if (!ready.ok) return fail("failed", `The MCP server '${name}' is down: ${explained(ready.error)}`);
    const { client, link } = ready.value;
    const { signal, progress } = call;
    try {
      const shown = progress === undefined ? {} : { onprogress: (done: Progress) => progress(progressText(done)) };
      return ok(await act(client, { signal, timeout, ...shown }));
    } catch (error) {
      if (signal.aborted) return fail("cancelled", "Interrupted");
      if (isCode(error, SdkErrorCode.RequestTimeout)) {
        return fail("timeout", `${capital(what)} of the MCP server '${name}' took longer than ${timeout / 1000} s`);
      }
      if (isCode(error, SdkErrorCode.ConnectionClosed) || link.ended() !== undefined) {
        const why = explained({ message: link.ended() ?? "the connection was lost", said: link.said() });
        return fail("failed", `The MCP server '${name}' is gone, and ${what} was not done, or only in part: ${why}`);
      }
      return fail("failed", `${capital(what)} of the MCP server '${name}' failed: ${errorText(error)}`);
    }
  }

  /** Ends it, whatever it does. */
  async close(): Promise<void> {
    this.#ended = true;
    // A remote server hears of it, while it can be reached.
    await this.#disconnect();
    this.#closing.abort();
    await this.#becoming;
    if (this.#state !== "failed" && this.#state !== "down") this.#set("closed", undefined);
    await this.#disconnect();
  }

  async #disconnect(): Promise<void> {
    await this.#connection?.client.close();
    await this.#connection?.link.transport.close();
  }

  #current(): Result<Connection, StartFailure> {
    if (this.#connection !== undefined && this.#state === "ready") return ok(this.#connection);
    return { ok: false, error: { why: "failed", message: this.#error ?? "it was not started" } };
  }

  /** Connects and lists the tools; `failed` is what it is where that does not come about. */
  async #become(failed: McpState): Promise<Result<Connection, StartFailure>> {
    this.#becoming = this.#connect();
    const made = await this.#becoming;
    this.#becoming = undefined;
    if (made.ok) {
      this.#connection = made.value;
      this.#set("ready", undefined);
      if (this.#listAgain) this.#relist(made.value.client);
      // What happened between its list and here.
      if (made.value.link.ended() !== undefined) this.#lost(made.value);
    } else {
      this.#set(failed, explained(made.error));
    }
    return made;
  }

  async #connect(): Promise<Result<Connection, StartFailure>> {
    const first = await this.#attempt("auto");
    if (first.ok || !first.shy || this.#closing.signal.aborted) return first;
    return this.#attempt("legacy");
  }

  async #attempt(mode: "auto" | "legacy"): Promise<Result<Connection, StartFailure> & { shy?: boolean }> {
    const { deadline } = this.#options.server;
    const { clock } = this.#options;
    const closing = this.#closing.signal;
    const opened = await this.#open?.(closing);
    if (opened === undefined) throw new Error("A server is opened before it is asked");
    if (!opened.ok) return opened;
    const link = opened.value;
    const connection = { client: makeClient(this.#options, mode, (client) => this.#relist(client)), link };
    const settled = new AbortController();
    const cancelled = new Promise<"cancelled">((resolve) => {
      closing.addEventListener("abort", () => resolve("cancelled"), { signal: settled.signal });
    });
    const work = this.#shakeHands(connection).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const end = await Promise.race([
      work,
      cancelled,
      clock.sleep(deadline, settled.signal).then((): "deadline" => "deadline"),
    ]);
    settled.abort();
    if (end === undefined) return ok(connection);
    // Before it is closed, which would be an end of its own.
    const shy = typeof end === "object" && link.shy?.() === true;
    const failure = await failureFor(end, link, deadline);
    await connection.client.close().catch(() => undefined);
    await link.transport.close();
    await work;
    return { ok: false, error: withSaid(failure, link), shy };
  }

  async #shakeHands(connection: Connection): Promise<void> {
    const { client, link } = connection;
    const { deadline } = this.#options.server;
    await client.connect(link.transport, { timeout: deadline, signal: this.#closing.signal });
    await this.#list(connection, deadline);
    // The SDK has a property for it, and no events.
    Object.assign(client, { onclose: () => this.#lost(connection) });
  }

  async #list({ client, link }: Connection, timeout: number): Promise<void> {
    const { tools, leftOut } = await listTools(client, link.transport, timeout);
    if (this.#options.pinned) {
      const read = this.#options.server.instructions === true ? client.getInstructions() : undefined;
      const { hash } = pinOf("", tools, read);
      this.#pinned ??= hash;
      if (hash !== this.#pinned) throw new Error("its tools are no longer those that are pinned");
    }
    this.tools = tools;
    this.leftOut = leftOut;
  }

  /** Lists the tools again. One list at a time; what changes meanwhile is listed after it. */
  #relist(client: Client): void {
    this.#listAgain = true;
    this.#listing ??= (async () => {
      for (;;) {
        const connection = this.#connection;
        if (!this.#listAgain || connection?.client !== client) break;
        this.#listAgain = false;
        try {
          await this.#list(connection, this.#options.server.timeout);
          this.#options.changed();
        } catch (error) {
          if (this.#closing.signal.aborted) break;
          const { name } = this.#options.server;
          this.#options.warn(`The MCP server '${name}' does not tell its changed tools: ${errorText(error)}`);
        }
      }
    })().finally(() => (this.#listing = undefined));
  }

  /** It is gone by itself. The first time it is started again. */
  #lost(connection: Connection): void {
    if (this.#ended || this.#connection !== connection) return;
    const { name } = this.#options.server;
    const { link } = connection;
    const why = explained({ message: link.ended() ?? "the connection was lost", said: link.said() });
    this.#connection = undefined;
    const lapsed = link.lapsed?.() === true;
    if (this.#restarted && !lapsed) {
      this.#set("down", why);
      this.#options.warn(`The MCP server '${name}' is gone for the second time, and stays down: ${why}`);
      return;
    }
    this.#restarted ||= !lapsed;
    this.#set("restarting", why);
    this.#options.warn(`The MCP server '${name}' is gone, and is started again: ${why}`);
    void this.#become("down").then((made) => {
      if (!made.ok && !this.#closing.signal.aborted) {
        this.#options.warn(`The MCP server '${name}' could not be started again: ${explained(made.error)}`);
      }
    });
  }

  #set(state: McpState, error: string | undefined): void {
    this.#state = state;
    this.#error = error;
    this.#options.changed();
  }
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** `3/10 files read`, as far as it says. */
function progressText({ progress, total, message }: Progress): string {
  const count = total === undefined ? `${progress}` : `${progress}/${total}`;
  return `${message === undefined || message === "" ? count : `${count} ${message}`}\n`;
}

function withSaid(failure: StartFailure, link: Link): StartFailure {
  const said = link.said();
  return said === "" ? failure : { ...failure, said };
}
