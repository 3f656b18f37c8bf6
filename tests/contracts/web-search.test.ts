import { afterAll, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/core/json.ts";
import { systemClock } from "../../src/host/clock.ts";
import { webSearch } from "../../src/tools/web-search.ts";
import { callTool } from "../helpers/call-tool.ts";
import { startSite, type Page } from "../helpers/web-site.ts";
import { nothing, openRoom } from "../host/harness.ts";

// web_search against servers that speak each service's wire format.

const key = "the-search-key";

/** What a service answers with next; a test changes it. */
let answer: { status: number; body: string; headers?: Record<string, string> } | undefined;

function service(right: (request: Request, url: URL) => boolean, body: object): Page {
  return (request, url) => {
    if (answer !== undefined)
      return new Response(answer.body, { status: answer.status, headers: answer.headers ?? {} });
    if (!right(request, url)) return new Response("{}", { status: 400 });
    return Response.json(body);
  };
}

const site = startSite({
  "/customsearch/v1": service(
    (_, { searchParams: query }) =>
      query.get("key") === key && query.get("cx") === "engine" && query.get("num") === "2",
    {
      kind: "customsearch#search",
      searchInformation: { totalResults: "2" },
      items: [
        { title: "One", link: "https://one.test/", snippet: "first\n result", htmlSnippet: "<b>first</b>" },
        { title: "Two", link: "https://two.test/", snippet: "second" },
      ],
    },
  ),
  "/v7.0/search": service((request) => request.headers.get("ocp-apim-subscription-key") === key, {
    _type: "SearchResponse",
    webPages: {
      totalEstimatedMatches: 2,
      value: [
        { id: "1", name: "One", url: "https://one.test/", snippet: "first result", displayUrl: "one.test" },
        { id: "2", name: "Two", url: "https://two.test/", snippet: "second" },
      ],
    },
  }),
  "/res/v1/web/search": service((request) => request.headers.get("x-subscription-token") === key, {
    type: "search",
    query: { original: "ships" },
    web: {
      type: "search",
      results: [
        { title: "One", url: "https://one.test/", description: "first result" },
        { title: "Two", url: "https://two.test/", description: "second", meta_url: {} },
      ],
    },
  }),
  "/searx/search": service((_, { searchParams: query }) => query.get("format") === "json", {
    query: "ships",
    results: [
      { title: "One", url: "https://one.test/", content: "first result", engine: "x", score: 1 },
      { title: "Two", url: "https://two.test/", content: "second" },
      { title: "No page", url: "magnet:?xt=1", content: "third" },
    ],
    answers: [],
  }),
});
afterAll(() => site.stop());

const services: Record<string, Record<string, string>> = {
  google: {
    GOOGLE_SEARCH_KEY: key,
    GOOGLE_CSE_ID: "engine",
    GOOGLE_SEARCH_URL: `${site.origin}/customsearch/v1`,
  },
  bing: { BING_SEARCH_KEY: key, BING_SEARCH_URL: `${site.origin}/v7.0/search` },
  brave: { BRAVE_API_KEY: key, BRAVE_SEARCH_URL: `${site.origin}/res/v1/web/search` },
  searxng: { SEARXNG_URL: `${site.origin}/searx` },
};

function open(variables: Record<string, string>, requested = Object.keys(variables), granted = true) {
  const room = openRoom({
    permissions: { net: [site.host], env: requested },
    environment: { PATH: "/usr/bin", ...variables },
    ...(granted ? {} : { grants: { ...nothing, allow: { net: true as const } } }),
  });
  const call = (input: JsonObject) => callTool(webSearch, input, { host: room.host, clock: systemClock });
  return { ...room, call };
}

async function said(variables: Record<string, string>, next: typeof answer): Promise<string> {
  answer = next;
  await using room = open(variables);
  const { content, error } = await room.call({ query: "ships", count: 2 });
  answer = undefined;
  return `${error === true ? "error: " : ""}${content}`;
}

describe.each(Object.entries(services))("%s", (name, variables) => {
  test("gives its results in the one shape", async () => {
    await using room = open(variables);
    const { content, error } = await room.call({ query: "ships & boats", count: 2, page: 2 });
    expect(error).toBeUndefined();
    expect(JSON.parse(content)).toEqual([
      { title: "One", url: "https://one.test/", snippet: "first result" },
      { title: "Two", url: "https://two.test/", snippet: "second" },
    ]);
    const query = new URL(site.asked.at(-1)?.replace(/^GET /, "") ?? "", site.origin).searchParams;
    expect(query.get("q")).toBe("ships & boats");
    const page: Record<string, [string, string]> = {
      google: ["start", "3"],
      bing: ["offset", "2"],
      brave: ["offset", "1"],
      searxng: ["pageno", "2"],
    };
    const [parameter = "", value] = page[name] ?? [];
    expect(query.get(parameter)).toBe(value ?? "");
  });

  test("says what went wrong, and never its key", async () => {
    const failures = [
      await said(variables, { status: 429, body: "{}", headers: { "retry-after": "7" } }),
      await said(variables, { status: 500, body: "oops" }),
      await said(variables, { status: 200, body: "<html>" }),
      await said(variables, { status: 200, body: '{"something": "else"}' }),
      await said(variables, { status: 302, body: "", headers: { location: "http://elsewhere.test/" } }),
    ];
    expect(failures).toEqual([
      `error: Cannot search with ${name}: too many requests, wait 7 s`,
      `error: Cannot search with ${name}: HTTP 500`,
      `error: Cannot search with ${name}: its answer is no list of results`,
      `error: Cannot search with ${name}: its answer is no list of results`,
      `error: Cannot search with ${name}: '${site.origin}' redirects, which is not followed`,
    ]);
  });
});

test("only what leads to a page is a result, and what it says harms nobody", async () => {
  const listed = async (results: unknown) => {
    const body = JSON.stringify({ results });
    return said(services["searxng"] ?? {}, { status: 200, body });
  };
  const urls = [
    "HTTPS://A.test/x \u001by",
    "javascript:alert(1)",
    "//b.test/",
    "https://good.test@evil.test/",
    `https://long.test/${"x".repeat(2000)}`,
    null,
  ];
  expect(JSON.parse(await listed(urls.map((url) => ({ title: "half \ud83d", url }))))).toEqual([
    { title: "half \ufffd", url: "https://a.test/x%20%1By", snippet: "" },
  ]);
  expect(await listed([null, 1])).toBe("error: Cannot search with searxng: its answer is no list of results");
  expect(await listed("x".repeat(4_100_000))).toBe("error: Cannot search with searxng: its answer has more than 4 MB");
});

test("a refused key is named by its variable, with the service's own words", async () => {
  const google = services["google"] ?? {};
  const body = JSON.stringify({ error: { code: 403, message: "API key not valid.\n\u001b[31m" } });
  expect(await said(google, { status: 403, body })).toBe(
    "error: Cannot search with google: the key in 'GOOGLE_SEARCH_KEY' was refused (HTTP 403): API key not valid. [31m",
  );
  const quota = JSON.stringify({ error: { message: "Quota exceeded for quota metric 'Queries'" } });
  expect(await said(google, { status: 403, body: quota })).toContain("too many requests: Quota exceeded");
  expect(await said(services["brave"] ?? {}, { status: 401, body: '{"error":{"detail":"bad token"}}' })).toContain(
    "the key in 'BRAVE_API_KEY' was refused (HTTP 401): bad token",
  );
  expect(await said(services["searxng"] ?? {}, { status: 403, body: "" })).toContain("'json' must be among");
});

test("no results are an empty list", async () => {
  const empty: Record<string, string> = {
    google: '{"kind":"customsearch#search"}',
    bing: '{"_type":"SearchResponse"}',
    brave: '{"type":"search"}',
    searxng: '{"results":[]}',
  };
  for (const [name, body] of Object.entries(empty)) {
    expect(await said(services[name] ?? {}, { status: 200, body })).toBe("[]");
  }
});

test("the service is the one whose variables are granted and set", async () => {
  const all = Object.assign({}, ...Object.values(services));
  await using brave = open(all, ["BRAVE_API_KEY", "BRAVE_SEARCH_URL"]);
  await brave.call({ query: "x" });
  expect(site.asked.at(-1)).toContain("/res/v1/web/search");
  await using two = open({ ...services["searxng"], ...services["bing"] });
  await two.call({ query: "x" });
  expect(site.asked.at(-1)).toContain("/v7.0/search");
  await using unset = open({ SEARXNG_URL: `${site.origin}/searx` }, ["BRAVE_API_KEY", "SEARXNG_URL"]);
  expect((await unset.call({ query: "x" })).error).toBeUndefined();
});

test("what is missing is named", async () => {
  await using none = open({}, ["LANG"]);
  expect((await none.call({ query: "x" })).content).toBe(
    "Cannot search: no service is granted; the agent file has to request in permissions.env one of GOOGLE_SEARCH_KEY and " +
      "GOOGLE_CSE_ID (google), BING_SEARCH_KEY (bing), BRAVE_API_KEY (brave), SEARXNG_URL (searxng)",
  );
  await using unset = open({}, ["BRAVE_API_KEY"]);
  expect((await unset.call({ query: "x" })).content).toBe("Cannot search: 'BRAVE_API_KEY' is granted and not set");
  await using ungranted = open(services["brave"] ?? {}, ["BRAVE_API_KEY"], false);
  expect((await ungranted.call({ query: "x" })).content).toContain("--allow-env=BRAVE_API_KEY");
  await using one = openRoom({
    permissions: { net: [site.host], env: ["GOOGLE_SEARCH_KEY", "GOOGLE_CSE_ID", "BRAVE_API_KEY"] },
    environment: { PATH: "/usr/bin" },
    grants: { ...nothing, allow: { net: true, env: ["BRAVE_API_KEY"] } },
  });
  const asked = await callTool(webSearch, { query: "x" }, { host: one.host, clock: systemClock });
  expect(asked.content).toBe("Cannot search: 'BRAVE_API_KEY' is granted and not set");
  await using half = open({ GOOGLE_SEARCH_KEY: key }, ["GOOGLE_SEARCH_KEY", "GOOGLE_CSE_ID"]);
  expect((await half.call({ query: "x" })).content).toBe("Cannot search: 'GOOGLE_CSE_ID' is granted and not set");
});

test("a key goes to no address that is not encrypted, but on this machine", async () => {
  await using plain = open({ BRAVE_API_KEY: key, BRAVE_SEARCH_URL: "http://search.test/" });
  expect((await plain.call({ query: "x" })).content).toBe(
    "Cannot search: 'BRAVE_SEARCH_URL' is an http URL, which a key is not sent to",
  );
  await using wrong = open({ SEARXNG_URL: "ftp://search.test/" });
  expect((await wrong.call({ query: "x" })).content).toContain("'SEARXNG_URL' is not an http or https URL");
});
