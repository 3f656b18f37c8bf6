/**
 * What the conformance suite asks a server for, by the names that it asks for: an MCP server made with the SDK, in a module as users
 * write them. `rein mcp serve --tools` offers it to the suite, so that everything here has passed through rein twice.
 */
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  inputRequired,
  ResourceNotFoundError,
  Server,
  type CallToolResult,
  type ContentBlock,
  type ElicitRequestFormParams,
  type InputRequiredResult,
  type InputRequiredSpec,
  type PromptMessage,
  type ServerContext,
  type Transport,
} from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

type Values = Record<string, unknown>;
type Answer = CallToolResult | InputRequiredResult;
type Call = { values: Values; context: ServerContext; server: Server };
type Offered = { about: string; input?: Values; call(call: Call): Answer | Promise<Answer> };

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const wav = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";

/** What comes back from a client with its answers was made here. */
const states = createRequestStateCodec<Values>({ key: crypto.getRandomValues(new Uint8Array(32)) });

function says(...content: ContentBlock[]): CallToolResult {
  return { content };
}

function text(words: string): ContentBlock {
  return { type: "text", text: words };
}

function resource(uri: string, mimeType: string, words: string): ContentBlock {
  return { type: "resource", resource: { uri, mimeType, text: words } };
}

function object(properties: Values, required: string[] = []): Values {
  return { type: "object", properties, required };
}

// What a tool wants to know before it can answer.

type Form = ElicitRequestFormParams["requestedSchema"];

function asked(message: string, properties: Form["properties"], required: string[] = Object.keys(properties)) {
  return inputRequired.elicit({ message, requestedSchema: { type: "object", properties, required } });
}

function sampled(words: string) {
  return inputRequired.createMessage({
    messages: [{ role: "user", content: { type: "text", text: words } }],
    maxTokens: 100,
  });
}

const name = asked("What is your name?", { name: { type: "string" } });
const confirmation = asked("Please confirm", { ok: { type: "boolean" } });

function answerTo({ context }: Call, key: string): Values | undefined {
  const answer = context.mcpReq.inputResponses?.[key];
  return typeof answer === "object" && answer !== null ? { ...answer } : undefined;
}

function filledIn({ context }: Call, key: string): Values | undefined {
  return acceptedContent<Values>(context.mcpReq.inputResponses, key);
}

/** Asks for one thing, and says what came. */
function asks(key: string, request: NonNullable<InputRequiredSpec["inputRequests"]>[string]): Offered["call"] {
  return (call) => {
    const answer = answerTo(call, key);
    return answer === undefined
      ? inputRequired({ inputRequests: { [key]: request } })
      : says(text(`${key}: ${JSON.stringify(answer)}`));
  };
}

/** A message is what a tool that was called with `{ [key]: message }` asks. */
function asksWhat(key: string, request: (words: string) => Parameters<typeof asks>[1]): Offered["call"] {
  return (call) => asks("answer", request(String(call.values[key])))(call);
}

/** Fills in a form with each of these fields. */
function form(properties: Form["properties"]): Offered["call"] {
  return asks("form", asked("Please look over these fields", properties, []));
}

async function notes({ context }: Call, ...lines: string[]): Promise<void> {
  for (const data of lines) {
    await context.mcpReq.notify({ method: "notifications/message", params: { level: "info", data } });
    await Bun.sleep(20);
  }
}

const options = ["option1", "option2", "option3"];
const titled = options.map((one, index) => ({ const: `value${index + 1}`, title: `Title of ${one}` }));

const tools: Record<string, Offered> = {
  test_simple_text: {
    about: "Says a text",
    call: () => says(text("This is a simple text response for testing.")),
  },
  test_image_content: {
    about: "Shows an image",
    call: () => says({ type: "image", data: png, mimeType: "image/png" }),
  },
  test_audio_content: {
    about: "Plays a sound",
    call: () => says({ type: "audio", data: wav, mimeType: "audio/wav" }),
  },
  test_embedded_resource: {
    about: "Holds a resource",
    call: () => says(resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")),
  },
  test_multiple_content_types: {
    about: "Says, shows and holds",
    call: () =>
      says(
        text("Multiple content types test:"),
        { type: "image", data: png, mimeType: "image/png" },
        resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
      ),
  },
  test_tool_with_logging: {
    about: "Logs what it does",
    call: async (call) => {
      await notes(call, "Tool execution started", "Tool processing data", "Tool execution completed");
      return says(text("Tool with logging executed successfully"));
    },
  },
  test_tool_with_progress: {
    about: "Tells how far it is",
    call: async ({ context: { mcpReq } }) => {
      const progressToken = mcpReq._meta?.progressToken;
      for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
        const params = { progressToken: progressToken ?? "", progress, total: 100, message: `Step ${progress} of 100` };
        await mcpReq.notify({ method: "notifications/progress", params });
        await Bun.sleep(20);
      }
      return says(text("Done"));
    },
  },
  test_error_handling: {
    about: "Fails",
    call: () => ({ ...says(text("This tool intentionally returns an error for testing")), isError: true }),
  },
  test_sampling: {
    about: "Asks the client's model",
    input: object({ prompt: { type: "string" } }, ["prompt"]),
    call: asksWhat("prompt", sampled),
  },
  test_elicitation: {
    about: "Asks the client's user",
    input: object({ message: { type: "string" } }, ["message"]),
    call: asksWhat("message", (message) => asked(message, { response: { type: "string" } })),
  },
  test_elicitation_sep1034_defaults: {
    about: "Asks for fields with defaults",
    call: form({
      name: { type: "string", default: "John Doe" },
      age: { type: "integer", default: 30 },
      score: { type: "number", default: 95.5 },
      status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
      verified: { type: "boolean", default: true },
    }),
  },
  test_elicitation_sep1330_enums: {
    about: "Asks to choose",
    call: form({
      untitledSingle: { type: "string", enum: options },
      titledSingle: { type: "string", oneOf: titled },
      legacyEnum: { type: "string", enum: ["opt1", "opt2", "opt3"], enumNames: ["One", "Two", "Three"] },
      untitledMulti: { type: "array", minItems: 1, maxItems: 3, items: { type: "string", enum: options } },
      titledMulti: { type: "array", minItems: 1, maxItems: 3, items: { anyOf: titled } },
    }),
  },
  json_schema_2020_12_tool: {
    about: "Has a schema of many keywords",
    input: {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      $defs: {
        address: {
          $anchor: "addressDef",
          type: "object",
          properties: { street: { type: "string" }, city: { type: "string" } },
        },
      },
      properties: {
        name: { type: "string" },
        address: { $ref: "#/$defs/address" },
        contactMethod: { type: "string", enum: ["phone", "email"] },
        phone: { type: "string" },
        email: { type: "string" },
      },
      allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
      if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { required: ["phone"] },
      else: { required: ["email"] },
      additionalProperties: false,
    },
    call: ({ values }) => says(text(JSON.stringify(values))),
  },
  test_missing_capability: { about: "Cannot do without the client's model", call: asks("model", sampled("Say pong")) },
  test_streaming_elicitation: { about: "Asks nothing", call: () => says(text("Nothing was asked")) },
  test_logging_tool: {
    about: "Logs to who wants it",
    call: async (call) => {
      await call.context.mcpReq.log("info", "It runs");
      return says(text("Logged"));
    },
  },
  test_trigger_tool_change: {
    about: "Says that the tools are others",
    call: async ({ server }) => {
      await server.sendToolListChanged();
      return says(text("Said"));
    },
  },
  test_trigger_prompt_change: {
    about: "Says that the prompts are others",
    call: async ({ server }) => {
      await server.sendPromptListChanged();
      return says(text("Said"));
    },
  },
  test_input_required_result_elicitation: {
    about: "Asks for a name until it has one",
    call: (call) => {
      const given = filledIn(call, "user_name")?.["name"];
      return typeof given === "string"
        ? says(text(`Hello, ${given}!`))
        : inputRequired({ inputRequests: { user_name: name } });
    },
  },
  test_input_required_result_sampling: {
    about: "Asks for a completion",
    call: asks("capital_question", sampled("What is the capital of France?")),
  },
  test_input_required_result_list_roots: {
    about: "Asks for the folders",
    call: asks("client_roots", inputRequired.listRoots()),
  },
  test_input_required_result_request_state: {
    about: "Has its state carried by the client",
    call: async (call) =>
      filledIn(call, "confirm") !== undefined && call.context.mcpReq.requestState() !== undefined
        ? says(text("state-ok"))
        : inputRequired({
            inputRequests: { confirm: confirmation },
            requestState: await states.mint({ tool: "state" }),
          }),
  },
  test_input_required_result_tampered_state: {
    about: "Believes only its own state",
    call: async (call) =>
      filledIn(call, "confirm") !== undefined && call.context.mcpReq.requestState() !== undefined
        ? says(text("integrity-ok"))
        : inputRequired({ inputRequests: { confirm: confirmation }, requestState: await states.mint({ tool: "own" }) }),
  },
  test_input_required_result_multiple_inputs: {
    about: "Asks for three things at once",
    call: async (call) => {
      const given = ["user_name", "greeting", "client_roots"].map((key) => answerTo(call, key));
      if (given.every((one) => one !== undefined)) return says(text(JSON.stringify(given)));
      return inputRequired({
        inputRequests: {
          user_name: name,
          greeting: sampled("Generate a greeting"),
          client_roots: inputRequired.listRoots(),
        },
        requestState: await states.mint({ tool: "multiple" }),
      });
    },
  },
  test_input_required_result_multi_round: {
    about: "Asks twice",
    call: async (call) => {
      const { round = 0, name: known } = call.context.mcpReq.requestState<{ round?: number; name?: string }>() ?? {};
      if (round === 0) {
        const step1 = asked("Step 1: What is your name?", { name: { type: "string" } });
        return inputRequired({ inputRequests: { step1 }, requestState: await states.mint({ round: 1 }) });
      }
      if (round === 1) {
        const step2 = asked("Step 2: What is your favorite color?", { color: { type: "string" } });
        const requestState = await states.mint({ round: 2, name: filledIn(call, "step1")?.["name"] });
        return inputRequired({ inputRequests: { step2 }, requestState });
      }
      return says(text(`${known} likes ${String(filledIn(call, "step2")?.["color"])}`));
    },
  },
  test_input_required_result_capabilities: {
    about: "Asks only for what the client can do",
    call: ({ context: { mcpReq } }) => {
      if (mcpReq.inputResponses !== undefined) return says(text("Answered"));
      const envelope: Values = { ...mcpReq.envelope };
      const able = JSON.stringify(envelope[CLIENT_CAPABILITIES_META_KEY] ?? {});
      const inputRequests = {
        ...(able.includes('"elicitation"') ? { user_name: name } : {}),
        ...(able.includes('"sampling"') ? { greeting: sampled("Generate a greeting") } : {}),
        ...(able.includes('"roots"') ? { client_roots: inputRequired.listRoots() } : {}),
      };
      return Object.keys(inputRequests).length === 0
        ? says(text("There is nothing to ask"))
        : inputRequired({ inputRequests });
    },
  },
};

function userSays(...content: Array<PromptMessage["content"]>): { messages: PromptMessage[] } {
  return { messages: content.map((one) => ({ role: "user", content: one })) };
}

type PromptCall = { values: Record<string, string>; context: ServerContext };
type OfferedPrompt = {
  needs: string[];
  get(call: PromptCall): { messages: PromptMessage[] } | InputRequiredResult;
};

const prompts: Record<string, OfferedPrompt> = {
  test_simple_prompt: {
    needs: [],
    get: () => userSays({ type: "text", text: "This is a simple prompt for testing." }),
  },
  test_prompt_with_arguments: {
    needs: ["arg1", "arg2"],
    get: ({ values: { arg1, arg2 } }) =>
      userSays({ type: "text", text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` }),
  },
  test_prompt_with_embedded_resource: {
    needs: ["resourceUri"],
    get: ({ values: { resourceUri = "" } }) =>
      userSays(resource(resourceUri, "text/plain", "Embedded resource content for testing."), {
        type: "text",
        text: "Please process the embedded resource above.",
      }),
  },
  test_prompt_with_image: {
    needs: [],
    get: () =>
      userSays(
        { type: "image", data: png, mimeType: "image/png" },
        { type: "text", text: "Please analyze the image above." },
      ),
  },
  test_input_required_result_prompt: {
    needs: [],
    get: ({ context }) => {
      const given = acceptedContent<Values>(context.mcpReq.inputResponses, "user_context")?.["context"];
      const user_context = asked("What context should the prompt use?", { context: { type: "string" } });
      return typeof given === "string"
        ? userSays({ type: "text", text: `Use the following context: ${given}` })
        : inputRequired({ inputRequests: { user_context } });
    },
  },
};

const resources: Record<string, { mimeType: string; text: string } | { mimeType: string; blob: string }> = {
  "test://static-text": { mimeType: "text/plain", text: "This is the content of the static text resource." },
  "test://static-binary": { mimeType: "image/png", blob: png },
  "test://watched-resource": { mimeType: "text/plain", text: "Watched resource content" },
};

function read(uri: string) {
  const found = resources[uri];
  if (found !== undefined) return { contents: [{ uri, ...found }] };
  const id = /^test:\/\/template\/(.+)\/data$/.exec(uri)?.[1];
  if (id === undefined) throw new ResourceNotFoundError(uri);
  const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
  return { contents: [{ uri, mimeType: "application/json", text: data }] };
}

function newServer(): Server {
  const listChanged = { listChanged: true };
  const server = new Server(
    { name: "conformance", version: "1.0.0" },
    {
      capabilities: {
        tools: listChanged,
        prompts: listChanged,
        resources: { ...listChanged, subscribe: true },
        completions: {},
        logging: {},
      },
      requestState: { verify: states.verify },
    },
  );
  server.setRequestHandler("tools/list", () => ({
    tools: Object.entries(tools).map(([tool, { about, input = object({}) }]) => ({
      name: tool,
      description: about,
      inputSchema: { ...input, type: "object" },
    })),
  }));
  server.setRequestHandler("tools/call", ({ params }, context) => {
    const tool = tools[params.name];
    if (tool === undefined) throw new Error(`No tool '${params.name}'`);
    return tool.call({ values: params.arguments ?? {}, context, server });
  });
  server.setRequestHandler("prompts/list", () => ({
    prompts: Object.entries(prompts).map(([prompt, { needs }]) => ({
      name: prompt,
      description: `The prompt ${prompt}`,
      arguments: needs.map((one) => ({ name: one, description: `The ${one}`, required: true })),
    })),
  }));
  server.setRequestHandler("prompts/get", ({ params }, context) => {
    const prompt = prompts[params.name];
    if (prompt === undefined) throw new Error(`No prompt '${params.name}'`);
    return prompt.get({ values: params.arguments ?? {}, context });
  });
  server.setRequestHandler("resources/list", () => ({
    resources: Object.entries(resources).map(([uri, { mimeType }]) => ({ uri, name: uri, mimeType })),
  }));
  server.setRequestHandler("resources/templates/list", () => ({
    resourceTemplates: [{ uriTemplate: "test://template/{id}/data", name: "template", mimeType: "application/json" }],
  }));
  server.setRequestHandler("resources/read", ({ params }) => read(params.uri));
  server.setRequestHandler("completion/complete", ({ params: { argument } }) => {
    const values = ["paris", "park", "party"].filter((one) => one.startsWith(argument.value));
    return { completion: { values, total: values.length, hasMore: false } };
  });
  return server;
}

/** Speaks all revisions of the protocol. */
export const server = { connect: (transport: Transport) => void serveStdio(newServer, { transport }) };
