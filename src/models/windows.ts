import type { ModelName } from "./choose.ts";

/** Our providers by the names that the price list has for them. */
const listed: Readonly<Record<string, string>> = { anthropic: "anthropic", openai: "openai", gemini: "google" };

/** For models that are newer than the list. */
const families: ReadonlyArray<{ model: RegExp; window: number }> = [
  { model: /^claude-/, window: 200_000 },
  { model: /^gpt-4(-|$)/, window: 8192 },
  { model: /^gpt-4o/, window: 128_000 },
  { model: /^gpt-(5|6)/, window: 400_000 },
  { model: /^gemini-/, window: 1_000_000 },
];

/** The context window of a service's model, in tokens: by the list that comes with rein, else its family's. */
export async function windowOf(name: ModelName, baseUrl: string): Promise<number | undefined> {
  if (name.provider === "scripted" || name.provider === "local" || name.provider.name === "ollama") return undefined;
  const { provider, id } = name;
  const { calcPrice, findProvider } = await import("@pydantic/genai-prices");
  const providerId = listed[provider.name] ?? findProvider({ providerApiUrl: baseUrl })?.id;
  const known = providerId === undefined ? null : calcPrice({ input_tokens: 1, output_tokens: 1 }, id, { providerId });
  const named = providerId === undefined ? undefined : families.find(({ model }) => model.test(id))?.window;
  return known?.model.context_window ?? named;
}
