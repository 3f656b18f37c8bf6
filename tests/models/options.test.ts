import { expect, test } from "bun:test";
import type { Fetch } from "../../src/core/host.ts";
import type { ModelOptions } from "../../src/core/model.ts";
import { fail } from "../../src/core/result.ts";
import { createService } from "../../src/models/index.ts";
import { providers } from "../../src/models/providers.ts";
import { testClock } from "../helpers/clock.ts";
import { readReply } from "../helpers/reply.ts";

const values: Required<ModelOptions> = {
  temperature: 0.25,
  max_tokens: 4321,
  effort: "high",
  thinking: 2345,
  seed: 77,
  stop: ["END"],
  service_tier: "flex",
  context: 12_345,
  adapter: "lora.gguf",
  scale: 0.5,
  extra_body: { metadata: { user_id: "u" } },
};

const shown = {
  capabilities: ["completion", "tools", "thinking"],
  model_info: { "general.architecture": "gpt", "gpt.context_length": 131_072 },
};

/** What a provider sends for these options: the bodies of its requests, as text. */
async function bodies(provider: string, options: ModelOptions): Promise<string> {
  const sent: string[] = [];
  const fetch: Fetch = async (input, init) => {
    // Ollama is asked about its model before the model is asked.
    if (String(input).endsWith("/api/show")) return Response.json(shown);
    sent.push(input instanceof Request ? await input.text() : String(init?.body ?? ""));
    return new Response("{}", { status: 400 });
  };
  const made = await createService(
    { model: `${provider}/x`, base_url: "http://127.0.0.1:9", ...options },
    {
      fetch: () => fetch,
      clock: testClock(),
      key: () => undefined,
      script: async () => fail("not_found", "No script"),
      certificates: () => fail("not_found", "No certificates"),
      local: () => Promise.reject(new Error("No local models")),
      path: (path) => path,
      retryAfterText: true,
    },
  );
  if (!made.ok) throw new Error(made.error.message);
  await readReply(made.value);
  return sent.join("\n");
}

for (const { name, options } of providers) {
  test(`every option that the table gives '${name}' is in its requests`, async () => {
    const plain = await bodies(name, {});
    expect(plain).toContain("Hi");
    for (const option of options) {
      expect({ option, sent: await bodies(name, { [option]: values[option] }) }).not.toEqual({ option, sent: plain });
    }
  });
}
