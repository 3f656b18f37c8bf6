import { OpenAI } from "openai";
import { ok } from "../core/result.ts";
import { chatAnswer } from "./chat-answer.ts";
import { chatRequest } from "./chat-request.ts";
import { serviceModel } from "./service-stream.ts";
import type { MakeModel } from "./service.ts";

/** A service that speaks OpenAI's Chat Completions, by the SDK. */
export const make: MakeModel = (config) =>
  serviceModel(config, ({ host, fetch, events }) => {
    const client = new OpenAI({
      baseURL: config.baseUrl,
      // The SDK insists on a key. A header that is null is not sent.
      apiKey: config.key ?? "none",
      defaultHeaders: { ...(config.key === undefined ? { Authorization: null } : {}), ...config.headers },
      // What is not given here the SDK takes from the environment; OPENAI_CUSTOM_HEADERS it reads in any case.
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      logLevel: "off",
      maxRetries: 0,
      // The longest timer there is: our own patience decides.
      timeout: 2 ** 31 - 1,
      fetch,
    });
    return {
      ask(request) {
        const body = chatRequest(config.model, request);
        return ok({
          // Not `chat.completions.create`: it serializes the conversation through a replacer function and decodes the answer
          // through five generators, which together cost more than all the rest of a turn.
          open: async (signal) =>
            events(await client.post("/chat/completions", { body, stream: true, signal }).asResponse()),
          answer: chatAnswer(host, request.messages),
        });
      },
      async *names(signal) {
        for await (const { id } of client.models.list({ signal })) yield id;
      },
    };
  });
