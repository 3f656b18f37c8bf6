import * as v from "valibot";
import { defaultKeywords, defaultThreshold, scorers, type ModelSetting } from "../core/route.ts";

/* Which models an agent has: one, several in their order, or a route between two. What a name refers to is in models.ts. */

const name = () =>
  v.pipe(
    v.string(),
    v.title("'provider/model'"),
    v.regex(/^[A-Za-z]\S*$/, "Expected 'provider/model'"),
    v.examples(["anthropic/claude-sonnet-5-5"]),
  );

const list = () => v.pipe(v.array(name()), v.title("a list of models"), v.minLength(1, "Expected at least one model"));

function side(description: string) {
  return v.pipe(v.union([name(), list()]), v.title("a model, or a list of models"), v.description(description));
}

function share(title: string) {
  return v.pipe(v.number(), v.title(title), v.minValue(0, "Expected 0 or more"), v.maxValue(1, "Expected 1 or less"));
}

const keyword = () =>
  v.pipe(
    v.string(),
    v.minLength(1, "A keyword cannot be empty"),
    // valibot leaves entries with these names out of a record.
    v.notValues(["constructor", "prototype"], "This word cannot be a keyword"),
  );

const route = () =>
  v.pipe(
    v.strictObject({
      simple: side("The model for what is simple; of a list the first that can be had."),
      complex: side("The model for the rest, likewise."),
      threshold: v.optional(
        v.pipe(share("a number from 0 to 1"), v.description("A score strictly above it goes to `complex`.")),
        defaultThreshold,
      ),
      scorer: v.optional(
        v.pipe(
          v.picklist(scorers),
          v.title("the name of a scorer"),
          v.description(
            "What judges the prompt: `keywords` (the heaviest keyword in it, and its length), `features` (its tokens, steps, " +
              "code, files, the tools and the kind of question), or `cascade`: `simple` answers first, and `complex` goes on where the " +
              "answer is cut or refused, does not fit `output.schema` or fails one of `checks`.",
          ),
        ),
        "keywords",
      ),
      keywords: v.exactOptional(
        v.pipe(
          v.record(keyword(), share("a weight from 0 to 1")),
          v.title("a map of weights"),
          v.minEntries(1, "Expected at least one keyword"),
          v.description(
            "What a text in the prompt weighs, whatever its case, in place of " +
              `${Object.entries(defaultKeywords)
                .map(([keyword, weight]) => `${keyword} ${weight}`)
                .join(", ")}.`,
          ),
          v.examples([{ architecture: 0.8, migrate: 0.75 }]),
        ),
      ),
    }),
    v.title("a map with 'simple' and 'complex'"),
  );

export const modelSchema = () =>
  v.pipe(
    v.union([name(), list(), route()]),
    v.title("'provider/model', a list of models, or a map with 'simple' and 'complex'"),
    v.description(
      "The model: `provider/model`, a provider alone for its default, or a name under `models`. Of a list each stands in for the " +
        "one before it when that has no key, is down or refuses. A map is a route, which chooses one of two by the prompt, once for " +
        "each run: see [routing.md](routing.md). `--model` and `REIN_MODEL` win over all of it. Default: the one service whose key is " +
        "set. [providers.md](providers.md) lists the providers.",
    ),
    v.examples([
      "anthropic/claude-sonnet-5-5",
      ["anthropic/claude-sonnet-5-5", "openai/gpt-6-sol"],
      { simple: "local/smollm2", complex: "anthropic", threshold: 0.7, scorer: "keywords" },
    ]),
  );

/** `model:` as it is written, as a plan holds it. */
export function modelSetting(written: v.InferOutput<ReturnType<typeof modelSchema>>): ModelSetting {
  if (typeof written === "string") return [written];
  if (Array.isArray(written)) return written;
  const { simple, complex, threshold, scorer, keywords = { ...defaultKeywords } } = written;
  return { simple: listOf(simple), complex: listOf(complex), threshold, scorer, keywords };
}

function listOf(names: string | string[]): string[] {
  return typeof names === "string" ? [names] : names;
}
