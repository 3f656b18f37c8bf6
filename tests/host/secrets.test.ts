import { expect, test } from "bun:test";
import { openRoom } from "./harness.ts";

const secret = { env: "TOKEN", hosts: ["api.test", "*.cdn.test", "[::1]:8080", "127.0.0.1:8080"] };

function open(environment: Record<string, string> = { TOKEN: "the value" }, requested = ["TOKEN"]) {
  const options = { environment, secretNames: ["TOKEN"], secrets: { api: secret } };
  return openRoom({ permissions: { env: requested }, ...options });
}

test("a secret goes to its own hosts and ports, encrypted or to this machine", async () => {
  await using room = open();
  const goes = async (url: string) => (await room.host.secrets.value("api", new URL(url))).ok;
  for (const url of [
    "https://api.test/x",
    "https://API.test./",
    "https://a.cdn.test",
    "http://127.0.0.1:8080",
    "http://[::1]:8080/",
  ]) {
    expect([url, await goes(url)]).toEqual([url, true]);
  }
  for (const url of [
    "http://api.test/",
    "https://api.test:8443/",
    "https://api.test.evil.test/",
    "https://evilapi.test/",
    "https://api.test@evil.test/",
    "http://127.0.0.1:8081/",
    "http://127.0.0.2:8080/",
    "wss://api.test/",
    "ftp://api.test/",
  ]) {
    expect([url, await goes(url)]).toEqual([url, false]);
  }
});

test("a secret needs its variable, granted and set, and no other door gives it", async () => {
  const url = new URL("https://api.test/");
  await using ungranted = open({ TOKEN: "x" }, []);
  expect(await ungranted.host.secrets.value("api", url)).toMatchObject({ ok: false, error: { code: "denied" } });
  await using unset = open({});
  expect(await unset.host.secrets.value("api", url)).toMatchObject({
    error: { message: "Cannot use the secret 'api': the variable 'TOKEN' is not set" },
  });
  await using room = open();
  expect(await room.host.secrets.value("toString", url)).toMatchObject({ error: { code: "not_found" } });
  expect(room.host.env.look("TOKEN")).toBe("no");
  expect(await room.host.env.get("TOKEN")).toMatchObject({ ok: false });
});

test("what is called like a secret is told of when it is granted: at once, or by a person", async () => {
  const learned: string[] = [];
  const environment = {
    CI_TOKEN: "of a flag",
    MY_TOKEN: "of a person",
    NO_TOKEN: "denied",
    API_KEY: "refused",
    LANG: "C",
  };
  await using room = openRoom({
    environment,
    permissions: { env: ["CI_*", "MY_TOKEN", "NO_TOKEN", "API_KEY", "LANG"] },
    deny: { env: ["NO_TOKEN"] },
    grants: { all: false, allow: { env: ["CI_*", "LANG", "NO_TOKEN"] }, deny: {} },
    ask: async ({ target }) => (target === "MY_TOKEN" ? "once" : "no"),
    learned: (values) => void learned.push(...values),
  });
  expect(learned).toEqual(["of a flag"]);
  for (const name of ["LANG", "MY_TOKEN", "NO_TOKEN", "API_KEY"]) await room.host.env.get(name);
  expect(learned).toEqual(["of a flag", "of a person"]);
});
