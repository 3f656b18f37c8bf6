import { bytes } from "../core/bytes.ts";
import { ok, type Result } from "../core/result.ts";
import { problem, type ModelProblem } from "./problem.ts";

/** A file of a repository. `sha256` is absent for small files, which are no weights. */
export type HubFile = { path: string; size: number; sha256?: string };

/** What is quantised to 4 bits, the best first: quality for its size, then how well it runs everywhere. */
const fourBit = ["Q4_K_M", "Q4_K_L", "Q4_K_XL", "Q4_K_S", "IQ4_NL", "IQ4_XS", "Q4_0", "Q4_1", "MXFP4"];

/** The share of the memory that weights may take: KV cache, the rest of rein and other programs need some too. */
const share = 0.75;

/** Takes the 4-bit file that fits best into the memory, or the only one there is. `repo` is for messages. */
export function chooseFile(repo: string, files: readonly HubFile[], memory: number): Result<HubFile, ModelProblem> {
  const weights = files.filter(({ path }) => isWeights(path));
  const whole = weights.filter(({ path }) => splitParts(path) === undefined);
  const [only, second] = whole;
  if (only === undefined) {
    const parts = splitParts(weights[0]?.path ?? "");
    const why = parts === undefined ? "it has no GGUF file" : `its GGUF files are split in ${parts} parts and more`;
    return problem("usage", `Cannot pull '${repo}': ${why}`, "choose a repository with a GGUF file in one piece");
  }
  if (second === undefined) return ok(only);
  const candidates = fourBit.flatMap((quant) => whole.filter(({ path }) => quantInName(path) === quant));
  const chosen = candidates.find(({ size }) => size <= memory * share);
  if (chosen !== undefined) return ok(chosen);
  const smallest = candidates.toSorted((a, b) => a.size - b.size)[0];
  const why =
    smallest === undefined
      ? `none of its ${whole.length} GGUF files is known to be of 4 bits`
      : `no 4-bit file fits into ${bytes(memory)} of memory; '${smallest.path}' has ${bytes(smallest.size)}`;
  const [example] = whole.toSorted((a, b) => a.size - b.size);
  const hint = `name the file: 'rein models pull ${repo}:${example?.path}' is the smallest`;
  return problem("usage", `Cannot pull '${repo}': ${why}`, hint);
}

/** The file that was named, by its path or the last part of it. */
export function namedFile(files: readonly HubFile[], name: string): HubFile | undefined {
  const exact = files.find(({ path }) => path === name);
  const same = files.filter(({ path }) => path.slice(path.lastIndexOf("/") + 1) === name);
  return exact ?? (same.length === 1 ? same[0] : undefined);
}

/** How many parts a model has of which this file is one; undefined for a whole one. */
export function splitParts(path: string): number | undefined {
  const match = /-\d{5}-of-(\d{5})\.gguf$/.exec(path);
  return match === null ? undefined : Number(match[1]);
}

/** Image encoders and the data that quantisation is made with are GGUF files too, but no models. */
function isWeights(path: string): boolean {
  return path.endsWith(".gguf") && !/(^|[/._-])(mmproj|imatrix)/i.test(path);
}

/** The quantisation that a file's name tells: `Model-Q4_K_M.gguf`, `model.q4_0.gguf`, `UD-Q4_K_XL/…`. */
function quantInName(path: string): string | undefined {
  const last = path.slice(path.lastIndexOf("/") + 1, -".gguf".length).toUpperCase();
  return fourBit.find((quant) => new RegExp(`(^|[-._])${quant}$`).test(last));
}
