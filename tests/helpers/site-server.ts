import { html, startSite, type Page } from "./web-site.ts";

/** One page of a site in a spec. `echo`: it answers with what it was asked, as JSON. */
export type SitePage = { path: string; status?: number; headers?: Record<string, string>; body?: string; echo?: true };

/** A web site for specs; `/robots.txt` forbids nothing unless it is among the pages. */
export function startSpecSite(pages: readonly SitePage[]): { baseUrl: string; stop(): Promise<void> } {
  const site = startSite(Object.fromEntries(pages.map((page) => [page.path, answerOf(page)])));
  return { baseUrl: site.origin, stop: async () => site.stop() };
}

function answerOf({ status = 200, headers = {}, body = "", echo }: SitePage): Page {
  if (echo === undefined) {
    const page = html(body, "text/html", headers);
    return (request, url) => {
      const tag = request.headers.get("if-none-match");
      if (tag !== null && tag === headers["etag"]) return new Response(null, { status: 304 });
      return status === 200 ? page(request, url) : new Response(body, { status, headers });
    };
  }
  return async (request, url) =>
    Response.json({
      method: request.method,
      query: url.search,
      authorization: request.headers.get("authorization"),
      body: await request.text(),
    });
}
