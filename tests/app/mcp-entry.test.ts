import { expect, test } from "bun:test";
import { secretTexts, secretVariables } from "../../src/app/mcp-entry.ts";
import type { McpPiece, McpTransport } from "../../src/core/mcp.ts";
import { entry } from "../helpers/mcp-session.ts";

const environment = {
  HOST_NAME: "example.com",
  WHO: "me",
  CODE: "abc",
  LAST: "z",
  API_KEY: "k",
  STAGE: "test",
  PW: "p",
};
const place = { file: "agent.yaml", line: 1, column: 1 };

/** `$NAME` is a variable. */
function text(written: string) {
  const pieces = written.split(/(\$[A-Z_]+)/).flatMap((part): McpPiece[] => {
    if (part === "") return [];
    return [part.startsWith("$") ? { variable: part.slice(1) } : { text: part }];
  });
  return { pieces, place };
}

const secrets = (transport: McpTransport) => secretVariables(entry("one", { transport }), environment);
const inUrl = (url: string) => secrets({ kind: "http", url: text(url), headers: [] });

test("what a URL's query takes is secret, and its host and path are not", () => {
  expect(inUrl("https://$HOST_NAME/$STAGE/mcp?code=$CODE&last=$LAST")).toEqual(["CODE", "LAST"]);
});

test("what stands before a URL's host is secret", () => {
  expect(inUrl("https://$WHO:$PW@$HOST_NAME/mcp")).toEqual(["WHO", "PW"]);
  expect(inUrl("https://$HOST_NAME/@$WHO")).toEqual([]);
});

test("what is called like a secret is one, in a path and in arguments too", () => {
  expect(inUrl("https://$HOST_NAME/$API_KEY/mcp")).toEqual(["API_KEY"]);
  const command = [text("server"), text("--key=$API_KEY"), text("--stage=$STAGE")];
  expect(secrets({ kind: "stdio", command, env: [["WHO", text("$WHO")]] })).toEqual(["WHO", "API_KEY"]);
});

test("what stands in an entry itself is secret where it is called so, or signs in", () => {
  const texts = (transport: McpTransport) => secretTexts(entry("one", { transport }));
  const command = [text("server")];
  const named: Array<[string, ReturnType<typeof text>]> = [
    ["API_TOKEN", text("abc$WHO")],
    ["LANG", text("en_GB.UTF-8")],
  ];
  expect(texts({ kind: "stdio", command, env: named })).toEqual(["abc"]);
  const headers: typeof named = [
    ["Authorization", text("Bearer abc")],
    ["Accept", text("application/json")],
  ];
  expect(texts({ kind: "http", url: text("https://$HOST_NAME/mcp"), headers })).toEqual(["Bearer", "abc"]);
});
