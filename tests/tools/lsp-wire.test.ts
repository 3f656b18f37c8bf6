import { expect, test } from "bun:test";
import { ok } from "../../src/core/result.ts";
import { openWire } from "../../src/tools/lsp-wire.ts";

test("a server that asks and asks and reads no answer is given up", async () => {
  const told: string[] = [];
  const { promise: never, resolve } = Promise.withResolvers<void>();
  const { connection, take } = openWire(
    () => never.then(() => ok(undefined)),
    (why) => told.push(why),
  );
  connection.listen();
  // What is not known is answered with its name.
  const method = "x".repeat(1_000_000);
  for (let id = 0; id < 70 && told.length === 0; id++) {
    const body = JSON.stringify({ jsonrpc: "2.0", id, method });
    take(new TextEncoder().encode(`Content-Length: ${body.length}\r\n\r\n${body}`));
    await new Promise<void>((next) => setImmediate(next));
  }
  expect(told[0]).toBe("it does not read what it is sent");
  connection.dispose();
  resolve();
});
