import type { Clock } from "../../src/core/host.ts";
import type { Model } from "../../src/core/model.ts";
import { ok } from "../../src/core/result.ts";
import { makeLocal, type Engine, type Session } from "../../src/models/local.ts";
import type { GgufFile } from "../../src/models/gguf-facts.ts";
import type { GenerateEvent } from "../../src/native/local.ts";
import { schema, type Row, type Situation } from "./model-situations.ts";

/** A model that was trained for calls, as its template shows. */
const file: GgufFile = {
  facts: {
    kind: "model",
    title: null,
    architecture: "llama",
    parameters: 8e9,
    quantisation: "Q4_K_M",
    window: 32_768,
    chat_template: true,
    licence: null,
    weights: 5e9,
    cache_per_token: 1024,
    work: 1024,
  },
  template: "{% if tools %}<tool_call>{% endif %}",
};
const info = { context: 32_768, threads: 1, processor: "test" };

function written(situation: Situation): string | undefined {
  // There is no wire on which an answer could come whole.
  if ("whole" in situation && situation.whole === true) return undefined;
  if (situation.does === "text" && situation.dripMs === undefined && situation.usage === undefined)
    return situation.stop === undefined || situation.stop === "length" ? situation.text : undefined;
  if (situation.does !== "calls" || situation.reasoning !== undefined || situation.oneId) return undefined;
  const calls = situation.calls.map(
    ({ name, arguments: given }) => `<tool_call>\n{"name": "${name}", "arguments": ${given}}\n</tool_call>`,
  );
  return situation.text + calls.join("\n");
}

async function* generated(text: string, stop: "end" | "length", signal?: AbortSignal): AsyncGenerator<GenerateEvent> {
  signal?.throwIfAborted();
  yield { type: "prompt", tokens: 10, cached: 0 };
  for (const piece of text.match(/[^]{1,4096}/gu) ?? []) {
    // So that every place in which a call may begin is one in which a piece may end.
    for (const part of piece.length < 500 ? (piece.match(/[^]{1,3}/gu) ?? []) : [piece]) {
      yield { type: "text", text: part };
      signal?.throwIfAborted();
    }
  }
  yield { type: "done", stop, tokens: 5, firstTokenMs: 1, promptMs: 1, generateMs: 1 };
}

let made = 0;

/** The engine says what the situations tell, as a model would write it. */
function localModel(situations: Situation[], _clock: Clock): Model | undefined {
  const texts = situations.map(written);
  if (texts.includes(undefined)) return undefined;
  let request = 0;
  const session: Session = {
    generate(_prompt, _options, signal) {
      const situation = situations[request];
      const text = texts[request++] ?? "";
      return generated(text, situation?.does === "text" && situation.stop === "length" ? "length" : "end", signal);
    },
    close: () => undefined,
  };
  const engine: Engine = {
    check: async () => ok(undefined),
    load: async () => {
      return ok({ info, render: async () => ok(""), open: async () => ok(session), close: () => undefined });
    },
  };
  const machine = { look: async () => ok(file), freeMemory: () => 64e9 };
  const model = makeLocal({ name: "local/test", path: `/${made++}.gguf`, options: {} }, machine, engine);
  return {
    name: "local/test",
    async *stream(request, signal) {
      const { ok: worked, ...result } = await model;
      if (!worked || !("value" in result)) throw new Error("No model");
      // Calls are read only where tools are offered.
      yield* result.value.stream(
        { ...request, tools: [{ name: "file_read", description: "", input: schema }] },
        signal,
      );
    },
  };
}

export const localRow: Row = { provider: "local", model: localModel };
