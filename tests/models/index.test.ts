import { describe, expect, test } from "bun:test";
import type { Fetch } from "../../src/core/host.ts";
import type { ResponseCache } from "../../src/core/response-cache.ts";
import { fail, ok } from "../../src/core/result.ts";
import { createModel, createService, type ModelDeps } from "../../src/models/index.ts";
import { providers } from "../../src/models/providers.ts";
import { testClock } from "../helpers/clock.ts";
import { readReply } from "../helpers/reply.ts";

function deps(variables: Record<string, string>, fetch: Fetch = async () => new Response()): ModelDeps {
  return {
    fetch: () => fetch,
    clock: testClock(),
    key: (name) => variables[name],
    script: async (path) => (path === "there.yaml" ? ok([]) : fail("not_found", `Cannot read '${path}': not there`)),
    certificates: (path) => (path === "ca.pem" ? ok("PEM") : fail("not_found", `Cannot read '${path}': not there`)),
    local: () => Promise.reject(new Error("No local models")),
    path: (path) => path,
    retryAfterText: true,
  };
}

describe("making a model", () => {
  test("without a key or a base URL needs credentials", async () => {
    const made = await createModel({ model: "openai-compatible/x" }, deps({ OPENAI_API_KEY: "" }));
    expect(made).toMatchObject({ ok: false, error: { outcome: "credentials" } });
  });

  test("of every service sends to its base URL, its own by default, with its key, and retries", async () => {
    for (const { name, keys, addresses, url } of providers) {
      const sent: Array<{ origin: string; headers: string }> = [];
      const broken: Fetch = async (input, init) => {
        const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
        const { origin } = new URL(input instanceof Request ? input.url : String(input));
        sent.push({ origin, headers: JSON.stringify([...headers]) });
        return new Response("", { status: 500 });
      };
      const key = { [keys[0] ?? ""]: "sk-12345678" };
      const address = { [addresses[0] ?? ""]: "http://127.0.0.1:9/v1" };
      for (const variables of [key, { ...key, ...address }]) {
        const made = await createModel({ model: `${name}/x` }, deps(variables, broken));
        if (!made.ok) throw new Error(made.error.message);
        expect(made.value.name).toBe(`${name}/x`);
        expect(await readReply(made.value)).toMatchObject({ retries: 3, failure: { kind: "service", status: 500 } });
      }
      const origins = [new URL(url).origin, "http://127.0.0.1:9"];
      expect(sent.map(({ origin }) => origin)).toEqual(origins.flatMap((origin) => Array(4).fill(origin)));
      for (const { headers } of sent) expect(headers).toContain("sk-12345678");
    }
  });

  test("of every service sends the headers that are named, and no credentials where there are none", async () => {
    for (const { name } of providers) {
      const sent: Headers[] = [];
      const broken: Fetch = async (input, init) => {
        sent.push(new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined)));
        return new Response("", { status: 400 });
      };
      for (const headers of [{}, { authorization: "Basic abc", "X-Team": "a" }]) {
        const made = await createService(
          { model: `${name}/x`, base_url: "http://127.0.0.1:9", headers },
          deps({}, broken),
        );
        if (!made.ok) throw new Error(made.error.message);
        expect(await readReply(made.value)).toMatchObject({ failure: { kind: "request" } });
      }
      expect(sent.map((headers) => ["authorization", "x-api-key", "x-team"].map((one) => headers.get(one)))).toEqual([
        [null, null, null],
        ["Basic abc", null, "a"],
      ]);
    }
  });

  test("at an address of the agent file trusts the certificates of its file", async () => {
    const seen: Array<string | undefined> = [];
    const watched: ModelDeps = {
      ...deps({}),
      fetch: (_url, ca) => {
        seen.push(ca);
        return async () => new Response();
      },
    };
    const spec = { model: "openai/x", base_url: "https://127.0.0.1:9" };
    expect(await createModel({ ...spec, ca_file: "ca.pem" }, watched)).toMatchObject({ ok: true });
    expect(await createModel(spec, watched)).toMatchObject({ ok: true });
    expect(seen).toEqual(["PEM", undefined]);
    expect(await createModel({ ...spec, ca_file: "gone.pem" }, watched)).toEqual({
      ok: false,
      error: { outcome: "usage", message: "Cannot read 'gone.pem': not there" },
    });
  });

  test("of a script needs its file", async () => {
    expect(await createModel({ model: "scripted/there.yaml" }, deps({}))).toMatchObject({
      ok: true,
      value: { name: "scripted/there.yaml" },
    });
    expect(await createModel({ model: "scripted/gone.yaml" }, deps({}))).toEqual({
      ok: false,
      error: { outcome: "usage", message: "Cannot read 'gone.yaml': not there" },
    });
  });
});

test("a memory that cannot be read is told of, where a model is on one's own hardware", async () => {
  for (const said of ["8000MB", "much", "-8"]) {
    const message = "Cannot use REIN_VRAM: it is not a number of gigabytes, such as 24";
    for (const name of ["ollama/x", "local/x"]) {
      const made = await createModel({ model: name }, deps({ REIN_VRAM: said }));
      expect(made).toMatchObject({ ok: false, error: { outcome: "usage", message } });
    }
    expect(await createModel({ model: "openai/x" }, deps({ REIN_VRAM: said, OPENAI_API_KEY: "k" }))).toMatchObject({
      ok: true,
    });
  }
  for (const said of ["", " ", "24", "0.5 GB"])
    expect(await createModel({ model: "ollama/x" }, deps({ REIN_VRAM: said }))).toMatchObject({ ok: true });
});

test("answers of before are those of the address that is asked, and of who is told there", async () => {
  const keys: string[] = [];
  const responses: ResponseCache = {
    read: async (key) => void keys.push(key),
    write: async () => undefined,
  };
  const at = (address: string, variables = {}) => ({
    ...variables,
    ANTHROPIC_API_KEY: "k",
    ANTHROPIC_BASE_URL: address,
  });
  const one = "http://127.0.0.1:9";
  const environments = [
    at(one),
    at("http://127.0.0.1:8"),
    at(one, { ANTHROPIC_CUSTOM_HEADERS: "x-tenant: other" }),
    at(one, { ANTHROPIC_API_KEY: "another" }),
  ];
  for (const variables of environments) {
    const broken: Fetch = async () => new Response("", { status: 400 });
    const made = await createModel({ model: "anthropic/x" }, { ...deps(variables, broken), responses });
    if (!made.ok) throw new Error(made.error.message);
    await readReply(made.value);
  }
  const [first, elsewhere, other, again] = keys;
  expect(new Set([first, elsewhere, other]).size).toBe(3);
  expect(again).toBe(first);
});

test("a script is no service: what it says is never one of before", async () => {
  const responses: ResponseCache = {
    read: () => Promise.reject(new Error("Read")),
    write: () => Promise.reject(new Error("Written")),
  };
  const made = await createModel({ model: "scripted/there.yaml" }, { ...deps({}), responses });
  if (!made.ok) throw new Error(made.error.message);
  expect(await readReply(made.value)).toMatchObject({ failure: { kind: "request" } });
});

describe("a model whose price must be known", () => {
  const must = { ...deps({ OPENAI_API_KEY: "sk-12345678" }), mustPrice: true };
  const price = { input: 1, output: 2 };

  test("is none where nobody knows it, and the file can name it", async () => {
    const unknown = await createModel({ model: "openai/gpt-nope" }, must);
    expect(unknown).toMatchObject({ ok: false, error: { outcome: "usage", hint: expect.stringContaining("price:") } });
    expect((await createModel({ model: "openai/gpt-nope", price }, must)).ok).toBe(true);
  });

  test("is one of the list, and one that costs nothing", async () => {
    for (const model of ["openai/gpt-5", "ollama/x", "scripted/there.yaml"]) {
      expect((await createModel({ model }, must)).ok).toBe(true);
    }
  });

  test("may be unknown where no limit on cost was set", async () => {
    expect((await createModel({ model: "openai/gpt-nope" }, { ...must, mustPrice: false })).ok).toBe(true);
  });
});
