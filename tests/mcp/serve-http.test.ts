import { expect, test } from "bun:test";
import { newServer } from "../../src/mcp/serve.ts";
import { serveHttp } from "../../src/mcp/serve-http.ts";

const headers = {
  host: "127.0.0.1:1",
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
};

/** Serves with servers of which is known how many are open. */
function serving() {
  const open = new Set<object>();
  const factory = () => {
    const server = newServer({ tools: {} });
    server.setRequestHandler("tools/list", () => ({ tools: [] }));
    open.add(server);
    Object.assign(server, { onclose: () => open.delete(server) });
    return server;
  };
  let made = 0;
  const { respond, close } = serveHttp(factory, { port: () => 1, token: undefined, id: () => `session-${++made}` });
  const ask = (method: string, params: object, more: Record<string, string> = {}) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    return respond(new Request("http://127.0.0.1:1/mcp", { method: "POST", body, headers: { ...headers, ...more } }));
  };
  return { open, ask, close };
}

const hello = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };

test("a request that begins no session leaves nothing behind", async () => {
  const { open, ask } = serving();
  for (const method of ["tools/list", "ping", "strange"]) {
    const answer = await ask(method, {});
    expect([answer.status, open.size]).toEqual([400, 0]);
  }
});

test("a session lasts until it is closed", async () => {
  const { open, ask, close } = serving();
  const answer = await ask("initialize", hello);
  const session = answer.headers.get("mcp-session-id") ?? "";
  expect([answer.status, session, open.size]).toEqual([200, "session-1", 1]);
  const listed = await ask("tools/list", {}, { "mcp-session-id": session });
  expect(await listed.text()).toContain('"tools":[]');
  await close();
  expect(open.size).toBe(0);
});

test("a session is not closed for a request that begins none", async () => {
  const { open, ask, close } = serving();
  for (let count = 0; count < 256; count++) await (await ask("initialize", hello)).text();
  expect((await ask("tools/list", {})).status).toBe(400);
  expect(open.size).toBe(256);
  expect((await ask("tools/list", {}, { "mcp-session-id": "session-1" })).status).toBe(200);
  await close();
});

test("the name of this machine is the same in capitals", async () => {
  const { ask } = serving();
  const named = (host: string) => ask("initialize", hello, { host });
  const asked = ["LOCALHOST:1", "localhost:2", "localhost.:1", "localhost", "evil.example:1"].map(named);
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 403, 403, 403, 403]);
});

test("of too many sessions the one that was not used for the longest time is closed", async () => {
  const { open, ask, close } = serving();
  for (let count = 0; count < 257; count++) {
    await (await ask("initialize", hello)).text();
    // The first one is in use all the time.
    await (await ask("tools/list", {}, { "mcp-session-id": "session-1" })).text();
  }
  expect(open.size).toBe(256);
  const asked = ["session-1", "session-2"].map((session) => ask("tools/list", {}, { "mcp-session-id": session }));
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 404]);
  await close();
});
