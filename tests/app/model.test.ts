import type { Need } from "../../src/core/permission.ts";
import type { ModelSpec } from "../../src/core/model.ts";
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareRun } from "../../src/app/prepare.ts";
import { known } from "../../src/app/known.ts";
import { modelNeeds } from "../../src/app/model.ts";
import type { Stamped } from "../../src/core/event.ts";
import type { AccessRequest, Answer } from "../../src/core/permission.ts";
import { fail } from "../../src/core/result.ts";
import { checkAgent } from "../../src/file/check.ts";
import { startOpenAIServer } from "../helpers/openai-server.ts";

const folder = mkdtempSync(join(tmpdir(), "rein-app-"));
const service = startOpenAIServer(() => ({ kind: "answer", text: "Hello" }));
const { port } = new URL(service.baseUrl);
afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

function needs(spec: ModelSpec, from: "file" | "caller" = "file") {
  return modelNeeds({ spec, from }, "/agents", "/home/ann");
}

describe("what a model needs", () => {
  test("is nothing where the user's environment says where it is", () => {
    expect(needs({ model: "openai/x", headers: { a: "b" }, seed: 1 })).toEqual([]);
  });

  test("is the host and port of its base URL, and each of its variables once", () => {
    const headers = { a: { env: "A" }, b: { env: "KEY" }, c: "text" };
    for (const [url, target] of [
      ["https://llm.test/v1", "llm.test:443"],
      ["http://llm.test.", "llm.test:80"],
      ["http://LLM.test:8080", "llm.test:8080"],
      ["http://[::1]:8080/v1", "[::1]:8080"],
      ["http://2130706433/", "127.0.0.1:80"],
    ] as const) {
      expect(needs({ model: "openai/x", base_url: url, key: "KEY", headers })).toEqual([
        { kind: "net", target },
        { kind: "env", target: "KEY" },
        { kind: "env", target: "A" },
      ]);
    }
  });

  test("is the file of a local model and its adapter where the agent file names their paths", () => {
    const read = (target: string): Need => ({ kind: "read", target });
    expect(needs({ model: "local/./x.gguf", adapter: "./lora.gguf" })).toEqual([
      read("/agents/x.gguf"),
      read("/agents/lora.gguf"),
    ]);
    expect(needs({ model: "local/~/x.gguf" })).toEqual([read("/home/ann/x.gguf")]);
    expect(needs({ model: "local/../x.gguf", adapter: "~/lora.gguf" })).toEqual([
      read("/x.gguf"),
      // What is loaded: only the names of models know a home.
      read("/agents/~/lora.gguf"),
    ]);
    expect(needs({ model: "local/smollm2" })).toEqual([]);
    expect(needs({ model: "local//x.gguf" }, "caller")).toEqual([]);
  });
});

/** Runs an agent whose model has an address and a key, where a person answers the questions. */
async function ask(answers: Answer[]) {
  service.behave({ kind: "answer", text: "Hello" });
  const asked: AccessRequest[] = [];
  const events: Stamped[] = [];
  const text = `model: it
models: { it: { model: openai-compatible/x, base_url: "http://127.0.0.1:${port}/v1", key: TEAM_KEY } }
prompt: "Hi \${{ env.LANG }}"
env: [LANG]
permissions: { env: [TEAM_KEY, LANG] }
`;
  const checked = checkAgent({ file: "agent.yaml", folder, bytes: new TextEncoder().encode(text) }, known);
  if (!checked.ok) throw new Error(JSON.stringify(checked.diagnostics));
  const prepared = await prepareRun({
    plan: checked.value,
    grants: { all: false, allow: {}, deny: {} },
    model: undefined,
    session: undefined,
    cwd: folder,
    environment: { HOME: folder, TEAM_KEY: "the-team-key", LANG: "C.UTF-8" },
    ask: async (request) => {
      asked.push(request);
      return answers[asked.length - 1] ?? "no";
    },
    interrupts: new AbortController().signal,
    files: { script: async () => fail("not_found", "No script"), text: () => fail("not_found", "No file") },
    streamed: false,
    dryRun: false,
  });
  const targets = asked.map(({ kind, target }) => `${kind} ${target}`);
  if (!prepared.ok) return { targets, error: prepared.error, events };
  const result = await prepared.value.start(
    { input: {}, prompt: undefined, files: [] },
    (event) => void events.push(event),
  );
  await prepared.value.close();
  return { targets, result, events };
}

describe("on a terminal", () => {
  test("a person is asked for the address, the key and the variables of the texts, and the answers are journaled", async () => {
    const { targets, result, events } = await ask(["once", "session", "once"]);
    expect(targets).toEqual([`net 127.0.0.1:${port}`, "env TEAM_KEY", "env LANG"]);
    expect(result).toMatchObject({ ok: true, value: { outcome: "done", answer: "Hello" } });
    expect(service.requests[0]?.headers).toMatchObject({ authorization: "Bearer the-team-key" });
    expect(events.slice(0, 4).map((event) => (event.type === "decision" ? event.target : event.type))).toEqual([
      "run_start",
      `127.0.0.1:${port}`,
      "TEAM_KEY",
      "LANG",
    ]);
  });

  test("a no ends the run with code 3 before anything is sent", async () => {
    for (const answers of [["no"], ["once", "no"], ["once", "once", "no"]] as const) {
      const { targets, error } = await ask([...answers]);
      expect(targets.length).toBe(answers.length);
      expect(error).toMatchObject({ outcome: "denied", message: expect.stringContaining("refused by the user") });
      expect(service.requests).toEqual([]);
    }
  });
});
