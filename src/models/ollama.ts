import { Ollama } from "ollama/browser";
import type { Fetch } from "../core/host.ts";
import type { ModelFailure, ModelSize } from "../core/model.ts";
import { ok } from "../core/result.ts";
import { iterableSource } from "./answer-source.ts";
import { showable } from "./attachment.ts";
import { Refused } from "./failure.ts";
import { bounded } from "./body.ts";
import { checkedLines, type CheckedLines, type LineRules } from "./json-lines.ts";
import { ownWindow } from "./memory-window.ts";
import { ollamaAnswer } from "./ollama-answer.ts";
import { contextFor, incapable, readFacts, sees, type OllamaFacts } from "./ollama-facts.ts";
import { ollamaRequest } from "./ollama-request.ts";
import { serviceModel } from "./service-stream.ts";
import type { InferenceMemory, MakeModel } from "./service.ts";

/** Ollama by its own API, by the SDK: not its main module, which takes an image for a file's name where there is one. */
export const make: MakeModel = (config) =>
  serviceModel(config, ({ host, fetch, failure }) => {
    const { clock, model, name, options } = config;
    let facts: OllamaFacts | undefined;
    let sized: (ModelSize & { warning?: string }) | undefined;
    let context = 0;

    /** The SDK takes a signal nowhere, and its answers on trust. */
    function client(signal: AbortSignal, answered?: (response: Response) => Response): Ollama {
      const reach: Fetch = async (input, init) => {
        try {
          const response = await fetch(input, { ...init, signal });
          return answered === undefined ? response : answered(response);
        } catch (error) {
          if (error instanceof Refused && isUnknown(error.failure)) {
            throw new Refused({ ...error.failure, hint: `get it with 'ollama pull ${model}'` });
          }
          throw error;
        }
      };
      const key = config.key === undefined ? {} : { authorization: `Bearer ${config.key}` };
      const headers = { ...key, ...config.headers };
      // In the SDK's types this is all of Bun's own fetch.
      return new Ollama({
        host: config.baseUrl,
        headers,
        fetch: Object.assign(reach, { preconnect: () => undefined }),
      });
    }

    async function know(signal: AbortSignal): Promise<OllamaFacts> {
      return (facts ??= readFacts(await client(signal, bounded).show({ model })));
    }

    /** The context that the model is good for here: by what is told of its memory, and of the model. */
    async function size(signal: AbortSignal): Promise<ModelSize & { warning?: string }> {
      if (sized !== undefined) return sized;
      const wanted = options.context;
      const [{ longest }, found] = await Promise.all([know(signal), config.memory?.(config.baseUrl)]);
      const memory = await bytesOf(found, client(signal, bounded));
      return (sized = ownWindow(name, { longest, wanted }, memory));
    }

    function refused(kind: "service" | "network", what: string): Refused {
      return new Refused({ kind, message: `'${host}' ${what}`, retryable: true });
    }

    const rules: LineRules = {
      accept({ error, done }) {
        if (error !== undefined) throw new Refused(failure(error));
        return done === true;
      },
      wrong: () => refused("service", "sent a line that is not JSON"),
      cut: () => refused("network", "stopped in the middle of its answer"),
    };

    return {
      unreachable: "is 'ollama serve' running? OLLAMA_HOST says where",
      ask(request) {
        const shown = showable(host, request, { pdf: false });
        if (!shown.ok) return shown;
        return ok({
          async open(signal) {
            const known = await know(signal);
            const cannot = incapable(name, known, request);
            if (cannot !== undefined) throw new Refused(cannot);
            const seen = sees(known) ? shown : showable(host, request, { pdf: false, images: [] });
            if (!seen.ok) throw new Refused(seen.error);
            const chosen = contextFor(name, known, options, seen.value, context, (await size(signal)).window);
            if (!chosen.ok) throw new Refused(chosen.error);
            context = chosen.value;
            let lines: CheckedLines | undefined;
            const asked = client(signal, (response) => {
              if (response.body === null) throw refused("service", "answered with nothing");
              lines = checkedLines(response.body, clock, rules);
              return new Response(lines.body, response);
            });
            const answer = await asked.chat(ollamaRequest(model, options, seen.value, context));
            return iterableSource(answer, (complete) => lines?.close(complete));
          },
          answer: ollamaAnswer(host, request.messages),
        });
      },
      size,
      async *names(signal) {
        // The tag that is meant where none is named.
        for (const { name } of (await client(signal).list()).models) yield name.replace(/:latest$/, "");
      },
    };
  });

/** The memory that is known of, or what models take that the server runs on a card which nobody else knows of. */
async function bytesOf(known: InferenceMemory | undefined, server: Ollama): Promise<number | undefined> {
  if (known?.from !== "machine") return known?.bytes;
  const running = await server.ps().catch(() => undefined);
  const used = (running?.models ?? []).reduce((sum, { size_vram: size }) => sum + (Number(size) || 0), 0);
  return Math.max(used, known.bytes);
}

/** A model that is not on the server; a wrong base URL is a 404 as well. */
function isUnknown({ status, message }: ModelFailure): boolean {
  return status === 404 && /\bmodel\b.* not found/.test(message);
}
