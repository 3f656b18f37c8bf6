/** A web site on the loopback, for the tools that read the web. */
export type Site = {
  host: string;
  origin: string;
  /** What was asked of it, in order: "GET /path". */
  asked: string[];
  /** The last request's headers and body. */
  headers: Headers;
  body: string;
  stop(): void;
};

export type Page = (request: Request, url: URL) => Response | Promise<Response>;

/** Starts a site of these pages, by their paths; what it has none for is a 404. */
export function startSite(pages: Record<string, Page>): Site {
  const site: Site = { host: "", origin: "", asked: [], headers: new Headers(), body: "", stop: () => undefined };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const url = new URL(request.url);
      site.asked.push(`${request.method} ${url.pathname}${url.search}`);
      site.headers = request.headers;
      site.body = await request.clone().text();
      return (await pages[url.pathname]?.(request, url)) ?? new Response("nothing here", { status: 404 });
    },
  });
  site.host = `127.0.0.1:${server.port}`;
  site.origin = `http://${site.host}`;
  site.stop = () => void server.stop(true);
  return site;
}

/** A page of HTML. */
export function html(
  body: string | Uint8Array<ArrayBuffer>,
  type = "text/html; charset=utf-8",
  headers: Record<string, string> = {},
): Page {
  return () => new Response(body, { headers: { "content-type": type, ...headers } });
}
