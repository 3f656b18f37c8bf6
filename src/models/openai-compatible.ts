import { ok } from "../core/result.ts";
import { showable } from "./attachment.ts";
import { chatAnswer, wholeChatAnswer } from "./chat-answer.ts";
import { chatDialect } from "./chat-dialect.ts";
import { chatRequest } from "./chat-request.ts";
import { modelNames, openaiClient } from "./openai-client.ts";
import { sdkPost } from "./sdk-post.ts";
import { serviceModel } from "./service-stream.ts";
import type { MakeModel } from "./service.ts";

/** A service that speaks OpenAI's Chat Completions, by the SDK. Which one it is, the name of its provider says. */
export const make: MakeModel = (config) =>
  serviceModel(config, ({ host, fetch, events }) => {
    const client = openaiClient(config, fetch);
    // Not `chat.completions.create`: it serializes the conversation through a replacer function and decodes the answer through five
    // generators, which together cost more than all the rest of a turn.
    const post = sdkPost(client, "/chat/completions", fetch);
    const provider = config.name.slice(0, config.name.indexOf("/"));
    const dialect = chatDialect(provider, host);
    // What one service wrote for itself another may refuse.
    const origin = `${provider}/${host}`;
    const target = { model: config.model, origin, dialect, options: config.options };
    return {
      ask(request) {
        const shown = showable(host, request, { pdf: dialect.pdf !== undefined });
        if (!shown.ok) return shown;
        const body = chatRequest(target, shown.value);
        return ok({
          open: async (signal) => events(await post(body, signal), wholeChatAnswer),
          answer: chatAnswer({ host, origin }, request.messages),
        });
      },
      async *names(signal) {
        const { listPrefix = "" } = dialect;
        for await (const name of modelNames(client, signal)) {
          yield name.startsWith(listPrefix) ? name.slice(listPrefix.length) : name;
        }
      },
    };
  });
