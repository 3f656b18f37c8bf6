import { expect, test } from "bun:test";
import { checkAgent } from "../../src/file/check.ts";
import { known as base } from "./known.ts";

const known = { ...base, tools: [...base.tools, { name: "oauth_flow", needs: [] }] };

function check(text: string) {
  return checkAgent({ file: "a.yaml", folder: "/w", bytes: new TextEncoder().encode(text) }, known);
}

const entry = "{ issuer: https://login.example.com, client_id: rein, hosts: [api.example.com] }";

function told(oauth: string): string[] {
  const checked = check(`prompt: x\ntools: [oauth_flow]\noauth:\n  id: ${oauth}\n`);
  return (checked.ok ? checked.warnings : checked.diagnostics).map(
    ({ line, column, message }) => `${line}:${column} ${message}`,
  );
}

test("a sign-in requests its server, and the hosts of its token are for the file to request", () => {
  const checked = check(`prompt: x\ntools: [oauth_flow]\noauth: { id: ${entry} }\n`);
  if (!checked.ok) throw new Error(JSON.stringify(checked.diagnostics));
  expect(checked.value.permissions).toEqual({ net: ["login.example.com"] });
  const { issuer, client_id, hosts, scopes } = checked.value.oauth["id"] ?? {};
  expect({ issuer, client_id, hosts, scopes }).toEqual({
    issuer: "https://login.example.com",
    client_id: "rein",
    hosts: ["api.example.com"],
    scopes: [],
  });
});

test.each([
  ["ftp://login.example.com", "'ftp://login.example.com' is not an https URL"],
  ["nowhere", "'nowhere' is not an https URL"],
  ["http://login.example.com", "A sign-in goes over https, or to this machine"],
  ["http://127.0.0.1.evil.example", "A sign-in goes over https, or to this machine"],
  ["https://me:pw@login.example.com", "A URL cannot hold a user or password"],
  ["'https://login.example.com/?a=b'", "'https://login.example.com/?a=b' has a query or fragment"],
])("an issuer cannot be %s", (issuer, message) => {
  expect(told(`{ issuer: ${issuer}, client_id: rein, hosts: [api.example.com] }`)).toEqual([`4:17 ${message}`]);
});

test("a server on this machine needs no encryption", () => {
  for (const issuer of ["http://localhost:8080", "http://127.0.0.1:1/x", "'http://[::1]:80'"]) {
    expect(told(`{ issuer: ${issuer}, client_id: rein, hosts: ['127.0.0.1:80'] }`)).toEqual([]);
  }
});

test("what is missing or of no use is told of where it stands", () => {
  expect(told("{ issuer: https://a.example, client_id: 'a b', hosts: [] }")).toEqual([
    "4:47 Expected a text without blanks, found 'a b'",
    "4:61 Expected at least one host",
  ]);
  expect(told("{ issuer: https://a.example, client_id: a, hosts: ['https://b.example'] }")).toEqual([
    "4:58 'https://b.example' is a URL, not a host",
  ]);
  const both = check(
    `prompt: x\ntools: [oauth_flow]\noauth: { id: ${entry} }\nsecrets: { id: { env: X, hosts: [a.example] } }\npermissions: { env: [X] }\n`,
  );
  expect(both.ok ? [] : both.diagnostics.map(({ message }) => message)).toEqual(["There is a secret 'id' too"]);
});

test("the tool without a sign-in can do nothing", () => {
  const checked = check("prompt: x\ntools: [oauth_flow]\n");
  expect(checked.ok ? [] : checked.diagnostics.map(({ message }) => message)).toEqual([
    "Tool 'oauth_flow' can do nothing: there are no 'oauth'",
  ]);
});
