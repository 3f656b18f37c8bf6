import type { SecretDoor } from "../core/host.ts";
import { makeMask } from "../core/mask.ts";
import { ok, type Result } from "../core/result.ts";
import type { Effects, Tool, ToolContext, ToolOutcome } from "../core/tool.ts";
import type { Plan, SecretSpec } from "../core/plan.ts";
import { number, pathSchema, text, urlSchema, waitSchema } from "./arguments.ts";
import { attachmentOf } from "./attachment.ts";
import { Bounded, bytes, shownPath } from "./bound.ts";
import { builtIn, schemaOf, type FromSchema } from "./built-in.ts";
import { contentOf } from "./content.ts";
import { failed } from "./failed.ts";
import { whole } from "./own-run.ts";
import { hasSecret } from "./secrets.ts";
import { makeWebGet, type WebGet } from "./web-get.ts";
import { send, shownLine, typeOf, type Answer } from "./web-send.ts";

/** How much of an answer is read, to show and to save it. */
const mostShown = 16_000_000;
const mostSaved = 64_000_000;

/** Where a body can come from. */
export const bodyKeys = ["json", "form", "text", "file"] as const;

const methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

const texts = (description: string) =>
  schemaOf({ type: "object", additionalProperties: { type: "string" }, description });

const schema = schemaOf({
  type: "object",
  properties: {
    url: urlSchema("An http or https URL, for example https://api.example.com/items"),
    method: { type: "string", enum: methods, description: "Default: GET, or POST where there is a body" },
    headers: texts('Headers by name, for example {"accept": "application/json"}'),
    query: texts("Parameters to add to the URL, by name. They are encoded for you"),
    json: { type: "object", description: "A JSON object to send as the body" },
    form: texts("Fields of a form to send as the body"),
    text: { type: "string", description: "Text to send as the body, with a content-type header of your choice" },
    file: pathSchema("A file to send as the body"),
    save_to: pathSchema(
      "A file to save the answer's body to, instead of showing it. An error's body is shown, and not saved",
    ),
    timeout: waitSchema("Seconds to wait for the answer. Default: 30"),
  },
  required: ["url"],
  additionalProperties: false,
});

export type Input = FromSchema<typeof schema>;

/** Makes the tool for the secrets and sign-ins of one agent file. */
export function makeHttpRequest({ secrets, oauth }: Pick<Plan, "secrets" | "oauth">): Tool {
  const get = makeWebGet("*/*", "follow");
  return builtIn({
    name: "http_request",
    description:
      "Sends an HTTP request and returns status, headers and body. For a page that is to be read, web_scrape is better. A body comes from " +
      `one of json, form, text and file.${secretsNote({ ...secrets, ...oauth })}`,
    input: schema,
    examples: [
      {
        request: "Which tags does the item 7 have?",
        input: { url: "https://api.example.com/items/7", query: { fields: "tags" } },
      },
      { request: "Create an item", input: { url: "https://api.example.com/items", json: { name: "lamp" } } },
    ],
    needs: [{ kind: "net" }],
    effects,
    run: (input, context) => run(get, input, context),
  });
}

function secretsNote(secrets: Readonly<Record<string, Pick<SecretSpec, "hosts">>>): string {
  const known = Object.entries(secrets).map(([name, { hosts }]) => `{{secret:${name}}} for ${hosts.join(", ")}`);
  return known.length === 0
    ? ""
    : ` You can write a secret into a header, a query parameter or a body without knowing it: ${known.join("; ")}.`;
}

function effects(input: Input): Effects {
  const hasBody = bodyKeys.some((key) => input[key] !== undefined);
  const method = text(input, "method", hasBody ? "POST" : "GET");
  if (!["GET", "HEAD", "OPTIONS"].includes(method)) return "external";
  return input.save_to === undefined ? "read" : "write";
}

async function run(get: WebGet, input: Input, context: ToolContext): Promise<ToolOutcome> {
  if (hasSecret(text(input, "url"))) {
    return { content: "A secret cannot stand in 'url': put it into 'query', 'headers' or a body", error: true };
  }
  const { prepare } = await import("./http-body.ts");
  const given: string[] = [];
  const prepared = await prepare(input, { host: { ...context.host, secrets: noting(context.host.secrets, given) } });
  if (!prepared.ok) return { content: prepared.error.message, error: true };
  const { url, request, secrets } = prepared.value;
  const path = text(input, "save_to");
  // Before anything is sent that would then be lost.
  const may = path === "" ? ok(path) : await context.host.fs.pass("write", path);
  if (!may.ok) return failed(may.error, context.host, path);
  const sending = { timeoutMs: number(input, "timeout", 30) * 1000, most: path === "" ? mostShown : mostSaved };
  const plain = request.method === "GET" && input.headers === undefined && input.query === undefined;
  const sent: Result<{ answer: Answer; cached: boolean }> = plain
    ? await get(url, sending, context)
    : await once(await send(url, request, { ...sending, secrets }, context));
  if (!sent.ok) return { content: sent.error.message, error: true };
  const { answer, cached } = sent.value;
  // What a service says of an error is no file: it would stand in place of what was there.
  const outcome =
    path === "" || answer.status >= 400 ? await shown(answer, context) : await saved(answer, given, path, context);
  // A secret may stand in the query.
  const place = answer.redirected ? `\n[redirected to ${shownLine(answer.url.origin + answer.url.pathname)}]` : "";
  const body = outcome.content === "" ? "" : `\n\n${outcome.content}`;
  return {
    ...outcome,
    content: `${statusLine(answer)}${place}\n${headerLines(answer)}`.trimEnd() + body,
    ...(answer.status >= 400 || outcome.error === true ? { error: true } : {}),
    ...(cached ? { cached: true as const } : {}),
  };
}

async function once(answer: Result<Answer>): Promise<Result<{ answer: Answer; cached: boolean }>> {
  return answer.ok ? ok({ answer: answer.value, cached: false }) : answer;
}

function statusLine({ status }: Answer): string {
  return `HTTP ${status}`;
}

/** What a caller can act on. No cookies: what a service wants back stays out of a conversation. */
const shownHeaders =
  /^(content-(type|range|disposition|language)|location|etag|last-modified|cache-control|retry-after|link|allow|www-authenticate|(x-)?ratelimit-.+|x-(total-count|request-id|next-page|page|per-page))$/;

function headerLines({ headers }: Answer): string {
  const lines = [...headers].filter(([name]) => shownHeaders.test(name)).slice(0, 30);
  return lines.map(([name, value]) => `${name}: ${shownLine(value)}`).join("\n");
}

/** Gives secrets out, and notes which. */
function noting(secrets: SecretDoor, given: string[]): SecretDoor {
  return {
    value: async (name, url) => {
      const value = await secrets.value(name, url);
      if (value.ok) given.push(value.value);
      return value;
    },
  };
}

/** Without the secrets that were sent: a service may say them again, and a program would read them in the file. */
function withoutSecrets(body: Uint8Array, given: readonly string[]): Uint8Array {
  if (given.length === 0) return body;
  const asBytes = given.map((value) => Buffer.from(value).toString("latin1"));
  const mask = makeMask([...given, ...asBytes]);
  return Buffer.from(mask.text(Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1")), "latin1");
}

async function saved(
  answer: Answer,
  given: readonly string[],
  path: string,
  { host }: ToolContext,
): Promise<ToolOutcome> {
  if (answer.cut) {
    return {
      content: `Nothing is saved to '${shownPath(path)}': the body has more than ${bytes(mostSaved)}`,
      error: true,
    };
  }
  const written = await host.fs.write(path, withoutSecrets(answer.bytes, given));
  if (!written.ok) return failed(written.error, host, path);
  return { content: `[the body, ${bytes(answer.bytes.length)}, is saved to '${shownPath(path)}']` };
}

/** The body as a model can read it: text, or an image or a PDF. */
async function shown({ bytes: body, headers, url, cut }: Answer, { signal }: ToolContext): Promise<ToolOutcome> {
  if (body.length === 0) return { content: "" };
  const { type, charset } = typeOf(headers);
  const content = contentOf(body, !cut);
  // UTF-16 without a mark has NULs, and is text where the service says so.
  if (content.kind === "binary" && (content.mediaType !== undefined || !isText(type))) {
    const { what, mediaType } = content;
    const name = url.pathname.replace(/^.*\//, "") || url.hostname;
    const image = mediaType === undefined || cut ? undefined : await attachmentOf(name, { what, mediaType }, body);
    if (image?.ok === true) {
      return { content: `[the body is ${image.value.what}]`, attachments: [image.value.attachment] };
    }
    const why = image?.ok === false ? image.error : `${what}, ${bytes(body.length)}`;
    return { content: `[the body is ${why}: save it with 'save_to']` };
  }
  const { decodeText } = await import("../native/web-page.ts");
  const label = charset === "" && /[/+]json$/.test(type) ? "utf-8" : charset;
  const decoded = await decodeText(body, label, signal);
  const kept = new Bounded();
  kept.add(decoded.text);
  const notes = [
    ...(decoded.charset === "UTF-8" ? [] : [`decoded from ${decoded.charset}`]),
    ...(cut ? [`only the first ${bytes(mostShown)} were read`] : []),
  ];
  return { content: [whole(kept), ...notes.map((note) => `[${note}]`)].join("\n"), ...kept.whole() };
}

function isText(type: string): boolean {
  return /^text\/|[/+](json|xml|javascript|yaml)$|^application\/x-www-form-urlencoded$/.test(type);
}
