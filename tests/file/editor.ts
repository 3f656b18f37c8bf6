import { join } from "node:path";

type Message = { id?: number; method?: string; params?: unknown; result?: unknown };

/** The editor's side of the language server protocol, over the real YAML language server's stdio. */
export class Editor {
  readonly #server = Bun.spawn(
    [process.execPath, join(import.meta.dir, "../../node_modules/.bin/yaml-language-server"), "--stdio"],
    {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    },
  );
  readonly #folder: string;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  readonly #diagnosed = new Map<string, (diagnostics: unknown) => void>();
  #next = 1;

  /** `folder` is an absolute folder; the files that are opened need not be there, but a schema must. */
  constructor(folder: string) {
    this.#folder = folder;
    void this.#listen();
  }

  async start(): Promise<void> {
    await this.request("initialize", {
      processId: process.pid,
      rootUri: `file://${this.#folder}`,
      capabilities: { textDocument: { hover: { contentFormat: ["markdown"] }, completion: {} }, workspace: {} },
    });
    this.#send({ method: "initialized", params: {} });
  }

  /** Opens a file, and resolves to what the server says against it. */
  async open(name: string, text: string): Promise<unknown> {
    const uri = this.#uri(name);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#diagnosed.set(uri, resolve);
    this.#send({
      method: "textDocument/didOpen",
      params: { textDocument: { uri, languageId: "yaml", version: 1, text } },
    });
    return await promise;
  }

  /** A request about a place of an open file; line and character start at 0. */
  async ask(method: "hover" | "completion", name: string, line: number, character: number): Promise<unknown> {
    return await this.request(`textDocument/${method}`, {
      textDocument: { uri: this.#uri(name) },
      position: { line, character },
    });
  }

  async request(method: string, params: unknown): Promise<unknown> {
    const id = this.#next++;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, resolve);
    this.#send({ id, method, params });
    return await promise;
  }

  async close(): Promise<void> {
    this.#server.kill();
    await this.#server.exited;
  }

  #uri(name: string): string {
    return `file://${this.#folder}/${name}`;
  }

  #send(message: Message): void {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    this.#server.stdin.flush();
  }

  async #listen(): Promise<void> {
    let buffer = Buffer.alloc(0);
    for await (const chunk of this.#server.stdout) {
      buffer = Buffer.concat([buffer, chunk]);
      for (;;) {
        const head = buffer.indexOf("\r\n\r\n");
        const length = /Content-Length: (\d+)/i.exec(buffer.subarray(0, Math.max(0, head)).toString())?.[1];
        if (length === undefined || buffer.length < head + 4 + Number(length)) break;
        const end = head + 4 + Number(length);
        this.#receive(JSON.parse(buffer.subarray(head + 4, end).toString()));
        buffer = buffer.subarray(end);
      }
    }
  }

  #receive({ id, method, params, result }: Message): void {
    if (method === undefined && id !== undefined) this.#waiting.get(id)?.(result);
    else if (id !== undefined) this.#send({ id, result: null });
    else if (method === "textDocument/publishDiagnostics" && isPublished(params)) {
      this.#diagnosed.get(params.uri)?.(params.diagnostics);
    }
  }
}

function isPublished(params: unknown): params is { uri: string; diagnostics: unknown } {
  return typeof params === "object" && params !== null && "uri" in params && "diagnostics" in params;
}
