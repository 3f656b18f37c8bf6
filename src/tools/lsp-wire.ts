import {
  AbstractMessageReader,
  AbstractMessageWriter,
  createProtocolConnection,
  type DataCallback,
  type Disposable,
  type Message,
  type MessageWriter,
  type ProtocolConnection,
} from "vscode-languageserver-protocol/node";
import type { Child } from "../core/host.ts";

/** A header and a body may be this long. What is longer is no message of the protocol. */
const longestHeader = 4096;
const longestBody = 64_000_000;

/** So much may wait for a server to read it: what floods us with requests and reads no answer is given up. */
const mostWaiting = 64_000_000;

/** A connection to a child. `take` gets what the child writes. */
export type Wire = { connection: ProtocolConnection; take(bytes: Uint8Array): void };

/** `broken` is told once what a child wrote that is no message; after it nothing is read any more. */
export function openWire(write: Child["write"], broken: (why: string) => void): Wire {
  const reader = new FrameReader(broken);
  const writer = new FrameWriter(write, broken);
  const connection = createProtocolConnection(reader, writer, silent);
  // Who waits for an answer is told by its own promise.
  connection.onError(() => undefined);
  return { connection, take: (bytes) => reader.take(bytes) };
}

const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, log: () => undefined };

class FrameReader extends AbstractMessageReader {
  #pieces: Uint8Array[] = [];
  #size = 0;
  /** How long the body is that comes now; undefined in a header. */
  #body: number | undefined;
  #heard: DataCallback | undefined;
  #broken = false;
  readonly #tell: (why: string) => void;

  constructor(tell: (why: string) => void) {
    super();
    this.#tell = tell;
  }

  override listen(callback: DataCallback): Disposable {
    this.#heard = callback;
    return { dispose: () => (this.#heard = undefined) };
  }

  take(bytes: Uint8Array): void {
    if (this.#broken) return;
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    while (!this.#broken && this.#next());
  }

  /** Takes one header or body off what came; false when it is not whole yet. */
  #next(): boolean {
    if (this.#body !== undefined && this.#size < this.#body) return false;
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [all];
    if (this.#body !== undefined) {
      const body = all.subarray(0, this.#body);
      this.#keep(all.subarray(this.#body));
      this.#body = undefined;
      this.#deliver(body);
      return true;
    }
    const end = all.indexOf("\r\n\r\n");
    if (end === -1 ? all.length > longestHeader || !mayBeHeader(all) : end > longestHeader) return this.#fail(all);
    if (end === -1) return false;
    const length = /^content-length: *(\d{1,9}) *$/im.exec(all.toString("latin1", 0, end))?.[1];
    if (length === undefined || Number(length) > longestBody) return this.#fail(all);
    this.#body = Number(length);
    this.#keep(all.subarray(end + 4));
    return true;
  }

  #keep(rest: Uint8Array): void {
    this.#pieces = [rest];
    this.#size = rest.length;
  }

  #deliver(body: Buffer): void {
    const message = parse(body.toString());
    if (message === undefined) this.#fail(body);
    else this.#heard?.(message);
  }

  #fail(bytes: Buffer): false {
    this.#broken = true;
    this.#keep(new Uint8Array());
    this.#tell(`it wrote what is no message of the protocol: ${JSON.stringify(bytes.toString("utf8", 0, 100))}`);
    return false;
  }
}

/** Whether bytes can be the start of a header: a program that prints something else is found at its first line. */
function mayBeHeader(bytes: Buffer): boolean {
  return "content-".startsWith(bytes.toString("latin1", 0, 8).toLowerCase());
}

function parse(text: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isMessage(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "jsonrpc" in value && value.jsonrpc === "2.0";
}

class FrameWriter extends AbstractMessageWriter implements MessageWriter {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  readonly #write: Child["write"];
  readonly #tell: (why: string) => void;

  constructor(write: Child["write"], tell: (why: string) => void) {
    super();
    this.#write = write;
    this.#tell = tell;
  }

  async write(message: Message): Promise<void> {
    const body = new TextEncoder().encode(JSON.stringify(message));
    const head = new TextEncoder().encode(`Content-Length: ${body.length}\r\n\r\n`);
    if (this.#waiting + body.length > mostWaiting) {
      const why = "it does not read what it is sent";
      this.#tell(why);
      throw new Error(why);
    }
    this.#waiting += body.length;
    const written = this.#last.then(() => this.#write(Buffer.concat([head, body])));
    this.#last = written;
    const result = await written;
    this.#waiting -= body.length;
    if (!result.ok) throw new Error(result.error.message);
  }

  end(): void {
    return;
  }
}
