import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";

/** One result, whichever service found it. */
export type Found = { title: string; url: string; snippet: string };

/** What is searched for: `count` results of one page, counted from 1. */
export type Search = { query: string; count: number; page: number };

/** A service, by the variables it works with and its wire format. */
export type Backend = {
  name: string;
  /** The variable with its key; absent for one that has no key. */
  key?: string;
  /** What else it cannot work without. */
  also?: string;
  /** The variable with its address, where that is not `url`; the only one where there is none. */
  address: string;
  url?: string;
  /** The query of a request, and the header that its key goes into. */
  request(
    search: Search,
    key: string,
    also: string,
  ): { query: Record<string, string>; headers: Record<string, string> };
  /** The results of an answer, undefined for something else. */
  results(answer: JsonObject): Found[] | undefined;
  /** What an answer with an error says. */
  message(answer: JsonObject): Json | undefined;
};

/** In the order in which they are looked for. */
export const backends: readonly Backend[] = [
  {
    name: "google",
    key: "GOOGLE_SEARCH_KEY",
    also: "GOOGLE_CSE_ID",
    address: "GOOGLE_SEARCH_URL",
    url: "https://www.googleapis.com/customsearch/v1",
    request: ({ query, count, page }, key, also) => ({
      query: { key, cx: also, q: query, num: String(count), start: String((page - 1) * count + 1) },
      headers: {},
    }),
    // It leaves out the list where it is empty.
    results: ({ items, searchInformation, kind }) =>
      items === undefined && (searchInformation !== undefined || kind !== undefined)
        ? []
        : found(items, "title", "link", "snippet"),
    message: ({ error }) => field(error, "message"),
  },
  {
    name: "bing",
    key: "BING_SEARCH_KEY",
    address: "BING_SEARCH_URL",
    url: "https://api.bing.microsoft.com/v7.0/search",
    request: ({ query, count, page }, key) => ({
      query: { q: query, count: String(count), offset: String((page - 1) * count), responseFilter: "Webpages" },
      headers: { "ocp-apim-subscription-key": key },
    }),
    results: (answer) => {
      const { webPages, _type: type } = answer;
      if (webPages === undefined) return type === "SearchResponse" ? [] : undefined;
      return found(field(webPages, "value"), "name", "url", "snippet");
    },
    message: ({ error, errors }) =>
      field(error, "message") ?? field(Array.isArray(errors) ? errors[0] : null, "message"),
  },
  {
    name: "brave",
    key: "BRAVE_API_KEY",
    address: "BRAVE_SEARCH_URL",
    url: "https://api.search.brave.com/res/v1/web/search",
    request: ({ query, count, page }, key) => ({
      query: {
        q: query,
        count: String(count),
        offset: String(page - 1),
        text_decorations: "false",
        result_filter: "web",
      },
      headers: { "x-subscription-token": key },
    }),
    results: (answer) => {
      const { web, type } = answer;
      if (web === undefined) return type === "search" ? [] : undefined;
      return found(field(web, "results"), "title", "url", "description")?.map(({ title, url, snippet }) => ({
        title: unescaped(title),
        url,
        snippet: unescaped(snippet),
      }));
    },
    message: ({ error }) => field(error, "detail"),
  },
  {
    name: "searxng",
    address: "SEARXNG_URL",
    request: ({ query, page }) => ({ query: { q: query, format: "json", pageno: String(page) }, headers: {} }),
    results: ({ results }) => found(results, "title", "url", "content"),
    message: () => undefined,
  },
];

/** The variables whose values only these services may see. */
export const searchKeys: readonly string[] = backends.flatMap(({ key }) => key ?? []);

const longestUrl = 2000;

function found(list: Json | undefined, title: string, url: string, snippet: string): Found[] | undefined {
  if (!Array.isArray(list) || !list.every(isJsonObject)) return undefined;
  return list.flatMap((one) => {
    const address = URL.parse(textOf(field(one, url)));
    if (address === null || !/^https?:$/.test(address.protocol) || address.href.length > longestUrl) return [];
    // One with a user in it shows another host than it leads to.
    if (address.username + address.password !== "") return [];
    return [{ title: textOf(field(one, title)), url: address.href, snippet: textOf(field(one, snippet)) }];
  });
}

function field(value: Json | undefined, name: string): Json | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value.replace(/\s+/g, " ").trim() : "";
}

const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#x27": "'", nbsp: " " };

function unescaped(text: string): string {
  return text.replace(/&(#?\w+);/g, (whole, name: string) => entities[name.toLowerCase()] ?? whole);
}
