import { bytes } from "../core/bytes.ts";
import type { LocalModel, ModelSpeed, PulledModel, ShownModel } from "../core/local-model.ts";
import { cleanJson, cleanLine } from "./clean.ts";
import { duration, paint } from "./format.ts";
import { tableText } from "./table.ts";

/** `rein models list`: a table, and below it what is wrong with some. */
export function modelsText(models: readonly LocalModel[], color: boolean): string {
  const head = ["NAME", "SIZE", "QUANTISATION", "PARAMETERS", "WINDOW", "STATE"];
  const rows = models.map(({ name, size, state, facts }) =>
    [
      name,
      bytes(size),
      facts?.quantisation ?? "-",
      facts === null ? "-" : large(facts.parameters),
      facts?.window == null ? "-" : String(facts.window),
      facts === null || facts.kind === "model" ? state : facts.kind,
    ].map(cleanLine),
  );
  const details = models.flatMap(({ name, detail }) =>
    detail === null ? [] : `${paint(`${cleanLine(name)}:`, "yellow", color)} ${cleanLine(detail)}\n`,
  );
  return tableText([head, ...rows]) + details.map((line, index) => (index === 0 ? `\n${line}` : line)).join("");
}

/** `rein models info`: what the file tells, and the memory that windows need. */
export function modelText(model: ShownModel): string {
  const { facts, origin, memory } = model;
  const rows: Array<[string, string | null | undefined]> = [
    ["name", model.name],
    ["title", facts?.title],
    ["file", model.path],
    ["source", origin?.source],
    ["licence", origin?.licence ?? facts?.licence ?? "unknown"],
    ["kind", facts?.kind === "model" ? undefined : facts?.kind],
    ["architecture", facts?.architecture ?? "unknown"],
    ["parameters", facts === null ? undefined : large(facts.parameters)],
    ["quantisation", facts?.quantisation],
    ["window", facts?.window == null ? "unknown" : `${facts.window} tokens`],
    ["chat template", facts?.chat_template ? "yes" : "no"],
    ["size", bytes(model.size)],
  ];
  const told = rows.flatMap(([name, value]) => (value == null ? [] : [[name, cleanLine(value)]]));
  const needs = memory.map(({ window, bytes: needed }) => [`${window} tokens`, bytes(needed)]);
  return (
    tableText(told) +
    (needs.length === 0 ? "" : `\nMemory for weights, KV cache and computing, by window\n${tableText(needs)}`)
  );
}

/** `rein models bench`. */
export function speedText(speed: ModelSpeed): string {
  const rate = (number: number | null) => (number === null ? "-" : `${number.toFixed(1)} tokens/s`);
  return tableText([
    ["model", cleanLine(speed.model)],
    ["prompt", `${speed.prompt_tokens} tokens`, rate(speed.prompt_tokens_per_second)],
    ["generated", `${speed.generated_tokens} tokens`, rate(speed.generated_tokens_per_second)],
    ["first token", duration(speed.first_token_ms)],
    ["memory", speed.memory_bytes === null ? "-" : bytes(speed.memory_bytes)],
  ]);
}

export function pulledText({ name, size, path, pulled, sha256 }: PulledModel): string {
  const what = `'local/${cleanLine(name)}' (${bytes(size)}, SHA-256 ${cleanLine(sha256)})`;
  return pulled ? `Pulled ${what}\n` : `${what} is there already: '${cleanLine(path)}'\n`;
}

export function removedText(models: readonly LocalModel[]): string {
  return models.map(({ name, size }) => `Removed 'local/${cleanLine(name)}' (${bytes(size)})\n`).join("");
}

/** What any of the commands says as JSON. */
export function modelsJson(document: object): string {
  return `${cleanJson(document, 2)}\n`;
}

/** Parameters are counted in millions and billions: `134.5 M`, `7.6 B`. */
function large(number: number): string {
  if (number >= 999.5e6) return `${(number / 1e9).toFixed(1)} B`;
  return number >= 999.5e3 ? `${(number / 1e6).toFixed(1)} M` : String(number);
}
