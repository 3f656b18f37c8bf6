import { afterAll, expect, test } from "bun:test";
import { OpenAI } from "openai";
import { startResponsesServer } from "./responses-server.ts";

const server = startResponsesServer();
afterAll(() => server.stop());
const client = new OpenAI({ baseURL: server.baseUrl, apiKey: "none", maxRetries: 0 });

test("what the fake service says, OpenAI's SDK puts together", async () => {
  const calls = [
    { call_id: "a", name: "file_read", arguments: '{"path":"one"}' },
    { call_id: "b", name: "file_list", arguments: "{}" },
  ];
  const reasoning = { summary: ["Look", "Then say"], encrypted: "gAAA" };
  server.behave({ kind: "answer", reasoning, commentary: "Wait", text: "Grüße 世界", calls, split: 2 });
  const response = await client.responses.stream({ model: "fake-1", input: "Hi" }).finalResponse();
  expect(response.output).toMatchObject([
    { type: "reasoning", encrypted_content: "gAAA", summary: [{ text: "Look" }, { text: "Then say" }] },
    { type: "message", phase: "commentary", content: [{ text: "Wait" }] },
    { type: "message", phase: "final_answer", content: [{ text: "Grüße 世界" }] },
    { type: "function_call", ...calls[0] },
    { type: "function_call", ...calls[1] },
  ]);
  expect(response.usage?.output_tokens_details.reasoning_tokens).toBe(2);
});

test("what the SDK sends in another form than the service's is refused", async () => {
  const refused = async (input: OpenAI.Responses.ResponseInput) => {
    const error: unknown = await client.responses.create({ model: "fake-1", input }).catch((thrown: unknown) => thrown);
    return error instanceof OpenAI.APIError ? error.message : "";
  };
  const call = { type: "function_call", call_id: "a", name: "x", arguments: "{}" } as const;
  expect(await refused([call])).toBe("400 No tool output found for function call a.");
  expect(await refused([{ type: "function_call_output", call_id: "a", output: "" }])).toBe(
    "400 No tool call found for function call output with call_id a.",
  );
  expect(await refused([{ type: "reasoning", id: "rs_1", summary: [], encrypted_content: "x" }])).toBe(
    "400 Item 'rs_1' of type 'reasoning' was provided without its required following item.",
  );
  expect(await refused([{ type: "item_reference", id: "x" }])).toStartWith("400 Invalid value: 'item_reference'.");
});
