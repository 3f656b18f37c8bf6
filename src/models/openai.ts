import { ok } from "../core/result.ts";
import { showable } from "./attachment.ts";
import { modelNames, openaiClient } from "./openai-client.ts";
import { responsesAnswer, wholeResponse } from "./responses-answer.ts";
import { responsesRequest } from "./responses-request.ts";
import { sdkPost } from "./sdk-post.ts";
import { serviceModel } from "./service-stream.ts";
import type { MakeModel } from "./service.ts";

/** OpenAI by its Responses API, and who else speaks it, by the SDK. */
export const make: MakeModel = (config) =>
  serviceModel(config, ({ host, fetch, events, failure }) => {
    const client = openaiClient(config, fetch);
    // Not `responses.create`: it serializes the conversation through a replacer function and decodes the answer through five
    // generators, which together cost more than all the rest of a turn.
    const post = sdkPost(client, "/responses", fetch);
    // What is encrypted for one service another can't read.
    const target = { model: config.model, origin: `openai/${host}`, options: config.options };
    return {
      ask(request) {
        const shown = showable(host, request, { pdf: true });
        if (!shown.ok) return shown;
        const body = responsesRequest(target, shown.value);
        return ok({
          open: async (signal) => events(await post(body, signal), wholeResponse),
          answer: responsesAnswer({ host, origin: target.origin, failure }, request.messages),
        });
      },
      names: (signal) => modelNames(client, signal),
    };
  });
