import { expect, test } from "bun:test";
import { sdkPost } from "../../src/models/sdk-post.ts";

test("an SDK makes the address and the headers once, and each request has a body and a signal of its own", async () => {
  let built = 0;
  const client = {
    buildRequest: async ({ path }: { path: string }) => {
      built++;
      return { url: `http://service${path}`, req: { headers: new Headers({ "x-key": "secret" }) } };
    },
  };
  const sent: unknown[] = [];
  const post = sdkPost(client, "/answers", async (url, init) => {
    const { method, body, signal } = init ?? {};
    sent.push([String(url), method, new Headers(init?.headers).get("x-key"), body, signal?.aborted]);
    return new Response("");
  });
  await post({ messages: ["one"] }, new AbortController().signal);
  await post({ messages: ["one", "two"] }, AbortSignal.abort());
  expect(sent).toEqual([
    ["http://service/answers", "POST", "secret", '{"messages":["one"]}', false],
    ["http://service/answers", "POST", "secret", '{"messages":["one","two"]}', true],
  ]);
  expect(built).toBe(1);
});
