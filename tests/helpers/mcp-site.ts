import { listen, overHttp, overSse, overWebSocket } from "./mcp-remote.ts";

/** What a path of it answers. `challenge` is a `WWW-Authenticate` header. */
export type Page = {
  path: string;
  status?: number;
  type?: string;
  body?: string;
  location?: string;
  challenge?: string;
};

/** The server of the cases at `/mcp`, `/sse` and `/ws` of one host, and what is no MCP at other paths. */
export function startMcpSite(pages: readonly Page[]): { baseUrl: string; stop(): Promise<void> } {
  const [http, sse, socket] = [overHttp(), overSse(), overWebSocket()];
  const ways = { "/mcp": http, "/sse": sse, "/messages": sse, "/ws": socket };
  const server = listen("http", "", {
    answer: (request, self) => {
      const { pathname } = new URL(request.url);
      const way = Object.entries(ways).find(([path]) => path === pathname)?.[1];
      if (way !== undefined) return way.answer(request, self);
      const page = pages.find(({ path }) => path === pathname);
      if (page === undefined) return new Response("Not here", { status: 404 });
      const { status = 200, type = "text/plain", body = "", location, challenge } = page;
      const headers = new Headers({ "content-type": type });
      if (location !== undefined) headers.set("location", location);
      if (challenge !== undefined) headers.set("www-authenticate", challenge);
      return new Response(body, { status, headers });
    },
    ...(socket.websocket === undefined ? {} : { websocket: socket.websocket }),
  });
  return { baseUrl: server.url, stop: async () => server.stop() };
}
