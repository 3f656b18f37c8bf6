import { describe, expect, test } from "bun:test";
import type { Fetch } from "../../src/core/host.ts";
import { fail, ok } from "../../src/core/result.ts";
import {
  chooseModel,
  createModel,
  keyVariables,
  parseModelName,
  providerNames,
  type ModelDeps,
} from "../../src/models/index.ts";
import { testClock } from "../helpers/clock.ts";
import { readReply } from "../helpers/reply.ts";

function deps(variables: Record<string, string>, fetch: Fetch = async () => new Response()): ModelDeps {
  return {
    fetch: () => fetch,
    clock: testClock(),
    key: (name) => variables[name],
    script: async (path) => (path === "there.yaml" ? ok([]) : fail("not_found", `Cannot read '${path}': not there`)),
    retryAfterText: true,
  };
}

describe("a model's name", () => {
  test("is split at its first slash", () => {
    expect(parseModelName("openai-compatible/org/model:tag")).toEqual(
      ok({ provider: "openai-compatible", model: "org/model:tag" }),
    );
    expect(providerNames).toEqual(["openai-compatible", "scripted"]);
  });

  for (const [name, message] of [
    ["scripted/", "Cannot use model 'scripted/': it must be 'scripted/<file>'"],
    ["scripted", "Cannot use model 'scripted': it must be 'scripted/<file>'"],
    ["scriptd/x", "Cannot use model 'scriptd/x': no provider 'scriptd'; did you mean 'scripted'?"],
    ["gpt", "Cannot use model 'gpt': a model is named 'provider/model'; the providers are openai-compatible, scripted"],
    [
      "constructor/x",
      "Cannot use model 'constructor/x': no provider 'constructor'; the providers are openai-compatible, scripted",
    ],
  ] as const) {
    test(`that is '${name}' is refused with what it should be`, () => {
      expect(parseModelName(name)).toEqual({ ok: false, error: { outcome: "usage", message } });
    });
  }
});

describe("the choice", () => {
  const none = { flag: undefined, file: undefined, variable: undefined, key: () => undefined };

  test("is the flag's, else the variable's, else the file's", () => {
    expect(chooseModel({ ...none, flag: "a/1", file: "b/2", variable: "c/3" })).toEqual(
      ok({ name: "a/1", source: "flag" }),
    );
    expect(chooseModel({ ...none, file: "b/2", variable: "c/3" })).toEqual(ok({ name: "c/3", source: "variable" }));
    expect(chooseModel({ ...none, file: "b/2" })).toEqual(ok({ name: "b/2", source: "file" }));
    expect(chooseModel({ ...none, variable: "c/3" })).toEqual(ok({ name: "c/3", source: "variable" }));
  });

  test("is asked for where a key is set", () => {
    expect(
      chooseModel({ ...none, variable: "", key: (name) => (name === "OPENAI_API_KEY" ? "sk" : undefined) }),
    ).toEqual({
      ok: false,
      error: { outcome: "credentials", message: "No model is named: use '--model openai-compatible/<model>'" },
    });
    expect(keyVariables).toEqual(["OPENAI_API_KEY"]);
  });

  test("is explained where nothing is set", () => {
    const message =
      "No model is named and no service's key is set: set OPENAI_API_KEY and use '--model openai-compatible/<model>'";
    expect(chooseModel(none)).toEqual({ ok: false, error: { outcome: "credentials", message } });
  });
});

describe("making a model", () => {
  test("without a key or a base URL needs credentials", async () => {
    const made = await createModel("openai-compatible/x", deps({ OPENAI_API_KEY: "" }));
    expect(made).toMatchObject({ ok: false, error: { outcome: "credentials" } });
  });

  for (const url of ["ftp://secret-host/v1", "secret-user:pass", "https://secret:pass@host/v1"]) {
    test(`refuses the base URL '${url}' without repeating it`, async () => {
      const made = await createModel("openai-compatible/x", deps({ OPENAI_BASE_URL: url }));
      if (made.ok) throw new Error("Made");
      expect(made.error.outcome).toBe("usage");
      expect(made.error.message).toStartWith("Cannot use OPENAI_BASE_URL: ");
      expect(made.error.message).not.toContain("secret");
    });
  }

  test("of a service sends to its base URL, OpenAI's own by default, and retries", async () => {
    const urls: string[] = [];
    const broken: Fetch = async (input) => {
      urls.push(String(input));
      return new Response("", { status: 500 });
    };
    for (const variables of [{ OPENAI_API_KEY: "sk-12345678" }, { OPENAI_BASE_URL: "http://127.0.0.1:9/v1/" }]) {
      const made = await createModel("openai-compatible/x", deps(variables, broken));
      if (!made.ok) throw new Error(made.error.message);
      expect(await readReply(made.value)).toMatchObject({ retries: 3, failure: { kind: "service", status: 500 } });
    }
    expect([...new Set(urls)]).toEqual([
      "https://api.openai.com/v1/chat/completions",
      "http://127.0.0.1:9/v1/chat/completions",
    ]);
    expect(urls.length).toBe(8);
  });

  test("of a script needs its file", async () => {
    expect(await createModel("scripted/there.yaml", deps({}))).toMatchObject({
      ok: true,
      value: { name: "scripted/there.yaml" },
    });
    expect(await createModel("scripted/gone.yaml", deps({}))).toEqual({
      ok: false,
      error: { outcome: "usage", message: "Cannot read 'gone.yaml': not there" },
    });
  });
});
