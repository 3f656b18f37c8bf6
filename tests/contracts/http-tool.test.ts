import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// A tool that is an HTTP request, by the real executable.

const folder = mkdtempSync(join(tmpdir(), "rein-http-"));
const asked: string[] = [];
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const url = new URL(request.url);
    asked.push(
      `${request.method} ${url.pathname}${url.search} ${request.headers.get("x-key") ?? ""} ${await request.text()}`,
    );
    switch (url.pathname) {
      case "/items/moved":
        return Response.redirect("/items/here", 302);
      case "/items/away":
        return Response.redirect(`http://localhost:${url.port}/items/here`, 302);
      case "/items/image":
        return new Response(new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]));
      case "/items/broken":
        return Response.json({ error: "no such item" }, { status: 404 });
      case "/items/large":
        return new Response("y".repeat(2_000_000));
      case "/items/never":
        return new Promise<Response>(() => undefined);
      default:
        return new Response(`item ${request.headers.get("x-key")}`);
    }
  },
});
afterAll(async () => {
  await server.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

writeFileSync(
  join(folder, "agent.yaml"),
  `prompt: hi
permissions: { env: [ITEM_KEY] }
tools:
  - name: item
    description: Gets an item
    input: { type: object, required: [id], properties: { id: { type: string } } }
    http: { url: "${server.url}items/\${{ args.id }}", headers: { x-key: "\${{ env.ITEM_KEY }}" } }
  - name: never
    description: Waits for an item
    timeout: 1s
    http: { url: "${server.url}items/never" }
  - name: add
    description: Adds an item
    input: { type: object, required: [name], properties: { name: { type: string }, count: { type: integer, default: 1 } } }
    http: { method: POST, url: "${server.url}items", body: { name: "\${{ args.name }}", count: "\${{ args.count }}", label: "n=\${{ args.count }}" } }
`,
);

async function call(name: string, input: object, grants = ["-P"]) {
  const rein = join(import.meta.dir, "../../dist/rein");
  const child = Bun.spawn([rein, "tools", "call", name, "agent.yaml", "--input", JSON.stringify(input), ...grants], {
    cwd: folder,
    env: { PATH: process.env["PATH"], ITEM_KEY: "secret-key-123" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

test("a request is what the file says, with the key that the model never sees", async () => {
  expect(await call("item", { id: "a/b?c" })).toEqual({ code: 0, stdout: "item [masked]\n", stderr: "" });
  expect(asked.at(-1)).toBe("GET /items/a%2Fb%3Fc secret-key-123 ");
  expect(await call("add", { name: 'x", "admin": "y' })).toMatchObject({ code: 0 });
  expect(asked.at(-1)).toBe('POST /items  {"name":"x\\", \\"admin\\": \\"y","count":1,"label":"n=1"}');
});

test("a redirect is followed within its host and nowhere else, since the key would go with it", async () => {
  expect(await call("item", { id: "moved" })).toMatchObject({ code: 0, stdout: "item [masked]\n" });
  const before = asked.length;
  expect(await call("item", { id: "away" })).toMatchObject({
    code: 5,
    stderr: expect.stringContaining("it redirects to 'http://localhost:"),
  });
  expect(asked.length).toBe(before + 1);
});

test("what is no success, no text, too late or long is told", async () => {
  expect((await call("item", { id: "broken" })).stderr).toBe('error: HTTP 404: {"error":"no such item"}\n');
  expect((await call("item", { id: "image" })).stderr).toBe("error: The answer is a PNG image, not text (HTTP 200)\n");
  expect((await call("never", {})).stderr).toContain("did not answer in time");
  expect((await call("item", { id: "large" })).stdout).toContain("[1,950,000 characters left out]");
});

test("nothing is sent without its grants", async () => {
  const before = asked.length;
  expect(await call("item", { id: "x" }, [])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining(`add --allow-net=127.0.0.1:${server.port} --allow-env=ITEM_KEY`),
  });
  expect(asked.length).toBe(before);
});
