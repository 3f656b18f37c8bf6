import { describe, expect, test } from "bun:test";
import { InMemoryTransport, type JSONRPCMessage, type Transport } from "@modelcontextprotocol/client";
import type { McpServer } from "../../src/core/mcp.ts";
import { systemClock } from "../../src/host/clock.ts";
import type { OpenLink } from "../../src/mcp/link.ts";
import { caseServer } from "../helpers/mcp-server.ts";
import { calm, oneServer, type OneServer } from "../helpers/mcp-session.ts";

/**
 * A server in this process that can be killed. `begun` counts how often it was started, `fails` says from which start on it does not.
 * A restart waits for `held`.
 */
function mortal({ fails = Infinity, held = Promise.resolve(), grownFrom = Infinity } = {}) {
  const state = { begun: 0, kill: async (): Promise<void> => undefined };
  const link: OpenLink = async () => {
    state.begun++;
    if (state.begun >= fails) return { ok: false, error: { why: "not_found", message: "there is no program" } };
    if (state.begun > 1) await held;
    const [ours, theirs] = InMemoryTransport.createLinkedPair();
    await caseServer({ grown: state.begun >= grownFrom }).connect(theirs);
    let endedBy: string | undefined;
    state.kill = async () => {
      endedBy = "it was ended by SIGKILL";
      await theirs.close();
    };
    const ended = () => endedBy;
    return { ok: true, value: { transport: ours, explain: () => undefined, ended, said: () => "oh no" } };
  };
  return { state, link };
}

type Answer = (method: string, say: (result: object) => void, die: () => void, params: { cursor?: string }) => void;

/** By these two the SDK knows a program, whose silence at first is no outage. */
const asProgram = { stderr: null, pid: null };

/** A transport on which something is said by hand. */
class Handmade implements Transport {
  onclose?: () => void;
  onmessage?: (message: JSONRPCMessage) => void;
  closed = false;
  died = false;
  readonly #answer: Answer;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  async start(): Promise<void> {}

  async send(message: JSONRPCMessage): Promise<void> {
    if (!("method" in message) || !("id" in message)) return;
    const { id, method, params: { cursor } = {} } = message;
    const say = (part: object) => this.onmessage?.(JSON.parse(JSON.stringify({ jsonrpc: "2.0", id, ...part })));
    const die = () => {
      this.died = true;
      void this.close();
    };
    queueMicrotask(() => this.#answer(method, say, die, typeof cursor === "string" ? { cursor } : {}));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.onclose?.();
  }
}

const overNetwork = {
  transport: { kind: "http", url: { pieces: [], place: { file: "agent.yaml", line: 1, column: 1 } }, headers: [] },
} as const satisfies Pick<McpServer, "transport">;

describe("a server that dies", () => {
  test("is started again once, and its tools are listed again", async () => {
    const { state, link } = mortal();
    await using one = await oneServer(link);
    const { door } = one.servers;
    await door.call("one", "grow", {}, { signal: calm() });
    await one.servers.settled();
    expect(door.facts("one", "grown")).toBeDefined();
    await state.kill();
    expect(await door.call("one", "echo", { text: "a" }, { signal: calm() })).toMatchObject({ ok: true });
    expect(door.facts("one", "grown")).toBeUndefined();
    expect(state.begun).toBe(2);
    expect(one.warnings).toEqual([
      "The MCP server 'one' is gone, and is started again: it was ended by SIGKILL: oh no",
    ]);
  });

  test("fails the call that was under way, which is not made again; the next one waits for the new start", async () => {
    const { promise: held, resolve: goOn } = Promise.withResolvers<void>();
    const { state, link } = mortal({ held });
    await using one = await oneServer(link);
    const { door } = one.servers;
    const slow = door.call("one", "slow", {}, { signal: calm() });
    await Bun.sleep(0);
    await state.kill();
    const next = door.call("one", "echo", { text: "a" }, { signal: calm() });
    expect(await slow).toMatchObject({
      ok: false,
      error: {
        message:
          "The MCP server 'one' is gone, and the tool 'slow' was not done, or only in part: it was ended by SIGKILL: oh no",
      },
    });
    expect(door.status()).toMatchObject([{ state: "restarting" }]);
    goOn();
    expect(await next).toMatchObject({ ok: true, value: { content: [{ text: "a" }] } });
  });

  test("a second time stays down, and says why to each call", async () => {
    const { state, link } = mortal();
    await using one = await oneServer(link);
    const { door } = one.servers;
    await state.kill();
    await door.call("one", "echo", {}, { signal: calm() });
    await state.kill();
    for (let call = 0; call < 2; call++) {
      expect(await door.call("one", "echo", {}, { signal: calm() })).toMatchObject({
        ok: false,
        error: { message: "The MCP server 'one' is down: it was ended by SIGKILL: oh no" },
      });
    }
    expect(state.begun).toBe(2);
    expect(door.status()).toMatchObject([{ state: "down", error: "it was ended by SIGKILL: oh no" }]);
  });

  test("and cannot be started again is down with that reason", async () => {
    const { state, link } = mortal({ fails: 2 });
    await using one = await oneServer(link);
    await state.kill();
    expect(await one.servers.door.call("one", "echo", {}, { signal: calm() })).toMatchObject({
      error: { message: "The MCP server 'one' is down: there is no program" },
    });
    expect(one.warnings.at(-1)).toBe("The MCP server 'one' could not be started again: there is no program");
  });

  test("because the run is over is not started again", async () => {
    const { state, link } = mortal();
    const one = await oneServer(link);
    await one.servers.close();
    await state.kill();
    expect(state.begun).toBe(1);
    expect(one.warnings).toEqual([]);
  });
});

describe("a server that starts in its own way", () => {
  const info = { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "h", version: "1" } };
  const answers: Record<string, object> = { initialize: { result: info }, "tools/list": { result: { tools: [] } } };

  function handmade(answer: Answer, { shy = false, overNetwork = false } = {}) {
    const made: Handmade[] = [];
    const link: OpenLink = async () => {
      const transport = overNetwork ? new Handmade(answer) : Object.assign(new Handmade(answer), asProgram);
      made.push(transport);
      const ended = () => (transport.died ? "it ended with exit code 1" : undefined);
      const explain = () =>
        transport.died ? { why: "ended" as const, message: "it ended with exit code 1" } : undefined;
      return { ok: true, value: { transport, explain, ended, said: () => "", shy: () => shy && transport.died } };
    };
    return { made, link };
  }

  test("and ends at the newest protocol's first request is asked again in the older way", async () => {
    const { made, link } = handmade(
      (method, say, die) => {
        const answer = answers[method];
        if (answer === undefined) die();
        else say(answer);
      },
      { shy: true },
    );
    await using one = await oneServer(link);
    expect(one.started).toEqual({ ok: true, value: undefined });
    expect(one.servers.door.status()).toMatchObject([{ state: "ready", protocol: "2025-06-18" }]);
    expect(made.length).toBe(2);
  });

  test("and is silent on that request is asked in the older way, on the same connection", async () => {
    const { made, link } = handmade((method, say) => {
      const answer = answers[method];
      if (answer !== undefined) say(answer);
    });
    await using one = await oneServer(link, { deadline: 1000 });
    expect(one.started).toEqual({ ok: true, value: undefined });
    expect(made.length).toBe(1);
  });

  test("and is reached over the network has all of its time for the first answer", async () => {
    const { link } = handmade(
      (method, say) => {
        const answer = answers[method] ?? { error: { code: -32601, message: "no" } };
        setTimeout(() => say(answer), method === "server/discover" ? 600 : 0);
      },
      { overNetwork: true },
    );
    await using one = await oneServer(link, { deadline: 1000, ...overNetwork });
    expect(one.started).toEqual({ ok: true, value: undefined });
  });

  test("and never answers is given up at its deadline, and closed", async () => {
    const { made, link } = handmade(() => undefined);
    await using one = await oneServer(link, { deadline: 100 });
    expect(one.started).toMatchObject({
      ok: false,
      error: { why: "deadline", message: "it was not ready within 0.1 s" },
    });
    expect(made.every(({ closed }) => closed)).toBe(true);
    expect(one.servers.door.status()).toMatchObject([{ state: "failed" }]);
  });

  test("and refuses says so in its own words", async () => {
    const { link } = handmade((_, say) => say({ error: { code: -32000, message: "the licence has ended" } }));
    await using one = await oneServer(link);
    expect(one.started).toMatchObject({ ok: false, error: { why: "failed", message: "the licence has ended" } });
  });

  test("that is never done telling its tools is waited for once", async () => {
    const changing = { ...info, capabilities: { tools: { listChanged: true } } };
    let lists = 0;
    const { made, link } = handmade((method, say) => {
      if (method === "tools/list") {
        if (lists++ === 0) say({ result: { tools: [] } });
      } else say(method === "initialize" ? { result: changing } : { error: { code: -32601, message: "no" } });
    });
    let waits = 0;
    const sleep = async (ms: number, signal: AbortSignal) => {
      if (ms !== 5000) return systemClock.sleep(ms, signal);
      waits++;
    };
    await using one = await oneServer(link, { clock: { now: systemClock.now, sleep } });
    made.at(-1)?.onmessage?.({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
    await Bun.sleep(5);
    expect(lists).toBe(2);
    for (let turn = 0; turn < 3; turn++) await one.servers.settled();
    expect(waits).toBe(1);
  });
});

describe("a tool that a server lists and that cannot be used", () => {
  const info = { capabilities: { tools: {} }, serverInfo: { name: "h", version: "1" } };
  const tool = (name: string, rest: object = {}) => ({ name, inputSchema: { type: "object" }, ...rest });

  /** A server that lists these pages, in the older protocol or in the newest. */
  function listing(pages: unknown[][], { modern = false } = {}): OpenLink {
    const answer: Answer = (method, say, _die, params) => {
      const { cursor = "0" } = params;
      const page = { tools: pages[Number(cursor)] ?? [], ...more(Number(cursor) + 1) };
      const complete = modern ? { resultType: "complete", ttlMs: 0, cacheScope: "private" } : {};
      if (method === "tools/list") say({ result: { ...complete, ...page } });
      else if (method === "initialize" && !modern) say({ result: { protocolVersion: "2025-06-18", ...info } });
      else if (method === "server/discover" && modern)
        say({ result: { ...complete, supportedVersions: ["2026-07-28"], ...info } });
      else say({ error: { code: -32601, message: "no" } });
    };
    const more = (next: number) => (next < pages.length ? { nextCursor: String(next) } : {});
    return async () => {
      const transport = modern ? new Handmade(answer) : Object.assign(new Handmade(answer), asProgram);
      return { ok: true, value: { transport, explain: () => undefined, ended: () => undefined, said: () => "" } };
    };
  }

  const offered = ({ servers }: OneServer) => servers.door.tools().map(({ name }) => name);
  const leftOut = ({ servers }: OneServer) => servers.leftOut("one").map(({ tool: name, why }) => `${name}: ${why}`);

  test("is left out with the reason, and the others work", async () => {
    const strange = [
      { name: 3 },
      null,
      tool("schema", { inputSchema: { type: "string" } }),
      tool("text", { title: 3 }),
    ];
    await using one = await oneServer(listing([[tool("a"), ...strange, tool("b")]]));
    expect(one.started).toEqual({ ok: true, value: undefined });
    expect(offered(one)).toEqual(["a", "b"]);
    expect(leftOut(one)).toEqual([
      "number 2: name: Invalid input: expected string, received number",
      "number 3: Invalid input: expected object, received null",
      'schema: inputSchema.type: Invalid input: expected "object"',
      "text: title: Invalid input: expected string, received number",
    ]);
    expect(one.servers.door.status()).toMatchObject([{ state: "ready", tools: 2, left_out: [{}, {}, {}, {}] }]);
  });

  test("is found on each page of a list", async () => {
    const wrong = (name: string) => tool(name, { inputSchema: 1 });
    const pages = Array.from({ length: 12 }, (_, page) => [wrong(`wrong_${page}`), tool(`right_${page}`)]);
    await using one = await oneServer(listing(pages));
    expect(offered(one)).toEqual(pages.map((_, page) => `right_${page}`));
    expect(leftOut(one).length).toBe(12);
  });

  test("is judged by the revision that is spoken", async () => {
    const list = tool("list", { outputSchema: { type: "array" } });
    await using old = await oneServer(listing([[tool("a"), list]]));
    expect(offered(old)).toEqual(["a"]);
    expect(leftOut(old)).toEqual(['list: outputSchema.type: Invalid input: expected "object"']);
    await using modern = await oneServer(listing([[tool("a"), list]], { modern: true }), overNetwork);
    expect(offered(modern)).toEqual(["a", "list"]);
    expect(leftOut(modern)).toEqual([]);
  });

  test("is one whose 'x-mcp-header' the protocol forbids, over the network", async () => {
    const schema = { type: "object", properties: { a: { type: "array", "x-mcp-header": "A" } } };
    await using one = await oneServer(
      listing([[tool("a"), tool("b", { inputSchema: schema })]], { modern: true }),
      overNetwork,
    );
    expect(offered(one)).toEqual(["a"]);
    expect(leftOut(one)).toEqual([expect.stringMatching(/^b: an 'x-mcp-header' in its inputSchema is not as/)]);
  });

  test("is the second of two with one name", async () => {
    await using one = await oneServer(listing([[tool("a", { title: "first" }), tool("a", { title: "second" })]]));
    expect(one.servers.door.tools().map(({ facts }) => facts.title)).toEqual(["first"]);
    expect(leftOut(one)).toEqual(["a: there is another of that name before it"]);
  });

  test("is told of only where the file wants it", async () => {
    const place = { file: "agent.yaml", line: 1, column: 1 };
    const pages = [[tool("a"), { name: "find_x" }, { name: "other" }]];
    await using one = await oneServer(listing(pages), {
      picks: [
        { name: "a", place },
        { name: "find_*", place },
      ],
    });
    expect(leftOut(one)).toEqual([expect.stringMatching(/^find_x: inputSchema/)]);
  });

  test("does not make a list right that is none", async () => {
    const link: OpenLink = async () => {
      const transport = Object.assign(
        new Handmade((method, say) =>
          say(
            method === "tools/list"
              ? { result: { tools: "none" } }
              : method === "initialize"
                ? { result: { protocolVersion: "2025-06-18", ...info } }
                : { error: { code: -32601, message: "no" } },
          ),
        ),
        asProgram,
      );
      return { ok: true, value: { transport, explain: () => undefined, ended: () => undefined, said: () => "" } };
    };
    await using one = await oneServer(link);
    const message = "Invalid result for tools/list: tools: Invalid input: expected array, received string";
    expect(one.started).toMatchObject({ ok: false, error: { why: "failed", message } });
  });
});

describe("a server whose tools are pinned", () => {
  const pin = { file: "rein.lock", hash: "", tools: {}, listed: [] };

  test("keeps its tools when it says that they changed", async () => {
    const { link } = mortal();
    await using one = await oneServer(link, { pin });
    const { door, settled } = one.servers;
    await door.call("one", "grow", {}, { signal: calm() });
    await settled();
    expect(door.facts("one", "grown")).toBeUndefined();
  });

  test("stays down where it comes back with others", async () => {
    const { state, link } = mortal({ grownFrom: 2 });
    await using one = await oneServer(link, { pin });
    await state.kill();
    expect(await one.servers.door.call("one", "echo", {}, { signal: calm() })).toMatchObject({
      error: { message: "The MCP server 'one' is down: its tools are no longer those that are pinned: oh no" },
    });
  });
});
