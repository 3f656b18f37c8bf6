import { describe, expect, test } from "bun:test";
import type { ModelEndpoint } from "../../src/core/model.ts";
import { endpointOf } from "../../src/models/endpoint.ts";
import { keyVariables, providers } from "../../src/models/providers.ts";

function endpoint(name: string, given: ModelEndpoint, variables: Record<string, string>) {
  const provider = providers.find((one) => one.name === name);
  if (provider === undefined) throw new Error(`No provider '${name}'`);
  const found = endpointOf(provider, given, (variable) => variables[variable]);
  return found.ok ? found.value : found.error;
}

describe("the standard endpoint", () => {
  test("is the service's own, with the first key that is set", () => {
    expect(endpoint("gemini", {}, { GOOGLE_API_KEY: "b", GEMINI_API_KEY: "a" })).toEqual({
      baseUrl: "https://generativelanguage.googleapis.com/v1beta/openai",
      key: "a",
      headers: {},
      variable: "GEMINI_API_KEY",
    });
    expect(endpoint("gemini", {}, { GOOGLE_API_KEY: "b", GEMINI_API_KEY: "" })).toMatchObject({ key: "b" });
  });

  test("is the address of the user's environment, with or without a key", () => {
    const variables = { ANTHROPIC_BASE_URL: "http://127.0.0.1:9/gateway/" };
    expect(endpoint("anthropic", {}, variables)).toEqual({ baseUrl: "http://127.0.0.1:9/gateway", headers: {} });
    expect(endpoint("anthropic", {}, { ...variables, ANTHROPIC_API_KEY: "k" })).toMatchObject({ key: "k" });
  });

  test("gets the path that a service's own tools leave out, once", () => {
    for (const url of ["http://h", "http://h/", "http://h/v1beta/openai", "http://h/v1beta/openai/"]) {
      expect(endpoint("gemini", {}, { GOOGLE_GEMINI_BASE_URL: url })).toMatchObject({
        baseUrl: "http://h/v1beta/openai",
      });
    }
  });

  for (const [host, url] of [
    ["", "http://127.0.0.1:11434"],
    ["gpu", "http://gpu:11434"],
    ["gpu:80", "http://gpu"],
    ["0.0.0.0", "http://127.0.0.1:11434"],
    ["0.0.0.0:8080", "http://127.0.0.1:8080"],
    ["http://0.0.0.0:8080", "http://127.0.0.1:8080"],
    ["[::]:8080", "http://[::1]:8080"],
    [":8080", "http://127.0.0.1:8080"],
    ["[::1]", "http://[::1]:11434"],
    ["https://ollama.example.com", "https://ollama.example.com"],
    ["http://gpu/ollama/", "http://gpu/ollama"],
  ] as const) {
    test(`of Ollama at '${host}' is ${url}`, () => {
      expect(endpoint("ollama", {}, { OLLAMA_HOST: host })).toEqual({ baseUrl: url, headers: {} });
    });
  }

  test("takes further headers from the user's environment, and what is no header is left out", () => {
    const headers = "X-Team: search\r\n bad name: x\n\nX-Empty:\nX-Two : a: b \n";
    expect(endpoint("anthropic", {}, { ANTHROPIC_API_KEY: "k", ANTHROPIC_CUSTOM_HEADERS: headers })).toMatchObject({
      headers: { "x-team": "search", "x-empty": "", "x-two": "a: b" },
    });
  });

  test("has a bearer token where there is no key", () => {
    expect(endpoint("anthropic", {}, { ANTHROPIC_AUTH_TOKEN: "t" })).toEqual({
      baseUrl: "https://api.anthropic.com",
      headers: { authorization: "Bearer t" },
      variable: "ANTHROPIC_AUTH_TOKEN",
    });
    const both = endpoint("anthropic", {}, { ANTHROPIC_AUTH_TOKEN: "t", ANTHROPIC_API_KEY: "k" });
    expect(both).toEqual({
      baseUrl: "https://api.anthropic.com",
      key: "k",
      headers: {},
      variable: "ANTHROPIC_API_KEY",
    });
  });

  test("without credentials names the variables", () => {
    expect(endpoint("huggingface", {}, {})).toEqual({
      outcome: "credentials",
      message:
        "No credentials for 'huggingface': set HF_TOKEN or HUGGING_FACE_HUB_TOKEN, or HF_INFERENCE_ENDPOINT for a service without a key",
    });
    expect(endpoint("ollama", {}, {})).toMatchObject({ baseUrl: "http://127.0.0.1:11434" });
  });

  for (const key of ["a b", "k\n", "kü", "k\u0000"]) {
    test(`refuses the key ${JSON.stringify(key)}, without repeating it`, () => {
      expect(endpoint("openai", {}, { OPENAI_API_KEY: key })).toEqual({
        outcome: "credentials",
        message: "Cannot use OPENAI_API_KEY: it holds blanks or characters that no key has",
      });
    });
  }

  for (const url of ["ftp://secret-host/v1", "secret-user:pass", "https://secret:pass@host/v1"]) {
    test(`refuses the base URL '${url}' without repeating it`, () => {
      const refused = endpoint("openai-compatible", {}, { OPENAI_BASE_URL: url });
      expect(refused).toMatchObject({
        outcome: "usage",
        message: expect.stringMatching(/^Cannot use OPENAI_BASE_URL: /),
      });
      expect(JSON.stringify(refused)).not.toContain("secret");
    });
  }
});

describe("an endpoint of the agent file", () => {
  const everyKey = Object.fromEntries([...keyVariables].map((name) => [name, `X-Secret: ${name}-value`]));
  const own = { base_url: "https://llm.example.com/v1" };

  test("gets nothing of what the user's environment holds for the services, whichever provider it names", () => {
    for (const { name, addresses } of providers) {
      const addressed = Object.fromEntries(addresses.map((variable) => [variable, "http://elsewhere"]));
      const found = endpoint(name, own, { ...everyKey, ...addressed });
      expect(found).toMatchObject({ baseUrl: expect.stringMatching(/^https:\/\/llm\.example\.com\/v1/), headers: {} });
      expect(JSON.stringify(found)).not.toMatch(/value|Secret|elsewhere/);
    }
  });

  test("gets the key and the headers that the file names for it", () => {
    const given = { ...own, key: "TEAM_KEY", headers: { "X-Team": "a", "X-Token": { env: "TEAM_TOKEN" } } };
    expect(endpoint("openai", given, { ...everyKey, TEAM_KEY: "k", TEAM_TOKEN: "Basic t" })).toEqual({
      baseUrl: "https://llm.example.com/v1",
      key: "k",
      headers: { "x-team": "a", "x-token": "Basic t" },
      variable: "TEAM_KEY",
    });
  });

  test("does without a key, and needs the variables that it names", () => {
    expect(endpoint("anthropic", own, {})).toEqual({ baseUrl: "https://llm.example.com/v1", headers: {} });
    for (const given of [
      { ...own, key: "TEAM_KEY" },
      { ...own, headers: { a: { env: "TEAM_KEY" } } },
    ]) {
      expect(endpoint("openai", given, {})).toEqual({
        outcome: "credentials",
        message: "Cannot use TEAM_KEY: it is not set",
      });
    }
  });

  test("that is a mere key goes where the user's environment says", () => {
    expect(endpoint("openai", { key: "WORK_KEY" }, { WORK_KEY: "w", OPENAI_API_KEY: "k" })).toEqual({
      baseUrl: "https://api.openai.com/v1",
      key: "w",
      headers: {},
      variable: "WORK_KEY",
    });
  });

  test("refuses a header's value that could end the header", () => {
    expect(endpoint("openai", { ...own, headers: { a: { env: "A" } } }, { A: "x\r\nHost: y" })).toMatchObject({
      outcome: "credentials",
    });
  });
});
