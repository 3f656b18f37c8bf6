import { ok } from "../core/result.ts";
import { showable } from "./attachment.ts";
import { modelNames, openaiClient } from "./openai-client.ts";
import { responsesAnswer, wholeResponse } from "./responses-answer.ts";
import { responsesRequest } from "./responses-request.ts";
import { serviceModel } from "./service-stream.ts";
import type { MakeModel } from "./service.ts";

/** OpenAI by its Responses API, and who else speaks it, by the SDK. */
export const make: MakeModel = (config) =>
  serviceModel(config, ({ host, fetch, events, failure }) => {
    const client = openaiClient(config, fetch);
    // What is encrypted for one service another can't read.
    const target = { model: config.model, origin: `openai/${host}`, options: config.options };
    return {
      ask(request) {
        const shown = showable(host, request, { pdf: true });
        if (!shown.ok) return shown;
        const body = responsesRequest(target, shown.value);
        return ok({
          // Not `responses.create`: it serializes the conversation through a replacer function and decodes the answer through
          // five generators, which together cost more than all the rest of a turn.
          open: async (signal) =>
            events(await client.post("/responses", { body, stream: true, signal }).asResponse(), wholeResponse),
          answer: responsesAnswer({ host, origin: target.origin, failure }, request.messages),
        });
      },
      names: (signal) => modelNames(client, signal),
    };
  });
