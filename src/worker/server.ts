import type { Json } from "../core/json.ts";

/** The transport that a server is connected to, as all versions of the SDK have it. */
type Transport = {
  start(): Promise<void>;
  send(message: unknown): Promise<void>;
  close(): Promise<void>;
  onmessage?: (message: Json) => void;
  onclose?: () => void;
};

type Server = { connect(transport: Transport): unknown };

/**
 * The process of a module that exports an MCP server: speaks for it over stdin and stdout until stdin ends. What the module writes
 * to stdout goes to stderr; what it prints by the console is left out by who reads. Nothing here protects rein from the module; that it is another process does.
 */
export async function serveModule(path: string): Promise<number> {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  const ended = Promise.withResolvers<void>();
  const transport: Transport = {
    start: async () => undefined,
    send: async (message) => void write(`${JSON.stringify(message)}\n`),
    close: async () => ended.resolve(),
  };
  try {
    const exports: Record<string, unknown> = await import(path);
    const server = await serverOf(exports);
    await server.connect(transport);
  } catch (error) {
    await Bun.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  await Promise.race([ended.promise, listen(transport)]);
  transport.onclose?.();
  return 0;
}

async function listen(transport: Transport): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of Bun.stdin.stream()) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") transport.onmessage?.(JSON.parse(line));
  }
}

/** The default export, or the one that is a server; a function makes one. */
async function serverOf(exports: Record<string, unknown>): Promise<Server> {
  const candidates = ["default" in exports ? exports["default"] : undefined, ...Object.values(exports)];
  for (const candidate of candidates) if (isServer(candidate)) return candidate;
  for (const candidate of candidates) {
    const made: unknown = typeof candidate === "function" ? await candidate() : undefined;
    if (isServer(made)) return made;
  }
  throw new Error("The module exports no MCP server: neither one made with the SDK, nor a function that makes one");
}

function isServer(value: unknown): value is Server {
  return typeof value === "object" && value !== null && "connect" in value && typeof value.connect === "function";
}
