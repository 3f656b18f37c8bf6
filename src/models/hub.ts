/** The Hugging Face Hub, or a mirror of it: what a repository holds, and where its files are (https://huggingface.co/docs/hub/api). */
import type { Fetch } from "../core/host.ts";
import type { Json } from "../core/json.ts";
import { nearest } from "../core/nearest.ts";
import { problemOf, type Problem } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import { listField, objectField, textField } from "./fields.ts";
import { chooseFile, namedFile, splitParts, type HubFile } from "./hub-files.ts";
import { knownModels } from "./local-name.ts";

/** What the user named: a file of a repository, or one of the web. `sha256` is what the file must have, where that is known. */
export type PullSource =
  | { kind: "hub"; repo: string; revision: string; file: string | undefined; sha256: string | undefined }
  | { kind: "url"; url: string };

/** One file that can be downloaded. */
export type Offer = {
  /** What was chosen, as it could have been named: `owner/repo:file`, or the URL. */
  source: string;
  /** The last part of its name. */
  file: string;
  url: string;
  headers: Record<string, string>;
  size: number | undefined;
  sha256: string | undefined;
  licence: string | null;
};

export type HubConfig = {
  /** An http or https URL without a slash at its end. */
  endpoint: string;
  /** Sent to the endpoint's host only: the fetch drops it where a redirect leads away. */
  token: string | undefined;
  fetch: Fetch;
  /** Bytes of memory that the chosen file must fit into. */
  memory: number;
};

/** The endpoint and the token that the environment names. */
export function hubOf(variables: {
  HF_ENDPOINT: string | undefined;
  HF_TOKEN: string | undefined;
  HUGGING_FACE_HUB_TOKEN: string | undefined;
}): Result<Pick<HubConfig, "endpoint" | "token">, Problem> {
  const given = variables.HF_ENDPOINT?.trim() || "https://huggingface.co";
  const url = URL.parse(given);
  // Not quoted: what looks like a mistake may hold a secret.
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    return problemOf("usage", "Cannot use HF_ENDPOINT: not an http or https URL without user and password");
  }
  const token = variables.HF_TOKEN?.trim() || variables.HUGGING_FACE_HUB_TOKEN?.trim() || undefined;
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    return problemOf("credentials", "Cannot use HF_TOKEN: it holds blanks or characters that no token has");
  }
  return ok({ endpoint: `${url.origin}${url.pathname}`.replace(/\/+$/, ""), token });
}

/** Reads `owner/repo`, `owner/repo:file`, a URL, or a name that rein knows. */
export function parseSource(text: string, endpoint: string): Result<PullSource, Problem> {
  const known = knownModels.find(({ name }) => name === text.replace(/^local\//, ""));
  const named = /^([\w.-]+\/[\w.-]+)(?::(.+))?$/.exec(known?.source ?? text);
  if (named?.[1] !== undefined && !/^\.+\/|\/\.+$/.test(named[1])) {
    return ok({ kind: "hub", repo: named[1], revision: "main", file: named[2], sha256: known?.sha256 });
  }
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null;
  if (url === null) {
    const names = knownModels.map(({ name }) => name);
    const guess = nearest(text, names);
    const forms = ["owner/repo", "owner/repo:file", ...names].map((form) => `'${form}'`).join(", ");
    const hint = guess === undefined ? `expected ${forms} or a URL` : `did you mean '${guess}'?`;
    return problemOf("usage", `Cannot pull '${text}': it is no name of a model`, hint);
  }
  if (url.username !== "" || url.password !== "") {
    return problemOf("usage", "Cannot pull from this URL: it holds a user or a password", "HF_TOKEN holds a token");
  }
  const page = url.href.startsWith(`${endpoint}/`) ? url.pathname.slice(new URL(endpoint).pathname.length) : "";
  const [, repo, revision, file] = /^\/?([\w.-]+\/[\w.-]+)\/(?:resolve|blob)\/([^/]+)\/(.+)$/.exec(page) ?? [];
  if (repo !== undefined && revision !== undefined && file !== undefined) {
    const decoded = { revision: decode(revision), file: decode(file) };
    return ok({ kind: "hub", repo, ...decoded, sha256: undefined });
  }
  return ok({ kind: "url", url: url.href });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A lone percent sign stands for itself.
  }
}

/** Finds out what to download. Nothing is asked for a URL: its answer tells. */
export async function findOffer(
  source: PullSource,
  hub: HubConfig,
  signal: AbortSignal,
): Promise<Result<Offer, Problem>> {
  if (source.kind === "url") {
    const { url } = source;
    const file = decode(new URL(url).pathname.replace(/^.*\//, ""));
    return ok({ source: url, file, url, headers: {}, size: undefined, sha256: undefined, licence: null });
  }
  const { repo, revision } = source;
  const info = await ask(
    hub,
    repo,
    `/api/models/${repo}${revision === "main" ? "" : `/revision/${segment(revision)}`}`,
    signal,
  );
  if (!info.ok) return info;
  const files = await filesOf(hub, repo, revision, signal);
  if (!files.ok) return files;
  const file = pick(source, files.value, info.value.json, hub.memory);
  if (!file.ok) return file;
  const { path, size, sha256 } = file.value;
  if (source.sha256 !== undefined && sha256 !== undefined && source.sha256 !== sha256) {
    return problemOf("service", `Cannot pull '${repo}:${path}': the file is not the one that rein knows`);
  }
  const place = [repo, "resolve", segment(revision), ...path.split("/").map(segment)].join("/");
  return ok({
    source: `${repo}:${path}`,
    file: path.slice(path.lastIndexOf("/") + 1),
    url: `${hub.endpoint}/${place}`,
    headers: authorization(hub),
    size,
    sha256: source.sha256 ?? sha256,
    licence: licenceOf(info.value.json),
  });
}

function segment(text: string): string {
  return encodeURIComponent(text);
}

function authorization({ token }: HubConfig): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

function pick(
  { repo, file }: Extract<PullSource, { kind: "hub" }>,
  files: readonly HubFile[],
  info: Json,
  memory: number,
): Result<HubFile, Problem> {
  if (file !== undefined) {
    const found = namedFile(files, file);
    const parts = splitParts(file);
    if (found === undefined) {
      const models = files.filter(({ path }) => path.endsWith(".gguf")).map(({ path }) => `'${path}'`);
      const hint = models.length === 0 ? "it has no GGUF file" : `it has ${models.slice(0, 20).join(", ")}`;
      return problemOf("usage", `Cannot pull '${repo}:${file}': there is no such file`, hint);
    }
    if (!found.path.endsWith(".gguf")) return problemOf("usage", `Cannot pull '${repo}:${file}': it is no GGUF file`);
    if (parts === undefined) return ok(found);
    return problemOf("usage", `Cannot pull '${repo}:${file}': it is one of ${parts} parts of a split model`, split);
  }
  if (files.some(({ path }) => path.endsWith(".gguf"))) return chooseFile(repo, files, memory);
  const quantised = quantMethod(info);
  if (files.some(({ path }) => path.endsWith(".safetensors"))) {
    const what = quantised === "" ? "safetensors" : quantised.toUpperCase();
    const hint = `run it on vLLM ('vllm serve ${repo}') and name it 'openai-compatible/${repo}' with its 'base_url', or pull a repository of GGUF files`;
    return problemOf("usage", `Cannot pull '${repo}': it holds ${what} weights, which are not GGUF`, hint);
  }
  return problemOf("usage", `Cannot pull '${repo}': it has no GGUF file`);
}

const split = "choose a file in one piece";

/** How a repository says that its weights are quantised: in its configuration, or by a tag. */
function quantMethod(info: Json): string {
  const { config, tags } = objectField(info);
  const method = textField(objectField(objectField(config)["quantization_config"])["quant_method"]);
  return method || (["awq", "gptq"].find((tag) => listField(tags).includes(tag)) ?? "");
}

/** From the model card, else from the tag that the hub makes of it. */
function licenceOf(info: Json): string | null {
  const { cardData, tags } = objectField(info);
  const { license, license_name } = objectField(cardData);
  // 'other' names itself in a second field.
  const said =
    license === "other" ? textField(license_name) || "other" : textField(Array.isArray(license) ? license[0] : license);
  const tag = listField(tags).find((one) => typeof one === "string" && one.startsWith("license:"));
  return said || textField(tag).slice("license:".length) || null;
}

/** A repository has a few dozen files, a page of the list a thousand. */
const mostPages = 20;

async function filesOf(
  hub: HubConfig,
  repo: string,
  revision: string,
  signal: AbortSignal,
): Promise<Result<HubFile[], Problem>> {
  const files: HubFile[] = [];
  let path: string | undefined = `/api/models/${repo}/tree/${segment(revision)}?recursive=true`;
  for (let page = 0; path !== undefined && page < mostPages; page++) {
    const answer: Result<Answer, Problem> = await ask(hub, repo, path, signal);
    if (!answer.ok) return answer;
    for (const entry of listField(answer.value.json)) {
      const { type, path: name, size, lfs } = objectField(entry);
      if (type !== "file" || typeof name !== "string" || typeof size !== "number") continue;
      const sha256 = /^[0-9a-f]{64}$/.exec(textField(objectField(lfs)["oid"]))?.[0];
      files.push({ path: name, size, ...(sha256 === undefined ? {} : { sha256 }) });
    }
    path = answer.value.next;
  }
  return ok(files);
}

/** `next`: the path of the next page of a list. */
type Answer = { json: Json; next: string | undefined };

/** The list of a large repository has some hundred kilobytes. */
const largestAnswer = 16 * 1024 * 1024;

async function ask(hub: HubConfig, repo: string, path: string, signal: AbortSignal): Promise<Result<Answer, Problem>> {
  let response: Response;
  let text: string | undefined;
  try {
    response = await hub.fetch(`${hub.endpoint}${path}`, { headers: authorization(hub), signal });
    text = await boundedText(response);
  } catch (error) {
    if (signal.aborted) throw error;
    return problemOf("service", `Cannot pull '${repo}': ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!response.ok) return { ok: false, error: statusProblem(`'${repo}'`, response.status, hub) };
  const json = text === undefined ? undefined : parse(text);
  if (json === undefined) {
    return problemOf("service", `Cannot pull '${repo}': '${hub.endpoint}' did not answer as the Hugging Face Hub does`);
  }
  const link = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
  return ok({ json, next: link?.startsWith(`${hub.endpoint}/`) ? link.slice(hub.endpoint.length) : undefined });
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // A proxy's page.
  }
}

/** The body of an answer; undefined when it is larger than any real one. */
async function boundedText(response: Response): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > largestAnswer) return undefined;
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

/** What a refusal of a service that holds models means. `what` is quoted already. */
export function statusProblem(what: string, status: number, hub: Pick<HubConfig, "endpoint" | "token">): Problem {
  const cannot = `Cannot pull ${what}`;
  const host = new URL(hub.endpoint).host;
  if (status === 401 || status === 403) {
    if (hub.token === undefined) {
      const why = `'${host}' has no such model, or shows it only to those with a token`;
      return { outcome: "credentials", message: `${cannot}: ${why}`, hint: "set HF_TOKEN" };
    }
    const hint = "its terms may have to be accepted on its page first";
    return { outcome: "credentials", message: `${cannot}: '${host}' refused the token`, hint };
  }
  if (status === 404 || status === 410)
    return { outcome: "usage", message: `${cannot}: '${host}' has no such model or file` };
  if (status === 429) {
    return { outcome: "service", message: `${cannot}: '${host}' has had too many requests`, hint: "try again later" };
  }
  return { outcome: "service", message: `${cannot}: '${host}' answered with status ${status}` };
}
