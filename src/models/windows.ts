import type { ModelName } from "./choose.ts";
import { listedModel, listedService } from "./price-list.ts";

/** For models that are newer than the list. */
const families: ReadonlyArray<{ model: RegExp; window: number }> = [
  { model: /^claude-/, window: 200_000 },
  { model: /^gpt-4(-|$)/, window: 8192 },
  { model: /^gpt-4o/, window: 128_000 },
  { model: /^gpt-(5|6)/, window: 400_000 },
  { model: /^gemini-/, window: 1_000_000 },
];

/** The context window of a service's model, in tokens: by the list that comes with rein, else its family's. */
export function windowOf(name: ModelName, baseUrl: string): number | undefined {
  if (name.provider === "scripted" || name.provider === "local" || name.provider.name === "ollama") return undefined;
  const { provider, id } = name;
  const service = listedService(provider.name, baseUrl);
  if (service === undefined) return undefined;
  return listedModel(service, id)?.window ?? families.find(({ model }) => model.test(id))?.window;
}
