import { afterAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import type { JsonObject } from "../../src/core/json.ts";
import { systemClock } from "../../src/host/clock.ts";
import { makeWebScrape } from "../../src/tools/web-scrape.ts";
import { callTool } from "../helpers/call-tool.ts";
import { html, startSite } from "../helpers/web-site.ts";
import { openRoom } from "../host/harness.ts";

// web_scrape through the real doors and the native library, with sites on the loopback.

const filler = "The harbour was rebuilt in three years, and the ships came back to it one by one. ".repeat(8);
const article = `<!doctype html><html><head><title>The harbour &amp; its ships</title>
<style>p { color: red }</style><script>let hidden = 1;</script></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/about">About us</a></li></ul></nav>
<div class="advert">Buy now, only today!</div>
<article><h1>The harbour</h1><p>${filler}<a href="../maps/1?x=1#top">the map</a></p>
<h2>Ships</h2><table><thead><tr><th>Name</th><th>Tons</th></tr></thead>
<tbody><tr><td>Ada</td><td>1,200</td></tr><tr><td>Grace</td><td>900</td></tr></tbody></table>
<p>${filler}</p><ul><li>one<ul><li>nested</li></ul></li><li>two</li></ul>
<pre><code class="language-sh">ls -l | wc</code></pre><p>${filler}</p></article>
<footer>Imprint, and so on</footer></body></html>`;

const russian = "Съешь же ещё этих мягких французских булок, да выпей чаю. ".repeat(3);
/** 日本語の文章です in Shift_JIS. */
const japanese = Uint8Array.from([0x93, 0xfa, 0x96, 0x7b, 0x8c, 0xea, 0x82, 0xcc, 0x95, 0xb6, 0x8f, 0xcd]);
/** The smallest PDF that a service would take for one. */
const pdf =
  "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

function windows1251(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => {
    const code = char.charCodeAt(0);
    if (char === "ё") return 0xb8;
    return code >= 0x410 && code <= 0x44f ? code - 0x410 + 0xc0 : code;
  });
}

let version = 1;
const site = startSite({
  "/docs/harbour": html(article),
  "/cyrillic": html(windows1251(`<title>${russian}</title><p>${russian}`), "text/html"),
  "/japanese": html(Buffer.concat([Buffer.from('<meta charset="shift_jis"><p>'), japanese]), "text/html"),
  "/utf16": html(Buffer.from("\ufeff<title>wide</title><p>täxt", "utf16le"), "text/html"),
  "/text": html("# as it is\n<b>", "text/plain"),
  "/json": html('{"a": "ä"}', "application/json"),
  "/unnamed": html("<!doctype html><p>sniffed", "application/octet-stream"),
  "/pdf": html(pdf, "application/pdf"),
  "/zip": html("PK\u0003\u0004\0\0", "application/zip"),
  "/empty": html(""),
  "/soup": html("<table><tr><td>a<p>b<div></table></p></b><li>c &amp d &#x26; <a href=x>e<a href=y>f"),
  "/deep": html("<div>".repeat(100_000) + "the bottom" + "</div>".repeat(100_000)),
  "/wide": html("<p>one line of the page</p>\n".repeat(400_000)),
  "/references": html("&".repeat(4_000_000)),
  "/bomb": html(gzipSync(Buffer.alloc(200_000_000, "<p>x</p>")), "text/html", { "content-encoding": "gzip" }),
  "/slow": () => new Response(new ReadableStream({ pull: () => new Promise(() => undefined) })),
  "/moved": () => new Response(null, { status: 301, headers: { location: "/docs/harbour" } }),
  "/away": () => new Response(null, { status: 301, headers: { location: "http://169.254.169.254/" } }),
  "/private/page": html("<p>secret recipe"),
  "/news": (request) => {
    const etag = `"${version}"`;
    if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304 });
    return new Response(`<p>news ${version}`, { headers: { etag, "content-type": "text/html" } });
  },
  "/to-private": () => Response.redirect("/private/page"),
  "/to-failing": () => Response.redirect(`${failing.origin}/page`),
  "/refresh": html('<meta http-equiv="Refresh" content="0; url=docs/harbour?a=1&amp;b=2"><p>Redirecting…'),
  "/refresh-there": html('<base href="/docs/"><meta http-equiv=refresh content="5;URL=\'harbour\'">'),
  "/refresh-away": html('<meta http-equiv="refresh" content="0;url=http://169.254.169.254/">'),
  "/refresh-private": html('<meta http-equiv="refresh" content="0;url=/private/page">'),
  "/refresh-round": html('<meta http-equiv="refresh" content="0;url=/refresh-about">'),
  "/refresh-about": html('<meta http-equiv="refresh" content="0;url=/refresh-round">'),
  "/refresh-late": html('<meta http-equiv="refresh" content="60;url=/next"><p>a slide'),
  "/refresh-not": html(
    `<meta http-equiv="refresh" content="0"><meta http-equiv="refresh" content="0;url=javascript:alert(1)">
     <!-- <meta http-equiv="refresh" content="0;url=/a"> --><noscript><meta http-equiv="refresh" content="0;url=/b"></noscript>
     <script>'<meta http-equiv="refresh" content="0;url=/c">'</script><p>stays`,
  ),
  "/refresh-itself": html('<meta http-equiv="refresh" content="0;url=/refresh-itself#top"><p>stays'),
  "/robots.txt": html("User-agent: *\nDisallow: /private/\n\nUser-agent: other\nDisallow: /\n", "text/plain"),
});
const failing = startSite({ "/robots.txt": () => new Response("", { status: 503 }), "/page": html("<p>page") });
afterAll(() => {
  site.stop();
  failing.stop();
});

function open() {
  const room = openRoom({ permissions: { net: [site.host, failing.host] } });
  const tool = makeWebScrape();
  const call = (path: string, more: JsonObject = {}, signal?: AbortSignal) => {
    const url = path.startsWith("/") ? site.origin + path : path;
    return callTool(tool, { url, ...more }, { host: room.host, clock: systemClock, ...(signal ? { signal } : {}) });
  };
  return { ...room, call };
}

describe("a page", () => {
  test("is what matters of it, as Markdown with absolute links and its tables", async () => {
    await using room = open();
    const { content, error } = await room.call("/docs/harbour");
    expect(error).toBeUndefined();
    expect(content).toStartWith(`Title: The harbour & its ships\nURL: ${site.origin}/docs/harbour\n\n`);
    expect(content).toContain(`[the map](${site.origin}/maps/1?x=1#top)`);
    expect(content).toMatch(/\| Name +\| Tons +\|\n\| ?-+.*\n\| Ada +\| 1,200 +\|/);
    expect(content).toContain("- one\n    - nested\n- two");
    expect(content).toContain("```sh\nls -l | wc\n```");
    for (const none of ["Buy now", "About us", "Imprint", "hidden", "color"]) expect(content).not.toContain(none);
  });

  test("is all of it where that is asked for, or only what a selector matches", async () => {
    await using room = open();
    const { content } = await room.call("/docs/harbour", { whole: true });
    for (const all of ["Buy now", `[About us](${site.origin}/about)`, "Imprint"]) expect(content).toContain(all);
    const cells = await room.call("/docs/harbour", { selector: "tbody td:first-child" });
    expect(cells.content).toEndWith("/docs/harbour\n\nAda\n\nGrace");
    const none = await room.call("/docs/harbour", { selector: "h6" });
    expect(none).toMatchObject({ error: true });
    expect(none.content).toContain("matches 'h6': read it without a selector");
    const wrong = await room.call("/docs/harbour", { selector: "td[" });
    expect(wrong.content).toContain("'td[' is not a CSS selector");
  });

  test("is read in its charset: the server's, its own, or the likeliest one", async () => {
    await using room = open();
    expect((await room.call("/cyrillic")).content).toContain("Съешь же ещё этих мягких");
    expect((await room.call("/japanese")).content).toContain("日本語の文章");
    expect((await room.call("/utf16")).content).toContain("Title: wide\n");
    expect((await room.call("/utf16")).content).toContain("täxt");
  });

  test("that is text, JSON or a PDF is given as that", async () => {
    await using room = open();
    expect((await room.call("/text")).content).toBe(`URL: ${site.origin}/text\n\n# as it is\n<b>`);
    expect((await room.call("/json")).content).toEndWith('\n\n{"a": "ä"}');
    expect((await room.call("/unnamed")).content).toEndWith("\n\nsniffed");
    const shown = await room.call("/pdf");
    expect(shown.attachments?.map(({ mediaType, name }) => [mediaType, name])).toEqual([["application/pdf", "pdf"]]);
    expect((await room.call("/zip")).content).toContain("http_request can save it to a file");
    expect((await room.call("/empty")).content).toBe(`[${site.origin}/empty is empty]`);
    expect((await room.call("/nothing")).content).toBe(`Cannot read '${site.origin}/nothing': HTTP 404`);
  });

  test("that only sends one on is followed, each step judged as a redirect is, and without end is not", async () => {
    await using room = open();
    expect((await room.call("/refresh")).content).toStartWith(
      `Title: The harbour & its ships\nURL: ${site.origin}/docs/harbour?a=1&b=2\n\n`,
    );
    expect((await room.call("/refresh-there")).content).toContain(`URL: ${site.origin}/docs/harbour\n`);
    const away = await room.call("/refresh-away");
    expect(away.error).toBe(true);
    expect(away.content).toBe("Cannot reach 'http://169.254.169.254': the agent file does not request it");
    const before = site.asked.length;
    const hidden = await room.call("/refresh-private");
    expect(hidden.content).toContain("does not let programs read it");
    expect(site.asked.slice(before)).not.toContain("GET /private/page");
    const round = await room.call("/refresh-round");
    expect(round.content).toEndWith("too many redirects");
  });

  test("that sends one on later, or nowhere, is given as it is", async () => {
    await using room = open();
    expect((await room.call("/refresh-late")).content).toContain(
      `a slide\n[it sends readers on to ${site.origin}/next]`,
    );
    expect((await room.call("/refresh-not")).content).toContain("stays");
    expect((await room.call("/refresh-itself")).content).toContain("stays");
  });

  test("comes in parts where it is long, which together are all of it", async () => {
    await using room = open();
    const first = await room.call("/wide");
    const offset = Number(/offset (\d+)\]$/.exec(first.content)?.[1]);
    expect(offset).toBeGreaterThan(20_000);
    expect(first.content).toContain("the page has more elements than are read");
    const second = await room.call("/wide", { offset });
    expect(second.content).toContain(`characters ${offset.toLocaleString("en-US")}-`);
    expect(second.content).toContain("\n\none line of the page");
    const beyond = await room.call("/text", { offset: 1000 });
    expect(beyond).toEqual({ content: "There is nothing from character 1,000 on: the page has 14", error: true });
  });
});

describe("a page that is made to harm", () => {
  test("is read as far as its bounds go", async () => {
    await using room = open();
    expect((await room.call("/soup")).error).toBeUndefined();
    expect((await room.call("/deep")).content).toContain("the bottom");
    expect((await room.call("/bomb")).content).toContain("[only the first 20 MB of the page were read]");
  });

  test("cannot keep anyone waiting, nor outlive an interruption", async () => {
    await using room = open();
    const late = await room.call("/slow", { timeout: 1 });
    expect(late.content).toBe(`Cannot reach '${site.origin}': no whole answer in 1 s`);
    expect((await room.call("/references", { timeout: 1 })).content).toBe(
      `Cannot read '${site.origin}/references': making Markdown of it takes more than 1 s; http_request shows it as it is`,
    );
    const abort = new AbortController();
    const waiting = room.call("/wide", {}, abort.signal);
    abort.abort();
    expect(await waiting).toMatchObject({ error: true });
  });

  test("leads nowhere that was not granted", async () => {
    await using room = open();
    expect((await room.call("/moved")).content).toContain(`URL: ${site.origin}/docs/harbour\n`);
    const away = await room.call("/away");
    expect(away.content).toBe("Cannot reach 'http://169.254.169.254': the agent file does not request it");
    for (const url of ["file:///etc/passwd", `http://user:pw@${site.host}/text`, "javascript:alert(1)", "::"]) {
      expect(await room.call(url)).toMatchObject({ error: true });
    }
    expect(room.told.map(({ target }) => target)).toContain("169.254.169.254:80");
  });
});

describe("robots.txt", () => {
  test("is respected unless it is told otherwise, and asked for once", async () => {
    await using room = open();
    const before = site.asked.filter((line) => line === "GET /robots.txt").length;
    const refused = await room.call("/private/page");
    expect(refused).toMatchObject({ error: true });
    expect(refused.content).toContain("does not let programs read it");
    expect((await room.call("/private/page", { ignore_robots: true })).content).toContain("secret recipe");
    expect((await room.call("/text")).error).toBeUndefined();
    expect(site.asked.filter((line) => line === "GET /robots.txt").length).toBe(before + 1);
  });

  test("is asked of each page that one is sent on to", async () => {
    await using room = open();
    const before = site.asked.length;
    const refused = await room.call("/to-private");
    expect(refused.content).toStartWith(`Cannot read '${site.origin}/private/page': the robots.txt of`);
    expect(site.asked.slice(before)).not.toContain("GET /private/page");
    expect((await room.call("/to-private", { ignore_robots: true })).content).toContain("secret recipe");
    const other = await room.call("/to-failing");
    expect(other.content).toContain(`'${failing.host}' did not say in its robots.txt`);
  });

  test("of a site that fails forbids all, of a site that has none nothing", async () => {
    await using room = open();
    const unknown = await room.call(`${failing.origin}/page`);
    expect(unknown.content).toContain("did not say in its robots.txt whether programs may read it");
    expect(failing.asked).not.toContain("GET /page");
    const bare = startSite({ "/page": html("<p>here it is") });
    await using free = openRoom({ permissions: { net: [bare.host] } });
    const read = await callTool(
      makeWebScrape(),
      { url: `${bare.origin}/page` },
      { host: free.host, clock: systemClock },
    );
    bare.stop();
    expect(read.content).toContain("here it is");
  });
});

describe("the cache", () => {
  test("gives a page again only while the site says that it is the same", async () => {
    await using room = open();
    const first = await room.call("/news");
    expect(first.cached).toBeUndefined();
    expect(await room.call("/news")).toEqual({ ...first, cached: true });
    version = 2;
    const changed = await room.call("/news");
    expect(changed.cached).toBeUndefined();
    expect(changed.content).toContain("news 2");
  });
});
