import type { Fetch } from "../core/host.ts";

/** An SDK's client, as far as it makes requests. */
type Client = {
  buildRequest(options: {
    method: "post";
    path: string;
    body: object;
  }): Promise<{ url: string; req: { headers: Headers } }>;
};

/**
 * Posts JSON to one path of a service. Its address and headers are what the SDK makes of a request, made once: all but the body
 * and the signal are the same each time, and to make them anew costs as much as the rest of a request.
 */
export function sdkPost(client: Client, path: string, fetch: Fetch) {
  let made: ReturnType<Client["buildRequest"]> | undefined;
  return async (body: object, signal: AbortSignal): Promise<Response> => {
    const { url, req } = await (made ??= client.buildRequest({ method: "post", path, body: {} }));
    return fetch(url, { method: "POST", headers: req.headers, body: JSON.stringify(body), signal });
  };
}
