/** A language server that knows one definition, as a program of its own, and what asks it without rein. */

/** The command that starts it. */
export const serverCommand = [process.execPath, import.meta.path];

const definition = { start: { line: 0, character: 4 }, end: { line: 0, character: 8 } };

/** Starts one; `ask` resolves with its next message. */
export function startServer() {
  const child = Bun.spawn(serverCommand, { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
  const answers = messages(child.stdout);
  const ask = async (method: string, params: object) => {
    child.stdin.write(framed({ jsonrpc: "2.0", id: 1, method, params }));
    await child.stdin.flush();
    return (await answers.next()).value;
  };
  return { ask, stop: () => child.kill() };
}

type Message = { id?: number; method?: string; params?: { textDocument?: { uri: string } } };

async function* messages(stream: ReadableStream<Uint8Array>): AsyncGenerator<Message> {
  let left = Buffer.alloc(0);
  for await (const bytes of stream) {
    left = Buffer.concat([left, bytes]);
    for (;;) {
      const head = left.indexOf("\r\n\r\n");
      const end = head + 4 + Number(/Content-Length: (\d+)/.exec(left.subarray(0, Math.max(head, 0)).toString())?.[1]);
      if (head < 0 || left.length < end) break;
      yield JSON.parse(left.subarray(head + 4, end).toString());
      left = left.subarray(end);
    }
  }
}

function framed(message: object): string {
  const body = JSON.stringify(message);
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

if (import.meta.main) {
  for await (const { id, method, params } of messages(Bun.stdin.stream())) {
    if (id === undefined) continue;
    const result =
      method === "initialize"
        ? { capabilities: { definitionProvider: true } }
        : { uri: params?.textDocument?.uri ?? "", range: definition };
    process.stdout.write(framed({ jsonrpc: "2.0", id, result: method === "shutdown" ? null : result }));
  }
}
