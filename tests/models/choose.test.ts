import { describe, expect, test } from "bun:test";
import { ok } from "../../src/core/result.ts";
import { chooseModels, modelsOf, parseModelName } from "../../src/models/choose.ts";
import { keyVariables, providers } from "../../src/models/providers.ts";

/** A name as a provider and an id. */
function read(name: string): string {
  const parsed = parseModelName(name, ["fast", "careful"]);
  if (!parsed.ok) return `${parsed.error.message}; ${parsed.error.hint}`;
  const { value } = parsed;
  if (value.provider === "scripted") return `scripted ${value.path}`;
  return `${value.provider === "local" ? value.provider : value.provider.name} ${value.id}`;
}

describe("a model's name", () => {
  test("is split at its first slash, and its id is passed on as written", () => {
    expect(read("openai-compatible/org/Model:tag")).toBe("openai-compatible org/Model:tag");
    expect(read("scripted/a/b.yaml")).toBe("scripted a/b.yaml");
  });

  test("of a provider alone means the provider's default", () => {
    expect(["claude", "anthropic", "openai", "gemini", "ollama", "huggingface"].map(read)).toEqual([
      "anthropic claude-sonnet-5-5",
      "anthropic claude-sonnet-5-5",
      "openai gpt-6-sol",
      "gemini gemini-3.8-flash",
      "ollama gpt-oss:20b",
      "huggingface openai/gpt-oss-120b",
    ]);
    expect(read("claude/claude-opus-5-5")).toBe("anthropic claude-opus-5-5");
  });

  for (const [name, message] of [
    ["scripted/", "Cannot use model 'scripted/': it must be 'scripted/<file>'; undefined"],
    ["scripted", "Cannot use model 'scripted': it must be 'scripted/<file>'; undefined"],
    ["openai-compatible", "Cannot use model 'openai-compatible': it must be 'openai-compatible/<model>'; undefined"],
    ["openai/", "Cannot use model 'openai/': it must be 'openai/<model>'; undefined"],
    ["scriptd/x", "Cannot use model 'scriptd/x': no provider 'scriptd'; did you mean 'scripted'?"],
    ["fst", "Cannot use model 'fst': no provider or named model 'fst'; did you mean 'fast'?"],
    ["cluade", "Cannot use model 'cluade': no provider or named model 'cluade'; did you mean 'claude'?"],
  ] as const) {
    test(`that is '${name}' is refused with what it should be`, () => {
      expect(read(name)).toBe(message);
    });
  }

  test("of an object's own property is no provider", () => {
    expect(read("constructor/x")).toStartWith("Cannot use model 'constructor/x': no provider 'constructor'; expected");
  });
});

describe("the choice", () => {
  const spec = { model: "openai/x", seed: 1 };
  const none = { flag: undefined, file: undefined, variable: undefined, models: {}, key: () => undefined };
  const keys =
    (...names: string[]) =>
    (name: string) =>
      names.includes(name) ? "secret" : undefined;

  test("is the flag's, else the variable's, else the file's", () => {
    const all = { ...none, flag: "openai/1", variable: "openai/2", file: ["openai/3"] };
    expect(chooseModels(all)).toEqual(ok([{ spec: { model: "openai/1" }, from: "caller" }]));
    expect(chooseModels({ ...all, flag: undefined })).toEqual(ok([{ spec: { model: "openai/2" }, from: "caller" }]));
    expect(chooseModels({ ...none, file: ["openai/3"], variable: "" })).toEqual(
      ok([{ spec: { model: "openai/3" }, from: "file" }]),
    );
  });

  test("may be a name that the file gives, wherever it is named", () => {
    const models = { fast: spec };
    const chosen = ok([{ spec, name: "fast", from: "file" as const }]);
    expect(chooseModels({ ...none, models, flag: "fast", file: ["claude"] })).toEqual(chosen);
    expect(chooseModels({ ...none, models, variable: "fast" })).toEqual(chosen);
    expect(chooseModels({ ...none, models, file: ["fast"] })).toEqual(chosen);
    expect(chooseModels({ ...none, models, flag: "constructor" })).toMatchObject({ ok: false });
  });

  test("is a list or a route only where the file says so", () => {
    const models = { fast: spec };
    const route = {
      simple: ["fast"],
      complex: ["openai/2", "openai/3"],
      threshold: 0.7,
      scorer: "keywords" as const,
      keywords: {},
    };
    const [fast, second, third] = [
      { spec, name: "fast", from: "file" },
      { spec: { model: "openai/2" }, from: "file" },
      { spec: { model: "openai/3" }, from: "file" },
    ] as const;
    expect(chooseModels({ ...none, models, file: ["openai/2", "fast"] })).toEqual(ok([second, fast]));
    const routed = chooseModels({ ...none, models, file: route });
    expect(routed).toEqual(ok({ route, lists: { simple: [fast], complex: [second, third] } }));
    expect(routed.ok && modelsOf(routed.value)).toEqual([fast, second, third]);
    expect(chooseModels({ ...none, models, file: route, variable: "openai/1" })).toEqual(
      ok([{ spec: { model: "openai/1" }, from: "caller" }]),
    );
  });

  test("is the default of the only service whose key is set", () => {
    for (const [variable, name] of [
      ["ANTHROPIC_API_KEY", "anthropic"],
      ["ANTHROPIC_AUTH_TOKEN", "anthropic"],
      ["OPENAI_API_KEY", "openai"],
      ["GOOGLE_API_KEY", "gemini"],
      ["HF_TOKEN", "huggingface"],
    ] as const) {
      expect(chooseModels({ ...none, key: keys(variable) })).toEqual(ok([{ spec: { model: name }, from: "caller" }]));
    }
  });

  test("is the user's where several services' keys are set, or none", () => {
    expect(chooseModels({ ...none, key: keys("HF_TOKEN", "GEMINI_API_KEY", "GOOGLE_API_KEY") })).toEqual({
      ok: false,
      error: {
        outcome: "credentials",
        message: "No model is named and several services' keys are set",
        hint: "use '--model gemini' or '--model huggingface'",
      },
    });
    expect(chooseModels(none)).toEqual({
      ok: false,
      error: {
        outcome: "credentials",
        message: "No model is named and no service's key is set",
        hint: "set one of ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY, HF_TOKEN, or name a model: '--model provider/model'",
      },
    });
  });

  test("is never a local model by itself", () => {
    expect(chooseModels({ ...none, key: keys("OLLAMA_HOST", "OLLAMA_API_KEY") })).toMatchObject({ ok: false });
  });
});

test("every variable that holds a key is known as one", () => {
  for (const { keys, token, headers } of providers) {
    for (const name of [...keys, token, headers]) if (name !== undefined) expect(keyVariables).toContain(name);
  }
  expect(keyVariables).toEqual(expect.arrayContaining(["ANTHROPIC_API_KEY", "HF_TOKEN", "OPENAI_CUSTOM_HEADERS"]));
});
