import type { PulledModel } from "../core/local-model.ts";
import { interrupted, problemOf, type Problem } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import type { Clock } from "../core/host.ts";
import { systemClock } from "../host/clock.ts";
import { download } from "../host/download.ts";
import { usableMemory } from "../host/memory.ts";
import { hashInto, withFile, writeNote } from "../host/model-files.ts";
import { openNetwork } from "../host/net.ts";
import { ggufFacts } from "../models/gguf-facts.ts";
import { findOffer, hubOf, parseSource, statusProblem, type HubConfig, type Offer } from "../models/hub.ts";
import { isFileName, knownModels, modelName } from "../models/local-name.ts";
import { lock } from "../store/lock.ts";
import { notePath, openPlaces, originOf, type Place } from "./model-folder.ts";

export const clock: Clock = systemClock;

export type PullRequest = {
  place: Place;
  /** `owner/repo`, `owner/repo:file`, a URL, or a name that rein knows. */
  source: string;
  /** What the file is to be called in the models folder; absent: as it is called where it comes from. */
  name: string | undefined;
  /** What its hash must be, in hexadecimal digits. */
  sha256: string | undefined;
  /** Aborted with an Interruption. */
  interrupts: AbortSignal;
  watch: PullWatcher;
};

/** Is told how a download goes. It never waits. */
export type PullWatcher = {
  /** What will be downloaded, before any of it is kept. `have`: bytes that are here already. */
  begin(what: { source: string; path: string; size: number | undefined; licence: string | null; have: number }): void;
  progress(have: number): void;
  retry(why: string, waitMs: number): void;
};

/** Gets a model into the models folder, where it is not there already. */
export async function pullModel(request: PullRequest): Promise<Result<PulledModel, Problem>> {
  const { place, interrupts } = request;
  const { HF_ENDPOINT, HF_TOKEN, HUGGING_FACE_HUB_TOKEN } = place.environment;
  const hub = hubOf({ HF_ENDPOINT, HF_TOKEN, HUGGING_FACE_HUB_TOKEN });
  if (!hub.ok) return hub;
  const source = parseSource(request.source, hub.value.endpoint);
  if (!source.ok) return source;
  const places = await openPlaces(place);
  if (!places.ok) return places;
  const { folder } = places.value;
  if (folder === undefined) return problemOf("usage", "There is no models folder", "set REIN_MODELS");

  const network = openNetwork(clock);
  try {
    const known = knownModels.find(({ sha256 }) => source.value.kind === "hub" && sha256 === source.value.sha256);
    // Then nobody need be asked.
    if (known !== undefined && request.name === undefined && places.value.files().includes(known.file)) {
      return await present(request, known, folder, known.file);
    }
    const config: HubConfig = {
      ...hub.value,
      fetch: (input, init) => network.fetchNamed(interrupts, input, init),
      memory: usableMemory(),
    };
    const offer = await findOffer(source.value, config, interrupts);
    if (!offer.ok) return offer;
    const file = fileOf(request, offer.value);
    if (!file.ok) return file;
    if (places.value.files().includes(file.value)) return await present(request, offer.value, folder, file.value);
    return await get(request, offer.value, config, folder, file.value);
  } catch (error) {
    if (interrupts.aborted) return interrupted(interrupts);
    throw error;
  } finally {
    network.close();
  }
}

/** The name that the file gets. What a server calls it is no path. */
function fileOf({ name, sha256, source }: PullRequest, offer: Offer): Result<string, Problem> {
  const { sha256: announced } = offer;
  if (sha256 !== undefined && announced !== undefined && sha256 !== announced) {
    return problemOf("usage", `Cannot pull '${source}': its SHA-256 is ${announced}, not ${sha256}`);
  }
  const file = name === undefined ? offer.file : `${name.replace(/\.gguf$/, "")}.gguf`;
  if (isFileName(file) && file.endsWith(".gguf")) return ok(file);
  if (name !== undefined) return problemOf("usage", `Cannot use the name '${name}': it is no name of a file`);
  return problemOf(
    "usage",
    `Cannot pull '${source}': '${file}' is no name of a GGUF file`,
    "give it one by --name NAME",
  );
}

/** A file of that name is there: fine, if it is the same. */
async function present(
  { source, sha256, interrupts }: PullRequest,
  offer: Pick<Offer, "source" | "sha256" | "licence">,
  folder: string,
  file: string,
): Promise<Result<PulledModel, Problem>> {
  const path = `${folder}/${file}`;
  const noted = originOf(path);
  const wanted = sha256 ?? offer.sha256;
  const read = await withFile(path, async (open) => {
    // A note is as good as the hash of gigabytes, for a name that nobody but us gives.
    if (noted !== undefined) return { size: open.size, sha256: noted.sha256 };
    const hash = new Bun.CryptoHasher("sha256");
    await hashInto(hash, open, open.size, interrupts);
    return { size: open.size, sha256: hash.digest("hex") };
  });
  if (!read.ok) return problemOf("usage", read.error.message);
  const same = wanted === undefined ? noted?.source === offer.source : wanted === read.value.sha256;
  const name = modelName(file) ?? file;
  if (!same) {
    const hint = `keep both by --name NAME, or remove it by 'rein models rm ${name}'`;
    return problemOf("usage", `Cannot pull '${source}': '${path}' is another file`, hint);
  }
  const licence = noted?.licence ?? offer.licence;
  return ok({ name, path, pulled: false, source: offer.source, licence, ...read.value });
}

async function get(
  { interrupts, sha256, watch }: PullRequest,
  offer: Offer,
  hub: HubConfig,
  folder: string,
  file: string,
): Promise<Result<PulledModel, Problem>> {
  const { source, licence, url, headers, size } = offer;
  const path = `${folder}/${file}`;
  const wanted = sha256 ?? offer.sha256;
  const ofHub = url.startsWith(`${hub.endpoint}/`);
  const got = await download(
    { url, headers, folder, file, size, sha256: wanted, magic: "GGUF" },
    {
      fetch: hub.fetch,
      clock,
      signal: interrupts,
      lock: (path) => lock(path, 0),
      refused: (status) =>
        statusProblem(`'${source}'`, status, ofHub ? hub : { endpoint: new URL(url).origin, token: undefined }),
      begin: (whole, have) => watch.begin({ source, path, size: whole, licence, have }),
      progress: watch.progress,
      retry: watch.retry,
      reject: async (part) => {
        const facts = await withFile(part, (open) => ggufFacts(open.read, open.size));
        if (!facts.ok) return facts.error.message;
        return facts.value.ok ? undefined : facts.value.error;
      },
    },
  );
  if (!got.ok) return got;
  const origin = { source, licence, sha256: got.value.sha256 };
  writeNote(notePath(path), origin);
  return ok({ name: modelName(file) ?? file, path, size: got.value.size, pulled: true, ...origin });
}
