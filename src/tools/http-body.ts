import type { RequestSecrets } from "../core/host.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { ToolContext } from "../core/tool.ts";
import { text } from "./arguments.ts";
import { bytes } from "./bound.ts";
import { bodyKeys, type Input } from "./http-request.ts";
import { fillText, fillValue } from "./secrets.ts";

/** A larger file is not sent. */
const largestUpload = 32_000_000;

/** One request with its secrets in it, and which parts of it have any. */
export type Prepared = { url: URL; request: RequestInit & { headers: Headers }; secrets: RequestSecrets };

type Context = Pick<ToolContext, "host">;

/** Makes a request of the arguments of a call. */
export async function prepare(input: Input, context: Context): Promise<Result<Prepared>> {
  const url = URL.parse(text(input, "url"));
  if (url === null) return fail("invalid", "Cannot send the request: 'url' is not an absolute URL");
  const query = await addQuery(url, input.query, context);
  if (!query.ok) return query;
  const headers = await headersOf(url, input.headers, context);
  if (!headers.ok) return headers;
  const body = await bodyOf(url, input, context);
  if (!body.ok) return body;
  const { content, type, used } = body.value;
  const method = text(input, "method", content === undefined ? "GET" : "POST");
  if (content !== undefined && (method === "GET" || method === "HEAD")) {
    return fail("invalid", `Cannot send the request: ${method} has no body; use POST, PUT, PATCH or DELETE`);
  }
  if (type !== undefined && !headers.value.headers.has("content-type")) headers.value.headers.set("content-type", type);
  const request = { method, headers: headers.value.headers, ...(content === undefined ? {} : { body: content }) };
  return ok({ url, request, secrets: { headers: headers.value.secret, body: used } });
}

async function addQuery(url: URL, query: Input["query"], { host }: Context): Promise<Result<void>> {
  for (const [name, value] of Object.entries(query ?? {})) {
    const filled = await fillText(value, url, host.secrets);
    if (!filled.ok) return filled;
    url.searchParams.append(name, filled.value.value);
  }
  return ok(undefined);
}

/** Headers that say where a message ends or how it travels, which are not the sender's to choose. */
const reserved = new Set(
  "connection content-length expect host keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split(
    " ",
  ),
);

async function headersOf(
  url: URL,
  given: Input["headers"],
  { host }: Context,
): Promise<Result<{ headers: Headers; secret: string[] }>> {
  const headers = new Headers();
  const secret: string[] = [];
  for (const [name, value] of Object.entries(given ?? {})) {
    const refuse = (why: string) =>
      fail("invalid", `Cannot send the header ${JSON.stringify(name.slice(0, 80))}: ${why}`);
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return refuse("that is no name of a header");
    if (reserved.has(name.toLowerCase())) return refuse("it is not for callers to set");
    const filled = await fillText(value, url, host.secrets);
    if (!filled.ok) return filled;
    if (/[\r\n\0]/.test(filled.value.value)) return refuse("its value has a line break or a NUL");
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(filled.value.value))
      return refuse("its value has characters that no header can hold");
    if (filled.value.used) secret.push(name);
    headers.append(name, filled.value.value);
  }
  return ok({ headers, secret });
}

type Body = { content?: string | Uint8Array<ArrayBuffer>; type?: string; used: boolean };

async function bodyOf(url: URL, input: Input, context: Context): Promise<Result<Body>> {
  const given = bodyKeys.filter((key) => input[key] !== undefined);
  const [key] = given;
  if (given.length > 1) {
    return fail("invalid", `Cannot send the request: it can have only one of '${given.join("', '")}'`);
  }
  const { secrets } = context.host;
  switch (key) {
    case "json": {
      const filled = await fillValue(input.json ?? null, url, secrets);
      if (!filled.ok) return filled;
      const { value, used } = filled.value;
      return ok({ content: JSON.stringify(value), type: "application/json", used });
    }
    case "form": {
      const form = new URLSearchParams();
      let used = false;
      for (const [name, value] of Object.entries(input.form ?? {})) {
        const filled = await fillText(value, url, secrets);
        if (!filled.ok) return filled;
        used ||= filled.value.used;
        form.append(name, filled.value.value);
      }
      return ok({ content: form.toString(), type: "application/x-www-form-urlencoded", used });
    }
    case "text": {
      const filled = await fillText(text(input, "text"), url, secrets);
      if (!filled.ok) return filled;
      return ok({ content: filled.value.value, type: "text/plain; charset=utf-8", used: filled.value.used });
    }
    case "file":
      return fileBody(text(input, "file"), context);
    default:
      return ok({ used: false });
  }
}

async function fileBody(path: string, { host }: Context): Promise<Result<Body>> {
  const read = await host.fs.read(path, { offset: 0, limit: largestUpload });
  if (!read.ok) return read;
  if (read.value.size > read.value.bytes.length) {
    const most = `at most ${bytes(largestUpload)} can be sent`;
    return fail("too_large", `Cannot send '${path}': it has ${bytes(read.value.size)}, and ${most}`);
  }
  return ok({ content: Uint8Array.from(read.value.bytes), type: "application/octet-stream", used: false });
}
