import { Anthropic } from "@anthropic-ai/sdk";
import { ok } from "../core/result.ts";
import { anthropicAnswer, wholeMessage } from "./anthropic-answer.ts";
import { anthropicRequest } from "./anthropic-request.ts";
import { showable } from "./attachment.ts";
import { sdkPost } from "./sdk-post.ts";
import { serviceModel } from "./service-stream.ts";
import type { MakeModel } from "./service.ts";

/** The image types that the Messages API takes. */
const images = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/** Claude by the Messages API, and who else speaks it, by the SDK. */
export const make: MakeModel = (config) =>
  serviceModel(config, ({ host, fetch, events }) => {
    const client = new Anthropic({
      baseURL: config.baseUrl,
      // Without a key the SDK looks for credentials in the environment and in files. A header that is null is not sent.
      apiKey: config.key ?? "none",
      defaultHeaders: {
        ...(config.key === undefined ? { Authorization: null } : {}),
        ...config.headers,
      },
      // What is not given here the SDK takes from the environment; ANTHROPIC_CUSTOM_HEADERS it reads in any case.
      webhookKey: null,
      openTelemetry: false,
      logLevel: "off",
      maxRetries: 0,
      // The longest timer there is: our own patience decides.
      timeout: 2 ** 31 - 1,
      fetch,
    });
    // Not `messages.create`: it decodes the answer through generators, and builds what it traces.
    const post = sdkPost(client, "/v1/messages", fetch);
    // What was signed for one model another refuses.
    const origin = `anthropic/${host}/${config.model}`;
    const target = { model: config.model, origin, options: config.options };
    return {
      ask(request) {
        const shown = showable(host, request, { pdf: true, images });
        if (!shown.ok) return shown;
        const body = anthropicRequest(target, shown.value);
        return ok({
          open: async (signal) => events(await post(body, signal), wholeMessage),
          answer: anthropicAnswer({ host, origin }, request.messages),
        });
      },
      async *names(signal) {
        for await (const { id } of client.models.list({ limit: 1000 }, { signal })) yield id;
      },
    };
  });
