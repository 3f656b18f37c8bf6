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
