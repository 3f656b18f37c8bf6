/**
 * A Hugging Face Hub for tests: a repository's facts and list of files, its files by a redirect to another origin (a CDN, which goes on
 * where a download stopped), the same files without a hub at `/files/owner/repo/file`, and at `/log` what was asked.
 */
import { createHash } from "node:crypto";
import { tinyModel, type GgufTestValue } from "./gguf.ts";

export type HubTestFile = {
  path: string;
  /** What it is: a model of these metadata, or a text. Default: a small model. */
  gguf?: Record<string, GgufTestValue>;
  /** How many numbers its tensor has, 4 bytes each. */
  values?: number;
  text?: string;
  /** What its list says of it; default: the truth. */
  size?: number;
  /** The list has the hash of other bytes. */
  wrongHash?: true;
};

/** How the CDN sends a file, taken in order, the last one for all further requests. Default: as it should. */
export type HubDelivery = {
  /** Ends after so many bytes of the answer, although more were announced. */
  cut?: number;
  /** Answers with this status, and nothing. */
  status?: number;
  retryAfter?: number;
  /** Sends the whole file whatever is asked for. */
  noRange?: true;
  /** Sends nothing more after so many bytes, and keeps the connection. */
  stall?: number;
  /** The tag of the file; default: one of its bytes. */
  etag?: string;
};

export type HubRepo = {
  repo: string;
  licence?: string;
  tags?: string[];
  /** As in the hub's `config`. */
  quantMethod?: string;
  files: HubTestFile[];
  deliveries?: HubDelivery[];
  /** Only who sends this token sees it. */
  token?: string;
  /** Answers with this status to all that is asked of it. */
  status?: number;
  /** The list of files comes in pages of so many. */
  page?: number;
};

/** One request: the host is `hub` or `cdn`. */
export type HubRequest = { host: "hub" | "cdn"; path: string; headers: Record<string, string> };

export type HubServer = {
  baseUrl: string;
  requests: HubRequest[];
  stop(): Promise<void>;
};

export function startHub(repos: HubRepo[]): HubServer {
  const requests: HubRequest[] = [];
  const counts = new Map<string, number>();
  const serve = (host: HubRequest["host"], answer: (url: URL, request: Request) => Response) =>
    Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      development: false,
      error: () => new Response(null, { status: 500 }),
      fetch(request) {
        const url = new URL(request.url);
        requests.push({ host, path: url.pathname + url.search, headers: Object.fromEntries(request.headers) });
        return answer(url, request);
      },
    });

  const cdn = serve("cdn", (url, request) => {
    const [repo, file] = find(repos, decodeURIComponent(url.pathname.slice(1)));
    if (repo === undefined || file === undefined) return new Response(null, { status: 404 });
    const count = counts.get(file.path) ?? 0;
    counts.set(file.path, count + 1);
    const deliveries = repo.deliveries ?? [];
    return deliver(bytesOf(file), deliveries[Math.min(count, deliveries.length - 1)] ?? {}, request);
  });

  const hub = serve("hub", (url, request) => {
    const path = decodeURIComponent(url.pathname);
    if (path === "/log") return Response.json(requests.slice(0, -1).map(logged));
    if (path.startsWith("/files/")) {
      const [, file] = find(repos, path.slice("/files/".length));
      return file === undefined ? refuse(404) : deliver(bytesOf(file), {}, request);
    }
    const api = /^\/api\/models\/([^/]+\/[^/]+)(?:\/(tree)\/main)?$/.exec(path);
    const page = /^\/([^/]+\/[^/]+)\/resolve\/main\/(.+)$/.exec(path);
    const repo = repos.find((one) => one.repo === (api ?? page)?.[1]);
    // The hub does not tell whether there is something that one may not see.
    const hidden = repo?.token !== undefined && request.headers.get("authorization") !== `Bearer ${repo.token}`;
    if (repo === undefined || hidden)
      return refuse(repo?.token === undefined && request.headers.has("authorization") ? 404 : 401);
    if (repo.status !== undefined) return refuse(repo.status);
    if (api?.[2] === "tree") return tree(repo, url, hub.url.origin);
    if (api !== null) return Response.json(info(repo));
    const file = repo.files.find((one) => one.path === page?.[2]);
    if (file === undefined) return refuse(404);
    const location = `${cdn.url.origin}/${encodeURIComponent(`${repo.repo}/${file.path}`)}`;
    return new Response(null, { status: 302, headers: { location, "x-linked-etag": `"${sha256(bytesOf(file))}"` } });
  });

  return {
    baseUrl: hub.url.origin,
    requests,
    async stop() {
      await Promise.all([hub.stop(true), cdn.stop(true)]);
    },
  };
}

function find(repos: HubRepo[], place: string): [HubRepo | undefined, HubTestFile | undefined] {
  const repo = repos.find((one) => place.startsWith(`${one.repo}/`));
  return [repo, repo?.files.find((file) => place === `${repo.repo}/${file.path}`)];
}

/** A request as `/log` tells of it. */
function logged({ host, path, headers }: HubRequest) {
  const { authorization = "-", range = "-", "if-range": ifRange = "-" } = headers;
  return { host, path, authorization, range, ifRange };
}

function refuse(status: number): Response {
  return Response.json({ error: `Refused with ${status}` }, { status });
}

function info({ repo, licence, tags = [], quantMethod }: HubRepo) {
  return {
    id: repo,
    gated: false,
    tags: ["gguf", ...tags, ...(licence === undefined ? [] : [`license:${licence}`])],
    ...(licence === undefined ? {} : { cardData: { license: licence } }),
    config: quantMethod === undefined ? {} : { quantization_config: { quant_method: quantMethod, bits: 4 } },
  };
}

function tree({ files, page = 1000 }: HubRepo, url: URL, origin: string): Response {
  const from = Number(url.searchParams.get("cursor") ?? 0);
  const list = files.slice(from, from + page).map((file) => {
    const bytes = bytesOf(file);
    const size = file.size ?? bytes.length;
    const oid = sha256(file.wrongHash ? new Uint8Array() : bytes);
    return { type: "file", oid: "0".repeat(40), size, path: file.path, lfs: { oid, size, pointerSize: 134 } };
  });
  const next = new URL(url.pathname + url.search, origin);
  next.searchParams.set("cursor", String(from + page));
  const more = from + page < files.length;
  return Response.json([{ type: "directory", path: "images" }, ...list], {
    headers: more ? { link: `<${next.href}>; rel="next"` } : {},
  });
}

function bytesOf({ gguf, values, text }: HubTestFile): Uint8Array<ArrayBuffer> {
  return text === undefined ? tinyModel(gguf, values) : new Uint8Array(Buffer.from(text));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function deliver(bytes: Uint8Array<ArrayBuffer>, delivery: HubDelivery, request: Request): Response {
  const { cut, status, retryAfter, noRange, stall, etag = `"${sha256(bytes).slice(0, 16)}"` } = delivery;
  if (status !== undefined) {
    const headers: Record<string, string> = retryAfter === undefined ? {} : { "retry-after": String(retryAfter) };
    return new Response(null, { status, headers });
  }
  const asked = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? -1);
  const condition = request.headers.get("if-range");
  const partial = asked >= 0 && noRange === undefined && (condition === null || condition === etag);
  if (partial && asked >= bytes.length) {
    return new Response(null, { status: 416, headers: { "content-range": `bytes */${bytes.length}` } });
  }
  const rest = bytes.subarray(partial ? asked : 0);
  const headers = {
    etag,
    "content-length": String(rest.length),
    ...(partial ? { "content-range": `bytes ${asked}-${bytes.length - 1}/${bytes.length}` } : {}),
  };
  const end = cut ?? stall;
  const body =
    end === undefined
      ? rest
      : new ReadableStream({
          async start(controller) {
            controller.enqueue(rest.subarray(0, end));
            if (stall !== undefined) return;
            // What was written must have left before the connection is dropped.
            await Bun.sleep(300);
            controller.error(new Error("cut"));
          },
        });
  return new Response(body, { status: partial ? 206 : 200, headers });
}
