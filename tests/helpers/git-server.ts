import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A service of git repositories by smart HTTP, as real ones are: https, and a password for everything. */
export type GitServer = {
  port: number;
  /** `https://localhost:PORT` */
  origin: string;
  /** The certificate to trust, in PEM. */
  ca: string;
  /** Makes an empty repository. Says its URL. */
  create(name: string): string;
  /** What was asked of it: `GET /a.git/info/refs 401`. */
  log: string[];
  stop(): Promise<void>;
};

export const password = "correct-horse-battery";

/** Serves the repositories in `folder`, for the user `ada`. */
export function startGitServer(folder: string): GitServer {
  const repositories = join(folder, "served");
  mkdirSync(repositories, { recursive: true });
  const key = join(folder, "key.pem");
  const ca = join(folder, "ca.pem");
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const made = Bun.spawnSync(["openssl", "req", "-x509", ...kind, ...names, "-keyout", key, "-out", ca]);
  if (!made.success) throw new Error(made.stderr.toString());
  const log: string[] = [];
  const wanted = `Basic ${btoa(`ada:${password}`)}`;

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { key: readFileSync(key, "utf8"), cert: readFileSync(ca, "utf8") },
    fetch: async (request) => {
      const url = new URL(request.url);
      const answer = async () => {
        if (url.pathname.startsWith("/moved/"))
          return Response.redirect(`https://localhost:${url.port}${url.pathname.slice(6)}${url.search}`);
        if (request.headers.get("authorization") !== wanted) {
          return new Response("no", { status: 401, headers: { "WWW-Authenticate": 'Basic realm="git"' } });
        }
        return backend(repositories, request, url);
      };
      const response = await answer();
      log.push(`${request.method} ${url.pathname} ${response.status}`);
      return response;
    },
  });
  const port = server.port ?? 0;
  const origin = `https://localhost:${port}`;
  return {
    port,
    origin,
    ca,
    log,
    create: (name) => {
      const path = join(repositories, name);
      for (const args of [
        ["init", "--quiet", "--bare", "--initial-branch=main", path],
        ["-C", path, "config", "http.receivepack", "true"],
      ]) {
        const ran = Bun.spawnSync(["git", ...args]);
        if (!ran.success) throw new Error(ran.stderr.toString());
      }
      return `${origin}/${name}`;
    },
    stop: () => server.stop(true),
  };
}

/** Runs git's own CGI program. */
async function backend(repositories: string, request: Request, url: URL): Promise<Response> {
  const body = await request.bytes();
  const child = Bun.spawn(["git", "http-backend"], {
    stdin: body,
    stdout: "pipe",
    stderr: "inherit",
    env: {
      PATH: process.env["PATH"],
      GIT_PROJECT_ROOT: repositories,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_PROTOCOL: request.headers.get("git-protocol") ?? "",
      REQUEST_METHOD: request.method,
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers.get("content-type") ?? "",
      CONTENT_LENGTH: String(body.length),
      HTTP_CONTENT_ENCODING: request.headers.get("content-encoding") ?? "",
      REMOTE_USER: "ada",
    },
  });
  const output = await child.stdout.bytes();
  await child.exited;
  const end = Buffer.from(output).indexOf("\r\n\r\n");
  const headers = new Headers();
  let status = 200;
  for (const line of new TextDecoder().decode(output.subarray(0, end)).split("\r\n")) {
    const [name = "", ...value] = line.split(": ");
    if (name.toLowerCase() === "status") status = Number.parseInt(value.join(": "), 10);
    else headers.append(name, value.join(": "));
  }
  return new Response(output.subarray(end + 4), { status, headers });
}
