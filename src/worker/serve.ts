import * as valibot from "valibot-whole";
import { isJsonObject, type Json } from "../core/json.ts";
import { record, separator, type FromModule } from "../core/module-protocol.ts";
import { tool, toolsOf, type LoadedTool, type ModuleContext } from "./tool.ts";

/**
 * The process that a tool module runs in: tells what the module exports, and then does the calls that come on stdin, several at once,
 * until that ends. Nothing here protects rein from the module; that it is another process does.
 */
export async function serve(module: string): Promise<void> {
  // Ours, whatever the module does to the stream.
  const write = process.stdout.write.bind(process.stdout);
  const send = (message: FromModule) => void write(record(message));
  Bun.plugin({
    name: "rein",
    setup(build) {
      build.module("rein/tool", () => ({ exports: { tool }, loader: "object" }));
      build.module("valibot", () => ({ exports: { ...valibot }, loader: "object" }));
    },
  });
  let tools: LoadedTool[];
  try {
    const exports: Record<string, unknown> = await import(module);
    tools = await toolsOf(exports);
  } catch (error) {
    send({ failed: explain(error) });
    return;
  }
  send({ exports: tools.map(({ described }) => described) });
  const running = new Map<number, AbortController>();
  for await (const line of lines(Bun.stdin.stream())) {
    const call: Json = JSON.parse(line.slice(separator.length));
    if (!isJsonObject(call) || typeof call["id"] !== "number") continue;
    const { id, input } = call;
    if (call["stop"] === true) running.get(id)?.abort();
    if (!isJsonObject(input)) continue;
    const called = tools.find(({ described }) => described.export === call["export"]);
    const stop = new AbortController();
    running.set(id, stop);
    void answer(called, input, { output: (output) => send({ id, output: String(output) }), signal: stop.signal })
      .then(
        (result) => send({ id, result, error: false }),
        (error: unknown) => send({ id, result: explain(error), error: true }),
      )
      .finally(() => running.delete(id));
  }
}

async function answer(
  tool: LoadedTool | undefined,
  input: Record<string, Json>,
  context: ModuleContext,
): Promise<string> {
  if (tool === undefined) throw new Error("it is not there any more");
  const value = await tool.call(input, context);
  if (typeof value === "string") return value;
  return JSON.stringify(value) ?? "";
}

/** What went wrong in the module's own code, whose errors can be anything. */
function explain(error: unknown): string {
  try {
    return words(error);
  } catch {
    return "it threw what cannot be shown";
  }
}

function words(error: unknown): string {
  // What does not parse: the first mistake, and where it is.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  if (first instanceof Error || (typeof first === "object" && first !== null && "message" in first)) {
    const position =
      "position" in first && isJsonObject(first.position) ? `line ${String(first.position["line"])}: ` : "";
    return `${position}${String(first.message)}`;
  }
  return String(error instanceof Error ? error.message : error);
}

async function* lines(stream: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of stream) {
    const parts = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
