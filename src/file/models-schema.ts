import * as v from "valibot";
import { count, dollars } from "./count.ts";
import { entryName } from "./entry-name.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { efforts } from "../core/model.ts";

/*
 * The models that an agent file names. What holds for one provider and not for another, and what a name refers to, is in
 * models.ts.
 */

const variable = () =>
  v.pipe(
    v.string(),
    v.title("a variable's name"),
    v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "A variable's name is letters, digits and '_'"),
  );

const header = () =>
  v.union([
    v.pipe(v.string(), v.regex(/^([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?$/, "A header is printable ASCII")),
    v.strictObject({ env: variable() }),
  ]);

const amount = (most: number, description: string) =>
  v.pipe(
    v.number(),
    v.title("a number"),
    v.minValue(0, "Expected 0 or more"),
    v.maxValue(most, `Expected ${most} or less`),
    v.description(description),
  );

const model = () =>
  v.pipe(
    v.strictObject({
      model: v.pipe(
        v.string(),
        v.title("'provider/model'"),
        v.regex(/^[A-Za-z]\S*$/, "Expected 'provider/model'"),
        v.description("The model, as `provider/model`; a provider alone means its default."),
        v.examples(["anthropic/claude-sonnet-5-5"]),
      ),
      temperature: v.exactOptional(amount(2, "How freely words are chosen, from 0 on.")),
      max_tokens: v.exactOptional(
        v.pipe(count("a number of tokens"), v.description("The most tokens of one answer, thinking included.")),
      ),
      effort: v.exactOptional(
        v.pipe(
          v.picklist(efforts),
          v.title("the name of an effort"),
          v.description(`How much to think before an answer: ${efforts.map((name) => `\`${name}\``).join(", ")}.`),
        ),
      ),
      thinking: v.exactOptional(
        v.pipe(count("a number of tokens"), v.description("The most tokens to think with before an answer.")),
      ),
      seed: v.exactOptional(
        v.pipe(
          v.number(),
          v.title("a number"),
          v.safeInteger("Expected a whole number"),
          v.description("Asks for the same answer to the same request."),
        ),
      ),
      stop: v.exactOptional(
        v.pipe(
          v.array(v.pipe(v.string(), v.title("text"), v.minLength(1, "Expected a text that is not empty"))),
          v.title("a list of texts"),
          v.description("Texts that end an answer where they appear."),
          v.examples([["END"]]),
        ),
      ),
      service_tier: v.exactOptional(
        v.pipe(v.string(), v.title("text"), v.description("The service's own name of a tier of speed and price.")),
      ),
      context: v.exactOptional(
        v.pipe(
          count("a number of tokens"),
          v.description("The context window to ask for (Ollama's `num_ctx`, which cuts longer prompts silently)."),
        ),
      ),
      adapter: v.exactOptional(
        v.pipe(
          v.string(),
          v.title("a path"),
          v.minLength(1, "A path cannot be empty"),
          v.description("A LoRA adapter, made for this model, as a GGUF file. Relative to the agent file."),
        ),
      ),
      scale: v.exactOptional(amount(10, "How strongly the adapter works; 1, the default, is as it was trained.")),
      price: v.exactOptional(
        v.pipe(
          v.strictObject({
            input: dollars("What is read."),
            output: dollars("What is written, reasoning included."),
            cached: v.exactOptional(dollars("What is read from the service's cache. Default: as `input`.")),
            cache_write: v.exactOptional(dollars("What is written to the service's cache. Default: as `input`.")),
          }),
          v.title("a map of prices"),
          v.description(
            "US dollars for a million tokens, where the list that comes with rein has no price for the model, or another one.",
          ),
          v.examples([{ input: 3, output: 15, cached: 0.3, cache_write: 3.75 }]),
        ),
      ),
      extra_body: v.exactOptional(
        v.pipe(
          v.custom<JsonObject>(isJsonObject),
          v.title("a map"),
          v.description("Goes into the body of each request as it is, over all else."),
        ),
      ),
      base_url: v.exactOptional(
        v.pipe(
          v.string(),
          v.title("a URL"),
          v.description(
            "Where the service is, when not where its variables say. Counts as requested in `permissions.net`. No variable of " +
              "a provider is sent there.",
          ),
          v.examples(["https://llm.example.com/v1"]),
        ),
      ),
      key: v.exactOptional(
        v.pipe(
          variable(),
          v.description(
            "The variable that holds the key. Not one of a provider's own, and one that `permissions.env` requests.",
          ),
          v.examples(["TEAM_LLM_KEY"]),
        ),
      ),
      headers: v.exactOptional(
        v.pipe(
          v.record(
            v.pipe(v.string(), v.regex(/^[\w!#$%&'*+.^`|~-]+$/, "A header's name is letters, digits and '-'")),
            v.pipe(header(), v.title("text, or { env: NAME }")),
          ),
          v.title("a map of headers"),
          v.description("Sent with each request. `{ env: NAME }` is a variable's value, under the rules of `key`."),
          v.examples([{ "x-team": "search", "x-token": { env: "TEAM_TOKEN" } }]),
        ),
      ),
      ca_file: v.exactOptional(
        v.pipe(
          v.string(),
          v.title("a path"),
          v.minLength(1, "A path cannot be empty"),
          v.description(
            "A PEM file of the certificates to trust for `base_url`, instead of the system's. Relative to the agent file.",
          ),
        ),
      ),
    }),
    v.title("a map with 'model'"),
  );

/** `models:`, by name. */
export const modelsSchema = () => v.record(entryName("A model", "'_' and '-'"), model());
