import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { McpContent } from "../../src/core/mcp.ts";
import type { Servers } from "../../src/mcp/servers.ts";
import { pixel, wideSchema } from "../helpers/mcp-server.ts";
import { calm, oneServer } from "../helpers/mcp-session.ts";
import { until } from "../helpers/until.ts";
import { here, mcpRows, stdioServer } from "./mcp-rows.ts";

const texts = (contents: readonly McpContent[]) => contents.flatMap((one) => ("text" in one ? [one.text] : []));

describe.each(mcpRows)("a server over $name", ({ open }) => {
  test("is ready with its tools, their schemas and descriptions unharmed", async () => {
    await using row = await open();
    await using one = await oneServer(row.link);
    expect(one.started).toEqual({ ok: true, value: undefined });
    const [status] = one.servers.door.status();
    expect(status).toMatchObject({
      name: "one",
      state: "ready",
      tools: 12,
      server: { name: "cases", version: "1.2.3" },
    });
    const wide = one.servers.door.facts("one", "wide");
    expect(wide?.input).toEqual(wideSchema);
    expect(wide?.description).toBe("Has a wide schema\nin two lines");
    expect(one.servers.door.facts("one", "echo")?.annotations).toEqual({ readOnly: true });
  });

  test("answers calls: text, structure, pictures, links, and its own errors", async () => {
    await using row = await open();
    await using one = await oneServer(row.link);
    const { door } = one.servers;
    const call = (name: string, input = {}) => door.call("one", name, input, { signal: calm() });
    expect(await call("echo", { text: "häi" })).toEqual({
      ok: true,
      value: { content: [{ kind: "text", text: "häi" }], error: false },
    });
    expect(await call("sum")).toMatchObject({ value: { structured: { sum: 3 } } });
    expect(await call("fail")).toMatchObject({ value: { error: true, content: [{ text: "no such thing" }] } });
    expect(await call("wrong")).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("nobody knows why") },
    });
    expect(await call("picture")).toMatchObject({
      value: { content: [{ kind: "media", mediaType: "image/png", data: pixel }] },
    });
    expect(await call("links")).toMatchObject({
      value: {
        content: [
          { kind: "link", uri: "case://a", name: "a", description: "The first" },
          { kind: "resource", uri: "case://b", mediaType: "text/plain", text: "inside" },
        ],
      },
    });
  });

  test("shows its progress", async () => {
    await using row = await open();
    await using one = await oneServer(row.link);
    const shown: string[] = [];
    const call = { signal: calm(), progress: (text: string) => void shown.push(text) };
    expect(await one.servers.door.call("one", "steps", {}, call)).toMatchObject({ ok: true });
    expect(shown).toEqual(["1/2 step 1\n", "2/2 step 2\n"]);
  });

  test("ends a call that is cancelled, and one that takes too long, and is there for the next", async () => {
    await using row = await open();
    const cancelled = async ({ door }: Servers) => {
      const told = await door.call("one", "cancelled", {}, { signal: calm() });
      return told.ok ? Number(texts(told.value.content)) : undefined;
    };
    {
      await using one = await oneServer(row.link);
      const { door } = one.servers;
      const before = (await cancelled(one.servers)) ?? NaN;
      const stop = new AbortController();
      const slow = door.call("one", "slow", {}, { signal: stop.signal, progress: () => stop.abort() });
      expect(await slow).toMatchObject({ ok: false, error: { code: "cancelled" } });
      expect(await door.call("one", "echo", { text: "a" }, { signal: calm() })).toMatchObject({ ok: true });
      await until(async () => (await cancelled(one.servers)) === before + 1);
    }
    // On a busy machine any other call may take too long as well.
    await using one = await oneServer(row.link, { timeout: 300 });
    let before: number | undefined;
    await until(async () => (before = await cancelled(one.servers)) !== undefined);
    expect(await one.servers.door.call("one", "slow", {}, { signal: calm() })).toMatchObject({
      ok: false,
      error: { code: "timeout", message: "The tool 'slow' of the MCP server 'one' took longer than 0.3 s" },
    });
    await until(async () => (await cancelled(one.servers)) === (before ?? NaN) + 1);
  });

  test("gives 10 MB whole", async () => {
    await using row = await open();
    await using one = await oneServer(row.link);
    const huge = await one.servers.door.call("one", "huge", {}, { signal: calm() });
    const [text = ""] = huge.ok ? texts(huge.value.content) : [];
    expect(text.length).toBe(10_000_010);
    expect(text.endsWith("x end")).toBe(true);
  });

  test("has its tools listed again when it says that they changed", async () => {
    await using row = await open();
    await using one = await oneServer(row.link);
    const { door, settled } = one.servers;
    const before = door.version();
    expect(door.facts("one", "grown")).toBeUndefined();
    await door.call("one", "grow", {}, { signal: calm() });
    // A stream of its own may tell it after the answer.
    await until(() => door.version() !== before);
    await settled();
    expect(door.facts("one", "grown")).toBeDefined();
  });

  test("has resources and prompts", async () => {
    await using row = await open();
    await using one = await oneServer(row.link);
    const { door } = one.servers;
    const about = { server: "one", uri: "case://a", name: "a", description: "The first", mediaType: "text/plain" };
    expect(await door.resources("one", calm())).toEqual({ ok: true, value: [{ ...about, template: false }] });
    expect(await door.readResource("one", "case://a", { signal: calm() })).toMatchObject({
      value: [{ kind: "resource", text: "content of a" }],
    });
    expect(await door.prompts("one", calm())).toMatchObject({ value: [{ name: "greet", description: "Greets" }] });
    expect(await door.prompt("one", "greet", {}, calm())).toMatchObject({
      value: [{ role: "user", content: { kind: "text", text: "Say hello" } }],
    });
  });

  test("leaves nothing behind when it is closed", async () => {
    await using row = await open();
    const one = await oneServer(row.link);
    await one.servers.close();
    expect(one.servers.door.status()).toMatchObject([{ state: "closed" }]);
    expect(await one.servers.door.call("one", "echo", {}, { signal: calm() })).toMatchObject({ ok: false });
  });
});

const bin = (name: string) => join(import.meta.dir, "../../node_modules/@modelcontextprotocol", name, "dist/index.js");

describe("real servers", () => {
  test("server-everything: its tools are called, and its pictures are shown", async () => {
    await using server = stdioServer([process.execPath, bin("server-everything"), "stdio"]);
    await using one = await oneServer(server.link);
    const { door } = one.servers;
    expect(one.started).toEqual({ ok: true, value: undefined });
    expect(door.status()[0]?.tools).toBeGreaterThan(8);
    const called = await door.call("one", "echo", { message: "hi" }, { signal: calm() });
    expect(called.ok && texts(called.value.content)).toEqual(["Echo: hi"]);
    const listed = await door.resources("one", calm());
    expect(listed.ok && listed.value.length).toBeGreaterThan(0);
  });

  test("server-filesystem: reads what it is given, by the roots that it asks for", async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "rein-test-")));
    writeFileSync(join(folder, "a.txt"), "what a.txt holds");
    try {
      await using server = stdioServer([process.execPath, bin("server-filesystem"), "/usr/share"]);
      await using one = await oneServer(server.link, { answers: { roots: () => [folder] } });
      const { door } = one.servers;
      const read = async () => {
        const called = await door.call("one", "read_text_file", { path: join(folder, "a.txt") }, { signal: calm() });
        return called.ok ? texts(called.value.content).join() : called.error.message;
      };
      // It asks for them once it is told that it is connected.
      await until(async () => (await read()) === "what a.txt holds");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("server-memory: remembers", async () => {
    await using server = stdioServer([process.execPath, bin("server-memory")], {
      MEMORY_FILE_PATH: "/tmp/none/memory",
    });
    await using one = await oneServer(server.link);
    expect(one.started).toEqual({ ok: true, value: undefined });
    const called = await one.servers.door.call("one", "read_graph", {}, { signal: calm() });
    expect(called).toMatchObject({ ok: true, value: { structured: { entities: [], relations: [] } } });
  });

  const python = join(import.meta.dir, "../../.cache/python-server/packages");
  test.skipIf(!existsSync(python))("one of the Python SDK: is called, and tells its progress", async () => {
    await using server = stdioServer(["python3", here("fixtures/mcp-python.py")], { PYTHONPATH: python });
    await using one = await oneServer(server.link);
    expect(one.started).toEqual({ ok: true, value: undefined });
    const shown: string[] = [];
    const call = { signal: calm(), progress: (text: string) => void shown.push(text) };
    const called = await one.servers.door.call("one", "add", { a: 2, b: 3 }, call);
    expect(called.ok && texts(called.value.content)).toEqual(["5"]);
    expect(shown).toEqual(["1/1\n"]);
  });
});
